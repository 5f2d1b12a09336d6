"""One pass: score some days and write them. Killed anywhere and run again, it ends the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from keepwell.cycle.reading import read_facts
from keepwell.cycle.scoring import PORTFOLIO, Judge
from keepwell.definitions.versions import resolved, version
from keepwell.facts.known import Known
from keepwell.facts.reading import Facts, Source
from keepwell.facts.turns import turns
from keepwell.history import History, ScoredDay, Snapshot
from keepwell.kit import clock
from keepwell.metrics.calendar import ASKED_ON
from keepwell.workspace import Workspace

Progress = Callable[[int, int, date], None]
MOST_DAYS_AT_ONCE = 31


@dataclass(frozen=True)
class Outcome:
    """What a pass did: days that were scored, and days that stood already."""

    scored: tuple[date, ...]
    stood: tuple[date, ...]
    restated: tuple[date, ...] = ()


@dataclass(frozen=True)
class Task:
    """A day that is to be scored: by which scorecards, and with the knowledge of when."""

    day: date
    tables: tuple[str, ...]
    known_at: datetime
    arrived_by: datetime


@dataclass
class Night:
    """The pass over a project's places."""

    judge: Judge
    source: Source
    history: History
    workspace: Workspace
    on_wait: Callable[[str], None] | None = None
    definitions: dict[str, str] = field(default_factory=dict)

    def run(
        self, days: Sequence[date], *, restate: bool = False, progress: Progress | None = None
    ) -> Outcome:
        """Score the given days, in the order of time.

        A day that is over and was scored keeps its result, unless `restate` is set; a day that is
        not over is scored anew. A past day is scored with what was known when it ended.
        """
        for key, plan in self.judge.plans.items():
            text = resolved(plan.scorecard, self.judge.library)
            self.definitions[key] = version(text)
            self.history.keep_definition(self.definitions[key], text)
        wanted = [t.day for t in self.tasks(sorted(set(days)), restate)]
        scored: list[date] = []
        for start in range(0, len(wanted), MOST_DAYS_AT_ONCE):
            some = wanted[start : start + MOST_DAYS_AT_ONCE]
            # A day may be replaced; which days are is decided when the place is locked.
            self.history.write_days(
                self._scored(some, restate, scored.append),
                restate=restate,
                replace_open=not restate,
                on_wait=self.on_wait,
            )
            if progress:
                progress(start + len(some), len(wanted), some[-1])
        stood = sorted(set(days) - set(scored))
        return Outcome(tuple(scored), tuple(stood), tuple(scored) if restate else ())

    def tasks(self, days: Sequence[date], restate: bool) -> list[Task]:
        """What is to be done of these days, in view of what is stored at present."""
        now = clock.now()
        # What is not visible yet has not arrived, though its import may have begun.
        visible = min(now, self.source.written_at())
        snapshot = self.history.snapshot()
        found = (self._task(snapshot, day, now, visible, restate) for day in days)
        return [task for task in found if task is not None]

    def _task(
        self, snapshot: Snapshot, day: date, now: datetime, visible: datetime, restate: bool
    ) -> Task | None:
        tables = [*self.judge.plans, PORTFOLIO]
        infos = {t: snapshot.day_info(day, t) for t in tables}
        there = [i for i in infos.values() if i is not None]
        end = clock.end_of(day, self.judge.settings.timezone)
        if restate or now < end:
            return Task(day, tuple(tables), now, visible)
        if not there:
            return Task(day, tuple(tables), end, visible)
        absent = tuple(t for t, info in infos.items() if info is None)
        if not absent:
            return None
        return Task(day, absent, there[0].known_at, there[0].arrived_by)

    def _chunks(self, tasks: Sequence[Task]) -> Iterator[list[Task]]:
        """Days that can be evaluated together: nothing became known differently between them."""
        instants = self._turns() if len(tasks) > 1 else frozenset()
        chunk: list[Task] = []
        for task in tasks:
            if chunk:
                first = chunk[0]
                alike = (task.tables, task.arrived_by) == (first.tables, first.arrived_by)
                # Restated days, which are known as of now, need not be in the order of time.
                early, late = sorted((first.known_at, task.known_at))
                if not alike or any(early < t <= late for t in instants):
                    yield chunk
                    chunk = []
            chunk.append(task)
        if chunk:
            yield chunk

    def _turns(self) -> frozenset[datetime]:
        """When facts or ratings came to be known differently."""
        ratings = self.workspace.assessments(include_withdrawn=True)
        told = {at for a in ratings for at in (a.recorded_at, a.withdrawn_at) if at is not None}
        with closing(self.source.reader(Known.latest())) as facts:
            return frozenset(turns(facts)) | told

    def reader(self, task: Task) -> Facts:
        """The facts as a task knows them."""
        # A row that was replaced after `arrived_by` had not been replaced yet.
        known = Known(min(task.known_at, task.arrived_by), task.arrived_by)
        return read_facts(self.source, self.workspace, self.judge.settings, known, task.known_at)

    def _scored(
        self, days: Sequence[date], restate: bool, note: Callable[[date], None]
    ) -> Iterator[ScoredDay]:
        """The days that are still to be scored; runs while the history is locked."""
        for chunk in self._chunks(self.tasks(days, restate)):
            for scored in self._together(chunk):
                note(scored.day)
                yield scored

    def _together(self, chunk: Sequence[Task]) -> Iterator[ScoredDay]:
        scored_at = clock.now()
        with closing(self.reader(chunk[-1])) as facts:
            scored = self._tables(chunk, facts)
        definitions = {k: self.definitions[k] for k in scored if k in self.definitions}
        for task in chunk:
            tables = {key: _of_day(table, task.day) for key, table in scored.items()}
            yield ScoredDay(
                task.day, tables, scored_at, task.known_at, task.arrived_by, definitions
            )

    def _tables(self, chunk: Sequence[Task], facts: Facts) -> dict[str, pa.Table]:
        """The rows of all days, by scorecard, and those of the portfolio."""
        tables = chunk[-1].tables
        plans = {k: p for k, p in self.judge.plans.items() if k in tables}
        values = self.judge.values(facts, [t.day for t in chunk])
        overrides = {t.day: self.workspace.overrides(on=t.day, known=t.known_at) for t in chunk}
        scored: dict[str, pa.Table] = {}
        for key, plan in plans.items():
            own = {d: [o for o in those if o.scorecard == key] for d, those in overrides.items()}
            rows = self.judge.held(facts, values, plan)
            scored[key] = self.judge.scored(facts.con, rows, plan, own)
        if PORTFOLIO in tables:
            scored[PORTFOLIO] = self.judge.portfolio(facts.con, values, scored)
        return scored


def _of_day(table: pa.Table, day: date) -> pa.Table:
    """The rows of one day, without the day."""
    rows = table.filter(pc.equal(table[ASKED_ON], pa.scalar(day, pa.date32())))
    return rows.drop_columns([ASKED_ON])


def span(first: date, last: date) -> list[date]:
    """Every day from the first to the last, both included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
