"""Rows and columns of Python values as Arrow tables in the shape of facts.schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from keepwell.facts.arrow import ARROW_TYPES, imported_columns
from keepwell.facts.schema import TABLES

Row = dict[str, Any]

_PLACES: dict[str, int] = {"decimal": 4, "money": 4, "rate": 9}


def arrow_schema(table: str) -> pa.Schema:
    """The Arrow schema of a canonical table, without the columns that are computed on reading."""
    return pa.schema([(c.name, ARROW_TYPES[c.type]) for c in imported_columns(TABLES[table])])


def exact(value: float | Decimal | None, places: int = 4) -> Decimal | None:
    """The number as a decimal of that many places."""
    if value is None or isinstance(value, Decimal):
        return value
    return Decimal(round(value * 10**places)).scaleb(-places)


def frame(table: str, rows: Iterable[Row]) -> pa.Table:
    """The rows as a canonical table; a column that a row does not name is empty.

    Raises KeyError for a column that the table does not have.
    """
    listed = list(rows)
    schema = arrow_schema(table)
    unknown = {key for row in listed for key in row} - set(schema.names)
    if unknown:
        raise KeyError(f"{table} has no column {sorted(unknown)}")
    kinds = {c.name: c.type for c in TABLES[table].columns}
    arrays = []
    for field in schema:
        values: Sequence[Any] = [row.get(field.name) for row in listed]
        places = _PLACES.get(kinds[field.name])
        if places is not None:
            values = [exact(v, places) for v in values]
        arrays.append(pa.array(values, type=field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def plain_frame(rows: Sequence[Row], types: Mapping[str, pa.DataType]) -> pa.Table:
    """The rows as a table of the given columns; for the hidden truth, which has no schema."""
    schema = pa.schema(list(types.items()))
    arrays = [pa.array([r.get(f.name) for r in rows], type=f.type) for f in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def scaled_decimals(ten_thousandths: Sequence[int]) -> pa.Array:
    """Integers that count ten-thousandths, as decimal128(18, 4), without a Decimal for each."""
    whole = pa.array(ten_thousandths, type=pa.int64()).cast(pa.decimal128(19, 0))
    return pa.Array.from_buffers(ARROW_TYPES["decimal"], len(whole), whole.buffers())


def looked_up(codes: Sequence[int], names: Sequence[str | None]) -> pa.Array:
    """Text by position: names[code] for each code; a name of None is an empty value."""
    indices = pa.array(codes, type=pa.int32())
    return pa.array(names, type=pa.string()).take(indices)
