"""What is written of a day, and what is known about it afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa

_INSTANT = pa.timestamp("us", tz="UTC")
RECORDS = pa.schema(
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
"""The columns of a table of records: those of `DayInfo`, `date` for its day."""


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


def record(info: DayInfo) -> dict[str, object]:
    """A row of a table of records."""
    return {n: info.day if n == "date" else getattr(info, n) for n in RECORDS.names}


def info_of(values: Mapping[str, Any]) -> DayInfo:
    """The record in such a row."""
    return DayInfo(**{"day" if name == "date" else name: v for name, v in values.items()})
