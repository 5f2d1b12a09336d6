"""Reading scored days as they were at one manifest, through DuckDB over the live files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import duckdb
import pyarrow as pa
from deltalake.exceptions import DeltaError

from keepwell.history.columns import KEYS, Column, nulls
from keepwell.history.days import DayInfo
from keepwell.history.delta import records
from keepwell.history.delta.files import DayFile, list_files
from keepwell.history.delta.records import Records
from keepwell.history.delta.source import Asked, source
from keepwell.history.keeping import Result
from keepwell.history.snapshot import Rows, Snapshot, connect
from keepwell.kit.errors import KeepwellError
from keepwell.kit.place import Manifest, Place

_ATTEMPTS = 3
_KEYS = [f.name for f in KEYS]
_Listed = tuple[dict[str, pa.DataType], list[DayFile]]


@dataclass(frozen=True)
class DeltaSnapshot(Snapshot):
    """History as of one manifest. Its files are kept for the place's retention (an hour)."""

    place: Place
    manifest: Manifest
    _listed: dict[str, _Listed] = field(default_factory=dict)

    @cached_property
    def _records(self) -> Records:
        files = self._table(records.TABLE)[1]
        return Records(self.place.storage, self.place.table_name(records.TABLE), files)

    def scored_days(self, table: str | None = None) -> pa.Table:
        return self._records.rows(table)

    def day_info(self, day: date, table: str) -> DayInfo | None:
        return self._records.info(day, table)

    def latest_day(self, table: str) -> date | None:
        return self._records.latest(table)

    def files(self, table: str) -> list[DayFile]:
        """The table's files in the order of their days."""
        return list(self._table(table)[1])

    def _stored(self, table: str) -> Mapping[str, pa.DataType]:
        return self._table(table)[0]

    def _found(self, table: str, rows: Rows, columns: Sequence[Column]) -> pa.Table | None:
        stored, files = self._table(table)
        if rows.days is not None:
            files = [f for f in files if f.touches(rows.days)]
        if rows.first is not None:
            files = [f for f in files if f.last >= rows.first]
        if rows.last is not None:
            files = [f for f in files if f.first <= rows.last]
        if not files:
            return None
        folder = self.place.table_name(table)
        with connect() as con:
            asked_of = Asked(rows, {*_KEYS, *(n for c in columns for n in c.stored)})
            origin, paths = source(con, self.place.storage, folder, files, stored, asked_of)
            where, values = _condition(con, rows)
            listed = ", ".join(c.sql() for c in columns)
            asked = f"SELECT {listed} WHERE {where} ORDER BY date, account_id"
            try:
                found = con.execute(f"FROM {origin} {asked}", [*paths, *values])
            except duckdb.BinderException:
                # None of these files has one of the columns: an empty part stands for them.
                typed = nulls({n: stored[n] for c in columns for n in c.stored})
                padded = f"(FROM {origin} UNION ALL BY NAME SELECT {typed} WHERE false)"
                found = con.execute(f"FROM {padded} {asked}", [*paths, *values])
            return found.to_arrow_table()

    def _table(self, table: str) -> _Listed:
        if table not in self._listed:
            version = self.manifest.tables.get(table)
            if version is None:
                self._listed[table] = ({}, [])
            else:
                folder = self.place.table_name(table)
                stored, files = list_files(self.place.storage.table(folder, version))
                ordered = sorted(files.values(), key=lambda f: (f.first, f.path))
                self._listed[table] = (stored, ordered)
        return self._listed[table]


class Reader:
    """The newest snapshot, again and again."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._newest: DeltaSnapshot | None = None

    def snapshot(self) -> DeltaSnapshot:
        """What is visible now."""
        manifest = self._place.manifest()
        newest = self._newest
        if newest is None or newest.manifest.generation != manifest.generation:
            newest = self._newest = DeltaSnapshot(self._place, manifest)
        return newest

    def now(self, ask: Callable[[Snapshot], Result]) -> Result:
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
                        where=self._place.where,
                        todo="restore the folder from a backup, or score those days again",
                    ) from error
        raise AssertionError("the last attempt returns or raises")


def _condition(con: duckdb.DuckDBPyConnection, rows: Rows) -> tuple[str, list[Any]]:
    """The WHERE clause and its parameters; long lists become tables of the connection."""
    where = ["current"] if rows.revision is None else ["revision = ?"]
    values: list[Any] = [] if rows.revision is None else [rows.revision]
    for condition, limit in (("date >= ?", rows.first), ("date <= ?", rows.last)):
        if limit is not None:
            where.append(condition)
            values.append(limit)
    for name, kind, wanted in (
        ("date", pa.date32(), rows.days),
        ("account_id", pa.string(), rows.accounts),
    ):
        if wanted is not None and len(wanted) == 1:
            where.append(f"{name} = ?")
            values.append(wanted[0])
        elif wanted is not None:
            con.register(f"wanted_{name}", pa.table({name: pa.array(wanted, kind)}))
            where.append(f"{name} IN (FROM wanted_{name})")
    return " AND ".join(where), values
