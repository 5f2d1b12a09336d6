"""Which days an import completes: where nothing came from a covered day, nothing happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb

from keepwell.facts import context, covering
from keepwell.facts.arrow import stored_schema
from keepwell.facts.known import BEGINNING
from keepwell.facts.schema import TABLES
from keepwell.facts.store import FactStore
from keepwell.ingest import columns, stopped
from keepwell.ingest.grammar import Mapping as Grammar
from keepwell.ingest.runs import Run, all_rows, run_of
from keepwell.ingest.settle import Settled
from keepwell.kit import clock
from keepwell.kit.views import text, view_sql

Span = tuple[date, date]
_DAY = timedelta(days=1)
_STATED = frozenset({"assessments", "account_periods"})
_NOT_COVERED = frozenset({"sources", "coverage", "merges"})


@dataclass(frozen=True)
class Covered:
    """What a run says of the days that its source covers.

    spans: the first and the last day of every family that it has rows of. stopped: the families
    that nothing comes of any more, with their last day; no day after it is covered. silences:
    days inside of the spans that are not covered, by family and in order. columns: by
    table, those that it gives. lost: by table, those that the source gave before and does no more.
    """

    spans: Mapping[str, Span]
    stopped: Mapping[str, date]
    silences: Mapping[str, Sequence[Span]]
    columns: Mapping[str, tuple[str, ...]]
    lost: Mapping[str, tuple[str, ...]]

    def pieces(self) -> list[dict[str, Span]]:
        """The spans without the silences in them; each mapping has one stretch of a family."""
        found: list[dict[str, Span]] = []
        for name, span in self.spans.items():
            for i, piece in enumerate(covering.gaps(span, list(self.silences.get(name, ())))):
                found += [{}] * (i + 1 - len(found))
                found[i] = found[i] | {name: piece}
        return found

    def notes(self) -> list[str]:
        """What has stopped or is lost, in words; the kinds of a table that has stopped go without
        saying."""
        stops = [
            f"nothing of {name} came after {day}, while other things did: what is counted from it"
            " is covered up to that day only"
            for name, day in self.stopped.items()
            if name == _table(name) or _table(name) not in self.stopped
        ]
        return stops + columns.notes(self.lost)


def covered(
    con: duckdb.DuckDBPyConnection, store: FactStore, settled: Sequence[Settled], mapping: Grammar
) -> Covered:
    """The days that a run completes.

    A family begins with the first day of its table, a table of states with the beginning of time.
    All end on the last past day on which anything happened in the run, or as the mapping says, but
    for those that have stopped. A run that follows an earlier one closely, no further than a table
    may be late, leaves no gap between them: nothing happened then.
    """
    recorded = _before(con, store, mapping.source)
    earlier = {name: max(last for _, last in spans) for name, spans in recorded.items()}
    today = clock.today(mapping.timezone)
    runs = [
        run_of(con, step, mapping, earlier, today)
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
    given = {step.table.name: columns.given(step, mapping) for step in settled}
    silences = _silences(con, store, mapping, runs, spans, recorded)
    return Covered(spans, stops, silences, given, columns.lost(con, store, settled, mapping))


def _before(con: duckdb.DuckDBPyConnection, store: FactStore, source: str) -> dict[str, list[Span]]:
    """The days that were covered for each family of the source by earlier imports, in order."""
    stored = con.sql(view_sql(store.files("coverage"), stored_schema(TABLES["coverage"])))
    mine = stored.filter(f"known_to IS NULL AND source = {text(source)}")
    mine.create_view("coverage", replace=True)
    found: dict[str, list[Span]] = {}
    for cover in context.coverage(con):
        found.setdefault(cover.family, []).append((cover.from_day, cover.to_day))
    return found


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
    runs: Sequence[Run],
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
        rows = all_rows(store, run, mapping)
        days = stopped.last_days(con, table, rows, mapping.timezone, quiet, until)
        whole = days.get(table.name)
        if whole is not None:
            # Its rare kinds, of which silence alone says nothing, have stopped with it.
            days = dict.fromkeys(quiet, whole) | days
        found |= days
    return found


def _silences(
    con: duckdb.DuckDBPyConnection,
    store: FactStore,
    mapping: Grammar,
    runs: Sequence[Run],
    spans: Mapping[str, Span],
    recorded: Mapping[str, list[Span]],
) -> dict[str, list[Span]]:
    """Days that earlier imports left uncovered and of which this one, though it tells of days
    before and after, has no rows either: by family those that were no quiet period."""
    found: dict[str, list[Span]] = {}
    for run in runs:
        if run.table.name in _STATED or run.last is None:
            continue
        rows = all_rows(store, run, mapping)
        # The whole table comes first: its rare kinds were silent with it.
        for name in sorted(spans.keys() & run.families, key=lambda n: n != run.table.name):
            for first, last in _holes(spans[name], recorded.get(name, []), run.table.fresh_days):
                end = stopped.silent_until(
                    con, run.table, rows, mapping.timezone, name, (first, last)
                ) or dict(found.get(run.table.name, ())).get(first)
                if end is not None:
                    found.setdefault(name, []).append((first, end))
    return found


def _holes(span: Span, recorded: list[Span], late_days: int) -> list[Span]:
    """The stretches that follow covered days, are not covered yet, and are longer than a table may
    be late."""
    ends = {last for _, last in recorded}
    return [
        (first, last)
        for first, last in covering.gaps(span, recorded)
        if first - _DAY in ends and last - first >= timedelta(days=late_days)
    ]


def _told(con: duckdb.DuckDBPyConnection, settled: Sequence[Settled]) -> frozenset[str]:
    """The families of which the files say themselves what they cover."""
    own = [con.table(s.name).project("family") for s in settled if s.table.name == "coverage"]
    return frozenset(name for rows in own for (name,) in rows.fetchall())


def _table(name: str) -> str:
    """The table of a family."""
    return name.partition(".")[0]
