"""The generated company: in proportion, the same for a seed, and kept."""

from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from benchmarks import generator
from benchmarks.company import FIRST_DAY, LAST_DAY, SEED, Company
from benchmarks.tables import feeds
from benchmarks.usage import months, usage_select
from tests.benchmarks.conftest import SMALL

MONTH = (date(2025, 5, 1), date(2025, 5, 31))


def _content(company: Company, scratch: Path) -> dict[str, Any]:
    """Of every table the number of rows and a sum that tells their contents, in any order."""
    with generator.generating(company, scratch) as con:
        selects = {f.table: f.select for f in feeds(company)} | {"usage": usage_select(*MONTH)}
        return {
            name: con.sql(f"SELECT count(*), sum(hash(t)) FROM ({select}) AS t").fetchone()
            for name, select in selects.items()
        }


def test_a_seed_always_makes_the_same_rows(tmp_path: Path) -> None:
    once = _content(Company(20), tmp_path)
    assert once == _content(Company(20), tmp_path)
    other = _content(Company(20, seed=SEED + 1), tmp_path)
    random = set(once) - {"plans", "plan_features"}
    assert not {name for name in random if once[name] == other[name]}


def test_a_company_is_in_proportion(cache: Path) -> None:
    rows = generator.note(cache / SMALL.name)["rows"]
    assert (rows["accounts"], rows["people"]) == (60, 720)
    assert rows["usage_daily.session"] == pytest.approx(1_500 * 60, rel=0.2)
    assert rows["usage_daily.feature_use"] == pytest.approx(1_600 * 60, rel=0.2)
    assert min(rows.values()) > 0


def test_every_month_of_the_year_is_made_once() -> None:
    spans = list(months())
    assert (spans[0][0], spans[-1][1]) == (FIRST_DAY, LAST_DAY)
    assert sum((last - first).days + 1 for first, last in spans) == 365


@pytest.mark.usefixtures("_cached")
def test_a_company_that_is_kept_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: made.append(command))
    generator.company_project(SMALL)
    assert made == []
    generator.company_project(Company(60, varied=True))
    assert made[0][-2:] == ["60", "varied"]
    monkeypatch.setattr(generator, "LAYOUT", -1)
    generator.company_project(SMALL)
    assert made[1][-1] == "60"
