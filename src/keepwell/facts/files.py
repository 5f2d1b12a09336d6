"""Parquet files of a Delta table: written by DuckDB, exchanged in one commit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from keepwell.facts.sql import fill
from keepwell.kit import clock
from keepwell.kit.deltalog import NO_HOOKS, latest_version
from keepwell.kit.views import text

ROW_GROUPS = 4
"""So many groups of 122,880 rows go into a file; a correction rewrites the files it touches."""

SMALL_ROWS = 120_000
MANY_SMALL = 16
"""So many files below SMALL_ROWS are joined to one."""


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of a table; `name` is relative to the table's folder, `size` in bytes."""

    name: str
    rows: int
    size: int


def data_files(folder: Path, version: int | None) -> list[DataFile]:
    """The files of the table at that version; none for version None."""
    if version is None:
        return []
    actions = pa.table(DeltaTable(folder.absolute(), version=version).get_add_actions(flatten=True))
    columns = zip(
        actions["path"].to_pylist(),
        actions["num_records"].to_pylist(),
        actions["size_bytes"].to_pylist(),
        strict=True,
    )
    return [DataFile(path, rows or 0, size) for path, rows, size in columns]


def write(
    con: duckdb.DuckDBPyConnection, select: str, folder: Path, order_by: str | None
) -> list[DataFile]:
    """Write the rows of a SELECT, sorted where an order is given, into new files of the folder.

    Nobody sees them before `exchange` has named them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    statement = fill(
        """
        COPY ($select $order) TO $target (
            FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUPS_PER_FILE $groups,
            APPEND true, FILENAME_PATTERN 'part-{uuid}', RETURN_STATS true)
        """,
        select=select,
        order=f"ORDER BY {order_by}" if order_by else "",
        target=text(str(folder.absolute())),
        groups=str(ROW_GROUPS),
    )
    cursor = con.execute(statement)
    names = [d[0] for d in cursor.description or []]
    written = []
    for row in cursor.fetchall():
        stats = dict(zip(names, row, strict=True))
        path = Path(stats["filename"])
        if stats["count"]:
            written.append(DataFile(path.name, stats["count"], stats["file_size_bytes"]))
        else:
            path.unlink(missing_ok=True)
    return written


def exchange(
    folder: Path,
    schema: pa.Schema,
    added: Sequence[DataFile],
    removed: Sequence[DataFile] = (),
    *,
    same_rows: bool = False,
) -> int:
    """Add and remove files in one commit, which creates the table where there is none.

    `same_rows` marks a mere rearrangement. Returns the new version.
    """
    if not DeltaTable.is_deltatable(str(folder.absolute())):
        DeltaTable.create(folder.absolute(), schema=schema, post_commithook_properties=NO_HOOKS)
    table = DeltaTable(folder.absolute())
    now = int(clock.now().timestamp() * 1000)
    adds = [
        AddAction(f.name, f.size, {}, now, not same_rows, json.dumps({"numRecords": f.rows}))
        for f in added
    ]
    removes = [RemoveAction(f.name, not same_rows, now, f.size, {}) for f in removed]
    table.create_write_transaction(
        [*adds, *removes],
        mode="append",
        schema=table.schema(),
        post_commithook_properties=NO_HOOKS,
    )
    return latest_version(folder)


def too_many_small(files: Sequence[DataFile]) -> list[DataFile]:
    """The files that had better be joined to one; none while they are few."""
    small = [f for f in files if f.rows < SMALL_ROWS]
    return small if len(small) >= MANY_SMALL else []
