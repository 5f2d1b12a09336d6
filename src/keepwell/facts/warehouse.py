"""Canonical tables that a warehouse holds: read where they are, and never written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Unpack
from zoneinfo import ZoneInfo

import pyarrow as pa

from keepwell.facts import sql
from keepwell.facts.arrow import imported_columns, read_schema, stored_schema, table_named
from keepwell.facts.context import Cover
from keepwell.facts.engines.base import Columns, Kind, Remote
from keepwell.facts.known import BEGINNING, Known
from keepwell.facts.model import ColumnType, Table
from keepwell.facts.reading import Around, Facts
from keepwell.facts.schema import IMPORTED, PROVENANCE, family
from keepwell.facts.spans import spans
from keepwell.kit import clock
from keepwell.kit.errors import KeepwellError, nearest
from keepwell.kit.views import quoted, sql_type, text, view_sql

SOURCE = "warehouse"
"""The source_id of rows that name none."""
FITTING: Mapping[ColumnType, tuple[Kind, ...]] = {
    # An id may be a number.
    "text": ("text", "int"),
    "int": ("int", "decimal"),
    "decimal": ("decimal", "int", "float"),
    "money": ("decimal", "int", "float"),
    "rate": ("decimal", "int", "float"),
    "bool": ("bool",),
    "date": ("date",),
    "timestamp": ("timestamp",),
}
"""Which columns of a warehouse can be read as which canonical type."""
WANTED: Mapping[ColumnType, str] = {
    "text": "text",
    "int": "a whole number",
    "decimal": "a number",
    "money": "a number",
    "rate": "a number",
    "bool": "true or false",
    "date": "a date",
    "timestamp": "an instant with its time zone",
}
A_DAY = timedelta(days=1)
_OPTIONAL = {
    "source_id": text(SOURCE),
    "ingested_at": sql.instant(BEGINNING),
    "known_from": sql.instant(BEGINNING),
    "known_assumed": "true",
}
"""What stands for the provenance that a warehouse does not keep: known from the beginning."""


@dataclass(frozen=True)
class Warehouse:
    """Where the canonical tables are. schema: of those that do not say theirs; without it the
    engine's own. tables: the names of those that are called otherwise than in Keepwell, with or
    without a schema."""

    open_engine: Callable[[], Remote]
    schema: str | None = None
    tables: Mapping[str, str] = field(default_factory=dict)

    def reader(self, known: Known, **around: Unpack[Around]) -> WarehouseFacts:
        """The tables as known at an instant. Raises KeepwellError with all that does not fit."""
        return WarehouseFacts(self, known, **around)

    def written_at(self) -> datetime:
        """Until when all that had arrived is visible: what is loaded shows at once."""
        return clock.now()


class WarehouseFacts(Facts):
    """The tables of a warehouse in one session of its engine, looked over before anything is read.

    Rows without provenance are read as known now. Without the table `coverage` every table counts
    as complete up to the last day of which any table has rows, unless it has been silent for more
    than its `fresh_days`: then up to its own last row.
    """

    def __init__(self, warehouse: Warehouse, known: Known, **around: Unpack[Around]) -> None:
        super().__init__(known, **around)
        self.warehouse = warehouse
        self._brought: set[str] = set()
        engine = self.engine
        # Both are kept, since the engine may later be one that only writes down what it is told.
        self._endless = engine.has_infinity
        self._above = (warehouse.schema or engine.schema).split(".")
        try:
            self._looked_over()
        except KeepwellError:
            engine.close()
            raise

    @cached_property
    def engine(self) -> Remote:
        return self.warehouse.open_engine()

    @property
    def known_now(self) -> list[str]:
        """The tables that do not say since when their rows are known, and so show as they are."""
        return [t for t, columns in self._columns.items() if "known_from" not in columns]

    @cached_property
    def _columns(self) -> dict[str, Columns]:
        """The columns of the tables that may be read, with their kinds."""
        return {name: columns for name, columns in self._there.items() if columns}

    @cached_property
    def _there(self) -> dict[str, Columns]:
        """The columns of the tables that are there; none of those that may not be read."""
        places = {name: self._place(name) for name in IMPORTED}
        found = self.engine.columns(list(places.values()))
        return {name: found[place] for name, place in places.items() if place in found}

    def _looked_over(self) -> None:
        problems = list(self._problems())
        if problems:
            found = "one thing does" if len(problems) == 1 else f"{len(problems)} things do"
            raise KeepwellError(
                "\n".join([f"{found} not fit:", *("  " + p for p in problems)]),
                where=self.engine.where,
                todo="keepwell facts ddl shows every table with its columns and types; schema and"
                " tables below warehouse in keepwell.yaml say where they are",
            )

    def _place(self, table: str) -> tuple[str, ...]:
        """Schema and name of a table in the warehouse."""
        named = self.warehouse.tables.get(table, table)
        if "/" in named:
            return ("parquet", named)
        told = tuple(named.split("."))
        return told if len(told) > 1 else (*self._above, *told)

    def _problems(self) -> Iterator[str]:
        for name in self.warehouse.tables:
            if name not in IMPORTED:
                near = nearest(name, IMPORTED)
                yield f"{name}: there is no canonical table of that name" + (
                    f"; did you mean {near}?" if near else ""
                )
        for name in ("accounts", *(t for t in self.warehouse.tables if t != "accounts")):
            if name in IMPORTED and name not in self._there:
                yield f"{name}: there is no table {'.'.join(self._place(name))}"
        for name, columns in self._there.items():
            if columns:
                yield from _of_table(IMPORTED[name], columns)
            else:
                yield f"{name}: the role may not read {'.'.join(self._place(name))}"

    def _stored(self, name: str) -> str:
        table = table_named(name)
        columns = self._columns.get(name)
        if columns is None:
            return view_sql([], stored_schema(table))
        chosen = ", ".join(_read(table, f, columns, self._endless) for f in stored_schema(table))
        place = ".".join(quoted(part) for part in self._place(name))
        return sql.fill("SELECT $chosen FROM $place", chosen=chosen, place=place)

    def stored_versions(self, name: str) -> str | None:
        return self._stored(name) if "known_from" in self._columns.get(name, ()) else None

    def _near(self, view: str, table: str, columns: Sequence[str] | None = None) -> str:
        shape = read_schema(table_named(table))
        chosen = list(columns or shape.names)
        name = view if columns is None else " ".join([view, "with", *chosen])
        if name not in self._brought:
            select = " ".join(["SELECT", sql.listed(chosen), "FROM", quoted(view)])
            schema = pa.schema([shape.field(c) for c in chosen])
            self.con.con.register(name, self.engine.answer(self.engine.said(select), schema))
            self._brought.add(name)
        return name

    @cached_property
    def _coverage(self) -> list[Cover]:
        told = super()._coverage if "coverage" in self._columns else self._from_rows()
        return [self._of_its_columns(cover) for cover in told]

    def _of_its_columns(self, cover: Cover) -> Cover:
        """A table gives no more columns than it has."""
        table = cover.family.partition(".")[0]
        there = frozenset(self._columns.get(table, ()))
        return replace(cover, columns=there if cover.columns is None else cover.columns & there)

    def _from_rows(self) -> Iterator[Cover]:
        # The running day is not over.
        today = self.known.known_at.astimezone(ZoneInfo(self.project_timezone)).date()
        found = {n: spans(self, t) for n, t in IMPORTED.items() if n in self._columns}
        days = [min(s.last, today - A_DAY) for own in found.values() for s in own if s.last]
        until = max(days, default=today - A_DAY)
        for name, own in found.items():
            last = max((min(s.last, until) for s in own if s.last), default=until)
            silent = (until - last).days > IMPORTED[name].fresh_days
            for span in own:
                first = min(span.first, last) if span.first else BEGINNING.date()
                yield Cover(span.source, family(name, span.kind), first, last if silent else until)


def _read(table: Table, wanted: pa.Field, columns: Columns, endless: bool) -> str:
    """A column of a table as it is to be read; `endless` where it may hold an infinite day."""
    name, kind = quoted(wanted.name), sql_type(wanted.type)
    otherwise = _OPTIONAL.get(wanted.name)
    if wanted.name == "known_to" and "deleted_at" in columns:
        # What its source has no longer is not known any more, whoever ends versions or does not.
        ends = [_value(table, n, kind, endless) for n in ("known_to", "deleted_at") if n in columns]
        return f"coalesce({', '.join(ends)}) AS {name}"
    if wanted.name not in columns:
        return f"CAST({otherwise or 'NULL'} AS {kind}) AS {name}"
    value = _value(table, wanted.name, kind, endless)
    return f"coalesce({value}, {otherwise}) AS {name}" if otherwise else f"{value} AS {name}"


def _value(table: Table, column: str, kind: str, endless: bool) -> str:
    # Also of its own kind: an enumeration or an uuid is no text, a number may have more digits.
    value = f"CAST({quoted(column)} AS {kind})"
    if not endless or kind not in _DAYS:
        return value
    # To look for them first would be to read every day of the warehouse.
    bound = _BOUNDS.get(column) or _bound(table, column)
    never = (f"CAST({text(sign)} AS {kind})" for sign in ("infinity", "-infinity"))
    beginning = f"CAST({text(bound)} AS {kind})" if bound else "NULL"
    upper, lower = never
    return f"CASE {value} WHEN {upper} THEN NULL WHEN {lower} THEN {beginning} ELSE {value} END"


_DAYS = frozenset({sql_type(pa.date32()), sql_type(pa.timestamp("us", "UTC"))})
_BOUNDS = {"known_from": BEGINNING.isoformat(sep=" ")}


def _bound(table: Table, column: str) -> str | None:
    """The day that stands for an infinite past, where there is one."""
    begins = table.valid is not None and column == table.valid[0]
    return str(BEGINNING.date()) if begins else None


def _of_table(table: Table, columns: Columns) -> Iterator[str]:
    """What does not fit of a table that may be read."""
    for column in (*imported_columns(table), *PROVENANCE):
        told, wanted = f"{table.name}.{column.name}", WANTED[column.type]
        if column.name in columns:
            kind = columns[column.name]
            if kind not in FITTING[column.type]:
                yield f"{told} is {kind}; expected {wanted}"
        elif column.required and column.name not in _OPTIONAL:
            near = nearest(column.name, (c for c in columns if table.column(c) is None))
            yield f"{told} is missing, or the role may not read it; expected {wanted}" + (
                f"; did you mean {near}?" if near else ""
            )
