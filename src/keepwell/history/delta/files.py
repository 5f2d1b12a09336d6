"""The files of a table of scored days: one per night, one per closed month sorted by account."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import quote, unquote

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable, Field, Schema
from deltalake.transaction import AddAction, RemoveAction

from keepwell.history.columns import MONTH
from keepwell.kit import clock
from keepwell.kit.deltalog import AT_ONCE, NO_HOOKS
from keepwell.kit.place import Writer
from keepwell.kit.storage import Storage
from keepwell.kit.views import text

ROWS_PER_GROUP = 49_152
"""Reading one account decodes one group of every file, but each group costs a footer entry for
each column: with 140 columns this size is near the optimum of both (`benchmarks.history_size`)."""

_CONFIGURATION: dict[str, str | None] = {
    # The manifest says how long files stay. A log that remembers them too, by default for a week,
    # becomes slow to open where many nights are scored in a row.
    "delta.deletedFileRetentionDuration": "interval 0 seconds",
    # Only the days of a file are ever asked for; by default each reader decodes 32 columns' ranges.
    "delta.dataSkippingStatsColumns": "date",
}


@dataclass(frozen=True)
class DayFile:
    """One Parquet file: `path` relative to the table, the days it spans, its rows and bytes."""

    path: str
    first: date
    last: date
    rows: int
    size: int

    @property
    def month(self) -> str:
        """The month in which its days lie."""
        return month_of(self.first)

    def touches(self, days: Iterable[date]) -> bool:
        """Whether rows of one of these days may be in the file."""
        return any(self.first <= day <= self.last for day in days)


def month_of(day: date) -> str:
    """The partition of a day, such as 2026-03."""
    return f"{day:%Y-%m}"


def list_files(opened: DeltaTable) -> tuple[dict[str, pa.DataType], dict[str, DayFile]]:
    """The columns (with their types) and the files of an opened table."""
    schema = pa.schema(opened.schema().to_arrow())
    actions = pa.table(opened.get_add_actions(flatten=True))
    files = [
        DayFile(
            path=unquote(a["path"]),
            first=a["min.date"],
            last=a["max.date"],
            rows=a["num_records"],
            size=a["size_bytes"],
        )
        for a in actions.to_pylist()
    ]
    return {f.name: f.type for f in schema}, {f.path: f for f in files}


def adopted(storage: Storage, table: str, path: Path, name: str, dates: pa.ChunkedArray) -> DayFile:
    """The file that was written at a path of `Storage.incoming`, under a name in the table's
    folder; its rows have these dates."""
    days, size = pc.min_max(dates).as_py(), path.stat().st_size
    storage.adopt(path, f"{table}/{name}")
    return DayFile(name, days["min"], days["max"], len(dates), size)


def write_file(
    con: duckdb.DuckDBPyConnection,
    storage: Storage,
    table: str,
    month: str,
    rows: str,
    values: list[object],
) -> DayFile | None:
    """Write the rows of a query, which lie in one month, as one file sorted by account.

    The file is not part of the table (a folder of the storage) until `commit` adds it. None where
    the query has no rows.
    """
    folder = f"{MONTH}={month}"
    with storage.incoming(f"{table}/{folder}") as temporary:
        con.execute(
            f"COPY (FROM ({rows}) ORDER BY account_id, date, revision) TO {text(str(temporary))}"
            # Zstandard would save a sixth of the room and cost a third of the time to read.
            f" (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {ROWS_PER_GROUP})",
            values,
        )
        dates = pq.read_table(temporary, columns=["date"], partitioning=None)["date"]
        if not len(dates):
            temporary.unlink()
            return None
        first, last = pc.min(dates).as_py(), pc.max(dates).as_py()
        name = f"{first:%Y%m%d}-{last:%Y%m%d}-{secrets.token_hex(6)}.parquet"
        return adopted(storage, table, temporary, f"{folder}/{name}", dates)


def open_table(writer: Writer, name: str, columns: pa.Schema) -> DeltaTable:
    """The table at its visible version; a new one without files where it does not exist.

    A new one has these columns and is partitioned by the month if that is among them.
    """
    folder, version = writer.place.table_name(name), writer.version(name)
    if version is not None:
        return writer.storage.table(folder, version)
    months = [MONTH] if MONTH in columns.names else None
    return writer.storage.create_table(folder, columns, months, _CONFIGURATION)


def commit(
    opened: DeltaTable,
    schema: dict[str, pa.DataType],
    added: Iterable[DayFile],
    removed: Iterable[DayFile],
) -> int:
    """Make the table, opened at its newest version, consist of these files and columns; returns
    its new version. Raises CommitFailedError where somebody has written to it since.

    `schema` has the table's columns in order, old ones first.
    """
    known = {f.name for f in opened.schema().fields}
    new = pa.schema([pa.field(n, t) for n, t in schema.items() if n not in known])
    if len(new):
        fields: list[Field] = Schema.from_arrow(new).fields
        opened.alter.add_columns(
            fields, commit_properties=AT_ONCE, post_commithook_properties=NO_HOOKS
        )
    partitions = opened.metadata().partition_columns
    actions: list[AddAction | RemoveAction] = [_remove(f, partitions) for f in removed]
    actions += [_add(f, partitions) for f in added]
    if actions:
        opened.create_write_transaction(
            actions,
            mode="append",
            schema=opened.schema(),
            partition_by=partitions,
            commit_properties=AT_ONCE,
            post_commithook_properties=NO_HOOKS,
        )
    # The transaction leaves the opened table as it was.
    return opened.version() + bool(actions)


def _add(file: DayFile, partitions: list[str]) -> AddAction:
    stats = {
        "numRecords": file.rows,
        "minValues": {"date": file.first.isoformat()},
        "maxValues": {"date": file.last.isoformat()},
        "nullCount": {"date": 0},
    }
    return AddAction(
        path=quote(file.path, safe="/=-_."),
        size=file.size,
        partition_values=dict.fromkeys(partitions, file.month),
        modification_time=_milliseconds(),
        data_change=True,
        stats=json.dumps(stats),
    )


def _remove(file: DayFile, partitions: list[str]) -> RemoveAction:
    values: dict[str, str | None] = dict.fromkeys(partitions, file.month)
    return RemoveAction(quote(file.path, safe="/=-_."), True, _milliseconds(), file.size, values)


def _milliseconds() -> int:
    return int(clock.now().timestamp() * 1000)
