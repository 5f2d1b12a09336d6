"""The canonical tables as Arrow and Ibis schemas, and Python values brought into their types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from keepwell.facts.model import Column, ColumnType, Table
from keepwell.facts.schema import DERIVED_COLUMNS, PROVENANCE, TABLES
from keepwell.kit.errors import KeepwellError, did_you_mean

if TYPE_CHECKING:
    import ibis

INSTANT = pa.timestamp("us", tz="UTC")

ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "int": pa.int64(),
    "decimal": pa.decimal128(18, 4),
    "money": pa.decimal128(18, 4),
    "rate": pa.decimal128(18, 9),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": INSTANT,
}

_SOURCE = PROVENANCE[0]


def table_named(name: str) -> Table:
    """The canonical table of that name. Raises KeepwellError with near names."""
    if name not in TABLES:
        raise KeepwellError(
            f"there is no canonical table '{name}'", todo=did_you_mean(name, TABLES)
        )
    return TABLES[name]


def imported_columns(table: Table) -> tuple[Column, ...]:
    """The columns that an import may fill: all but those computed when reading."""
    return tuple(c for c in table.columns if (table.name, c.name) not in DERIVED_COLUMNS)


def stored_schema(table: Table) -> pa.Schema:
    """What is stored: the imported columns and the provenance."""
    return _schema((*imported_columns(table), *PROVENANCE))


def incoming_schema(table: Table) -> pa.Schema:
    """What an import hands over: the imported columns, source_key and source_updated_at."""
    own = [c for c in PROVENANCE if c.name in ("source_key", "source_updated_at")]
    return _schema((*imported_columns(table), *own))


def visible_schema(table: Table) -> pa.Schema:
    """What a reader sees of the stored columns: the imported ones and source_id."""
    return _schema((*imported_columns(table), _SOURCE))


def read_schema(table: Table) -> pa.Schema:
    """What `table(name)` of a reader has: every canonical column and source_id."""
    return _schema((*table.columns, _SOURCE))


def ibis_schema(table: Table) -> ibis.Schema:
    """`read_schema` in the types of Ibis."""
    import ibis

    return ibis.Schema.from_pyarrow(read_schema(table))


def _schema(columns: Iterable[Column]) -> pa.Schema:
    return pa.schema([(c.name, ARROW_TYPES[c.type]) for c in columns])


def conform(name: str, rows: pa.Table | Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows of the table `name` with exactly the columns and types of `schema`.

    Missing columns are null. Python rows may hold ISO 8601 texts for dates and instants, and any
    number for a decimal; an instant without a zone is UTC. Raises KeepwellError for a column that
    the schema does not have and for a value that does not fit.
    """
    if isinstance(rows, pa.Table):
        _refuse_unknown(name, rows.column_names, schema)
        columns = [
            _cast(name, f, rows.column(f.name))
            if f.name in rows.column_names
            else pa.nulls(rows.num_rows, f.type)
            for f in schema
        ]
        return pa.table(columns, schema=schema)
    _refuse_unknown(name, {key for row in rows for key in row}, schema)
    arrays = [
        pa.array([_value(name, f, row.get(f.name)) for row in rows], type=f.type) for f in schema
    ]
    return pa.table(arrays, schema=schema)


def _refuse_unknown(name: str, columns: Iterable[str], schema: pa.Schema) -> None:
    for column in columns:
        if column not in schema.names:
            raise KeepwellError(
                f"table '{name}' has no column '{column}'", todo=did_you_mean(column, schema.names)
            )


def _cast(name: str, field: pa.Field, column: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return column.cast(field.type)
    except pa.ArrowException as error:
        raise KeepwellError(
            f"{name}.{field.name}: {error}", expected=f"values of type {field.type}"
        ) from None


def _value(name: str, field: pa.Field, value: Any) -> Any:
    if value is None:
        return None
    try:
        if pa.types.is_decimal(field.type):
            step = Decimal(1).scaleb(-field.type.scale)
            return Decimal(str(value)).quantize(step, rounding=ROUND_HALF_EVEN)
        if pa.types.is_timestamp(field.type):
            return _instant(value)
        if pa.types.is_date(field.type):
            return _day(value)
        return pa.scalar(value, type=field.type).as_py()
    except (InvalidOperation, ValueError, TypeError, OverflowError, pa.ArrowException):
        raise KeepwellError(
            f"{name}.{field.name}: {value!r} does not fit",
            expected=f"a value of type {field.type}",
        ) from None


def _instant(value: Any) -> datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime):
        raise TypeError("not an instant")
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _day(value: Any) -> date:
    if isinstance(value, datetime):
        raise TypeError("an instant is not a day")
    if isinstance(value, str):
        value = date.fromisoformat(value)
    if not isinstance(value, date):
        raise TypeError("not a day")
    return value
