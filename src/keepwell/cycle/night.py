"""One pass: score some days and write them. Killed anywhere and run again, it ends the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from keepwell.cycle.scoring import PORTFOLIO, Judge, held, with_held
from keepwell.definitions.versions import resolved, version
from keepwell.facts.known import Known
from keepwell.facts.reading import FactReader
from keepwell.facts.store import FactStore
from keepwell.facts.turns import turns
from keepwell.history import History, ScoredDay
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
    replace: bool = False


@dataclass
class Night:
    """The pass over a project's places."""

    judge: Judge
    store: FactStore
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
        now = clock.now()
        for key, plan in self.judge.plans.items():
            text = resolved(plan.scorecard, self.judge.library)
            self.definitions[key] = version(text)
            self.history.keep_definition(self.definitions[key], text)
        tasks, stood = [], []
        for day in sorted(set(days)):
            task = self._task(day, now, restate)
            if task is None:
                stood.append(day)
            else:
                tasks.append(task)
        done: list[date] = []
        for chunk in self._chunks(tasks):
            for scored in _batches(self._scored(chunk)):
                self.history.write_days(
                    [s for _, s in scored],
                    restate=restate,
                    replace_open=any(t.replace for t, _ in scored),
                    on_wait=self.on_wait,
                )
                done.extend(t.day for t, _ in scored)
            if progress:
                progress(len(done), len(tasks), chunk[-1].day)
        return Outcome(tuple(done), tuple(stood), tuple(done) if restate else ())

    def _task(self, day: date, now: datetime, restate: bool) -> Task | None:
        tables = [*self.judge.plans, PORTFOLIO]
        snapshot = self.history.snapshot()
        infos = {t: snapshot.day_info(day, t) for t in tables}
        there = [i for i in infos.values() if i is not None]
        end = clock.end_of(day, self.judge.settings.timezone)
        if restate or not there:
            known = now if restate else min(now, end)
            return Task(day, tuple(tables), known, now)
        if now < end:
            return Task(day, tuple(tables), now, now, replace=True)
        absent = tuple(t for t, info in infos.items() if info is None)
        if not absent:
            return None
        return Task(day, absent, there[0].known_at, there[0].arrived_by)

    def _chunks(self, tasks: Sequence[Task]) -> Iterator[list[Task]]:
        """Days that can be evaluated together: nothing became known differently between them."""
        instants = turns(self.store) if len(tasks) > 1 else []
        chunk: list[Task] = []
        for task in tasks:
            if chunk:
                first, before = chunk[0], chunk[-1]
                alike = (task.tables, task.arrived_by, task.replace) == (
                    before.tables,
                    before.arrived_by,
                    before.replace,
                )
                turned = any(first.known_at < t <= task.known_at for t in instants)
                if not alike or turned or len(chunk) == MOST_DAYS_AT_ONCE:
                    yield chunk
                    chunk = []
            chunk.append(task)
        if chunk:
            yield chunk

    def _reader(self, known: Known) -> FactReader:
        settings = self.judge.settings
        return FactReader(
            self.store,
            known,
            extra={"assessments": assessments_table(self.workspace, known)},
            project_timezone=settings.timezone,
            project_currency=settings.currency,
        )

    def _scored(self, chunk: Sequence[Task]) -> Iterator[tuple[Task, ScoredDay]]:
        scored_at = clock.now()
        last = chunk[-1]
        facts = self._reader(Known(last.known_at, last.arrived_by))
        days = [t.day for t in chunk]
        plans = {k: p for k, p in self.judge.plans.items() if k in last.tables}
        values = self.judge.values(facts, days)
        by_day = _split(values, days)
        holds = {
            (key, day): held(plan, facts.periods(), day)
            for key, plan in plans.items()
            for day in days
        }
        earlier_days = sorted({h.of for hs in holds.values() for h in hs})
        earlier: dict[date, pa.Table] = {}
        if earlier_days:
            needed = [m for key, plan in plans.items() if any(holds[key, d] for d in days)
                      for m in plan.metrics]  # fmt: skip
            earlier = _split(self.judge.values(facts, earlier_days, needed), earlier_days)
        for task in chunk:
            known = Known(task.known_at, task.arrived_by)
            scored: dict[str, pa.Table] = {}
            for key, plan in plans.items():
                overrides = [
                    o
                    for o in self.workspace.overrides(on=task.day, known=known.known_at)
                    if o.scorecard == key
                ]
                rows = with_held(by_day[task.day], earlier, holds[key, task.day])
                scored[key] = self.judge.scored(facts.con, rows, plan, overrides, task.day)
            if PORTFOLIO in last.tables:
                scored[PORTFOLIO] = self.judge.portfolio(facts.con, by_day[task.day], scored)
            definitions = {k: self.definitions[k] for k in scored if k in self.definitions}
            yield task, ScoredDay(
                task.day, scored, scored_at, task.known_at, task.arrived_by, definitions
            )


def _batches(
    scored: Iterator[tuple[Task, ScoredDay]],
) -> Iterator[list[tuple[Task, ScoredDay]]]:
    batch = list(scored)
    if batch:
        yield batch


def _split(values: pa.Table, days: Sequence[date]) -> dict[date, pa.Table]:
    if len(days) == 1:
        return {days[0]: values}
    return {d: values.filter(pc.equal(values[ASKED_ON], pa.scalar(d, pa.date32()))) for d in days}


def span(first: date, last: date) -> list[date]:
    """Every day from the first to the last, both included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def assessments_table(workspace: Workspace, known: Known) -> pa.Table:
    """The ratings that people gave and had not withdrawn then, as canonical rows."""
    rows: list[Mapping[str, object]] = [
        {
            "assessment_id": a.id,
            "account_id": a.account_id,
            "question_key": a.question_key,
            "answer_code": a.answer_code,
            "answer_number": a.answer_number,
            "quote": a.quote,
            "rationale": a.rationale,
            "author_id": a.author,
            "assessed_at": a.assessed_at,
            "expires_at": None if a.expires_on is None else clock.end_of(a.expires_on, "UTC"),
        }
        for a in workspace.assessments(known.known_at)
    ]
    return pa.Table.from_pylist(rows, schema=_ASSESSMENTS)


_ASSESSMENTS = pa.schema(
    [
        ("assessment_id", pa.string()),
        ("account_id", pa.string()),
        ("question_key", pa.string()),
        ("answer_code", pa.string()),
        ("answer_number", pa.decimal128(18, 9)),
        ("quote", pa.string()),
        ("rationale", pa.string()),
        ("author_id", pa.string()),
        ("assessed_at", pa.timestamp("us", tz="UTC")),
        ("expires_at", pa.timestamp("us", tz="UTC")),
    ]
)
