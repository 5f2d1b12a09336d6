"""Metrics of the catalogue counted from rows, where a mistake would go unnoticed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest

from keepwell.app.built_in import built_in
from tests.metrics.measuring import Row, account, given, measured

DAY = date(2026, 3, 1)
MACHINES = {"api_calls_30d", "gb_processed_30d"}
OF_USAGE = sorted(
    key for key, metric in built_in().metrics.items() if metric.from_ == "usage_daily"
)
OWN, THEIRS = "own", "theirs"
PEOPLE: list[Row] = [
    {"person_id": OWN, "account_id": "a", "is_internal": True, "seniority": "c_level"},
    {"person_id": THEIRS, "account_id": "a", "seniority": "vp"},
]
FEATURES = {"exports": "core", "forecasts": "advanced", "slack": "integration",
            "executive": "page", "top_items": "page"}  # fmt: skip
KINDS = ("session", "login", "session_minutes", "dashboard_refresh", "portal_login",
         "community_post", "api_call", "gb_processed")  # fmt: skip


def usage(*people: str) -> list[Row]:
    """Use of everything by these people; of our own a day later than of the others."""
    found: list[Row] = []
    for person in people:
        row = {"account_id": "a", "person_id": person, "value": 1 + len(person),
               "day": "2026-02-28" if person == OWN else "2026-02-27"}  # fmt: skip
        found += [{**row, "metric": kind} for kind in KINDS]
        for feature, kind in FEATURES.items():
            metric = "page_view" if kind == "page" else "feature_use"
            found.append({**row, "metric": metric, "feature_key": feature})
    return found


def counted(keys: Sequence[str], **more: Sequence[Row]) -> dict[str, object]:
    """The values of these metrics for the account a, with these further tables."""
    tables: dict[str, Sequence[Row]] = {
        "accounts": [account("a")],
        "people": PEOPLE,
        "plan_features": [
            {"plan_id": "p", "feature_key": key, "kind": kind} for key, kind in FEATURES.items()
        ],
        **more,
    }
    return measured(built_in(), given(tables), DAY, keys).of()


def test_use_by_our_own_people_does_not_count() -> None:
    theirs = counted(OF_USAGE, usage_daily=usage(THEIRS, "", "stranger"))
    both = counted(OF_USAGE, usage_daily=usage(THEIRS, "", "stranger", OWN))
    assert {key for key in OF_USAGE if theirs[key] != both[key]} == MACHINES
    assert None not in theirs.values()


@pytest.mark.parametrize("person", ["", "stranger"])
def test_use_by_nobody_in_particular_or_unknown_counts(person: str) -> None:
    found = counted(["logins_30d", "pages_used_30d"], usage_daily=usage(person))
    assert found == {"logins_30d": 1 + len(person), "pages_used_30d": 2}


@pytest.mark.parametrize(
    ("who", "level"), [((OWN,), "manager"), ((OWN, THEIRS), "vp"), ((), "manager")]
)
def test_our_own_executives_are_no_relationship(who: Sequence[str], level: str) -> None:
    met = {"touchpoint_id": "1", "account_id": "a", "kind": "meeting", "direction": "both",
           "status": "held", "occurred_at": "2026-02-27T12:00:00"}  # fmt: skip
    there = [
        {"touchpoint_id": "1", "person_id": person, "part": "attendee", "attended": True}
        for person in who
    ]
    found = counted(["executive_relationship"], touchpoints=[met], touchpoint_people=there)
    assert found == {"executive_relationship": level}


@pytest.mark.parametrize(("top", "told"), [(True, 1), (False, 0), (None, None)])
def test_whether_a_plan_is_the_largest_is_known_where_a_plan_says_so(
    top: bool | None, told: int | None
) -> None:
    plan = {"plan_id": "p", "name": "P", "is_top_tier": top}
    found = counted(["plan_is_top_tier"], plans=[plan], subscriptions=[subscription("p")])
    assert found == {"plan_is_top_tier": told}


def test_a_subscription_of_an_unknown_plan_is_a_product_all_the_same() -> None:
    keys = ["products_owned", "portfolio_band"]
    for plan, owned in (("p", 1), (None, 2)):
        held = [subscription("p"), {**subscription(plan), "subscription_id": "2"}]
        found = counted(keys, subscriptions=held)
        assert found == {"products_owned": owned, "portfolio_band": ["one", "several"][owned - 1]}


def subscription(plan: str | None) -> Row:
    return {"subscription_id": "1", "account_id": "a", "plan_id": plan, "status": "active",
            "value_from": "2025-01-01", "start_on": "2025-01-01", "mrr": 100,
            "currency": "EUR"}  # fmt: skip
