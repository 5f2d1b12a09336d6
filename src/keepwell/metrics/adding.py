"""What the rows of a table add up to for a way of counting, whichever days are asked for."""

from __future__ import annotations

from dataclasses import dataclass

from keepwell.facts.added import Adding
from keepwell.facts.schema import TABLES
from keepwell.metrics.prepare import adding, leaving_out, own_columns
from keepwell.metrics.statements import Reading, Statement, written_once
from keepwell.metrics.ways import Way


@dataclass(frozen=True)
class Added:
    """How rows are added up. near: the neighbours that are read for it. left_out: for each a
    statement that gives those whose rows are left out, which is all that is needed of them."""

    adding: Adding
    near: tuple[Reading, ...]
    left_out: tuple[Statement, ...]

    @classmethod
    def of(cls, table: str, way: Way) -> Added:
        """How rows of a table are added up for a way of which `adds_up` is true. In DuckDB's SQL,
        since only the embedded tables have files."""
        statement = _adding(table, way)
        rows, *near = statement.reads
        columns = tuple(own_columns(TABLES[table], way))
        sums = Adding(table, columns, rows.name, statement.sql, statement.schema)
        paths = range(len(near))
        return cls(sums, tuple(near), tuple(_leaving_out(table, way, path) for path in paths))


@written_once
def _adding(table: str, way: Way) -> Statement:
    return Statement.of(*adding(TABLES[table], way))


@written_once
def _leaving_out(table: str, way: Way, path: int) -> Statement:
    out, reading = leaving_out(TABLES[table], way)[path]
    return Statement.of(out, [reading])
