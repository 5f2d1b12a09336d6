"""Which columns a table of scored days has, and how a column may change its type over the years.

A measure that was a number and becomes a category keeps its name for the reader. On disk the
later type gets a column of its own (`value/x::string`), because a Delta column has one type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from keepwell.kit.views import quoted, sql_type

ACCOUNT = pa.field("account_id", pa.string())
KEYS = (
    ACCOUNT,
    pa.field("date", pa.date32()),
    pa.field("revision", pa.int64()),
    pa.field("current", pa.bool_()),
)
"""The columns that every file begins with; the month is in its path."""

MONTH = "month"
COLUMNS = pa.schema([pa.field(MONTH, pa.string()), *KEYS])
"""The columns of a table without rows."""

_RESERVED = {f.name for f in KEYS if f is not ACCOUNT} | {MONTH}
_SEPARATOR = "::"


@dataclass(frozen=True)
class Column:
    """What a reader calls a column: its name, its type, and the columns on disk that feed it."""

    name: str
    type: pa.DataType
    stored: tuple[str, ...]

    def sql(self) -> str:
        """The DuckDB expression that reads it, named as the reader calls it."""
        if self.stored == (self.name,):
            return quoted(self.name)
        parts = [f"CAST({quoted(s)} AS {sql_type(self.type)})" for s in self.stored]
        return f"coalesce({', '.join(parts)}) AS {quoted(self.name)}"


def nulls(stored: Mapping[str, pa.DataType]) -> str:
    """A SELECT list that has each of these columns on disk as a null of its type."""
    return ", ".join(f"CAST(NULL AS {sql_type(t)}) AS {quoted(n)}" for n, t in stored.items())


def plain(table: pa.Table) -> pa.Table:
    """The same rows with the types that history stores: 64 bit numbers, plain strings, UTC.

    Raises ValueError for a missing or repeated account_id, a name that history uses itself, a
    column twice, or a type that is not stored.
    """
    names = table.column_names
    if ACCOUNT.name not in names:
        raise ValueError("a table of scored accounts needs the column account_id")
    if len(set(names)) != len(names):
        raise ValueError("a column name occurs twice")
    if taken := _RESERVED.intersection(names):
        raise ValueError(f"history adds the column {', '.join(sorted(taken))} itself")
    fields = [pa.field(f.name, _plain_type(f)) for f in table.schema]
    cast = table.cast(pa.schema(fields))
    accounts = cast[ACCOUNT.name]
    if accounts.null_count or pc.count_distinct(accounts).as_py() != len(accounts):
        raise ValueError("an account_id is missing or occurs twice")
    return cast


def fit(table: pa.Table, stored: Mapping[str, pa.DataType]) -> pa.Table:
    """The rows under the names of the columns on disk, given those that exist there already."""
    fitted = [
        _fit_one(field, array, stored.get(field.name, field.type))
        for field, array in zip(table.schema, table.columns, strict=True)
    ]
    return pa.Table.from_arrays([a for _, a in fitted], names=[n for n, _ in fitted])


def readable(stored: Mapping[str, pa.DataType]) -> dict[str, Column]:
    """The columns that a reader sees, in the order in which they came, without the month."""
    groups: dict[str, list[str]] = {}
    for name in stored:
        if name != MONTH:
            groups.setdefault(name.split(_SEPARATOR)[0], []).append(name)
    return {
        name: Column(name, _common([stored[p] for p in parts]), tuple(parts))
        for name, parts in groups.items()
    }


def _fit_one(
    field: pa.Field, array: pa.ChunkedArray, known: pa.DataType
) -> tuple[str, pa.ChunkedArray | pa.Array]:
    if known == field.type:
        return field.name, array
    if array.null_count == len(array):
        return field.name, pa.nulls(len(array), known)
    return f"{field.name}{_SEPARATOR}{_short(field.type)}", array


def _common(types: list[pa.DataType]) -> pa.DataType:
    if len(set(types)) == 1:
        return types[0]
    return pa.float64() if all(_is_number(t) for t in types) else pa.string()


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _plain_type(field: pa.Field) -> pa.DataType:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_integer(kind):
        return pa.int64()
    if pa.types.is_floating(kind):
        return pa.float64()
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_timestamp(kind) and kind.tz:
        return pa.timestamp("us", tz="UTC")
    if (
        pa.types.is_string(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_date32(kind)
        or pa.types.is_decimal128(kind)
    ):
        return kind
    raise ValueError(f"column {field.name} has the type {kind}, which history does not store")


def _short(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return f"decimal{kind.precision}_{kind.scale}"
    return "timestamp" if pa.types.is_timestamp(kind) else str(kind).replace("[day]", "")
