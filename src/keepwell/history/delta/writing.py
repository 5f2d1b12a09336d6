"""Writing scored days: what happens to the rows that are there already, and which files result."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from keepwell.history.columns import COLUMNS
from keepwell.history.days import RECORDS, DayInfo
from keepwell.history.delta import records
from keepwell.history.delta.files import (
    DayFile,
    commit,
    list_files,
    month_of,
    open_table,
    write_file,
)
from keepwell.history.delta.records import Records
from keepwell.history.delta.source import source
from keepwell.history.keeping import Batch, Rewriting, with_keys
from keepwell.kit.place import Writer

LOOSE_NIGHTS = 7
"""So many nights are merged with the earlier ones of their month, so that readers open few."""


@dataclass
class _Table:
    """A table while it is being written: its columns and files as they will be."""

    name: str
    folder: str
    opened: DeltaTable
    stored: dict[str, pa.DataType]
    files: dict[str, DayFile]
    before: dict[str, DayFile]
    pending: dict[date, pa.Table] = field(default_factory=dict)
    replaced: set[date] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)


class DeltaBatch(Batch):
    """Scored days that become visible together. Rows go to disk month by month as they come."""

    def __init__(self, writer: Writer, con: duckdb.DuckDBPyConnection, how: Rewriting) -> None:
        super().__init__(writer.place.where, how)
        self._writer = writer
        self._con = con
        self._tables: dict[str, _Table] = {}

    def commit(self) -> None:
        versions: dict[str, int] = {}
        for table in self._tables.values():
            self._flush(table)
            self._tidy(table)
            versions[table.name] = self._commit_table(table)
        if self._infos:
            versions[records.TABLE] = self._commit_records()
        self._writer.commit(versions)

    @cached_property
    def _opened_records(self) -> DeltaTable:
        return open_table(self._writer, records.TABLE, RECORDS)

    @cached_property
    def _records(self) -> Records:
        files = list_files(self._opened_records)[1].values()
        folder = self._writer.place.table_name(records.TABLE)
        return Records(self._writer.storage, folder, files)

    def _open(self, name: str) -> _Table:
        if name not in self._tables:
            folder = self._writer.place.table_name(name)
            opened = open_table(self._writer, name, COLUMNS)
            stored, files = list_files(opened)
            self._tables[name] = _Table(name, folder, opened, stored, files, dict(files))
        return self._tables[name]

    def _info(self, day: date, table: str) -> DayInfo | None:
        return self._records.info(day, table)

    def _take(self, info: DayInfo, rows: pa.Table, old: DayInfo | None) -> None:
        table = self._open(info.table)
        pending_month = next((month_of(d) for d in table.pending), None)
        if pending_month not in (None, month_of(info.day)):
            self._flush(table)
        if old is not None:
            table.replaced.add(info.day)
        table.pending[info.day] = rows

    def _flush(self, table: _Table) -> None:
        """Write the pending days, together with the files that hold rows which they replace."""
        if not table.pending:
            return
        month = month_of(next(iter(table.pending)))
        redone = table.replaced & table.pending.keys()
        affected = [f for f in table.files.values() if f.month == month and f.touches(redone)]
        self._con.register("fresh", self._fresh_rows(table))
        self._replace(table, month, affected, redone, "FROM fresh")
        self._con.unregister("fresh")
        table.touched.add(month)
        table.pending.clear()

    def _fresh_rows(self, table: _Table) -> pa.Table:
        parts = []
        for day, rows in table.pending.items():
            fitted = with_keys(rows, self._infos[table.name, day][0], table.stored)
            table.stored |= {f.name: f.type for f in fitted.schema if f.name not in table.stored}
            parts.append(fitted)
        rows = pa.concat_tables(parts, promote_options="default")
        return rows.select([n for n in table.stored if n in set(rows.column_names)])

    def _replace(
        self,
        table: _Table,
        month: str,
        old: list[DayFile],
        redone: Collection[date] = (),
        fresh: str | None = None,
    ) -> None:
        """Put one file in the place of the old ones: the fresh rows, and the old ones that stay.

        Of the redone days the valid old rows go, or stay as not current where they are restated.
        """
        storage = self._writer.storage
        parts = [fresh] if fresh else []
        values: list[object] = []
        if old:
            origin, values = source(self._con, storage, table.folder, old, table.stored)
            parts.append(self._kept_rows(origin, sorted(redone)))
        rows = " UNION ALL BY NAME ".join(f"({p})" for p in parts)
        written = write_file(self._con, storage, table.folder, month, rows, values)
        if written is not None:
            table.files[written.path] = written
        for file in old:
            del table.files[file.path]
        storage.remove(f"{table.folder}/{f.path}" for f in old if f.path not in table.before)

    def _kept_rows(self, origin: str, redone: list[date]) -> str:
        if not redone:
            return f"FROM {origin}"
        listed = ", ".join(f"DATE '{day}'" for day in redone)
        if self._how.restate:
            kept = f"current AND date NOT IN ({listed}) AS current"
            return f"FROM {origin} SELECT * REPLACE ({kept})"
        return f"FROM {origin} WHERE NOT (current AND date IN ({listed}))"

    def _tidy(self, table: _Table) -> None:
        """Merge the files of closed months, and of the open one where nights have gathered."""
        newest = max((f.month for f in table.files.values()), default=None)
        months: dict[str, list[DayFile]] = {}
        for file in table.files.values():
            months.setdefault(file.month, []).append(file)
        for month, files in sorted(months.items()):
            if month == newest:
                # The night just written stays by itself: it may be replaced before it is over.
                older = [f for f in files if f.path in table.before]
                if sum(f.first == f.last for f in older) >= LOOSE_NIGHTS:
                    self._replace(table, month, older)
            elif len(files) > 1 and month not in table.touched:
                self._replace(table, month, files)

    def _commit_table(self, table: _Table) -> int:
        added = [f for p, f in table.files.items() if p not in table.before]
        removed = [f for p, f in table.before.items() if p not in table.files]
        return commit(table.opened, table.stored, added, removed)

    def _commit_records(self) -> int:
        infos = [i for found in self._infos.values() for i in found]
        added, removed = self._records.rewrite(infos)
        return commit(self._opened_records, {}, added, removed)
