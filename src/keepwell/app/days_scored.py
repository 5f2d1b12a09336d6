"""Which scored day is meant, and the definitions that made it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from keepwell.definitions.versions import restored
from keepwell.history import DayInfo
from keepwell.kit.errors import KeepwellError, did_you_mean
from keepwell.scoring.plan import Plan

if TYPE_CHECKING:
    from keepwell.app.project import Project


def card_key(project: Project, scorecard: str | None) -> str:
    """The scorecard that is meant: the given one, or the project's primary one."""
    keys = project.settings.scorecards
    if scorecard is None:
        return keys[0]
    if scorecard not in keys:
        raise KeepwellError(
            f"this project does not use a scorecard '{scorecard}'",
            expected="one of " + ", ".join(keys),
            todo=did_you_mean(scorecard, keys),
        )
    return scorecard


def scored_day(project: Project, key: str, day: date | None) -> DayInfo:
    """The record of a scored day, the last one where none is named.

    Raises KeepwellError that says which days there are.
    """
    snapshot = project.history.snapshot()
    found = day or snapshot.latest_day(key)
    info = snapshot.day_info(found, key) if found else None
    if info is not None:
        return info
    days = snapshot.scored_days(key)["date"].to_pylist()
    if not days:
        raise KeepwellError(
            f"nothing has been scored with '{key}' yet", todo="score a day: keepwell score"
        )
    raise KeepwellError(
        f"{found} was not scored with '{key}'",
        expected=f"a day from {min(days)} to {max(days)}",
        todo=f"score it: keepwell score --as-of {found}",
    )


def plan_of(project: Project, key: str, info: DayInfo) -> Plan:
    """The plan that made a scored day, by the definition that is kept with it."""
    if info.definition is None:
        return project.judge.plans[key]
    scorecard, library = restored(project.history.definition(info.definition))
    return Plan(scorecard, library)
