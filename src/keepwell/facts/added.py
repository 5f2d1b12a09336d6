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
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

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

NO_ROWS = b"no rows\n"
"""What a file holds whose rows add up to none. An empty one is what a power cut leaves."""

NOTHING: Mapping[str, str] = MappingProxyType({})


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

    def over(self, rows: str, beside: Mapping[str, str] = NOTHING) -> str:
        """A SELECT in DuckDB's SQL of what the rows of another SELECT add up to. beside: what is to
        be read in place of what the statement names, by that name."""
        columns = ", ".join(
            f"CAST({quoted(f.name)} AS {sql_type(f.type)}) AS {quoted(f.name)}" for f in self.schema
        )
        named = {name: " ".join(["SELECT * FROM", quoted(b)]) for name, b in beside.items()}
        given = ", ".join(
            f"{quoted(name)} AS ({select})" for name, select in {**named, self.rows: rows}.items()
        )
        return fill(
            "WITH $given SELECT $columns FROM ($added)",
            given=given,
            columns=columns,
            added=self.sql,
        )


class Kept:
    """What is kept of what the files of a table add up to. beside: what is read in place of
    neighbours, as of Adding.over(), by names that tell their rows apart."""

    def __init__(self, root: Path, adding: Adding, beside: Mapping[str, str]) -> None:
        key = hashlib.blake2b(repr((adding, sorted(beside.items()))).encode(), digest_size=12)
        self._table = root / adding.table
        self._folder = self._table / key.hexdigest()
        self._adding = adding
        self._beside = beside

    def over(self, rows: str) -> str:
        """A SELECT of what the rows of another SELECT add up to."""
        return self._adding.over(rows, self._beside)

    def of(
        self,
        con: duckdb.DuckDBPyConnection,
        files: Sequence[str],
        known: Known,
        first: date | None = None,
    ) -> tuple[list[str], list[str]]:
        """The files that hold what has been added up, and those of which nothing is kept: their
        rows are to be read as known at that instant. Without those in which no row happened on the
        day `first` or later."""
        kept, rest = [], []
        day = table_named(self._adding.table).day
        settled = {f: _is_settled(f, known) for f in files if _reaches(f, day, first)}
        if any(s and not self._of(f).exists() for f, s in settled.items()):
            self._make_room(Path(files[0]).parent)
        for file, is_settled in settled.items():
            place = self._of(file)
            found = _ending(place) if is_settled else b""
            if is_settled and not found:
                found = self._keeps(con, file, place)
            if not found:
                rest.append(file)
            elif found != NO_ROWS:
                kept.append(str(place.absolute()))
        with suppress(OSError):
            os.utime(self._folder)
        return kept, rest

    def _of(self, file: str) -> Path:
        return self._folder / Path(file).name

    def _keeps(self, con: duckdb.DuckDBPyConnection, file: str, place: Path) -> bytes:
        """Add up the rows of a file, and keep it whole or not at all; _ending() of what is kept."""
        written = place.with_name(f".{uuid.uuid4().hex}")
        added = self.over(_current(self._adding, file))
        copy = fill("COPY ($added) TO $file (FORMAT parquet)", added=added, file=text(str(written)))
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            [(rows,)] = con.execute(copy).fetchall()
            if not rows:
                written.write_bytes(NO_ROWS)
            with written.open("rb+") as made:
                os.fsync(made.fileno())
            written.replace(place)
        except (OSError, duckdb.IOException):
            with suppress(OSError):
                written.unlink(missing_ok=True)
            return b""
        return _ending(place)

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


def _ending(place: Path) -> bytes:
    """How a file ends that is whole, NO_ROWS or as Parquet files do; nothing of any other."""
    try:
        with place.open("rb") as file:
            file.seek(-min(len(NO_ROWS), file.seek(0, os.SEEK_END)), os.SEEK_END)
            found = file.read()
    except OSError:
        return b""
    return found if found == NO_ROWS or found.endswith(b"PAR1") else b""


def content(rows: pa.Table) -> str:
    """A short text that tells rows apart, in whatever order they are."""
    found = sorted(map(repr, rows.to_pylist()))
    return hashlib.blake2b(repr(found).encode(), digest_size=12).hexdigest()


def _current(adding: Adding, file: str) -> str:
    """The rows of a settled file that have not ended."""
    stored = stored_schema(table_named(adding.table))
    schema = pa.schema([stored.field(c) for c in (*adding.columns, "known_to")])
    rows = view_sql([file], schema)
    return fill("SELECT * FROM ($rows) WHERE known_to IS NULL", rows=rows)


def _is_settled(file: str, known: Known) -> bool:
    """Whether what can be seen of its rows is the same at that instant and at any later one."""
    bounds = {"known_from": known.known_at, "known_to": known.known_at}
    return all(
        lasts is not None and all(last <= bound for last in lasts)
        for column, bound in {**bounds, "ingested_at": known.arrived_by}.items()
        for lasts in (_lasts(file, column),)
    )


def _reaches(file: str, day: str | None, first: date | None) -> bool:
    """Whether it may have rows of that day or of later ones."""
    if day is None or first is None:
        return True
    lasts = _lasts(file, day)
    return lasts is None or any(last >= first for last in lasts)


@lru_cache(maxsize=65536)
def _lasts(file: str, column: str) -> tuple[Any, ...] | None:
    """The last date or instant in each part of a column that has any, by what the file says of
    itself; None where it does not say."""
    told = _footer(file)
    at = told.schema.names.index(column)
    found = []
    for part in (told.row_group(group).column(at) for group in range(told.num_row_groups)):
        told_of_part = part.statistics
        if told_of_part is None:
            return None
        if told_of_part.has_min_max:
            found.append(told_of_part.max)
        elif told_of_part.null_count != part.num_values:
            return None
    return tuple(found)


@lru_cache(maxsize=64)
def _footer(file: str) -> pq.FileMetaData:
    return pq.read_metadata(file)
