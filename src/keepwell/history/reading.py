"""Reading scored days as they were at one manifest, through DuckDB over the live files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from typing import Any, TypeVar

import duckdb
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from keepwell.history import records
from keepwell.history.columns import KEYS, Column, nulls, readable
from keepwell.history.days import DayInfo
from keepwell.history.files import DayFile, list_files
from keepwell.history.records import Records
from keepwell.kit.errors import KeepwellError
from keepwell.kit.place import Manifest, Place

ALWAYS = ("account_id", "date")
"""Every result begins with these columns."""

_Result = TypeVar("_Result")
_ATTEMPTS = 3


PARQUET = "read_parquet(?, union_by_name = true, hive_partitioning = false)"
"""The files that are given as a parameter; a column that some of them lack is null there."""


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
class Snapshot:
    """History as of one manifest. Its files are kept for the place's retention (an hour)."""

    place: Place
    manifest: Manifest
    _listed: dict[str, tuple[dict[str, pa.DataType], list[DayFile]]] = field(default_factory=dict)

    @cached_property
    def _records(self) -> Records:
        files = self._table(records.TABLE)[1]
        return Records(self.place.table_path(records.TABLE), files)

    def scored_days(self, table: str | None = None) -> pa.Table:
        """The records of one table, or of all, sorted by date, table and revision; they have the
        columns of `DayInfo` (`date` for its day)."""
        return self._records.rows(table)

    def day_info(self, day: date, table: str) -> DayInfo | None:
        """The valid record of that day, None where it was not scored."""
        return self._records.info(day, table)

    def latest_day(self, table: str) -> date | None:
        """The last scored day of that table."""
        return self._records.latest(table)

    def columns(self, table: str) -> list[str]:
        """The names of all columns that the table ever had; none where it does not exist."""
        return list(readable(self._table(table)[0]))

    def files(self, table: str) -> list[DayFile]:
        """The table's files in the order of their days."""
        return list(self._table(table)[1])

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
        stored, files = self._table(table)
        known = readable(stored)
        chosen = _chosen(known, columns)
        if days is not None:
            files = [f for f in files if f.touches(days)]
        if first is not None:
            files = [f for f in files if f.last >= first]
        if last is not None:
            files = [f for f in files if f.first <= last]
        if not files:
            return _schema(chosen, known).empty_table()
        wanted = [c for n, c in chosen.items() if n in known]
        folder = self.place.table_path(table)
        paths = [str(folder / f.path) for f in files]
        with connect() as con:
            where, values = _condition(con, days, first, last, accounts, revision)
            listed = ", ".join(c.sql() for c in wanted)
            asked = f"SELECT {listed} WHERE {where} ORDER BY date, account_id"
            try:
                rows = con.execute(f"FROM {PARQUET} {asked}", [paths, *values])
            except duckdb.BinderException:
                # None of these files has one of the columns: an empty part stands for them.
                typed = nulls({n: stored[n] for c in wanted for n in c.stored})
                source = f"(FROM {PARQUET} UNION ALL BY NAME SELECT {typed} WHERE false)"
                rows = con.execute(f"FROM {source} {asked}", [paths, *values])
            return _complete(rows.to_arrow_table(), _schema(chosen, known))

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

    def _table(self, table: str) -> tuple[dict[str, pa.DataType], list[DayFile]]:
        if table not in self._listed:
            version = self.manifest.tables.get(table)
            if version is None:
                self._listed[table] = ({}, [])
            else:
                stored, files = list_files(
                    DeltaTable(self.place.table_path(table), version=version)
                )
                ordered = sorted(files.values(), key=lambda f: (f.first, f.path))
                self._listed[table] = (stored, ordered)
        return self._listed[table]


class Reader:
    """The newest snapshot, again and again."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._newest: Snapshot | None = None

    def snapshot(self) -> Snapshot:
        """What is visible now."""
        manifest = self._place.manifest()
        newest = self._newest
        if newest is None or newest.manifest.generation != manifest.generation:
            newest = self._newest = Snapshot(self._place, manifest)
        return newest

    def now(self, ask: Callable[[Snapshot], _Result]) -> _Result:
        """The answer of the newest snapshot, asked again where its files were cleaned up meanwhile.

        Raises KeepwellError where files are missing for good.
        """
        for attempt in range(_ATTEMPTS):
            newest = self.snapshot()
            try:
                return ask(newest)
            except (duckdb.IOException, DeltaError, FileNotFoundError) as error:
                self._newest = None
                moved = self._place.manifest().generation != newest.manifest.generation
                if not moved or attempt == _ATTEMPTS - 1:
                    raise KeepwellError(
                        f"files of the history cannot be read ({error})",
                        where=str(self._place.root),
                        todo="restore the folder from a backup, or score those days again",
                    ) from error
        raise AssertionError("the last attempt returns or raises")


def _chosen(known: dict[str, Column], columns: Sequence[str] | None) -> dict[str, Column]:
    names = list(known) if columns is None else list(columns)
    ordered = dict.fromkeys([*ALWAYS, *names])
    return {n: known.get(n, Column(n, pa.null(), ())) for n in ordered}


def _schema(chosen: dict[str, Column], known: dict[str, Column]) -> pa.Schema:
    keys = {f.name: f.type for f in KEYS}
    return pa.schema(
        [(n, c.type if n in known else keys.get(n, pa.null())) for n, c in chosen.items()]
    )


def _condition(
    con: duckdb.DuckDBPyConnection,
    days: Sequence[date] | None,
    first: date | None,
    last: date | None,
    accounts: Sequence[str] | None,
    revision: int | None,
) -> tuple[str, list[Any]]:
    """The WHERE clause and its parameters; long lists become tables of the connection."""
    where = ["current"] if revision is None else ["revision = ?"]
    values: list[Any] = [] if revision is None else [revision]
    for condition, limit in (("date >= ?", first), ("date <= ?", last)):
        if limit is not None:
            where.append(condition)
            values.append(limit)
    for name, kind, wanted in (
        ("date", pa.date32(), days),
        ("account_id", pa.string(), accounts),
    ):
        if wanted is not None and len(wanted) == 1:
            where.append(f"{name} = ?")
            values.append(wanted[0])
        elif wanted is not None:
            con.register(f"wanted_{name}", pa.table({name: pa.array(wanted, kind)}))
            where.append(f"{name} IN (FROM wanted_{name})")
    return " AND ".join(where), values


def _complete(found: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        found[f.name].cast(f.type) if f.name in found.column_names else pa.nulls(len(found), f.type)
        for f in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
