"""score --plan and explain --sql."""

from __future__ import annotations

from pathlib import Path

import pytest

from keepwell.app.project import open as open_project
from tests.cli.running import Here


def test_a_plan_is_printed_and_nothing_is_scored(here: Here, sheet_project: Path) -> None:
    text = here.good("score", "--plan", "--as-of", "2026-01-09", "-C", sheet_project)
    assert text == open_project(sheet_project).plan("2026-01-09")
    assert text.startswith("-- What keepwell score runs for 2026-01-09 in DuckDB")
    code, _, err = here("accounts", "-C", sheet_project)
    assert code == 2
    assert "nothing has been scored" in err


@pytest.mark.parametrize("more", [("--restate",), ("--from", "2026-01-01"), ("--to", "today")])
def test_a_plan_is_of_one_day(here: Here, sheet_project: Path, more: tuple[str, ...]) -> None:
    code, out, err = here("score", "--plan", *more, "-C", sheet_project)
    assert (code, out) == (2, "")
    assert "--plan shows one day" in err


def test_the_sql_of_an_account(here: Here, sheet_project: Path, tmp_path: Path) -> None:
    here.good("score", "-C", sheet_project)
    own = ("explain", "Andi", "--sql", "-C", sheet_project)
    text = here.good(*own)
    assert "(Andi)." in text
    assert "\n-- counts assessments:\n" in text
    assert here.good(*own, "-o", tmp_path / "andi.sql") == ""
    assert (tmp_path / "andi.sql").read_text("utf-8") == text

    code, _, err = here(*own, "feature_adoptio")
    assert code == 2
    assert "no metric is called 'feature_adoptio'" in err
    assert "did you mean" in err
    code, _, err = here(*own, "--full")
    assert code == 2
    assert "--sql goes with" in err
    code, _, err = here("explain", "Andi", "seats", "-C", sheet_project)
    assert code == 2
    assert "METRIC is for --sql" in err
