"""Reading scored days in a transaction that sees one state of all tables."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from datetime import date

import pyarrow as pa

from keepwell.history.columns import Column
from keepwell.history.days import RECORDS, DayInfo, info_of
from keepwell.history.postgres import tables
from keepwell.history.postgres.session import Session, day_literal, listed, place
from keepwell.history.postgres.tables import Layout
from keepwell.history.snapshot import Rows, Snapshot, connect
from keepwell.kit.views import fill, quoted, text


class PostgresSnapshot(Snapshot):
    """History as a session sees it that is in a reading transaction.

    done: called with the session when nobody needs the snapshot any more.
    """

    def __init__(
        self, session: Session, schema: str, done: Callable[[Session], None] | None = None
    ) -> None:
        self._session = session
        self._schema = schema
        self._exists = tables.exists(session, schema)
        self._layouts: dict[str, Layout] = {}
        if done is not None:
            weakref.finalize(self, done, session)

    def scored_days(self, table: str | None = None) -> pa.Table:
        where = "true" if table is None else f'"table" = {text(table)}'
        return self._records(where, 'date, "table" COLLATE "C", revision')

    def day_info(self, day: date, table: str) -> DayInfo | None:
        of_day = f'"table" = {text(table)} AND date = {day_literal(day)} AND current'
        found = self._records(of_day, "date").to_pylist()
        return info_of(found[0]) if found else None

    def latest_day(self, table: str) -> date | None:
        found = self._records(f'"table" = {text(table)}', "date DESC LIMIT 1")["date"].to_pylist()
        return found[0] if found else None

    def _records(self, where: str, order: str) -> pa.Table:
        if not self._exists:
            return RECORDS.empty_table()
        asked = fill(
            "SELECT $columns FROM $days WHERE $condition ORDER BY $order",
            columns=listed(RECORDS.names),
            days=place(self._schema, tables.DAYS),
            condition=where,
            order=order,
        )
        return self._session.table(asked, RECORDS)

    def _layout(self, table: str) -> Layout:
        if table not in self._layouts:
            self._layouts[table] = (
                tables.layout_of(self._session, self._schema, table)
                if self._exists
                else Layout(table)
            )
        return self._layouts[table]

    def _stored(self, table: str) -> Mapping[str, pa.DataType]:
        return self._layout(table).types

    def _found(self, table: str, rows: Rows, columns: Sequence[Column]) -> pa.Table | None:
        layout = self._layout(table)
        names = [name for column in columns for name in column.stored]
        stored = [layout.columns[name] for name in names]
        if not all(len(some) for some in (rows.days, rows.accounts) if some is not None):
            return None
        # Not by their own names, which may be longer than the server allows.
        chosen = ", ".join(f"p{s.part}.{quoted(s.column)} AS c{n}" for n, s in enumerate(stored))
        parts = sorted({s.part for s in stored})
        where = tables.joined(layout, self._schema, parts, _of_days(rows), _of_rows(rows))
        schema = pa.schema([(n, s.type) for n, s in zip(names, stored, strict=True)])
        found = self._session.table(f"SELECT {chosen} {where}", schema)
        with connect() as con:
            con.register("found", found)
            named = ", ".join(c.sql() for c in columns)
            asked = fill("SELECT $named FROM found ORDER BY date, account_id", named=named)
            return con.execute(asked).to_arrow_table()


def _of_rows(rows: Rows) -> list[str]:
    where = ["p1.current" if rows.revision is None else f"p1.revision = {rows.revision}"]
    if rows.accounts is not None:
        where.append(f"p1.account_id IN ({', '.join(map(text, rows.accounts))})")
    return where


def _of_days(rows: Rows) -> list[str]:
    where = []
    if rows.days is not None:
        where.append(f"date IN ({', '.join(map(day_literal, rows.days))})")
    if rows.first is not None:
        where.append(f"date >= {day_literal(rows.first)}")
    if rows.last is not None:
        where.append(f"date <= {day_literal(rows.last)}")
    return where
