"""What every engine must give: the same numbers as DuckDB over the same rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

import pyarrow as pa
import pytest
import yaml

from keepwell.app.demo import SCORECARDS
from keepwell.app.project import Project
from keepwell.catalog import definitions
from keepwell.cycle.scoring import PORTFOLIO
from keepwell.definitions.library import Library
from keepwell.definitions.loading import load
from keepwell.facts.known import Known
from keepwell.facts.memory import MemoryFacts
from keepwell.facts.warehouse import Warehouse
from tests.metrics.measuring import measured
from tests.metrics.mixed import company
from tests.warehouses import Stored, differences, same

DAYS = [date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 1)]
END = date(2026, 3, 1)
SCORED = [END - timedelta(days=30), END]
KINDS = ["seasonal_closure"]


@dataclass(frozen=True)
class There:
    """How keepwell.yaml says where tables are."""

    place: str
    schema: str | None = None
    tables: Mapping[str, str] | None = None

    def settings(self) -> str:
        told = {"schema": self.schema, "tables": dict(self.tables or {})}
        return yaml.safe_dump({"places": {"facts": self.place}, "warehouse": told})


Put = Callable[[str, Stored], There]
"""Puts tables into an engine, under a name, and says where they are."""


@cache
def library() -> Library:
    return load(definitions())


def mixed() -> MemoryFacts:
    return MemoryFacts(company(), project_currency="EUR")


class Conformance:
    """The suite; a module that brings the fixture `put` runs it for its engine."""

    @pytest.mark.parametrize("days", [DAYS, DAYS[-1:]], ids=["several-days", "one-day"])
    def test_all_metrics_over_rows_of_every_kind(self, there: Warehouse, days: list[date]) -> None:
        facts = there.reader(Known.latest(), project_currency="EUR")
        found = measured(library(), facts, days, period_kinds=KINDS).table
        facts.close()
        expected = measured(library(), mixed(), days, period_kinds=KINDS).table
        assert differences(expected, found) == []

    @pytest.mark.parametrize("table", [*SCORECARDS, PORTFOLIO])
    def test_all_values_points_and_scores(
        self, projects: tuple[Project, Project], table: str
    ) -> None:
        here, there = (_scored(project, table) for project in projects)
        assert here.num_rows >= 2 * 20
        assert differences(here, there) == []

    @pytest.mark.parametrize("card", SCORECARDS)
    def test_explanations_and_changes(self, projects: tuple[Project, Project], card: str) -> None:
        here, there = projects
        account = _scored(here, card)["account_id"][4].as_py()
        told = [
            _told(p.explain(account, scorecard=card, as_of=END, since=SCORED[0]).to_dict())
            for p in (here, there)
        ]
        assert told[0]["change"]
        assert same(*told)


def _scored(project: Project, table: str) -> pa.Table:
    found = project.history.read(table)
    return found.sort_by([("date", "ascending"), ("account_id", "ascending")])


def _told(explained: dict[str, Any]) -> dict[str, Any]:
    # When it was scored is not the engine's to say.
    return {key: value for key, value in explained.items() if key != "info"}
