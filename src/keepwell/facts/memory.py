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
from keepwell.facts.reading import Facts
from keepwell.facts.schema import IMPORTED, family
from keepwell.facts.spans import Span, spans
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
        self.engine.put(registered, self._rows[name])
        return sql.fill("SELECT * FROM $rows", rows=quoted(registered))

    def stored_rows(self, name: str) -> int:
        return self._rows[name].num_rows if name in self._rows else 0

    @cached_property
    def _coverage(self) -> list[Cover]:
        self.table("coverage")
        stored = context.coverage(self.con.con)
        if self._given_coverage is not None:
            return [*stored, *self._given_coverage]
        return stored or self._derived_coverage()

    def _derived_coverage(self) -> list[Cover]:
        given = [t for t in IMPORTED.values() if t.name in self._rows and t.name != "coverage"]
        found = [(t, span) for t in given for span in spans(self, t) or [Span(SOURCE)]]
        ends = (span.last for _, span in found if span.last is not None)
        last = self._until or max(ends, default=date.max)
        return [
            Cover(SOURCE, family(t.name, s.kind), s.first or BEGINNING.date(), last)
            for t, s in found
        ]


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
