"""Snowflake, BigQuery, Databricks and Trino as engines: they are asked, and keep nothing.

Not all of them have temporary views and tables, and none for a role that may only read. So each
statement brings what it reads along, in its WITH. The statements are compiled and checked by tests;
no test has run them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa
from sqlglot import exp

from keepwell.facts import sql
from keepwell.facts.engines.base import Columns, Kind, Remote, shaped
from keepwell.facts.engines.dialects import (
    CAPITALS,
    ENGINES,
    NOT_RUN,
    Dialect,
    identifier,
    named,
    tables_of,
    translated,
)
from keepwell.kit.errors import KeepwellError
from keepwell.kit.views import quoted, sql_type, text

ROWS_AT_ONCE = 10_000
"""Rows of one VALUES: Snowflake takes 16,384."""
LONGEST: Mapping[Dialect, int] = {"snowflake": 1_000_000, "bigquery": 1_000_000, "trino": 1_000_000}
"""Characters of a statement that an engine takes, unless it is set up otherwise."""
_INSTANT = re.compile(r"timestamp_(tz|ltz)|timestamp with (local )?time zone")
_KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("text", "string", "varchar", "char", "uuid"), "text"),
    **dict.fromkeys(("int", "int64", "integer", "bigint", "smallint", "tinyint"), "int"),
    **dict.fromkeys(("long", "short", "byte"), "int"),
    **dict.fromkeys(("number", "decimal", "numeric", "bignumeric"), "decimal"),
    **dict.fromkeys(("float", "float64", "double", "real"), "float"),
    **dict.fromkeys(("boolean", "bool"), "bool"),
    "date": "date",
}  # fmt: skip
_NO_ZONE: Mapping[Dialect, str] = {
    "snowflake": "timestamp_ntz",
    "bigquery": "datetime",
    "databricks": "timestamp_ntz",
    "trino": "timestamp",
}


class Session(Protocol):
    """A connection that reads. Raises one of `errors` where it cannot."""

    errors: tuple[type[Exception], ...]

    def rows(self, select: str) -> pa.Table:
        """The rows of a SELECT, columns in its order."""

    def close(self) -> None:
        """End it."""


@dataclass(frozen=True)
class Spelling:
    """What a table and its columns are really called: in Snowflake mostly in capitals."""

    place: tuple[str, ...]
    columns: Mapping[str, str]


class CloudEngine(Remote):
    """A session with one of the four. where: how it is called in messages. schema: in which tables
    are looked for where none is said.

    Raises KeepwellError where it is away, or fails.
    """

    def __init__(self, dialect: Dialect, where: str, schema: str, session: Session) -> None:
        self.dialect = dialect
        self.where = where
        self.schema = schema
        self.session = session
        self._named: dict[str, str] = {}
        self._reads: dict[str, frozenset[str]] = {}
        self._spelled: dict[tuple[str, ...], Spelling] = {}

    def view(self, name: str, select: str) -> None:
        self._named[named(name, self.dialect)] = select

    def put(self, name: str, rows: pa.Table) -> None:
        self.view(name, self.said(written_out(rows)))

    def drop(self, name: str) -> None:
        self._named.pop(named(name, self.dialect), None)

    def answer(self, select: str, schema: pa.Schema) -> pa.Table:
        return shaped(self._asked(select), schema)

    def rows(self, select: str) -> list[tuple[Any, ...]]:
        found = self._asked(select)
        return list(zip(*(column.to_pylist() for column in found.columns), strict=True))

    def close(self) -> None:
        self.session.close()

    def said(self, statement: str) -> str:
        return translated(statement, self.dialect, self._as_spelled)

    def finished(self, select: str) -> str:
        """A SELECT with all that it reads. Raises KeepwellError for one that is too long."""
        parts = [f"{identifier(name, self.dialect)} AS ({self._named[name]})"
                 for name in self._needed(select)]  # fmt: skip
        if not parts:
            return select
        own = re.match(r"WITH\s+(?!RECURSIVE\b)", select)
        parts.append(select[own.end() :] if own else "")
        whole = "WITH " + (", ".join(parts) if own else ", ".join(parts[:-1]) + " " + select)
        most = LONGEST.get(self.dialect)
        if most is not None and len(whole) > most:
            raise KeepwellError(
                f"a statement of {len(whole):,} characters is longer than"
                f" {ENGINES[self.dialect]} takes ({most:,})",
                where=self.where,
                todo="keep the facts in PostgreSQL, Spark or the project's folder: closed days,"
                " merged accounts and time zones of so many accounts do not fit into it",
            )
        return whole

    def _needed(self, select: str) -> list[str]:
        """The names that a SELECT reads, each after those that it is made of."""
        found: dict[str, None] = {}

        def visit(statement: str) -> None:
            for name in sorted(self._read_by(statement)):
                if name in self._named and name not in found:
                    visit(self._named[name])
                    found[name] = None

        visit(select)
        return list(found)

    def _read_by(self, statement: str) -> frozenset[str]:
        if statement not in self._reads:
            self._reads[statement] = tables_of(statement, self.dialect)
        return self._reads[statement]

    def _asked(self, select: str) -> pa.Table:
        with explained(self.dialect, self.where, self.session.errors):
            return self.session.rows(self.finished(select))

    # --- what is there ----------------------------------------------------------------------------

    def columns(self, places: Sequence[tuple[str, ...]]) -> Mapping[tuple[str, ...], Columns]:
        found: dict[tuple[str, ...], Columns] = {}
        for above in dict.fromkeys(place[:-1] for place in places):
            tables = self._tables(above)
            for place in (p for p in places if p[:-1] == above):
                name = _like(place[-1], tables)
                if name is not None:
                    own, columns = tables[name]
                    self._spelled[place] = _spelling((*above[:-1], own, name), columns)
                    spelled = self._spelled[place].columns
                    found[place] = {c: columns[there] for c, there in spelled.items()}
        return found

    def _tables(self, above: tuple[str, ...]) -> dict[str, tuple[str, dict[str, Kind | str]]]:
        """The schema's own spelling and the columns of every table in a schema, by name."""
        found: dict[str, tuple[str, dict[str, Kind | str]]] = {}
        for schema, table, column, kind in self.rows(columns_of(above, self.dialect)):
            columns = found.setdefault(table, (schema, {}))[1]
            columns[column] = kind_of(str(kind), self.dialect)
        return found

    def _as_spelled(self, tree: exp.Expr) -> None:
        """The tables of the warehouse and their columns in their own spelling."""
        for table in tree.find_all(exp.Table):
            place = tuple(part.name for part in table.parts)
            spelling = self._spelled.get(place) if table.db else None
            if spelling is None:
                continue
            for part, name in zip(table.parts, spelling.place, strict=True):
                part.set("this", name)
            select = table.find_ancestor(exp.Select)
            for one in select.expressions if select else []:
                for column in one.find_all(exp.Column):
                    column.this.set("this", spelling.columns.get(column.name, column.name))


def columns_of(above: tuple[str, ...], dialect: Dialect) -> str:
    """The SELECT of schema, table, column and type of all columns in a schema."""
    *catalog, schema = above
    if dialect == "bigquery":
        place = ".".join(identifier(part, dialect) for part in above)
        where = ""
    else:
        place = ".".join(identifier(_capital(c, dialect), dialect) for c in catalog)
        where = f" WHERE LOWER(table_schema) = {text(schema.lower())}"
    # In Snowflake a whole number is a number without places.
    kind = (
        "CASE WHEN data_type = 'NUMBER' AND numeric_scale = 0 THEN 'INT' ELSE data_type END"
        if dialect == "snowflake"
        else "data_type"
    )
    columns = f"{place}." if place else ""
    return sql.fill(
        "SELECT table_schema, table_name, column_name, $kind AS kind"
        " FROM ${above}INFORMATION_SCHEMA.COLUMNS$where",
        kind=kind,
        above=columns,
        where=where,
    )


def kind_of(told: str, dialect: Dialect) -> Kind | str:
    """What a column holds, by the engine's own name of its type."""
    plain = " ".join(re.sub(r"\([^)]*\)", "", told.lower()).split())
    if plain == _NO_ZONE[dialect]:
        return "an instant without a zone"
    if plain == "timestamp" or _INSTANT.fullmatch(plain):
        return "timestamp"
    return _KINDS.get(plain, told)


def written_out(rows: pa.Table) -> str:
    """A SELECT, in DuckDB's SQL, that gives small rows by their literals."""
    names = [f"c{number}" for number in range(rows.num_columns)]
    kinds = [sql_type(field.type) for field in rows.schema]
    chosen = ", ".join(
        f"CAST({name} AS {kind}) AS {quoted(field.name)}"
        for name, kind, field in zip(names, kinds, rows.schema, strict=True)
    )
    if not rows.num_rows:
        nothing = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(field.name)}"
                            for kind, field in zip(kinds, rows.schema, strict=True))  # fmt: skip
        return f"SELECT {nothing} WHERE false"
    selects = []
    for start in range(0, rows.num_rows, ROWS_AT_ONCE):
        part = rows.slice(start, ROWS_AT_ONCE)
        values = zip(*(column.to_pylist() for column in part.columns), strict=True)
        listed = ", ".join("(" + ", ".join(map(_literal, row, kinds)) + ")" for row in values)
        given = sql.fill("VALUES $rows", rows=listed)
        named_rows = f"({given}) AS t ({', '.join(names)})"
        selects.append(sql.fill("SELECT $chosen FROM $rows", chosen=chosen, rows=named_rows))
    return " UNION ALL ".join(selects)


def _literal(value: Any, kind: str) -> str:
    if value is None:
        return f"CAST(NULL AS {kind})"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return f"CAST({text(str(value))} AS {kind})" if kind != "VARCHAR" else text(value)


def _like(wanted: str, names: Mapping[str, object]) -> str | None:
    """That name, else one that differs by its case only."""
    if wanted in names:
        return wanted
    return next((name for name in sorted(names) if name.lower() == wanted.lower()), None)


def _spelling(place: tuple[str, ...], columns: Mapping[str, object]) -> Spelling:
    known = {name.lower(): name for name in sorted(columns)}
    return Spelling(place, known | {name: name for name in columns if name.islower()})


def _capital(name: str, dialect: Dialect) -> str:
    return name.upper() if dialect in CAPITALS and name.islower() else name


@contextmanager
def explained(dialect: Dialect, where: str, errors: tuple[type[Exception], ...]) -> Iterator[None]:
    """What an engine's driver raises is raised as KeepwellError."""
    try:
        yield
    except errors as error:
        told = " ".join(str(error).split()) or type(error).__name__
        raise KeepwellError(
            f"{ENGINES[dialect]} could not answer: {told}",
            where=where,
            todo="see that it runs and lets this user read. Keepwell's statements for"
            f" {ENGINES[dialect]} are {NOT_RUN}: if one of them is at fault, please report it"
            " with keepwell score --plan",
        ) from error
