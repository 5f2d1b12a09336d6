"""The portfolio's headline, which several commands show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType

from keepwell.cli.render.portfolio import summary
from keepwell.cli.render.tiers import Tiers

if TYPE_CHECKING:
    from keepwell.app.project import Project
    from keepwell.app.table import Table


def tiers_of(project: Project, scorecard: str | None = None) -> Tiers:
    """The tiers of that scorecard, by default the primary one."""
    key = scorecard or project.settings.scorecards[0]
    return Tiers.of(project.library.scorecard(key).tiers)


def headline(project: Project, table: Table, rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Name, scorecard, day, average and tiers of accounts that `Project.accounts` gave."""
    told = {k.decode(): v.decode() for k, v in (table.to_arrow().schema.metadata or {}).items()}
    key = told["scorecard"]
    title = f"{project.settings.name} · {project.library.scorecard(key).label}"
    return summary(rows, tiers_of(project, key), title, told["as_of"])


def overview(project: Project, day: date | None = None) -> RenderableType:
    """The headline of a scored day, by default the last one."""
    table = project.accounts(day, reasons=False)
    return headline(project, table, table.rows())
