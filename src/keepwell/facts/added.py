"""What the rows of a file add up to, kept beside the facts: a file of rows never changes.

A night adds few files to many. What the old ones add up to (one row per account and day, say)
follows from them and from a statement alone, so that it is worked out once for each file. It may be
thrown away at any time, and nothing fails where it cannot be kept.

Only files whose rows no longer depend on the instant as of which they are read take part: all of
their versions had come, and those that ended had ended. The rows of the others are added up anew.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from keepwell.facts.arrow import stored_schema, table_named
from keepwell.facts.known import Known
from keepwell.kit.views import fill, quoted, sql_type, text, view_sql

ADDED = ".added"
"""The folder in which it is kept, in that of the facts."""
UNUSED_FOR = 30 * 24 * 3600
"""After so many seconds what nobody asked for is thrown away."""

HALF_FOR = 3600
"""After so many seconds nobody is still writing a file."""

_INSTANTS = ("known_from", "known_to", "ingested_at")
_NEVER = datetime.max.replace(tzinfo=UTC)
_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Adding:
    """A statement that adds up rows of a table, of which parts may be added up by themselves.

    table: an imported one. columns: of its own, all that are read. rows: the name under which `sql`
    finds them. schema: of what it gives.
    """

    table: str
    columns: tuple[str, ...]
    rows: str
    sql: str
    schema: pa.Schema

    @property
    def name(self) -> str:
        """A short name, which tells it from all others."""
        return hashlib.blake2b(repr(self).encode(), digest_size=6).hexdigest()

    def over(self, rows: str) -> str:
        """A SELECT in DuckDB's SQL of what the rows of another SELECT add up to."""
        columns = ", ".join(
            f"CAST({quoted(f.name)} AS {sql_type(f.type)}) AS {quoted(f.name)}" for f in self.schema
        )
        return fill(
            "WITH $name AS ($rows) SELECT $columns FROM ($added)",
            name=quoted(self.rows),
            rows=rows,
            columns=columns,
            added=self.sql,
        )


class Kept:
    """The folder in which is kept what the files of a table add up to. told: what that follows from
    beside the files and the statement."""

    def __init__(self, root: Path, adding: Adding, told: str) -> None:
        key = hashlib.blake2b(f"{adding.name} {told}".encode(), digest_size=12).hexdigest()
        self._table = root / adding.table
        self._folder = self._table / key
        self._adding = adding

    def of(
        self, con: duckdb.DuckDBPyConnection, files: Sequence[str], known: Known
    ) -> tuple[list[str], list[str]]:
        """The files that hold what has been added up, and those of which nothing is kept: their
        rows are to be read as known at that instant."""
        kept, rest = [], []
        settled = {f: _is_settled(f, known) for f in files}
        if any(s and not self._of(f).exists() for f, s in settled.items()):
            self._make_room(Path(files[0]).parent)
        for file, is_settled in settled.items():
            place = self._of(file)
            if not is_settled or not (place.exists() or self._keeps(con, file, place)):
                rest.append(file)
            elif place.stat().st_size:
                kept.append(str(place.absolute()))
        with suppress(OSError):
            os.utime(self._folder)
        return kept, rest

    def _of(self, file: str) -> Path:
        return self._folder / Path(file).name

    def _keeps(self, con: duckdb.DuckDBPyConnection, file: str, place: Path) -> bool:
        """Add up the rows of a file; whether that could be kept. Of none an empty file is."""
        written = place.with_name(f".{uuid.uuid4().hex}")
        added = self._adding.over(_current(self._adding, file))
        copy = fill("COPY ($added) TO $file (FORMAT parquet)", added=added, file=text(str(written)))
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            [(rows,)] = con.execute(copy).fetchall()
            if not rows:
                written.write_bytes(b"")
            written.replace(place)
        except (OSError, duckdb.IOException):
            with suppress(OSError):
                written.unlink(missing_ok=True)
            return False
        return True

    def _make_room(self, tables: Path) -> None:
        """Throw away what was made of files that are gone from a table's folder, what nobody has
        asked for in a long time, and what a killed process has left half written."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            os.utime(self._folder)
            now = self._folder.stat().st_mtime
            for folder in self._table.iterdir():
                if folder != self._folder and now - folder.stat().st_mtime > UNUSED_FOR:
                    shutil.rmtree(folder, ignore_errors=True)
            for made in self._folder.iterdir():
                half = made.name.startswith(".") and now - made.stat().st_mtime > HALF_FOR
                if half or not (made.name.startswith(".") or (tables / made.name).exists()):
                    made.unlink()


def _current(adding: Adding, file: str) -> str:
    """The rows of a settled file that have not ended."""
    stored = stored_schema(table_named(adding.table))
    schema = pa.schema([stored.field(c) for c in (*adding.columns, "known_to")])
    rows = view_sql([file], schema)
    return fill("SELECT * FROM ($rows) WHERE known_to IS NULL", rows=rows)


def _is_settled(file: str, known: Known) -> bool:
    """Whether what can be seen of its rows is the same at that instant and at any later one."""
    known_from, known_to, ingested_at = _last_instants(file)
    return max(known_from, known_to) <= known.known_at and ingested_at <= known.arrived_by


@lru_cache(maxsize=65536)
def _last_instants(file: str) -> tuple[datetime, ...]:
    """The last one in each of _INSTANTS, by what the file says of itself; where it does not say,
    there is no end."""
    told = pq.read_metadata(file)
    places = {told.schema.column(i).name: i for i in range(told.num_columns)}
    return tuple(
        max(
            (_last(told.row_group(g).column(places[name])) for g in range(told.num_row_groups)),
            default=_EVER,
        )
        for name in _INSTANTS
    )


def _last(column: pq.ColumnChunkMetaData) -> datetime:
    told = column.statistics
    if told is None or (not told.has_min_max and told.null_count != column.num_values):
        return _NEVER
    return told.max if told.has_min_max else _EVER
