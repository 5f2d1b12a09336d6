"""Writing scored days: what happens to the rows that are there already, and which files result."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from keepwell.history import records
from keepwell.history.columns import COLUMNS, KEYS, fit, plain
from keepwell.history.days import DayInfo, ScoredDay
from keepwell.history.files import DayFile, commit, list_files, month_of, open_table, write_file
from keepwell.history.reading import PARQUET
from keepwell.history.records import Records
from keepwell.kit.deltalog import latest_version
from keepwell.kit.errors import KeepwellError
from keepwell.kit.place import Manifest, Writer

LOOSE_NIGHTS = 7
"""So many nights are merged with the earlier ones of their month, so that readers open few."""


@dataclass
class _Table:
    """A table while it is being written: its columns and files as they will be."""

    name: str
    path: Path
    opened: DeltaTable
    stored: dict[str, pa.DataType]
    files: dict[str, DayFile]
    before: dict[str, DayFile]
    pending: dict[date, pa.Table] = field(default_factory=dict)
    replaced: set[date] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)


class Batch:
    """Scored days that become visible together. Rows go to disk month by month as they come."""

    def __init__(
        self,
        writer: Writer,
        con: duckdb.DuckDBPyConnection,
        *,
        restate: bool,
        replace_open: bool,
    ) -> None:
        if restate and replace_open:
            raise ValueError("a day is either restated or replaced")
        self._writer = writer
        self._con = con
        self._restate = restate
        self._replace_open = replace_open
        self._tables: dict[str, _Table] = {}
        self._infos: dict[tuple[str, date], list[DayInfo]] = {}

    def add(self, scored: ScoredDay) -> None:
        """Take one day. Raises KeepwellError where it exists and may not be touched, and
        ValueError for rows that cannot be stored or a day that comes twice."""
        for name, rows in scored.tables.items():
            if name.startswith("_"):
                raise ValueError(f"'{name}' cannot name a table of scored days")
            if (name, scored.day) in self._infos:
                raise ValueError(f"{scored.day} of '{name}' comes twice")
            table = self._open(name)
            pending_month = next((month_of(d) for d in table.pending), None)
            if pending_month not in (None, month_of(scored.day)):
                self._flush(table)
            self._record(scored, name, len(rows), table)
            table.pending[scored.day] = plain(rows)

    def commit(self) -> Manifest:
        """Write what is pending, tidy older months, and make all of it visible."""
        versions: dict[str, int] = {}
        for table in self._tables.values():
            self._flush(table)
            self._tidy(table)
            versions[table.name] = self._commit_table(table)
        if self._infos:
            versions[records.TABLE] = self._commit_records()
        return self._writer.commit(versions)

    @cached_property
    def _opened_records(self) -> DeltaTable:
        return open_table(self._writer, records.TABLE, records.SCHEMA)

    @cached_property
    def _records(self) -> Records:
        files = list_files(self._opened_records)[1].values()
        return Records(self._writer.table_path(records.TABLE), files)

    def _open(self, name: str) -> _Table:
        if name not in self._tables:
            path = self._writer.table_path(name)
            opened = open_table(self._writer, name, COLUMNS)
            stored, files = list_files(opened)
            self._tables[name] = _Table(name, path, opened, stored, files, dict(files))
        return self._tables[name]

    def _record(self, scored: ScoredDay, name: str, accounts: int, table: _Table) -> None:
        old = self._records.info(scored.day, name)
        if old is not None and not (self._restate or self._replace_open):
            raise KeepwellError(
                f"{scored.day} is already scored",
                where=f"{self._writer.place.root}: {name}",
                todo="restate the day if it shall be corrected; the old scores stay readable",
            )
        revision = 0 if old is None else old.revision + self._restate
        fresh = DayInfo(
            day=scored.day,
            table=name,
            revision=revision,
            current=True,
            scored_at=scored.scored_at,
            known_at=scored.known_at,
            arrived_by=scored.arrived_by,
            definition=scored.definitions.get(name),
            accounts=accounts,
        )
        infos = [fresh]
        if old is not None:
            table.replaced.add(scored.day)
            if self._restate:
                infos.append(replace(old, current=False))
        self._infos[name, scored.day] = infos

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
            fitted = fit(rows, table.stored)
            table.stored |= {f.name: f.type for f in fitted.schema if f.name not in table.stored}
            revision = self._infos[table.name, day][0].revision
            for key, value in zip(KEYS[1:], (day, revision, True), strict=True):
                constant = pa.array([value], key.type)
                fitted = fitted.append_column(key, pa.repeat(constant[0], len(fitted)))
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
        parts = [fresh] if fresh else []
        values: list[object] = []
        if old:
            parts.append(self._kept_rows(sorted(redone)))
            values.append([str(table.path / f.path) for f in old])
        rows = " UNION ALL BY NAME ".join(f"({p})" for p in parts)
        written = write_file(self._con, table.path, month, rows, values)
        if written is not None:
            table.files[written.path] = written
        for file in old:
            del table.files[file.path]
            if file.path not in table.before:
                (table.path / file.path).unlink()

    def _kept_rows(self, redone: list[date]) -> str:
        if not redone:
            return f"FROM {PARQUET}"
        listed = ", ".join(f"DATE '{day}'" for day in redone)
        if self._restate:
            kept = f"current AND date NOT IN ({listed}) AS current"
            return f"FROM {PARQUET} SELECT * REPLACE ({kept})"
        return f"FROM {PARQUET} WHERE NOT (current AND date IN ({listed}))"

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
        commit(table.opened, table.stored, added, removed)
        return latest_version(table.path)

    def _commit_records(self) -> int:
        infos = [i for found in self._infos.values() for i in found]
        added, removed = self._records.rewrite(infos)
        commit(self._opened_records, {}, added, removed)
        return latest_version(self._writer.table_path(records.TABLE))
