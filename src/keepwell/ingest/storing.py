"""Settled rows are put into the store, all at once, and counted for the report and the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from keepwell.facts.arrow import incoming_schema
from keepwell.facts.schema import TABLES
from keepwell.facts.store import FactStore, FactWriter
from keepwell.facts.versions import Counts
from keepwell.ingest.covered import Covered
from keepwell.ingest.grammar import Mapping as Grammar
from keepwell.ingest.rejects import UNREADABLE, Rejects
from keepwell.ingest.report import MOST_EXAMPLES, Rejection, TableReport
from keepwell.ingest.settle import PART, Settled
from keepwell.kit import clock
from keepwell.kit.views import quoted

MOST_FILES_APART = 12
"""More files than that are stored, and reported, as one: each would take its own commit."""

Batch = dict[str, list[int]]
"""The files that are stored together, each with its steps."""


def store_rows(
    store: FactStore,
    con: duckdb.DuckDBPyConnection,
    mapping: Grammar,
    settled: Sequence[Settled],
    aside: Sequence[Rejects],
    days: Covered,
    say: Callable[[str], None],
    on_wait: Callable[[str], None] | None,
) -> list[TableReport]:
    """Store the rows, the quarantined ones, the ledger and the coverage; what became of them."""
    source = mapping.source
    reports: list[TableReport] = []
    hashes: dict[Path, str] = {}
    with store.writer(f"import of {source}", on_wait=on_wait, con=con) as writer:
        # Not before the lock is ours: nothing may arrive earlier than what others saw meanwhile.
        arrived = clock.now()
        _put_source(writer, mapping, arrived)
        for step in settled:
            say(f"storing {step.table.name}")
            for batch in _batches(step):
                counts = _put(con, writer, step, batch, source, arrived)
                whole = _tally(con, step, batch, aside)
                reports.append(_report(step, batch, whole, counts))
                for file, parts in batch.items():
                    path = step.staged[parts[0]].opened.shape.file.path
                    hashes[path] = hashes.get(path) or _sha256(path)
                    tally = whole if len(batch) == 1 else _tally(con, step, {file: parts}, aside)
                    writer.note_import(
                        file=file,
                        sha256=hashes[path],
                        source_id=source,
                        table=step.table.name,
                        rows=tally.read,
                        counts=_own(counts, whole, tally, is_first=file == next(iter(batch))),
                        rejected=tally.rejected,
                        at=arrived,
                    )
        for rejected in aside:
            writer.quarantine(rejected.rows)
        writer.uncover(source, days.stopped, days.lost, arrived_at=arrived)
        for spans in days.pieces():
            writer.cover(source, spans, columns=days.columns, arrived_at=arrived)
    return reports


def _put_source(writer: FactWriter, mapping: Grammar, arrived: datetime) -> None:
    row = {
        "source": mapping.source,
        "kind": "file",
        "timezone": mapping.timezone,
        "currency": mapping.currency,
    }
    schema = incoming_schema(TABLES["sources"])
    rows = pa.Table.from_pylist([row], schema=pa.schema([schema.field(n) for n in row]))
    writer.put("sources", rows, source_id=mapping.source, arrived_at=arrived)


def _batches(step: Settled) -> Iterator[Batch]:
    files: Batch = {}
    for i, staged in enumerate(step.staged):
        files.setdefault(staged.opened.shape.file.name, []).append(i)
    if step.has_versions or len(files) > MOST_FILES_APART:
        yield files
        return
    for file, parts in files.items():
        yield {file: parts}


def _put(
    con: duckdb.DuckDBPyConnection,
    writer: FactWriter,
    step: Settled,
    batch: Batch,
    source: str,
    arrived: datetime,
) -> Counts:
    rows = _of(con, step, batch).project(", ".join(quoted(c) for c in step.columns))
    return writer.put(step.table.name, rows, source_id=source, arrived_at=arrived)


def _of(con: duckdb.DuckDBPyConnection, step: Settled, batch: Batch) -> duckdb.DuckDBPyRelation:
    rows = con.table(step.name)
    parts = [i for found in batch.values() for i in found]
    if len(parts) == len(step.staged):
        return rows
    return rows.filter(f"{PART} IN ({', '.join(str(p) for p in parts)})")


@dataclass(frozen=True)
class _Tally:
    read: int
    left_out: int
    stored: int
    rejections: tuple[Rejection, ...]

    @property
    def rejected(self) -> int:
        return sum(r.count for r in self.rejections)


def _tally(
    con: duckdb.DuckDBPyConnection, step: Settled, batch: Batch, aside: Sequence[Rejects]
) -> _Tally:
    staged = [step.staged[i] for found in batch.values() for i in found]
    row = _of(con, step, batch).aggregate("count(*)").fetchone()
    mine = [a for a in aside if a.table == step.table.name and a.file in batch]
    rejections = _summed([r for a in mine for r in a.summary])
    unreadable = sum(r.count for r in rejections if r.reason == UNREADABLE)
    return _Tally(
        sum(s.read for s in staged) + unreadable,
        sum(s.left_out for s in staged),
        int(row[0]) if row else 0,
        rejections,
    )


def _report(step: Settled, batch: Batch, tally: _Tally, counts: Counts) -> TableReport:
    names = list(batch)
    return TableReport(
        names[0] if len(names) == 1 else f"{names[0]} … {names[-1]} ({len(names)} files)",
        step.table.name,
        tally.read,
        tally.left_out,
        tally.read - tally.left_out - tally.rejected - tally.stored,
        counts.new,
        counts.changed,
        counts.unchanged,
        counts.outdated,
        tally.rejections,
    )


def _summed(rejections: Sequence[Rejection]) -> tuple[Rejection, ...]:
    found: dict[tuple[str, str], Rejection] = {}
    for r in rejections:
        before = found.get((r.field, r.reason), Rejection(r.field, r.reason, 0, ()))
        examples = (*before.examples, *r.examples)[:MOST_EXAMPLES]
        found[r.field, r.reason] = Rejection(r.field, r.reason, before.count + r.count, examples)
    return tuple(sorted(found.values(), key=lambda r: (-r.count, r.field)))


def _own(counts: Counts, whole: _Tally, tally: _Tally, *, is_first: bool) -> Counts:
    """A file's part of what became of several files that were stored as one.

    Where the rows had different fates nobody knows which file's they were, and the first file
    answers for all of them.
    """
    if tally is whole:
        return counts
    if counts.new == whole.stored:
        return Counts(new=tally.stored)
    if counts.unchanged == whole.stored:
        return Counts(unchanged=tally.stored)
    return counts if is_first else Counts()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
