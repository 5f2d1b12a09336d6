"""History as it was at one moment, for reads that must agree with each other."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

import duckdb
import pyarrow as pa

from keepwell.history.columns import KEYS, Column, readable
from keepwell.history.days import DayInfo

ALWAYS = ("account_id", "date")
"""Every result begins with these columns."""


@cache
def _database() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    # A file never changes once it is written, so its footer needs to be read only once.
    con.execute("SET parquet_metadata_cache = true")
    con.execute("SET temp_directory = ?", [tempfile.gettempdir()])
    return con


def connect() -> duckdb.DuckDBPyConnection:
    """A connection of its own to the DuckDB in memory that all histories of a process share."""
    return _database().cursor()


@dataclass(frozen=True)
class Rows:
    """Which rows are asked for. None is no condition; of `revision` it is what is valid now."""

    days: Sequence[date] | None = None
    first: date | None = None
    last: date | None = None
    accounts: Sequence[str] | None = None
    revision: int | None = None


class Snapshot(ABC):
    """What was visible at one moment, whatever is written meanwhile."""

    @abstractmethod
    def scored_days(self, table: str | None = None) -> pa.Table:
        """The records of one table, or of all, sorted by date, table and revision; they have the
        columns of `DayInfo` (`date` for its day)."""

    @abstractmethod
    def day_info(self, day: date, table: str) -> DayInfo | None:
        """The valid record of that day, None where it was not scored."""

    @abstractmethod
    def latest_day(self, table: str) -> date | None:
        """The last scored day of that table."""

    @abstractmethod
    def _stored(self, table: str) -> Mapping[str, pa.DataType]:
        """The columns on disk, in the order in which they came; none where there is no table."""

    @abstractmethod
    def _found(self, table: str, rows: Rows, columns: Sequence[Column]) -> pa.Table | None:
        """Those columns of those rows, sorted by date and account; None where it is easily seen
        that there are no such rows."""

    def columns(self, table: str) -> list[str]:
        """The names of all columns that the table ever had; none where it does not exist."""
        return list(readable(self._stored(table)))

    def read(
        self,
        table: str,
        *,
        days: Sequence[date] | None = None,
        first: date | None = None,
        last: date | None = None,
        accounts: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        revision: int | None = None,
    ) -> pa.Table:
        """The rows of those days and accounts, sorted by date and account.

        `first` and `last` are included. `columns` follow account_id and date; None gives all; one
        that the table never had is null. `revision` None gives what is valid now. A table that
        was never written gives no rows.
        """
        known = readable(self._stored(table))
        chosen = _chosen(known, columns)
        schema = _schema(chosen, known)
        if not known:
            return schema.empty_table()
        rows = Rows(days, first, last, accounts, revision)
        found = self._found(table, rows, [c for n, c in chosen.items() if n in known])
        return schema.empty_table() if found is None else _complete(found, schema)

    def series(
        self,
        table: str,
        account: str,
        first: date,
        last: date,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """One account's rows from `first` to `last`, sorted by date; columns as in `read`."""
        return self.read(table, first=first, last=last, accounts=[account], columns=columns)


def _chosen(known: Mapping[str, Column], columns: Sequence[str] | None) -> dict[str, Column]:
    names = list(known) if columns is None else list(columns)
    ordered = dict.fromkeys([*ALWAYS, *names])
    return {n: known.get(n, Column(n, pa.null(), ())) for n in ordered}


def _schema(chosen: Mapping[str, Column], known: Mapping[str, Column]) -> pa.Schema:
    keys = {f.name: f.type for f in KEYS}
    return pa.schema(
        [(n, c.type if n in known else keys.get(n, pa.null())) for n, c in chosen.items()]
    )


def _complete(found: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        found[f.name].cast(f.type) if f.name in found.column_names else pa.nulls(len(found), f.type)
        for f in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
