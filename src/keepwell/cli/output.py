"""Data in the format that was asked for: a table for people, JSON, CSV or Parquet for programs."""

from __future__ import annotations

import io
import json
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import click
import pyarrow as pa
from rich.console import RenderableType

from keepwell.cli.console import out, text_of, to_file
from keepwell.kit.errors import KeepwellError

_BY_ENDING = {".json": "json", ".csv": "csv", ".parquet": "parquet"}
Rows: TypeAlias = "pa.Table | Sequence[Mapping[str, Any]]"
Drawn = Callable[[int], RenderableType]
"""What people see, for a width in characters."""


def deliver(
    fmt: str | None,
    output: Path | None,
    *,
    table: Drawn,
    rows: Callable[[], Rows],
    document: Callable[[], Any] | None = None,
) -> None:
    """Write a result to stdout or to the file `output`.

    fmt: table, json, csv or parquet; None goes by the file's ending, else it is a table. `rows` are
    flat, `document` is the JSON (the rows where it is not given). Raises KeepwellError where the
    file cannot be written, UsageError for Parquet on a terminal.
    """
    chosen = fmt or (_BY_ENDING.get(output.suffix.lower(), "table") if output else "table")
    if chosen == "table":
        _table(table, output)
    elif chosen == "json":
        found = document() if document else records(rows())
        write_text(json.dumps(plain(found), indent=2, ensure_ascii=False) + "\n", output)
    elif chosen == "csv":
        _data(partial(write_csv, arrow(rows())), output)
    elif output is None and sys.stdout.isatty():
        raise click.UsageError(
            "Parquet is not for reading on a terminal; add --output FILE.parquet or a pipe"
        )
    else:
        _data(partial(write_parquet, arrow(rows())), output)


def arrow(rows: Rows) -> pa.Table:
    """The rows as Arrow; a column whose values are of several kinds becomes text."""
    if isinstance(rows, pa.Table):
        return rows
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name) for row in rows] for name in names}
    return pa.table({name: _column(values) for name, values in columns.items()})


def _column(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if v is None else _word(v) for v in values], pa.string())


def _word(value: Any) -> str:
    return str(plain(value))


def records(rows: Rows) -> list[Mapping[str, Any]]:
    """The rows as dictionaries."""
    return rows.to_pylist() if isinstance(rows, pa.Table) else list(rows)


def plain(value: Any) -> Any:
    """The value as JSON knows it: days and instants as ISO text, NaN as null."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v) for v in value]
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def write_csv(table: pa.Table, to: BinaryIO) -> None:
    """CSV in UTF-8 with a header; lists are joined by '; '."""
    from pyarrow import csv

    columns = [_flat(table[name]) for name in table.column_names]
    csv.write_csv(pa.table(columns, names=table.column_names), to)


def write_parquet(table: pa.Table, to: BinaryIO) -> None:
    """Parquet, compressed."""
    from pyarrow import parquet

    parquet.write_table(table, to, compression="zstd")


def _flat(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    if pa.types.is_nested(column.type):
        values = column.to_pylist()
        joined = ["; ".join(map(_word, v)) if isinstance(v, list) else _word(v) for v in values]
        return pa.array([None if v is None else j for v, j in zip(values, joined, strict=True)])
    return column.cast(pa.string()) if pa.types.is_null(column.type) else column


def _table(table: Drawn, output: Path | None) -> None:
    console = out() if output is None else to_file()
    write_text(text_of(table(console.width), console), output)


def write_text(text: str, output: Path | None) -> None:
    """Write text to stdout or to a file, as it is."""
    if output is None:
        click.echo(text, nl=False)
    else:
        _data(lambda to: to.write(text.encode("utf-8")), output)


def _data(write: Callable[[BinaryIO], Any], output: Path | None) -> None:
    if output is None:
        # Through a buffer: Arrow would close the stream, and a pipe cannot be sought in.
        buffer = io.BytesIO()
        write(buffer)
        sys.stdout.buffer.write(buffer.getvalue())
        return
    # Beside the file and then in its place: a reader never finds half of it.
    special = output.exists() and not output.is_file()
    beside = output if special else output.with_name(f".{output.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            write(file)
        if not special:
            beside.replace(output)
    except OSError as error:
        if not special:
            with suppress(OSError):
                beside.unlink()
        raise KeepwellError(
            f"cannot be written: {error.strerror or error}", where=str(output),
            todo="name another file",
        ) from None  # fmt: skip
    click.echo(f"Wrote {output}", err=True)
