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


@pytest.mark.parametrize("place", ["data/facts", "snowflake://me@account/CRM/marts"])
def test_a_plan_for_an_engine_that_is_not_asked(
    here: Here, sheet_project: Path, place: str
) -> None:
    settings = sheet_project / "keepwell.yaml"
    told = settings.read_text("utf-8").replace("places:", "places_before:")
    settings.write_text(f"{told}\nplaces: {{facts: '{place}'}}\n", "utf-8")
    text = here.good("score", "--plan", "--dialect", "snowflake", "-C", sheet_project)
    assert text.startswith("-- What keepwell score would run for ")
    assert "compiled and checked, not run" in " ".join(text.replace("\n-- ", " ").split())
    assert 'WITH "accounts" AS (' in text
    assert '"ACCOUNTS"' in text
    # Of ratings nothing is known without a connection.
    assert ("-- counts assessments:" in text) == (place == "data/facts")
    assert "\n-- who is a customer on the asked day" in text


def test_a_place_that_no_test_has_run_says_so(here: Here, sheet_project: Path) -> None:
    settings = sheet_project / "keepwell.yaml"
    settings.write_text(
        settings.read_text("utf-8") + "\nplaces: {facts: 'trino://me@127.0.0.1:1/hive/crm'}\n",
        "utf-8",
    )
    code, _, err = here("status", "-C", sheet_project)
    assert code == 2
    assert "compiled and checked, not run" in err.partition("\n")[0]
    assert "Trino could not answer" in err


def test_a_dialect_is_of_a_plan(here: Here, sheet_project: Path) -> None:
    code, _, err = here("score", "--dialect", "trino", "-C", sheet_project)
    assert code == 2
    assert "--dialect goes with --plan" in err
