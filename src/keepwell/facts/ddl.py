"""CREATE TABLE statements of the canonical tables, for those who keep them in a warehouse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp

from keepwell.facts.arrow import ARROW_TYPES, imported_columns, table_named
from keepwell.facts.engines.dialects import CAPITALS
from keepwell.facts.model import Column, Table
from keepwell.facts.schema import IMPORTED, PROVENANCE
from keepwell.kit.errors import KeepwellError, did_you_mean
from keepwell.kit.views import sql_type

DIALECTS = ("postgres", "spark", "databricks", "snowflake", "bigquery", "trino", "duckdb")
OPTIONAL = (
    "All from here on is optional. It keeps the versions of a row apart and says when each one",
    "was known: a table without known_from is read as known now, whatever day is scored.",
)
_INSTANTS = {"trino": "TIMESTAMPTZ(6)"}
"""Where an instant has fewer than six digits of a second unless it is said, in DuckDB's words."""


def ddl(dialect: str, schema: str | None = None, tables: Sequence[str] | None = None) -> str:
    """The statements that make all imported canonical tables, or the named ones, with notes beside.

    schema: where to make them; `catalog.schema` is two names. Raises KeepwellError for an unknown
    dialect or table, and for a table that is made when reading.
    """
    if dialect not in DIALECTS:
        raise KeepwellError(
            f"there is no dialect '{dialect}'", todo=did_you_mean(dialect, DIALECTS)
        )
    chosen = [_imported(name) for name in dict.fromkeys(tables or IMPORTED)]
    above = schema.split(".") if schema else []
    statements = (create_table(table, (*above, table.name), dialect) for table in chosen)
    return "\n\n".join(f"{statement};" for statement in statements) + "\n"


def create_table(table: Table, place: Iterable[str], dialect: str) -> str:
    """The statement that makes one table under a name of these parts."""
    name = ".".join(_name(part, dialect) for part in place)
    lines = [_comment(table.note), _comment("one row per " + ", ".join(table.key))]
    return "\n".join([*lines, f"CREATE TABLE {name} (", *_body(table, dialect), ")"])


@dataclass(frozen=True)
class _Line:
    """A column as it is written."""

    name: str
    kind: str
    note: str


def _body(table: Table, dialect: str) -> Iterator[str]:
    own = [_line(c, dialect, required=c.required) for c in imported_columns(table)]
    # A warehouse may leave any of these out, so that none of them is ever asked for.
    more = [_line(c, dialect, required=False) for c in PROVENANCE]
    names = max(len(line.name) for line in (*own, *more))
    kinds = max(len(line.kind) for line in (*own, *more)) + 1
    for number, line in enumerate((*own, *more), 1):
        if number == len(own) + 1:
            yield from ("  " + _comment(text) for text in OPTIONAL)
        kind = line.kind + ("," if number < len(own) + len(more) else "")
        note = _comment(line.note) if line.note else ""
        yield f"  {line.name:{names}} {kind:{kinds}} {note}".rstrip()


def _line(column: Column, dialect: str, *, required: bool) -> _Line:
    kind = _type(ARROW_TYPES[column.type], dialect) + (" NOT NULL" if required else "")
    values = "one of " + ", ".join(column.values) if column.values else ""
    note = "; ".join(text for text in (column.note, values) if text)
    return _Line(_name(column.name, dialect), kind, note)


def _type(kind: pa.DataType, dialect: str) -> str:
    said = sql_type(kind)
    if pa.types.is_timestamp(kind):
        said = _INSTANTS.get(dialect, said)
    return exp.DataType.build(said, dialect="duckdb").sql(dialect=dialect)


def _name(name: str, dialect: str) -> str:
    if dialect in CAPITALS and name.islower():
        # As Snowflake calls what nobody puts in quotes.
        name = name.upper()
    # Always quoted: which words an engine keeps for itself differs, such as `columns` or `value`.
    return exp.to_identifier(name, quoted=True).sql(dialect=dialect)


def _comment(text: str) -> str:
    """A comment, which ends with its line."""
    return "-- " + " ".join(text.split())


def _imported(name: str) -> Table:
    table = table_named(name)
    if table.derived:
        raise KeepwellError(
            f"table '{name}' is made when reading and is kept nowhere",
            todo="make the tables that it is made of",
        )
    return table
