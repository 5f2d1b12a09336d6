"""How each system writes its files: names of columns, dates, numbers and codes of its own.

Most systems write canonical names. Helpdesk, billing, surveys and metering write their own, so
that a mapping has something to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from keepwell.demo.frames import arrow_schema

Writer = Callable[[Any], str]

HELPDESK_ZONE = "Europe/Berlin"
HELPDESK_TIME = "%d/%m/%Y %H:%M:%S"
BILLING_DAY = "%d.%m.%Y"

PRIORITIES = {"P1": "critical", "P2": "high", "P3": "medium", "P4": "low"}
STATES = {"Open": "open", "Pending": "pending", "Solved": "solved", "Closed": "closed"}
INVOICE_STATES = {"Open": "open", "Settled": "paid", "Cancelled": "void",
                  "Written off": "uncollectible"}  # fmt: skip
SURVEY_KINDS = {"NPS": "nps", "After ticket": "csat", "Product": "custom"}


@dataclass(frozen=True)
class Column:
    """A column of a file: what it is called, how values are written, and what a mapping must say
    beside the name."""

    target: str
    name: str
    write: Writer
    rule: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Shape:
    """A file of one system that feeds one canonical table. constants are fields that the file does
    not have because they are always the same."""

    stem: str
    table: str
    columns: tuple[Column, ...]
    delimiter: str = ","
    parquet: bool = False
    constants: Mapping[str, str] = field(default_factory=dict)


def plain(value: Any) -> str:
    """ISO 8601 for days and instants, shortest form for numbers, empty for nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value)


def _berlin(value: Any) -> str:
    if not isinstance(value, datetime):
        return plain(value)
    return value.astimezone(ZoneInfo(HELPDESK_ZONE)).strftime(HELPDESK_TIME)


def _dotted_day(value: Any) -> str:
    return ".".join(reversed(plain(value).split("-")))


def _comma(value: Any) -> str:
    """1.234,56"""
    if value is None:
        return ""
    return f"{Decimal(str(value)):,.2f}".translate(str.maketrans(",.", ".,"))


def _yes_no(value: Any) -> str:
    return "" if value is None else "Y" if value else "N"


def _coded(codes: Mapping[str, str]) -> Writer:
    back = {meaning: code for code, meaning in codes.items()}
    return lambda value: "" if value is None else back.get(value, str(value))


def _priority(value: Any) -> str:
    return "" if value == "unknown" else _coded(PRIORITIES)(value)


def canonical(stem: str, table: str, parquet: bool = False) -> Shape:
    """A file with the canonical columns."""
    columns = tuple(Column(name, name, plain) for name in arrow_schema(table).names)
    return Shape(stem, table, columns, parquet=parquet)


def _at(name: str, target: str) -> Column:
    return Column(target, name, _berlin, {"date": HELPDESK_TIME})


def _day(name: str, target: str) -> Column:
    return Column(target, name, _dotted_day, {"date": BILLING_DAY})


def _money(name: str, target: str) -> Column:
    return Column(target, name, _comma, {"number": "1.234,56"})


TICKETS = Shape(
    "helpdesk_tickets",
    "tickets",
    (
        Column("ticket_id", "Ticket", plain),
        Column("account_id", "Organisation", plain),
        Column("requester_id", "Requester", plain),
        Column("channel", "Via", plain),
        Column("category", "Type", plain),
        Column("problem_key", "Problem", plain),
        Column("severity", "Priority", _priority, {"values": PRIORITIES, "default": "unknown"}),
        Column("status", "State", _coded(STATES), {"values": STATES}),
        _at("Created", "opened_at"),
        _at("First reply", "first_reply_at"),
        _at("Solved", "first_resolved_at"),
        _at("Last solved", "last_resolved_at"),
        _at("Closed", "closed_at"),
        _at("Escalated", "escalated_at"),
        Column("reopen_count", "Reopened", plain),
        Column("merged_into", "Merged into", plain),
        Column("issue_key", "Issue", plain),
    ),
)

INVOICES = Shape(
    "billing_invoices",
    "invoices",
    (
        Column("invoice_id", "Invoice no", plain),
        Column("account_id", "Customer no", plain),
        Column("subscription_id", "Contract no", plain),
        _day("Invoice date", "issued_on"),
        _day("Due date", "due_on"),
        _money("Amount", "amount"),
        _money("Paid", "amount_paid"),
        _money("Refunded", "amount_refunded"),
        Column("currency", "Currency", plain),
        Column("status", "State", _coded(INVOICE_STATES), {"values": INVOICE_STATES}),
        _day("Settled on", "settled_on"),
        Column("failed_attempts", "Failed attempts", plain),
        Column("is_disputed", "Disputed", _yes_no),
    ),
    delimiter=";",
)

SURVEYS = Shape(
    "surveys",
    "survey_responses",
    (
        Column("response_id", "Response", plain),
        Column("survey_key", "Campaign", plain),
        Column("kind", "Kind", _coded(SURVEY_KINDS), {"values": SURVEY_KINDS}),
        Column("account_id", "Company", plain),
        Column("person_id", "Contact", plain),
        Column("ticket_id", "Ticket", plain),
        Column("sent_at", "Sent", plain),
        Column("responded_at", "Answered", plain),
        Column("score", "Score", plain),
        Column("scale_min", "Lowest", plain),
        Column("scale_max", "Highest", plain),
        Column("comment", "Comment", plain),
    ),
)

METERING = Shape(
    "metering",
    "usage_daily",
    (
        Column("account_id", "tenant", plain),
        Column("day", "metered_on", plain),
        Column("value", "gigabytes", plain),
    ),
    parquet=True,
    constants={"metric": "gb_processed", "is_final": "true"},
)

FILES: dict[str, tuple[Shape, ...]] = {
    "crm": (
        canonical("crm_accounts", "accounts"),
        canonical("crm_periods", "account_periods"),
        canonical("crm_contacts", "people"),
        canonical("crm_roles", "person_roles"),
        canonical("crm_opportunities", "opportunities"),
        canonical("crm_activities", "touchpoints"),
        canonical("crm_participants", "touchpoint_people"),
        canonical("crm_advocacy", "advocacy"),
        canonical("crm_merges", "merges"),
        canonical("crm_users", "staff"),
    ),
    "billing": (
        canonical("billing_plans", "plans"),
        canonical("billing_features", "plan_features"),
        canonical("billing_subscriptions", "subscriptions"),
        INVOICES,
        canonical("billing_rates", "fx_rates"),
    ),
    "helpdesk": (TICKETS,),
    "product": (
        canonical("product_usage", "usage_daily", parquet=True),
        canonical("product_events", "usage_events", parquet=True),
    ),
    "metering": (METERING,),
    "texts": (canonical("text_signals", "text_signals"),),
    "surveys": (SURVEYS,),
    "lms": (canonical("lms_training", "training"),),
    "success": (
        canonical("success_outcomes", "outcomes"),
        canonical("success_ratings", "assessments"),
    ),
}
"""The files of every system, in the order in which the systems are imported: accounts first."""
