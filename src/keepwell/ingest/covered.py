"""Which days an import completes: where nothing came from a covered day, nothing happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb

from keepwell.facts import sql
from keepwell.facts.arrow import stored_schema
from keepwell.facts.known import BEGINNING
from keepwell.facts.model import Table
from keepwell.facts.schema import TABLES, family
from keepwell.facts.store import FactStore
from keepwell.ingest import stopped
from keepwell.ingest.grammar import Mapping as Grammar
from keepwell.ingest.settle import Settled
from keepwell.kit import clock
from keepwell.kit.views import quoted, text, view_sql

Span = tuple[date, date]
_DAY = timedelta(days=1)
_STATED = frozenset({"assessments", "account_periods"})
_NOT_COVERED = frozenset({"sources", "coverage", "merges"})


@dataclass(frozen=True)
class Covered:
    """What a run says of the days that its source covers.

    spans: the first and the last day of every family that it has rows of. stopped: the families
    that nothing comes of any more, with their last day; no day after it is covered.
    """

    spans: Mapping[str, Span]
    stopped: Mapping[str, date]

    def notes(self) -> list[str]:
        """What has stopped, in words; the kinds of a table that has stopped go without saying."""
        return [
            f"nothing of {name} came after {day}, while other things did: what is counted from it"
            " is covered up to that day only"
            for name, day in self.stopped.items()
            if name == _table(name) or _table(name) not in self.stopped
        ]


@dataclass(frozen=True)
class _Run:
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


def covered(
    con: duckdb.DuckDBPyConnection, store: FactStore, settled: Sequence[Settled], mapping: Grammar
) -> Covered:
    """The days that a run completes.

    A family begins with the first day of its table, a table of states with the beginning of time.
    All end on the last past day on which anything happened in the run, or as the mapping says, but
    for those that have stopped. A run that follows an earlier one closely, no further than a table
    may be late, leaves no gap between them: nothing happened then.
    """
    earlier = _before(con, store, mapping.source)
    today = clock.today(mapping.timezone)
    runs = [
        _run(con, step, mapping, earlier, today)
        for step in settled
        if step.table.name not in _NOT_COVERED
    ]
    lasts = {run.table.name: run.last for run in runs if run.last is not None}
    # What is stated for a day says nothing of what the other tables cover.
    happened = [last for name, last in lasts.items() if name not in _STATED]
    end = min(mapping.complete_through or max(happened or lasts.values(), default=today), today)
    starts = {
        name: _bridged(earlier.get(name), run.first or BEGINNING.date(), run.table.fresh_days)
        for run in runs
        for name in run.families
    }
    # The first day that this run tells of, its slightly late tables included.
    told_from = min((starts[n] for r in runs if r.first for n in r.families), default=end)
    stops = _stopped(con, store, settled, mapping, runs, _goes_on(earlier, end, today))
    spans: dict[str, Span] = {}
    for run in runs:
        until = max(end, run.last or end) if run.table.name in _STATED else end
        for name in run.families:
            start, before = starts[name], earlier.get(name)
            if before is not None and told_from <= before + _DAY < start:
                start = before + _DAY
            last = min(until, stops.get(name, until))
            if start <= last:
                spans[name] = (start, last)
    return Covered(spans, stops)


def _before(con: duckdb.DuckDBPyConnection, store: FactStore, source: str) -> dict[str, date]:
    """The last day that was covered for each family of the source by earlier imports."""
    schema = stored_schema(TABLES["coverage"])
    rows = con.sql(view_sql(store.files("coverage"), schema)).filter(
        f"known_to IS NULL AND source = {text(source)}"
    )
    return dict(rows.aggregate("family, max(to_day)", "family").fetchall())


def _bridged(before: date | None, first: date, late_days: int) -> date:
    """The first covered day: right after what was covered before, if that is not too long ago."""
    if before is None or first <= before or first > before + timedelta(days=late_days) + _DAY:
        return first
    return before + _DAY


def _goes_on(earlier: Mapping[str, date], end: date, today: date) -> date:
    """The last day of which the source has told anything; older files may be imported again."""
    days = [day for name, day in earlier.items() if _table(name) not in _STATED]
    return min(max([end, *days]), today)


def _stopped(
    con: duckdb.DuckDBPyConnection,
    store: FactStore,
    settled: Sequence[Settled],
    mapping: Grammar,
    runs: Sequence[_Run],
    until: date,
) -> dict[str, date]:
    """The last day of every family that has stopped, though the source goes on to `until`."""
    found: dict[str, date] = {}
    told = _told(con, settled)
    for run in runs:
        table = run.table
        quiet = stopped.quiet(table, run.lasts(), until) - told
        if table.name in _STATED or run.last is None or not quiet:
            continue
        rows = sql.fill(
            """
            SELECT * FROM ($stored) WHERE known_to IS NULL AND source_id = $source
            UNION ALL BY NAME SELECT * FROM $rows
            """,
            stored=view_sql(store.files(table.name), stored_schema(table)),
            source=text(mapping.source),
            rows=run.rows,
        )
        days = stopped.last_days(con, table, rows, mapping.timezone, quiet, until)
        whole = days.get(table.name)
        if whole is not None:
            # Its rare kinds, of which silence alone says nothing, have stopped with it.
            days = dict.fromkeys(quiet, whole) | days
        found |= days
    return found


def _told(con: duckdb.DuckDBPyConnection, settled: Sequence[Settled]) -> frozenset[str]:
    """The families of which the files say themselves what they cover."""
    own = [con.table(s.name).project("family") for s in settled if s.table.name == "coverage"]
    return frozenset(name for rows in own for (name,) in rows.fetchall())


def _run(
    con: duckdb.DuckDBPyConnection,
    step: Settled,
    mapping: Grammar,
    earlier: Mapping[str, date],
    today: date,
) -> _Run:
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
    return _Run(table, step.name, days, tuple(sorted(names)))


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


def _table(name: str) -> str:
    """The table of a family."""
    return name.partition(".")[0]


def _is_sheet(table: Table) -> bool:
    """A metric that a later sheet does not have was not answered again."""
    return table.name == "assessments"
