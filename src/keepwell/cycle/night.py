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
            self.history.write_days(
                self._scored(chunk),
                restate=restate,
                replace_open=any(t.replace for t in chunk),
                on_wait=self.on_wait,
            )
            done.extend(t.day for t in chunk)
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

    def _scored(self, chunk: Sequence[Task]) -> Iterator[ScoredDay]:
        scored_at = clock.now()
        last = chunk[-1]
        facts = self._reader(Known(last.known_at, last.arrived_by))
        days = [t.day for t in chunk]
        plans = {k: p for k, p in self.judge.plans.items() if k in last.tables}
        values = self.judge.values(facts, days)
        overrides = {t.day: self.workspace.overrides(on=t.day, known=t.known_at) for t in chunk}
        scored: dict[str, pa.Table] = {}
        for key, plan in plans.items():
            holds = {day: held(plan, facts.periods(), day) for day in days}
            of = sorted({h.of for those in holds.values() for h in those})
            earlier = self.judge.values(facts, of, plan.metrics) if of else None
            own = {d: [o for o in those if o.scorecard == key] for d, those in overrides.items()}
            rows = with_held(values, earlier, holds)
            scored[key] = self.judge.scored(facts.con, rows, plan, own)
        if PORTFOLIO in last.tables:
            scored[PORTFOLIO] = self.judge.portfolio(facts.con, values, scored)
        definitions = {k: self.definitions[k] for k in scored if k in self.definitions}
        for task in chunk:
            tables = {key: _of_day(table, task.day) for key, table in scored.items()}
            yield ScoredDay(
                task.day, tables, scored_at, task.known_at, task.arrived_by, definitions
            )


def _of_day(table: pa.Table, day: date) -> pa.Table:
    """The rows of one day, without the day."""
    rows = table.filter(pc.equal(table[ASKED_ON], pa.scalar(day, pa.date32())))
    return rows.drop_columns([ASKED_ON])


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
