"""Which system holds which table, and which days each of them has delivered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from keepwell.demo.frames import Row
from keepwell.demo.support import LATE_DAYS
from keepwell.demo.usage import STOPPED_FEED
from keepwell.demo.world import World
from keepwell.facts.schema import TABLES, family

SYSTEMS: dict[str, tuple[str, str | None, str | None]] = {
    "crm": ("file", "Europe/London", "EUR"),
    "billing": ("file", "Europe/Berlin", None),
    "helpdesk": ("file", "Europe/Berlin", None),
    "product": ("file", None, None),
    "metering": ("file", None, None),
    "texts": ("file", None, None),
    "surveys": ("file", None, None),
    "lms": ("file", None, None),
    "success": ("file", "Europe/London", None),
}
"""Kind, time zone and currency of every source."""

TABLES_OF: dict[str, tuple[str, ...]] = {
    "crm": (
        "accounts", "account_periods", "people", "person_roles", "opportunities", "touchpoints",
        "touchpoint_people", "advocacy", "merges", "staff",
    ),
    "billing": ("plans", "plan_features", "subscriptions", "invoices", "fx_rates"),
    "helpdesk": ("tickets",),
    "product": ("usage_daily", "usage_events"),
    "metering": ("usage_daily",),
    "texts": ("text_signals",),
    "surveys": ("survey_responses",),
    "lms": ("training",),
    "success": ("outcomes", "assessments"),
}  # fmt: skip

FLOWS = ("usage_daily", "usage_events", "tickets", "touchpoints", "touchpoint_people",
         "survey_responses", "training", "text_signals")  # fmt: skip
"""Tables that begin with the window; the others tell the past from the company's beginning on."""

UNCOVERED = ("merges",)
"""Tables of which nothing is missing where nothing is written."""

FOUNDED = date(2018, 1, 1)

METERED = (STOPPED_FEED[0],)
"""Metrics of usage that another system than the product counts."""

KINDS: dict[str, tuple[str, ...]] = {
    "touchpoints": ("email", "call", "meeting", "qbr", "check_in", "escalation"),
    "account_periods": ("seasonal_closure", "ownership_change", "onboarding"),
    "advocacy": ("referral", "reference", "case_study", "review", "testimonial", "beta"),
}
"""Kinds that a source would show even if none happened."""


def source_rows() -> Iterator[Row]:
    """The canonical table sources."""
    for source, (kind, timezone, currency) in SYSTEMS.items():
        yield {"source": source, "kind": kind, "timezone": timezone, "currency": currency}


def last_covered(end: date, source: str) -> date:
    """The last day that is in: metering stopped, and the helpdesk is a day late."""
    if source == "metering":
        return end - timedelta(days=STOPPED_FEED[1])
    return end - timedelta(days=LATE_DAYS if source == "helpdesk" else 0)


def kinds(source: str, table: str, rows: pa.Table) -> list[str]:
    """The kinds of a table that a source delivers; none where the table has no kinds."""
    column = TABLES[table].kind
    if column is None:
        return []
    found = {*pc.unique(rows[column]).to_pylist(), *KINDS.get(table, ())}
    if table == "usage_daily":
        return sorted(k for k in found if (k in METERED) == (source == "metering"))
    return sorted(found)


def coverage_rows(world: World, tables: Mapping[str, pa.Table]) -> Iterator[Row]:
    """The canonical table coverage, for every family that the tables have."""
    for source, names in TABLES_OF.items():
        for table in names:
            if table in UNCOVERED:
                continue
            for kind in [None, *kinds(source, table, tables[table])]:
                yield {
                    "source": source,
                    "family": family(table, kind),
                    "from_day": world.start if table in FLOWS else FOUNDED,
                    "to_day": last_covered(world.end, source),
                    "state": "complete",
                }
