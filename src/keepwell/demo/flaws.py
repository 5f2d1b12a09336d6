"""What goes wrong on the way from the systems: late rows, corrected rows, and rows that are wrong.

The tables of a company are right. This says how the files differ: which rows come only with the
second delivery, which came first with another value, and which rows nobody can use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from keepwell.demo.frames import Row, plain_frame
from keepwell.demo.world import World
from keepwell.facts.schema import TABLES

LATE: dict[str, tuple[str, int, int]] = {
    "tickets": ("opened_at", 12, 12),
    "touchpoints": ("occurred_at", 9, 15),
    "survey_responses": ("sent_at", 30, 8),
}
"""Column of time, reach in days back from the end, and how many rows are late."""

LATE_USAGE_DAYS = (11, 12)
LATE_USAGE_ACCOUNTS = 3

CORRECTED: dict[str, tuple[str, int]] = {
    "invoices": ("amount", 3),
    "opportunities": ("amount", 2),
    "tickets": ("severity", 2),
    "accounts": ("industry", 2),
}
"""Which column of how many rows was first delivered with a wrong value."""

DIRTY: tuple[tuple[str, str], ...] = (
    ("tickets", "unknown account"),
    ("touchpoints", "unknown account"),
    ("tickets", "unknown severity"),
    ("invoices", "impossible date"),
    ("outcomes", "impossible date"),
    ("opportunities", "duplicate key"),
    ("survey_responses", "duplicate key"),
)
"""Table and fault of rows that belong into quarantine."""

FAULTS: dict[str, tuple[str, str]] = {
    "unknown account": ("account_id", "QS-0000"),
    "unknown severity": ("severity", "drop everything"),
}

KEY_SEPARATOR = "|"


def key_text(table: str, row: Mapping[str, Any]) -> str:
    """The key of a row as one text."""
    return KEY_SEPARATOR.join(str(row[c] if row[c] is not None else "") for c in TABLES[table].key)


def _late(world: World, tables: Mapping[str, pa.Table], chance: Random) -> Iterator[Row]:
    for table, (column, reach, count) in LATE.items():
        recent = pa.scalar(world.end - timedelta(days=reach)).cast(pa.timestamp("us", tz="UTC"))
        rows = tables[table].filter(pc.greater(tables[table][column], recent)).to_pylist()
        answered = {r["in_reply_to"] for r in rows if r.get("in_reply_to")}
        free = [r for r in rows if r.get("touchpoint_id") not in answered]
        free = [r for r in free if r.get("status") != "planned"]
        for row in chance.sample(free, min(count, len(free))):
            yield {"table": table, "key": key_text(table, row)}
    usage = tables["usage_daily"]
    days = [world.end - timedelta(days=d) for d in LATE_USAGE_DAYS]
    recent_usage = usage.filter(pc.is_in(usage["day"], pa.array(days, type=pa.date32())))
    there = sorted(pc.unique(recent_usage["account_id"]).to_pylist())
    late = chance.sample(there, min(LATE_USAGE_ACCOUNTS, len(there)))
    chosen = recent_usage.filter(pc.is_in(recent_usage["account_id"], pa.array(late)))
    for row in chosen.to_pylist():
        yield {"table": "usage_daily", "key": key_text("usage_daily", row)}


def _first_value(column: str, value: Any, chance: Random) -> str:
    """What the row said at first."""
    if column == "amount":
        slip = Decimal(9) * value if chance.random() < 0.5 else Decimal(100)
        return str(value + slip)
    others = {"severity": ("low", "high"), "industry": ("retail", "software")}[column]
    return others[0] if value != others[0] else others[1]


def _corrected(
    world: World, tables: Mapping[str, pa.Table], late: set[tuple[str, str]], chance: Random
) -> Iterator[Row]:
    for table, (column, count) in CORRECTED.items():
        rows = [r for r in tables[table].to_pylist() if r[column] is not None]
        rows = [r for r in rows if (table, key_text(table, r)) not in late]
        for row in chance.sample(rows, min(count, len(rows))):
            yield {
                "table": table,
                "key": key_text(table, row),
                "column": column,
                "first": _first_value(column, row[column], chance),
                "corrected": str(row[column]),
            }


def _dirty(tables: Mapping[str, pa.Table], taken: set[tuple[str, str]],
           chance: Random) -> Iterator[Row]:  # fmt: skip
    """A copy of a good row with one fault. Only a duplicate keeps the key of the good row."""
    for number, (table, fault) in enumerate(DIRTY):
        rows = tables[table].slice(0, 400).to_pylist()
        rows = [r for r in rows if (table, key_text(table, r)) not in taken]
        row = chance.choice(rows)
        first_key = TABLES[table].key[0]
        column, value = FAULTS.get(fault, ("", ""))
        key = row[first_key] if fault == "duplicate key" else f"{row[first_key]}-X{number}"
        if fault == "impossible date":
            column, value = "due_on", "2025-02-30"
        elif fault == "duplicate key":
            column = "amount" if table == "opportunities" else "survey_key"
            value = "123.45" if column == "amount" else "another_survey"
        yield {"table": table, "fault": fault, "copy_of": row[first_key], "key": key,
               "column": column, "value": value}  # fmt: skip


def flaw_tables(world: World, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """late_rows, corrected_rows and dirty_rows, by canonical table and key."""
    chance = world.chance("flaws")
    late = list(_late(world, tables, chance))
    keys = {(row["table"], row["key"]) for row in late}
    corrected = list(_corrected(world, tables, keys, chance))
    keys |= {(row["table"], row["key"]) for row in corrected}
    dirty = list(_dirty(tables, keys, chance))
    return {
        "late_rows": _texts(late, ("table", "key")),
        "corrected_rows": _texts(corrected, ("table", "key", "column", "first", "corrected")),
        "dirty_rows": _texts(dirty, ("table", "fault", "copy_of", "key", "column", "value")),
    }


def _texts(rows: Sequence[Row], columns: tuple[str, ...]) -> pa.Table:
    return plain_frame(rows, {name: pa.string() for name in columns})
