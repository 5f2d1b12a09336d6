"""The rows of Parquet files for DuckDB: by their paths on this machine, else through Arrow, which
asks the object store for the row groups and columns that are needed and no more."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from keepwell.history.columns import MONTH
from keepwell.history.delta.files import DayFile
from keepwell.history.snapshot import Rows
from keepwell.kit.storage import Folder, Storage

PARQUET = "read_parquet(?, union_by_name = true, hive_partitioning = false)"
"""The files that are given as a parameter; a column that some of them lack is null there."""

_REGISTERED = "stored_rows"


@dataclass(frozen=True)
class Asked:
    """Which rows and which columns on disk are needed."""

    rows: Rows
    columns: Collection[str]


def source(
    con: duckdb.DuckDBPyConnection,
    storage: Storage,
    table: str,
    files: Sequence[DayFile],
    stored: Mapping[str, pa.DataType],
    asked: Asked | None = None,
) -> tuple[str, list[object]]:
    """What stands behind FROM, and its parameters: these files of a table in that folder.

    stored: the table's columns. asked: all that is needed of them; more may be there.
    """
    if isinstance(storage, Folder):
        return PARQUET, [[str(storage.path / table / f.path) for f in files]]
    import pyarrow.dataset as ds

    # The month is in the path alone, and nobody asks for it.
    schema = pa.schema([(n, t) for n, t in stored.items() if n != MONTH])
    fragments = [storage.fragment(f"{table}/{f.path}", f.size) for f in files]
    found = ds.FileSystemDataset(fragments, schema, fragments[0].format, fragments[0].filesystem)
    if asked is None:
        # All of a month, of which DuckDB takes as much at once as it has room for.
        con.register(_REGISTERED, found)
    else:
        # Not through DuckDB, which would hide from the reader that a file is gone.
        names = [n for n in schema.names if n in asked.columns]
        con.register(_REGISTERED, found.to_table(names, _filter(asked.rows)))
    return _REGISTERED, []


def _filter(rows: Rows) -> Any:
    """An expression by which Arrow leaves out row groups; None where it can leave out none."""
    parts = []
    if rows.accounts is not None:
        parts.append(pc.field("account_id").isin(pa.array(rows.accounts, pa.string())))
    if rows.days is not None:
        parts.append(pc.field("date").isin(pa.array(rows.days, pa.date32())))
    if rows.first is not None:
        parts.append(pc.field("date") >= pa.scalar(rows.first, pa.date32()))
    if rows.last is not None:
        parts.append(pc.field("date") <= pa.scalar(rows.last, pa.date32()))
    return reduce(lambda one, other: one & other, parts) if parts else None
