"""What the company sells: plans, their pages and features, add-ons, and prices."""

from __future__ import annotations

import json

from keepwell.demo.frames import Row

BOOK_CURRENCY = "EUR"

TIERS = ("tier_1", "tier_2", "tier_3")
PLAN_NAMES = {"tier_1": "Harbour", "tier_2": "Channel", "tier_3": "Ocean"}
SEAT_PRICE = {"tier_1": 19.0, "tier_2": 34.0, "tier_3": 52.0}
"""Per seat and month, in the book currency."""

PAGES = (
    "executive",
    "top_items",
    "trends",
    "customers",
    "sites",
    "forecast",
    "costs",
    "benchmarks",
)
PAGES_OF = {"tier_1": PAGES[:2], "tier_2": PAGES[:5], "tier_3": PAGES}

CORE = ("dashboards", "reports", "filters", "sharing", "exports", "comments")
ADVANCED = ("alerts", "custom_metrics", "scheduled_reports", "cohorts", "sql_access", "scenarios")
INTEGRATIONS = ("slack_link", "crm_sync", "erp_sync", "warehouse_export", "till_feed")

FEATURES_OF: dict[str, dict[str, tuple[str, ...]]] = {
    "tier_1": {"core": CORE, "advanced": ADVANCED[:2], "integration": INTEGRATIONS[:3]},
    "tier_2": {"core": CORE, "advanced": ADVANCED[:4], "integration": INTEGRATIONS[:4]},
    "tier_3": {"core": CORE, "advanced": ADVANCED, "integration": INTEGRATIONS},
}

ADDONS = {"addon_multi_site": 90.0, "addon_forecasting": 140.0, "addon_audit": 60.0}
"""Add-on plans and their price per month, in the book currency."""

ADDON_FEATURE = {
    "addon_multi_site": "multi_site",
    "addon_forecasting": "demand_forecasting",
    "addon_audit": "audit_trail",
}

PRICE_LEVEL = {"EUR": 1.0, "GBP": 0.86, "USD": 1.1, "IDR": 17_000.0}
"""What one unit of the book currency costs in the price lists, which follow no exchange rate."""


def tier_rank(plan_id: str) -> int:
    """1 to 3 for a plan, by its place in TIERS."""
    return TIERS.index(plan_id) + 1


def plan_rows() -> list[Row]:
    """The canonical table plans: three tiers, and the add-ons, which have no rank."""
    rows: list[Row] = [
        {
            "plan_id": plan,
            "name": PLAN_NAMES[plan],
            "tier_rank": tier_rank(plan),
            "is_top_tier": plan == TIERS[-1],
            "list_price": SEAT_PRICE[plan],
            "currency": BOOK_CURRENCY,
            "limits": json.dumps({"pages": len(PAGES_OF[plan])}),
        }
        for plan in TIERS
    ]
    rows += [
        {
            "plan_id": plan,
            "name": ADDON_FEATURE[plan].replace("_", " ").capitalize(),
            "is_top_tier": False,
            "list_price": price,
            "currency": BOOK_CURRENCY,
        }
        for plan, price in ADDONS.items()
    ]
    return rows


def plan_feature_rows() -> list[Row]:
    """The canonical table plan_features."""
    found: list[tuple[str, str, str]] = []
    for plan in TIERS:
        found += [(plan, "page", page) for page in PAGES_OF[plan]]
        found += [(plan, kind, key) for kind, keys in FEATURES_OF[plan].items() for key in keys]
    found += [(plan, "addon", key) for plan, key in ADDON_FEATURE.items()]
    return [
        {
            "plan_id": plan,
            "feature_key": key,
            "kind": kind,
            "label": key.replace("_", " ").capitalize(),
        }
        for plan, kind, key in found
    ]
