"""The rows of one table in a run, and of which days and families they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import duckdb

from keepwell.facts import sql
from keepwell.facts.arrow import stored_schema
from keepwell.facts.model import Table
from keepwell.facts.schema import family
from keepwell.facts.store import FactStore
from keepwell.ingest.grammar import Mapping as Grammar
from keepwell.ingest.settle import Settled
from keepwell.kit import clock
from keepwell.kit.views import quoted, text, view_sql


@dataclass(frozen=True)
class Run:
    """The rows of one table, which are in the relation `rows`.

    days: the first day of each kind and the last that is not to come, None where nothing dates the
    rows; empty where there are none. families: those of which the run tells.
    """

    table: Table
    rows: str
    days: Mapping[str | None, tuple[date | None, date | None]]
    families: tuple[str, ...]

    @property
    def first(self) -> date | None:
        return min((first for first, _ in self.days.values() if first is not None), default=None)

    @property
    def last(self) -> date | None:
        return max((last for _, last in self.days.values() if last is not None), default=None)

    def lasts(self) -> dict[str, date | None]:
        """The last day of every family."""
        kinds = {family(self.table.name, kind): last for kind, (_, last) in self.days.items()}
        return dict.fromkeys(self.families) | kinds | {self.table.name: self.last}


def run_of(
    con: duckdb.DuckDBPyConnection,
    step: Settled,
    mapping: Grammar,
    earlier: Mapping[str, date],
    today: date,
) -> Run:
    table = step.table
    has_kind = table.kind is not None and table.kind in step.columns
    kind = quoted(table.kind) if table.kind and has_kind else "NULL"
    moment, first, last = _dated(step, mapping.timezone, today)
    dated = con.table(step.name).project(f"{kind} AS kind, {moment} AS moment")
    found = dated.aggregate(f"kind, {first}, {last}", "kind").fetchall()
    names = {family(table.name, name) for name, _, _ in found}
    if names:
        names |= {table.name}
        if has_kind and not _is_sheet(table):
            names |= {f for f in earlier if f.startswith(table.name + ".")}
        for rule in mapping.tables:
            if rule.to == table.name:
                names |= {family(table.name, name) for name in rule.covers}
    days = {name: (begin, end) for name, begin, end in found}
    return Run(table, step.name, days, tuple(sorted(names)))


def _dated(step: Settled, zone: str, today: date) -> tuple[str, str, str]:
    """In SQL: the `moment` of a row, the first day of all and the last that is not to come."""
    table = step.table
    wanted = ["sent_at", "responded_at"] if table.name == "survey_responses" else [table.day]
    names = [n for n in wanted if n is not None and n in step.columns]
    column = table.column(names[0]) if names else None
    if column is None:
        return ("NULL::DATE",) * 3
    moment = f"coalesce({', '.join(quoted(n) for n in names)})"
    if column.type != "timestamp":
        return moment, "min(moment)", f"max(moment) FILTER (moment <= DATE '{today}')"
    # Days are made of two instants only, not of all.
    end = text(clock.end_of(today, zone).isoformat(sep=" "))
    last = f"max(moment) FILTER (moment < CAST({end} AS TIMESTAMPTZ))"
    first, last = (f"CAST(timezone({text(zone)}, {v}) AS DATE)" for v in ("min(moment)", last))
    return moment, first, last


def _is_sheet(table: Table) -> bool:
    """A metric that a later sheet does not have was not answered again."""
    return table.name == "assessments"


def all_rows(store: FactStore, run: Run, mapping: Grammar) -> str:
    """A SELECT of what the source has brought of the run's table, before and now."""
    return sql.fill(
        """
        SELECT * FROM ($stored) WHERE known_to IS NULL AND source_id = $source
        UNION ALL BY NAME SELECT * FROM $rows
        """,
        stored=view_sql(store.files(run.table.name), stored_schema(run.table)),
        source=text(mapping.source),
        rows=run.rows,
    )
