"""Writing scored days: gathered on this machine, then written in one short transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow as pa

from keepwell.history.columns import KEYS
from keepwell.history.days import RECORDS, DayInfo, record
from keepwell.history.keeping import Batch, Rewriting, with_keys
from keepwell.history.postgres import tables
from keepwell.history.postgres.reading import PostgresSnapshot
from keepwell.history.postgres.session import Session, day_literal, place
from keepwell.history.postgres.tables import Layout
from keepwell.kit.views import fill, text

_OVER = "UPDATE $table SET current = false WHERE date = $day AND revision = $revision"
_GONE = "DELETE FROM $table WHERE date = $day AND revision = $revision"
_FORGOTTEN = 'DELETE FROM $days WHERE ("table", date, revision) IN ($same)'


@dataclass
class _Table:
    """A table while days are gathered: its columns before and after, and what is written."""

    before: Layout
    after: Layout
    days: dict[date, Path] = field(default_factory=dict)
    replaced: list[DayInfo] = field(default_factory=list)


class PostgresBatch(Batch):
    """Scored days that become visible together. folder: for their rows until they are written."""

    def __init__(self, session: Session, schema: str, how: Rewriting, folder: Path) -> None:
        super().__init__(session.where, how)
        self._session = session
        self._schema = schema
        self._folder = folder
        self._tables: dict[str, _Table] = {}
        self._seen = PostgresSnapshot(session, schema)

    def _info(self, day: date, table: str) -> DayInfo | None:
        return self._seen.day_info(day, table)

    def _take(self, info: DayInfo, rows: pa.Table, old: DayInfo | None) -> None:
        if info.table not in self._tables:
            layout = tables.layout_of(self._session, self._schema, info.table)
            keys = {f.name: f.type for f in KEYS}
            self._tables[info.table] = _Table(layout, layout.grown(keys))
        table = self._tables[info.table]
        rows = with_keys(rows, info, table.after.types)
        table.after = table.after.grown({f.name: f.type for f in rows.schema})
        if old is not None:
            table.replaced.append(old)
        path = self._folder / f"{info.table} {info.day}.arrow"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as file:
            file.write_table(rows)
        table.days[info.day] = path

    def commit(self) -> None:
        for table in self._tables.values():
            tables.grow(self._session, self._schema, table.before, table.after, table.days)
        with self._session.transaction():
            for table in self._tables.values():
                self._replace(table.after, table.replaced)
                for path in table.days.values():
                    with pa.memory_map(str(path)) as file:
                        self._copy(table.after, pa.ipc.open_file(file).read_all())
            self._write_records([info for found in self._infos.values() for info in found])

    def _replace(self, layout: Layout, replaced: Iterable[DayInfo]) -> None:
        """Of these days the valid rows go, or stay as not current where they are restated."""
        parts = sorted({stored.part for stored in layout.columns.values()})
        for old in replaced:
            for number in parts[:1] if self._how.restate else parts:
                change = fill(
                    _OVER if self._how.restate else _GONE,
                    table=place(self._schema, layout.part(number)),
                    day=day_literal(old.day),
                    revision=str(old.revision),
                )
                self._session.run(change)

    def _copy(self, layout: Layout, rows: pa.Table) -> None:
        if not len(rows):
            return
        keys = {"account_id", "date", "revision"}
        for number in sorted({stored.part for stored in layout.columns.values()}):
            own = [n for n in rows.column_names if layout.columns[n].part == number]
            if own:
                chosen = [n for n in rows.column_names if n in own or n in keys]
                named = [layout.columns[n].column for n in chosen]
                part = rows.select(chosen).rename_columns(named)
                self._session.copy(self._schema, layout.part(number), part)

    def _write_records(self, infos: list[DayInfo]) -> None:
        if not infos:
            return
        same = ", ".join(f"({text(i.table)}, {day_literal(i.day)}, {i.revision})" for i in infos)
        days = place(self._schema, tables.DAYS)
        self._session.run(fill(_FORGOTTEN, days=days, same=same))
        rows = pa.Table.from_pylist([record(i) for i in infos], schema=RECORDS)
        self._session.copy(self._schema, tables.DAYS, rows)
