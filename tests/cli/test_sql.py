"""score --plan and explain --sql."""

from __future__ import annotations

from pathlib import Path

import pytest

from keepwell.app.project import open as open_project
from tests.cli.running import Here

SHEET = Path(__file__).resolve().parents[2] / "examples" / "plan-tiered-sheet"


@pytest.fixture
def project(here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the facts of a sheet."""
    monkeypatch.setenv("KEEPWELL_NOW", "2026-01-10T12:00:00+00:00")
    folder = tmp_path / "acme"
    here.good("init", folder, "--framework", "plan-tiered")
    here.good("import", SHEET / "sheet.csv", "--map", SHEET / "mapping.yaml", "-C", folder)
    return folder


def test_a_plan_is_printed_and_nothing_is_scored(here: Here, project: Path) -> None:
    text = here.good("score", "--plan", "--as-of", "2026-01-09", "-C", project)
    assert text == open_project(project).plan("2026-01-09")
    assert text.startswith("-- What keepwell score runs for 2026-01-09 in DuckDB")
    code, _, err = here("accounts", "-C", project)
    assert code == 2
    assert "nothing has been scored" in err


@pytest.mark.parametrize("more", [("--restate",), ("--from", "2026-01-01"), ("--to", "today")])
def test_a_plan_is_of_one_day(here: Here, project: Path, more: tuple[str, ...]) -> None:
    code, out, err = here("score", "--plan", *more, "-C", project)
    assert (code, out) == (2, "")
    assert "--plan shows one day" in err


def test_the_sql_of_an_account(here: Here, project: Path, tmp_path: Path) -> None:
    here.good("score", "-C", project)
    own = ("explain", "Andi", "--sql", "-C", project)
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
    code, _, err = here("explain", "Andi", "seats", "-C", project)
    assert code == 2
    assert "METRIC is for --sql" in err
