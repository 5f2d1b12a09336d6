"""The same reading from rows in memory: what tests and sheets use in place of a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from keepwell.facts import context, sql
from keepwell.facts.arrow import conform, stored_schema, table_named
from keepwell.facts.context import Cover
from keepwell.facts.known import BEGINNING, Known
from keepwell.facts.model import Table
from keepwell.facts.reading import Facts
from keepwell.facts.schema import IMPORTED, family
from keepwell.kit.errors import KeepwellError
from keepwell.kit.views import quoted, view_sql

SOURCE = "memory"

Rows: TypeAlias = Sequence[Mapping[str, Any]] | pa.Table


class MemoryFacts(Facts):
    """Canonical tables given as rows: dicts or Arrow tables with any of the stored columns.

    Rows without provenance are of the source 'memory' and known from the beginning. Without
    `coverage` the given tables are taken as complete up to `until` (default: the last day of any
    row): a family is covered from its first day, or, where its rows have no day or there are none,
    from the beginning. Raises KeepwellError for an unknown table or column and for a value that
    does not fit.
    """

    def __init__(
        self,
        tables: Mapping[str, Rows],
        known: Known | None = None,
        *,
        coverage: Sequence[Cover] | None = None,
        until: date | None = None,
        extra: Mapping[str, pa.Table] | None = None,
        project_timezone: str = "UTC",
        project_currency: str = "USD",
    ) -> None:
        super().__init__(
            known or Known.latest(),
            extra=extra,
            project_timezone=project_timezone,
            project_currency=project_currency,
        )
        self._rows = {name: _with_provenance(name, rows) for name, rows in tables.items()}
        self._given_coverage = None if coverage is None else list(coverage)
        self._until = until

    def _stored(self, name: str) -> str:
        if name not in self._rows:
            return view_sql([], stored_schema(table_named(name)))
        registered = f"rows_{name}"
        self.con.con.register(registered, self._rows[name])
        return sql.fill("SELECT * FROM $rows", rows=quoted(registered))

    @cached_property
    def _coverage(self) -> list[Cover]:
        self.table("coverage")
        stored = context.coverage(self.con.con)
        if self._given_coverage is not None:
            return [*stored, *self._given_coverage]
        return stored or self._derived_coverage()

    def _derived_coverage(self) -> list[Cover]:
        given = [t for t in IMPORTED.values() if t.name in self._rows and t.name != "coverage"]
        spans = [(t, *span) for t in given for span in self._spans(t)]
        last = self._until or max((to for *_, to in spans if to is not None), default=date.max)
        return [
            Cover(SOURCE, family(t.name, kind), first or BEGINNING.date(), last)
            for t, kind, first, _ in spans
        ]

    def _spans(self, table: Table) -> list[tuple[str | None, date | None, date | None]]:
        """Kind, first day and last day of every family of the table."""
        self.table(table.name)
        day = sql.day_of(table, self.project_timezone)
        kind = quoted(table.kind) if table.kind else "NULL::VARCHAR"
        statement = sql.fill(
            "SELECT $kind AS kind, min($day), max($day) FROM $table"
            " GROUP BY 1 ORDER BY 1 NULLS FIRST",
            kind=kind,
            day=day,
            table=quoted(table.name),
        )
        found = self.con.con.execute(statement).fetchall()
        return [(row[0], row[1], row[2]) for row in found] or [(None, None, None)]


def _with_provenance(name: str, rows: Rows) -> pa.Table:
    table = table_named(name)
    if table.derived:
        raise KeepwellError(f"'{name}' is made when reading", todo="give the tables it is made of")
    stored = conform(name, rows, stored_schema(table))
    defaults = {
        "source_id": SOURCE,
        "ingested_at": BEGINNING,
        "known_from": BEGINNING,
        "known_assumed": True,
    }
    for column, value in defaults.items():
        at = stored.schema.get_field_index(column)
        stored = stored.set_column(at, stored.schema.field(at), stored[column].fill_null(value))
    empty = pa.scalar("", pa.string())
    for key in table.key:
        if pa.types.is_string(stored.schema.field(key).type):
            at = stored.schema.get_field_index(key)
            filled = pc.if_else(pc.equal(stored[key], empty), None, stored[key])
            stored = stored.set_column(at, stored.schema.field(at), filled)
    return stored
