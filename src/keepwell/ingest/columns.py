"""Which columns a run gives of a table, and which it takes away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from keepwell.facts import sql
from keepwell.facts.arrow import stored_schema
from keepwell.facts.schema import TABLES
from keepwell.facts.store import FactStore
from keepwell.ingest.grammar import Mapping as Grammar
from keepwell.ingest.parts import parts_of
from keepwell.ingest.settle import Settled
from keepwell.kit.views import quoted, text, view_sql


def given(step: Settled, mapping: Grammar) -> tuple[str, ...]:
    """The columns that the mapping fills, be they empty so far, and be it from a file that did not
    come this time: it had nothing to tell."""
    parts = (part for i in range(len(mapping.tables)) for part in parts_of(mapping, i, frozenset()))
    named = {f.column.name for part in parts if part.table == step.table for f in part.fields}
    return tuple(c for c in step.table.column_names if c in named or c in step.columns)


def lost(
    con: duckdb.DuckDBPyConnection,
    store: FactStore,
    settled: Sequence[Settled],
    mapping: Grammar,
) -> dict[str, tuple[str, ...]]:
    """By table, the columns that the source gave before and whose values this run would empty: it
    has these rows again, without them. Files of other rows take nothing away."""
    found = {}
    before = _before(con, store, mapping.source)
    for step in settled:
        kept = {*given(step, mapping), *step.table.key}
        gone = sorted(before.get(step.table.name, set()) - kept)
        emptied = _filled_now(con, store, step, mapping.source, gone) if gone else ()
        if emptied:
            found[step.table.name] = emptied
    return found


def _before(
    con: duckdb.DuckDBPyConnection, store: FactStore, source: str
) -> Mapping[str, set[str]]:
    """By table, what earlier imports said that the source gives."""
    stored = con.sql(view_sql(store.files("coverage"), stored_schema(TABLES["coverage"])))
    mine = stored.filter(f"known_to IS NULL AND source = {text(source)} AND columns IS NOT NULL")
    found: dict[str, set[str]] = {}
    for name, columns in mine.project("family, columns").distinct().fetchall():
        found.setdefault(name.partition(".")[0], set()).update(columns.split())
    return found


def _filled_now(
    con: duckdb.DuckDBPyConnection,
    store: FactStore,
    step: Settled,
    source: str,
    columns: Sequence[str],
) -> tuple[str, ...]:
    """Which of the columns have values in the stored rows that come again."""
    table = step.table
    rows = con.table(step.name)
    absent = [quoted(k) for k in table.key if k not in step.columns]
    keys = rows.project(", ".join([sql.listed([k for k in table.key if k in step.columns]),
                                   *(f"NULL AS {k}" for k in absent)]))  # fmt: skip
    counted = con.execute(
        sql.fill(
            "SELECT $counts FROM ($stored) s SEMI JOIN ($keys) r ON $same"
            " WHERE known_to IS NULL AND source_id = $source",
            counts=", ".join(f"count({quoted(c)})" for c in columns),
            stored=view_sql(store.files(table.name), stored_schema(table)),
            keys=keys.sql_query(),
            same=sql.same_key(table, "s.", "r."),
            source=text(source),
        )
    ).fetchone()
    return tuple(c for c, n in zip(columns, counted or (), strict=True) if n)


def notes(lost: Mapping[str, Sequence[str]]) -> list[str]:
    """What is lost, in words."""
    return [
        f"{table}.{column} had values that the files no longer have: what is counted from it"
        " is unknown until they have it again"
        for table, columns in lost.items()
        for column in columns
    ]
