"""A project folder, opened. Every door calls these functions, and none decides anything itself."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from keepwell.app.built_in import built_in
from keepwell.app.days import day_of
from keepwell.cycle.night import Night, Outcome, span
from keepwell.cycle.reading import read_facts
from keepwell.cycle.scoring import Judge
from keepwell.definitions.library import Library
from keepwell.definitions.loading import load_project
from keepwell.definitions.settings import Settings
from keepwell.facts.context import Cover
from keepwell.facts.engines.dialects import ENGINES, NOT_RUN
from keepwell.facts.known import Known
from keepwell.facts.places import cloud, source
from keepwell.facts.reading import Facts
from keepwell.facts.store import FactStore
from keepwell.facts.warehouse import Warehouse
from keepwell.history import History
from keepwell.history.places import kept
from keepwell.kit import clock
from keepwell.kit.errors import KeepwellError
from keepwell.metrics.checks import row_problems
from keepwell.workspace import Workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from keepwell.app.explaining import Explained
    from keepwell.app.quality import Status
    from keepwell.app.sheet import SheetResult
    from keepwell.app.simulating import Simulation
    from keepwell.app.table import Table
    from keepwell.facts.engines.dialects import Dialect
    from keepwell.facts.loading import Loaded
    from keepwell.ingest.report import ImportReport

Say = Callable[[str], None]
Day = str | date | None
A_DAY = timedelta(days=1)


def open(path: str | Path = ".", *, spark: SparkSession | None = None) -> Project:
    """Open the project in that folder. Raises KeepwellError for a folder that is none, and
    DefinitionErrors with every problem of its definitions.

    `spark` is a session in which its facts are, whatever keepwell.yaml says of their place."""
    return Project(Path(path), spark)


class Project:
    """What a company measures and how it judges, with its facts, its history and its people's say.

    Days are given as datetime.date or ISO text, `today` or `yesterday`; accounts by id or name.
    """

    def __init__(self, folder: Path, spark: SparkSession | None = None) -> None:
        self.folder = folder
        self._session = spark
        self.settings, self.library = _definitions(folder)
        self.judge = Judge(self.settings, self.library)

    # --- places ---------------------------------------------------------------------------------

    @cached_property
    def source(self) -> FactStore | Warehouse:
        """Where the canonical facts are read from."""
        told = self.settings.warehouse
        place = self.settings.places.facts
        return source(place, self.folder, told.schema_, told.tables, self._session)

    @property
    def caution(self) -> str:
        """What is to be known of the engine in which the facts are; empty of one that tests run."""
        dialect = cloud(self.settings.places.facts) if self._session is None else None
        if dialect is None:
            return ""
        engine = ENGINES[dialect]
        return f"Keepwell's statements for {engine} are {NOT_RUN}: check what it counts there."

    @property
    def store(self) -> FactStore:
        """The project's own folder of facts. Raises KeepwellError where a warehouse holds them."""
        if isinstance(self.source, FactStore):
            return self.source
        raise KeepwellError(
            "the facts of this project are in a warehouse, which Keepwell only reads",
            where=str(self.folder / "keepwell.yaml"),
            todo="load them there as you load your other tables; keepwell facts ddl shows their"
            " columns",
        )

    @cached_property
    def history(self) -> History:
        """The scored days."""
        told = self.settings
        return History(kept(told.places.history, self.folder, told.history.schema_))

    @cached_property
    def workspace(self) -> Workspace:
        """What people decided."""
        return Workspace(self.folder / self.settings.places.workspace)

    def facts(self, known: Known | None = None) -> Facts:
        """The facts as known at present, or as known then, ratings included."""
        return read_facts(self.source, self.workspace, self.settings, known or Known.now())

    def today(self) -> date:
        """The present day in the project's time zone."""
        return clock.today(self.settings.timezone)

    def day(self, given: Day) -> date | None:
        """The day that a person means; None for none. Raises KeepwellError for what is no day."""
        return day_of(given, self.today())

    def last_covered_day(self) -> date | None:
        """The last day that any source has covered, at most today; None without facts."""
        days = [min(c.to_day, self.today()) for c in self._covered()]
        return max(days, default=None)

    def _covered(self) -> list[Cover]:
        with closing(self.facts()) as facts:
            return facts.coverage()

    @property
    def _bring_some(self) -> str:
        """What to do where there are no facts."""
        if isinstance(self.source, FactStore):
            return "import some: keepwell import PATH (or look at keepwell demo DIR)"
        return "fill the tables of the warehouse; keepwell status shows those that it has"

    # --- the daily work -------------------------------------------------------------------------

    def score(
        self,
        as_of: Day = None,
        *,
        first: Day = None,
        last: Day = None,
        days: Sequence[date] | None = None,
        restate: bool = False,
        progress: Callable[[int, int, date], None] | None = None,
        on_wait: Say | None = None,
    ) -> Outcome:
        """Score one day, every day from `first` to `last`, or the given `days`, and store them.

        Without a day it is the last day that the facts cover, at most today. A day that is over
        and was scored keeps its result unless `restate` is set.
        """
        days = list(days) if days is not None else self._days(as_of, first, last)
        self._may_score(days)
        night = Night(self.judge, self.source, self.history, self.workspace, on_wait)
        return night.run(days, restate=restate, progress=progress)

    def plan(self, as_of: Day = None, *, dialect: Dialect | None = None) -> str:
        """The SQL that score() runs for a day, with comments; nothing is counted or written.

        With a dialect it is what would run in that engine, of which nothing is asked.
        """
        from keepwell.app import plans

        if dialect is not None and cloud(self.settings.places.facts):
            # What is there is not known without a connection.
            return plans.of_night(self, self.day(as_of) or self.today() - A_DAY, dialect)
        [day] = self._days(as_of, None, None)
        self._may_score([day])
        return plans.of_night(self, day, dialect)

    def _may_score(self, days: Sequence[date]) -> None:
        late = [d for d in days if d > self.today()]
        if late:
            raise KeepwellError(f"{late[0]} is yet to come", expected=f"a day up to {self.today()}")
        if not self._covered():
            raise KeepwellError(
                "there are no facts to score", where=str(self.folder), todo=self._bring_some
            )

    def _days(self, as_of: Day, first: Day, last: Day) -> list[date]:
        if first is not None or last is not None:
            start, end = self.day(first), self.day(last) or self.last_covered_day()
            if start is None or end is None or as_of is not None:
                raise KeepwellError("which days?", expected="one day, or a first and a last one")
            if start > end:
                raise KeepwellError(f"{start} is after {end}", expected="the first day first")
            return span(start, end)
        return [self.day(as_of) or self.last_covered_day() or self.today()]

    def import_files(
        self,
        paths: Iterable[str | Path],
        *,
        mapping: str | Path | None = None,
        dry_run: bool = False,
        source: str | None = None,
        say: Say = lambda _: None,
        on_wait: Say | None = None,
    ) -> ImportReport:
        """Import files into the canonical tables; see keepwell.ingest.load."""
        from keepwell.ingest import load
        from keepwell.ingest import mapping as mappings

        # First of all, that a mapping is not mended for a place that takes no files.
        store = self.store
        context = load.Context(
            currency=self.settings.currency,
            timezone=self.settings.timezone,
            metrics={key: metric.unit for key, metric in self.library.metrics.items()},
        )
        loaded = mappings.load(mapping) if mapping is not None else None
        return load.load(
            store, paths, loaded, source=source, context=context, dry_run=dry_run,
            say=say, on_wait=on_wait,
        )  # fmt: skip

    def suggest(self, paths: Iterable[str | Path]) -> str:
        """A mapping for these files, as YAML text to look over; see keepwell.ingest.suggest."""
        return suggest(paths, self.library, self.settings.currency)

    def load_facts(
        self, address: str, schema: str | None = None, say: Say = lambda _: None
    ) -> Loaded:
        """Copy all facts into a PostgreSQL database; see keepwell.facts.loading."""
        from keepwell.facts import loading

        return loading.load(self.store, address, schema, say)

    # --- looking --------------------------------------------------------------------------------

    def accounts(
        self,
        as_of: Day = None,
        *,
        scorecard: str | None = None,
        where: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
        reasons: bool = True,
    ) -> Table:
        """The portfolio of a scored day, by default the last one; see keepwell.app.portfolio."""
        from keepwell.app import portfolio

        return portfolio.accounts(
            self, self.day(as_of), scorecard=scorecard, where=where, sort=sort, limit=limit,
            reasons=reasons,
        )  # fmt: skip

    def explain(
        self,
        account: str,
        *,
        as_of: Day = None,
        since: Day = None,
        scorecard: str | None = None,
        whatif: Mapping[str, str | float] | None = None,
    ) -> Explained:
        """Why an account has its score, what moved it, and what would bring it further."""
        from keepwell.app import explaining

        return explaining.explain(
            self, account, as_of=self.day(as_of), since=self.day(since), scorecard=scorecard,
            whatif=whatif,
        )  # fmt: skip

    def sql(
        self, account: str, metrics: Sequence[str] = (), *, as_of: Day = None,
        scorecard: str | None = None,
    ) -> str:  # fmt: skip
        """The SQL that counts the metrics of an account's scorecard, or only these, with comments.

        It counts them for all accounts; nothing of it is run."""
        from keepwell.app import plans

        return plans.of_account(self, account, metrics, self.day(as_of), scorecard)

    def simulate(
        self,
        *,
        with_dir: str | Path | None = None,
        sets: Mapping[str, str] | None = None,
        as_of: Day = None,
        scorecard: str | None = None,
    ) -> Simulation:
        """The portfolio under changed definitions against the active ones; nothing is stored."""
        from keepwell.app import simulating

        changed = Path(with_dir) if with_dir is not None else None
        return simulating.simulate(self, changed, sets or {}, self.day(as_of), scorecard)

    def status(self) -> Status:
        """What is fresh, what is late, what was rejected, and which metrics nothing feeds."""
        from keepwell.app import quality

        return quality.status(self)

    def quarantine(self) -> Table:
        """Every row that could not be taken: where it came from, which one it was, and why. Of a
        warehouse, into which nothing is imported, there are none."""
        from keepwell.app.table import Table
        from keepwell.facts.quality import quarantine

        return Table(quarantine(self.source if isinstance(self.source, FactStore) else None))

    def check(self) -> int:
        """The number of definitions in use; opening the project has checked them all."""
        library = self.library
        return sum(map(len, (library.metrics, library.scorecards, library.segmentations,
                             library.segments)))  # fmt: skip

    def export(
        self, first: Day = None, last: Day = None, *, what: str = "scores",
        scorecard: str | None = None,
    ) -> Table:  # fmt: skip
        """Scores or measures of a range of scored days, one row per account and day (and leaf)."""
        from keepwell.app import exporting

        return exporting.export(self, self.day(first), self.day(last), what, scorecard)

    # --- people's say ---------------------------------------------------------------------------

    def assess(
        self, account: str, metric: str, answer: str | float, *, author: str,
        rationale: str | None = None, quote: str | None = None, expires: Day = None,
    ) -> str:  # fmt: skip
        """Record a person's value for a metric of one account; the id of the record."""
        from keepwell.app import judgement

        return judgement.assess(
            self, account, metric, answer, author=author, rationale=rationale, quote=quote,
            expires=self.day(expires),
        )  # fmt: skip

    def override(
        self, account: str, points: float | None = None, *, difference: float | None = None,
        path: str = "", scorecard: str | None = None, reason: str, author: str, expires: Day,
        starts: Day = None, say: Say = lambda _: None,
    ) -> str:  # fmt: skip
        """Record a person's number for a score or component, or a difference to it; the id.

        `say` is told where it moves nothing as things are, such as a component without data.
        """
        from keepwell.app import judgement

        return judgement.override(
            self, account, points, difference, path=path, scorecard=scorecard, reason=reason,
            author=author, expires=self.day(expires), starts=self.day(starts), say=say,
        )  # fmt: skip

    def assessments(self, withdrawn: bool = False) -> Table:
        """The ratings in the workspace, newest first."""
        from keepwell.app import judgement

        return judgement.assessments(self, withdrawn)

    def overrides(self, withdrawn: bool = False) -> Table:
        """The overrides in the workspace, newest first."""
        from keepwell.app import judgement

        return judgement.overrides(self, withdrawn)

    def withdraw(self, record: str, *, by: str, reason: str | None = None) -> None:
        """Withdraw a rating or an override by its id; both stay in the audit trail."""
        from keepwell.app import judgement

        judgement.withdraw(self, record, by=by, reason=reason)

    def __repr__(self) -> builtins.str:
        cards = ", ".join(self.settings.scorecards)
        return f"<keepwell.Project '{self.settings.name}' in {self.folder}: {cards}>"


def sheet(file: str | Path, scorecard: str) -> SheetResult:
    """Score one spreadsheet without any project; see keepwell.app.sheet."""
    from keepwell.app.sheet import score_sheet

    return score_sheet(Path(file), scorecard, built_in())


def suggest(
    paths: Iterable[str | Path], library: Library | None = None, currency: str | None = None
) -> str:
    """A mapping for these files, as YAML text to look over, without any project: columns may hold
    the metrics of the library, by default the built-in ones."""
    from keepwell.ingest.suggest import suggest

    labels = {key: metric.label for key, metric in (library or built_in()).metrics.items()}
    return suggest(paths, currency=currency, metrics=labels)


def _definitions(folder: Path) -> tuple[Settings, Library]:
    return load_project(folder, built_in(), row_problems)
