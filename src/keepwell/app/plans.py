"""The SQL that counts metrics, for people who take it to the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from keepwell.app.days_scored import card_key, plan_of, scored_day
from keepwell.app.explaining import find_account
from keepwell.cycle.night import Night, Task
from keepwell.cycle.scoring import PORTFOLIO, Judge
from keepwell.facts.context import Cover
from keepwell.facts.engines.dialects import CLOUDS, NOT_RUN, Dialect
from keepwell.facts.known import BEGINNING
from keepwell.facts.memory import MemoryFacts
from keepwell.facts.paper import PaperFacts
from keepwell.facts.places import cloud
from keepwell.facts.reading import Facts
from keepwell.facts.schema import IMPORTED
from keepwell.kit.errors import KeepwellError, did_you_mean
from keepwell.metrics.families import needs
from keepwell.metrics.shown import Shown, comment
from keepwell.scoring.plan import Plan

if TYPE_CHECKING:
    from keepwell.app.project import Project


def of_night(project: Project, day: date, dialect: Dialect | None = None) -> str:
    """What scoring a day runs, or what it would run if the facts were in another engine. Nothing is
    counted, and nothing is written."""
    if dialect is not None:
        return _on_paper(project, day, dialect)
    night = _night(project)
    tasks = night.tasks([day], restate=False)
    [task] = tasks or night.tasks([day], restate=True)
    facts = night.reader(task)
    try:
        shown = project.judge.shown(facts, day)
    finally:
        facts.close()
    about = [f"What keepwell score runs for {day} in {shown.engine}, in this order."]
    about.append("To show it, nothing was counted or written. Views are gone when it has run.")
    if not tasks:
        about.append("The day was scored already and keeps its result; this is for --restate.")
    if any(a.hold for p in project.judge.plans.values() for a in p.scorecard.adjustments.values()):
        about.append(
            "If the score of an account is held, its scorecard's metrics are counted once more, as"
            " of the day at which it is held."
        )
    return _headed(about, shown)


def _on_paper(project: Project, day: date, dialect: Dialect) -> str:
    told = project.settings.warehouse
    own = _all_covered(project, day) if cloud(project.settings.places.facts) else project.facts()
    # A folder of files is only Spark's to name.
    tables = {name: place for name, place in told.tables.items() if "/" not in place}
    facts = PaperFacts(own, dialect, told.schema_, tables)
    try:
        shown = project.judge.shown(facts, day)
    finally:
        facts.close()
    engine = shown.engine
    about = [f"What keepwell score would run for {day} in {engine}, in this order."]
    about.append(f"To show it, nothing was asked of {engine}, and nothing was counted or written.")
    about.append("The tables are taken to be as keepwell facts ddl makes them.")
    if dialect in CLOUDS:
        about.append(
            f"Keepwell's statements for {engine} are {NOT_RUN}. Nothing is kept there, not even a"
            " view: what stands after WITH, and the small tables, go before each statement that"
            " names them."
        )
    return _headed(about, shown)


def _all_covered(project: Project, day: date) -> Facts:
    """Facts without rows that are complete for every metric, in place of those that only a
    connection could tell."""
    base = [Cover("warehouse", name, BEGINNING.date(), day) for name in IMPORTED]
    metrics = [m for m in project.library.metrics.values() if m.is_aggregate]
    picked = {f for metric in metrics for need in needs(metric, base) for f in need.families}
    covers = [replace(base[0], family=f) for f in sorted({*picked, *IMPORTED})]
    zone, currency = project.settings.timezone, project.settings.currency
    return MemoryFacts({}, coverage=covers, project_timezone=zone, project_currency=currency)


def of_account(
    project: Project,
    account: str,
    metrics: Sequence[str],
    as_of: date | None,
    scorecard: str | None,
) -> str:
    """What counts the metrics of a scorecard, or only the named ones, on a scored day.

    Raises KeepwellError for a metric, account or day that there is not.
    """
    key = card_key(project, scorecard)
    info = scored_day(project, key, as_of)
    plan = plan_of(project, key, info)
    for metric in metrics:
        _looked_at(project, plan, metric)
    found = find_account(project.history.read(PORTFOLIO, days=[info.day]).to_pylist(), account)
    facts = _night(project).reader(Task(info.day, (key,), info.known_at, info.arrived_by))
    judge = Judge(project.settings, plan.library)
    try:
        shown = judge.shown(facts, info.day, metrics or plan.metrics).of_counts()
    finally:
        facts.close()
    whose = f"account_id = '{found['account_id']}' ({found['account/name']})"
    about = [
        f"Statements count for all accounts: look for {whose}.",
        f"They are in the SQL of {shown.engine}, with the definitions and the facts of {info.day}.",
        "A night counts more metrics in the same way: keepwell score --plan.",
    ]
    return _headed(about, shown)


def _headed(about: Iterable[str], shown: Shown) -> str:
    return "\n".join(line for text in about for line in comment(text)) + "\n\n" + shown.text()


def _night(project: Project) -> Night:
    return Night(project.judge, project.source, project.history, project.workspace)


def _looked_at(project: Project, plan: Plan, metric: str) -> None:
    """Raise KeepwellError unless the scorecard, or a metric that it needs, is made of this one."""
    known = plan.library.closure(plan.metrics)
    if metric in known:
        return
    raise KeepwellError(
        f"nothing in the scorecard '{plan.scorecard.scorecard}' is made of '{metric}'"
        if metric in project.library.metrics
        else f"no metric is called '{metric}'",
        todo=did_you_mean(metric, known),
    )
