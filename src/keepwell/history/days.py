"""The small table of scored days: what is known about every day beside its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc

TABLE = "_days"
"""Its name in the manifest; no scorecard can be called so."""

_INSTANT = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        ("date", pa.date32()),
        ("table", pa.string()),
        ("revision", pa.int64()),
        ("current", pa.bool_()),
        ("scored_at", _INSTANT),
        ("known_at", _INSTANT),
        ("arrived_by", _INSTANT),
        ("definition", pa.string()),
        ("accounts", pa.int64()),
    ]
)


@dataclass(frozen=True)
class ScoredDay:
    """One day to be written. `tables` maps a table's name (a scorecard's key, or `portfolio`) to
    its rows, one per account; `definitions` maps it to the hash of the definition that made it."""

    day: date
    tables: Mapping[str, pa.Table]
    scored_at: datetime
    known_at: datetime
    arrived_by: datetime
    definitions: Mapping[str, str]


@dataclass(frozen=True)
class DayInfo:
    """What is known about one table's scored day. `accounts` is the number of its rows."""

    day: date
    table: str
    revision: int
    current: bool
    scored_at: datetime
    known_at: datetime
    arrived_by: datetime
    definition: str | None
    accounts: int


def of_table(days: pa.Table, table: str) -> pa.Table:
    """The records of one table."""
    return days.filter(pc.equal(days["table"], table))


def current(days: pa.Table) -> dict[tuple[str, date], int]:
    """Where the valid record of each table and day is: the number of its row."""
    keys = zip(days["table"].to_pylist(), days["date"].to_pylist(), strict=True)
    valid = days["current"].to_pylist()
    return {key: row for row, key in enumerate(keys) if valid[row]}


def record(days: pa.Table, row: int) -> DayInfo:
    """The record in that row."""
    [values] = days.slice(row, 1).to_pylist()
    return DayInfo(**{"day" if k == "date" else k: v for k, v in values.items()})


def latest(days: pa.Table, table: str) -> date | None:
    """The last scored day of a table."""
    found: date | None = pc.max(of_table(days, table)["date"]).as_py()
    return found


def replaced(days: pa.Table, infos: Iterable[DayInfo]) -> pa.Table:
    """The table with these records put in the place of those of the same table, day and revision,
    sorted by date, table and revision."""
    fresh = pa.Table.from_pylist([_record(i) for i in infos], schema=SCHEMA)
    keys = ["date", "table", "revision"]
    old = days.join(fresh.select(keys), keys=keys, join_type="left anti")
    return pa.concat_tables([old.select(SCHEMA.names), fresh]).sort_by(
        [(k, "ascending") for k in keys]
    )


def empty() -> pa.Table:
    """No day at all."""
    return SCHEMA.empty_table()


def _record(info: DayInfo) -> dict[str, object]:
    return {n: info.day if n == "date" else getattr(info, n) for n in SCHEMA.names}
