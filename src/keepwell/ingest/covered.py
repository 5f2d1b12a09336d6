"""Which days an import completes: where nothing came from a covered day, nothing happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

import duckdb

from keepwell.facts.arrow import stored_schema
from keepwell.facts.known import BEGINNING
from keepwell.facts.model import Table
from keepwell.facts.schema import TABLES, family
from keepwell.facts.store import FactStore
from keepwell.ingest.grammar import Mapping as Grammar
from keepwell.ingest.settle import Settled
from keepwell.kit import clock
from keepwell.kit.views import quoted, text, view_sql

Span = tuple[date, date]
_DAY = timedelta(days=1)
_STATED = frozenset({"assessments", "account_periods"})
_NOT_COVERED = frozenset({"sources", "coverage", "merges"})


def before(con: duckdb.DuckDBPyConnection, store: FactStore, source: str) -> dict[str, date]:
    """The last day that was covered for each family of the source by earlier imports."""
    schema = stored_schema(TABLES["coverage"])
    rows = con.sql(view_sql(store.files("coverage"), schema)).filter(
        f"known_to IS NULL AND source = {text(source)}"
    )
    return dict(rows.aggregate("family, max(to_day)", "family").fetchall())


def spans(
    con: duckdb.DuckDBPyConnection,
    settled: Sequence[Settled],
    mapping: Grammar,
    earlier: Mapping[str, date],
) -> dict[str, Span]:
    """First and last covered day of every family that the run has rows of.

    A family begins with the first day of its table, a table of states with the beginning of time.
    All end on the last past day on which anything happened in the run, or as the mapping says. A
    run that follows an earlier one closely, no further than a table may be late, leaves no gap
    between them: nothing happened then.
    """
    firsts: dict[str, date] = {}
    lasts: dict[str, date] = {}
    today = clock.today(mapping.timezone)
    tables = [s for s in settled if s.table.name not in _NOT_COVERED]
    for step in tables:
        first, last = _days(con, step, mapping.timezone, today)
        if first is not None:
            firsts[step.table.name] = first
        if last is not None:
            lasts[step.table.name] = last
    # What is stated for a day says nothing of what the other tables cover.
    happened = [last for name, last in lasts.items() if name not in _STATED]
    end = min(mapping.complete_through or max(happened or lasts.values(), default=today), today)
    begins: dict[str, tuple[Table, date]] = {}
    for step in tables:
        if not _is_empty(con, step):
            begin = firsts.get(step.table.name, BEGINNING.date())
            names = _families(con, step, mapping, earlier)
            begins |= dict.fromkeys(names, (step.table, begin))
    # The first day that this run tells of, its slightly late tables included.
    told_from = min(
        (_bridged(earlier.get(n), first, t.fresh_days) for n, (t, first) in begins.items()
         if t.name in firsts),
        default=end,
    )  # fmt: skip
    found: dict[str, Span] = {}
    for name, (table, begin) in begins.items():
        start = _bridged(earlier.get(name), begin, table.fresh_days)
        before = earlier.get(name)
        if before is not None and told_from <= before + _DAY < start:
            start = before + _DAY
        until = max(end, lasts.get(table.name, end)) if table.name in _STATED else end
        if start <= until:
            found[name] = (start, until)
    return found


def _bridged(before: date | None, first: date, late_days: int) -> date:
    """The first covered day: right after what was covered before, if that is not too long ago."""
    if before is None or first <= before or first > before + timedelta(days=late_days) + _DAY:
        return first
    return before + _DAY


def _families(
    con: duckdb.DuckDBPyConnection, step: Settled, mapping: Grammar, earlier: Mapping[str, date]
) -> Iterable[str]:
    """The table, each of its kinds in this run, and those that were seen before or are declared."""
    table = step.table
    names = {table.name}
    if table.kind is not None and table.kind in step.columns:
        kinds = con.table(step.name).aggregate(quoted(table.kind), quoted(table.kind)).fetchall()
        names |= {family(table.name, kind) for (kind,) in kinds if kind is not None}
        if not _is_sheet(table):
            names |= {f for f in earlier if f.startswith(table.name + ".")}
    for rule in mapping.tables:
        if rule.to == table.name:
            names |= {family(table.name, kind) for kind in rule.covers}
    return sorted(names)


def _is_sheet(table: Table) -> bool:
    """A metric that a later sheet does not have was not answered again."""
    return table.name == "assessments"


def _days(
    con: duckdb.DuckDBPyConnection, step: Settled, zone: str, today: date
) -> tuple[date | None, date | None]:
    """The first day of the table's rows, and the last that is not to come."""
    table = step.table
    wanted = [table.day or ""]
    if table.name == "survey_responses":
        wanted = ["sent_at", "responded_at"]
    names = [n for n in wanted if n in step.columns]
    if not names:
        return None, None
    value = f"coalesce({', '.join(quoted(n) for n in names)})"
    first, last = f"min({value})", f"max({value}) FILTER (WHERE {value} <= DATE '{today}')"
    column = table.column(names[0])
    if column is not None and column.type == "timestamp":
        # Days are made of two instants only, not of all.
        end = text(clock.end_of(today, zone).isoformat(sep=" "))
        last = f"max({value}) FILTER (WHERE {value} < CAST({end} AS TIMESTAMPTZ))"
        first, last = (f"CAST(timezone({text(zone)}, {v}) AS DATE)" for v in (first, last))
    row = con.table(step.name).aggregate(f"{first}, {last}").fetchone()
    return row if row is not None else (None, None)


def _is_empty(con: duckdb.DuckDBPyConnection, step: Settled) -> bool:
    return con.table(step.name).limit(1).fetchone() is None
