"""What is written of a day, and what is known about it afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa


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
