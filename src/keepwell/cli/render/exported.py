"""A look at exported rows; the whole of them is for files."""

from __future__ import annotations

import pyarrow as pa
from rich.console import Group, RenderableType
from rich.text import Text

from keepwell.cli.render import format as fmt
from keepwell.cli.render.tables import Column, grid

_ALWAYS = 6


def exported(table: pa.Table, width: int, most: int) -> RenderableType:
    """The first rows, with as many columns as have room."""
    if not table.num_rows:
        return Text("No scored day is in that range.")
    rows = table.slice(0, most).to_pylist()
    columns = [
        Column(
            name, name, right=_is_number(table.schema.field(name).type), rank=max(0, n - _ALWAYS)
        )
        for n, name in enumerate(table.column_names)
    ]
    cells = [{k: _cell(v) for k, v in row.items()} for row in rows]
    shown = grid(columns, cells, width)
    if table.num_rows <= most:
        return shown
    told = f"{most} of {fmt.count(table.num_rows, 'row')}; --output FILE.parquet has all."
    return Group(shown, Text(told, "dim"))


def _cell(value: object) -> str:
    if isinstance(value, float):
        return fmt.number(value, 2)
    return value if isinstance(value, str) else fmt.measured(value)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))
