"""Rows that could not be stored: gathered with where they stood, why, and what was in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from keepwell.facts.ledger import LEDGER_SCHEMAS, QUARANTINE
from keepwell.ingest.report import MOST_EXAMPLES, Example, Rejection
from keepwell.ingest.settle import PART, Settled
from keepwell.ingest.stage import WHY, Staged
from keepwell.ingest.tables import ROW, Opened
from keepwell.kit.views import quoted, text

UNREADABLE = "row cannot be split into columns"


@dataclass(frozen=True)
class Rejects:
    """The rejected rows of one file for one table, for the quarantine and for the report."""

    file: str
    table: str
    rows: pa.Table
    summary: tuple[Rejection, ...]


def of_step(con: duckdb.DuckDBPyConnection, settled: Settled, index: int, source: str) -> Rejects:
    """What one step rejected, by itself or when all rows were brought together."""
    step = settled.staged[index]
    file, table = step.opened.shape.file.name, settled.table.name
    name = f"{step.name}_rejected"
    fields = [text(r.field) for r in step.reasons] or ["''"]
    reasons = [text(r.text) for r in step.reasons] or ["''"]
    early = con.table(step.name).filter(f"{WHY} IS NOT NULL").project(
        f"{ROW}, [{', '.join(fields)}][{WHY} + 1] AS field, "
        f"[{', '.join(reasons)}][{WHY} + 1] AS reason"
    )  # fmt: skip
    late = con.table(settled.late).filter(f"{PART} = {index}").project(f"{ROW}, field, reason")
    early.union(late).create(name)
    if con.table(name).limit(1).fetchone() is None:
        return Rejects(file, table, LEDGER_SCHEMAS[QUARANTINE].empty_table(), ())
    rows = con.table(name).set_alias("r").join(_raw(con, step.opened), f"r.{ROW} = s.rid")
    parts = (
        f'{text(source)} AS source_id, {text(file)} AS file, {text(table)} AS "table", '
        f"r.{ROW} AS row_number, reason, field, raw"
    )
    found = rows.project(parts).order("row_number, field").to_arrow_table()
    return Rejects(file, table, found.cast(LEDGER_SCHEMAS[QUARANTINE]), _summary(step, found))


def unreadable(opened: Opened, table: str, source: str) -> Rejects | None:
    """Rows of a file that had not the columns of its header."""
    rows = opened.unreadable
    if not rows:
        return None
    file = opened.shape.file.name
    listed = [
        {
            "source_id": source,
            "file": file,
            "table": table,
            "row_number": r.row,
            "reason": f"{UNREADABLE}: {r.reason}",
            "field": "",
            "raw": r.raw,
        }
        for r in rows
    ]
    examples = tuple(Example(r.row, r.raw[:80]) for r in rows[:MOST_EXAMPLES])
    summary = Rejection("row", UNREADABLE, len(rows), examples)
    found = pa.Table.from_pylist(listed, schema=LEDGER_SCHEMAS[QUARANTINE])
    return Rejects(file, table, found, (summary,))


def _raw(con: duckdb.DuckDBPyConnection, opened: Opened) -> duckdb.DuckDBPyRelation:
    """Every row of the file as JSON, by its number."""
    fields = ", ".join(f"{text(c)}: {quoted(c)}" for c in opened.types)
    rows = con.table(opened.view).project(
        f"{ROW} AS rid, CAST(to_json({{{fields}}}) AS VARCHAR) AS raw"
    )
    return rows.set_alias("s")


def _summary(step: Staged, rows: pa.Table) -> tuple[Rejection, ...]:
    columns = {r.field: r.column for r in step.reasons}
    grouped: dict[tuple[str, str], list[int]] = {}
    pairs = zip(rows["field"].to_pylist(), rows["reason"].to_pylist(), strict=True)
    for i, pair in enumerate(pairs):
        grouped.setdefault(pair, []).append(i)
    found = []
    for (field, reason), at in grouped.items():
        examples = tuple(_examples(rows, at[:MOST_EXAMPLES], columns.get(field)))
        found.append(Rejection(field, reason, len(at), examples))
    return tuple(sorted(found, key=lambda r: (-r.count, r.field)))


def _examples(rows: pa.Table, at: list[int], column: str | None) -> Iterator[Example]:
    for i in at:
        raw = json.loads(rows["raw"][i].as_py())
        value = next((v for k, v in raw.items() if column and k.casefold() == column.casefold()),
                     None)  # fmt: skip
        yield Example(rows["row_number"][i].as_py(), None if value is None else str(value)[:80])
