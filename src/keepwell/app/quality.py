"""The state of a project's data: what is fresh, what is late, what was rejected, what is unfed."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from keepwell.definitions.library import Library
from keepwell.definitions.metric import Metric
from keepwell.facts.context import Cover
from keepwell.facts.quality import Feed, Rejects, feeds, rejects
from keepwell.facts.reading import Facts
from keepwell.facts.store import FactStore
from keepwell.facts.warehouse import WarehouseFacts
from keepwell.metrics.families import unmet

if TYPE_CHECKING:
    from keepwell.app.project import Project


_IN_THE_FOLDER = "keepwell import PATH brings some."
_IN_A_WAREHOUSE = (
    "Fill the tables of the warehouse as you load your other tables there, or name those that have"
    " rows below warehouse in keepwell.yaml; keepwell facts ddl shows their columns."
)


@dataclass(frozen=True)
class Unfed:
    """A metric for which no data is there: which scorecards want it, and what would feed it."""

    metric: str
    label: str
    scorecards: tuple[str, ...]
    wants: str


@dataclass(frozen=True)
class Status:
    """What `keepwell status` shows. scored: first and last scored day and how many there are.
    known_now: tables that do not say since when a row is known, and so show as they are now.
    advice: what to do where there are no feeds."""

    feeds: tuple[Feed, ...]
    rejects: tuple[Rejects, ...]
    unfed: tuple[Unfed, ...]
    scored: tuple[date, date, int] | None
    known_now: tuple[str, ...] = ()
    advice: str = _IN_THE_FOLDER


def status(project: Project) -> Status:
    """The state of the facts and of the history at present."""
    with closing(project.facts()) as facts:
        return _status(project, facts)


def _status(project: Project, facts: Facts) -> Status:
    covers = facts.coverage()
    questions = facts.questions()
    days = project.history.scored_days(project.settings.scorecards[0])["date"].to_pylist()
    return Status(
        tuple(feeds(facts, project.today(), project.settings.fresh_for)),
        tuple(rejects(project.source)) if isinstance(project.source, FactStore) else (),
        tuple(_unfed(project, covers, questions)),
        (min(days), max(days), len(set(days))) if days else None,
        tuple(facts.known_now) if isinstance(facts, WarehouseFacts) else (),
        _IN_A_WAREHOUSE if isinstance(facts, WarehouseFacts) else _IN_THE_FOLDER,
    )


def _unfed(project: Project, covers: list[Cover], questions: frozenset[str]) -> list[Unfed]:
    wanted: dict[str, list[str]] = {}
    for key, plan in project.judge.plans.items():
        for name in project.library.closure(plan.metrics):
            wanted.setdefault(name, []).append(key)
    found = []
    for key, cards in wanted.items():
        metric = project.library.metric(key)
        wants = _wants(key, metric, covers)
        if wants and key not in questions:
            found.append(Unfed(key, metric.label, tuple(cards), wants))
    return found


def _wants(key: str, metric: Metric, covers: list[Cover]) -> str:
    if metric.assessed is not None:
        return f"a rating: keepwell assess ACCOUNT {key} ANSWER"
    if not metric.is_aggregate:
        return ""
    rows, columns = _lacking([metric], covers)
    return rows or (columns and f"{columns}, which no source fills")


def why_missing(library: Library, key: str, covers: list[Cover], questions: frozenset[str]) -> str:
    """What no source gives of all that a metric is made of, in words; empty where it has another
    reason to be missing."""
    made_of = library.closure([key])
    counted = [m for k, m in made_of.items() if m.is_aggregate and k not in questions]
    rows, columns = _lacking(counted, covers)
    told = [f"no source gives {rows}"] if rows else []
    return "; ".join([*told, f"no source fills {columns}"] if columns else told)


def _lacking(metrics: Iterable[Metric], covers: list[Cover]) -> tuple[str, str]:
    """The rows and the columns that no source gives, each once."""
    needs = list(dict.fromkeys(need for metric in metrics for need in unmet(metric, covers)))
    rows = dict.fromkeys(str(need) for need in needs if not need.columns)
    columns = dict.fromkeys(str(need) for need in needs if need.columns)
    return " and ".join(rows), " and ".join(columns)
