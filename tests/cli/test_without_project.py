"""Commands that need no project: sheets, schemas, new folders."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.running import Here

CELLS = """account,name,NPS score,nps_latest,daily_active_share
a1,Blue Harbour,,9,75%
a2,Crane,,2,20%
"""


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    file = tmp_path / "scores.csv"
    file.write_text(CELLS.replace("NPS score,", "").replace(",,", ","), "utf-8")
    return file


def test_a_sheet_is_scored(here: Here, sheet: Path) -> None:
    text = here.good("sheet", sheet, "--scorecard", "enterprise")
    assert text.startswith("Enterprise health · ")
    assert "Blue Harbour" in text
    assert "not enough data" in text


def test_a_sheet_as_json_loses_no_measure(here: Here, sheet: Path) -> None:
    first, second = json.loads(
        here.good("sheet", sheet, "--scorecard", "enterprise", "--format", "json")
    )
    assert (first["account"], second["account"]) == ("a1", "a2")
    assert len(first["measures"]) == 34
    daily = first["measures"]["usage/active_users/daily"]
    assert (daily["value"], daily["state"], daily["points"]) == (0.75, "known", 100.0)
    weekly = first["measures"]["usage/active_users/weekly"]
    assert (weekly["value"], weekly["state"], weekly["points"]) == (None, "missing", None)


def test_one_account_of_a_sheet_is_explained(here: Here, sheet: Path) -> None:
    command = ("sheet", sheet, "--scorecard", "enterprise", "--explain", "Crane")
    text = here.good(*command)
    assert "Crane · Enterprise health" in text
    assert "Daily active users" in text
    rows = list(csv.DictReader(io.StringIO(here.good(*command, "--format", "csv"))))
    assert {r["account"] for r in rows} == {"a2"}
    assert sum(r["kind"] == "measure" for r in rows) == 34


def test_an_account_that_is_not_in_the_sheet_gets_near_names(here: Here, sheet: Path) -> None:
    code, _, err = here("sheet", sheet, "--scorecard", "enterprise", "--explain", "Crain")
    assert code == 2
    assert "did you mean 'Crane'?" in err


def test_a_template_can_be_scored_at_once(here: Here, tmp_path: Path) -> None:
    file = tmp_path / "empty.xlsx"
    assert f"keepwell sheet {file} --scorecard plan-tiered" in here.good(
        "sheet", "--template", "plan-tiered", file
    )
    assert "1 account" in here.good("sheet", file, "--scorecard", "plan-tiered")


@pytest.mark.parametrize("options", [(), ("--scorecard", "enterprise", "--template", "enterprise")])
def test_a_sheet_needs_one_of_scorecard_and_template(
    here: Here, sheet: Path, options: tuple[str, ...]
) -> None:
    code, _, err = here("sheet", sheet, *options)
    assert code == 2
    assert "either --scorecard KEY or --template KEY" in err


def test_a_mapping_is_proposed_in_any_folder(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "kunden.csv"
    file.write_text("customer_id,company,nps_latest\n1,Alpha,9\n2,Beta,7\n", "utf-8")
    proposed = here.good("import", "--suggest", file)
    assert "to: accounts" in proposed
    assert "nps_latest" in proposed
    here.good("import", "--suggest", file, "-o", tmp_path / "mapping.yaml")
    assert (tmp_path / "mapping.yaml").read_text("utf-8") == proposed


def test_one_schema_is_printed(here: Here) -> None:
    found = json.loads(here.good("schema", "scorecard"))
    assert "components" in found["properties"]
    assert set(json.loads(here.good("schema"))) >= {"keepwell", "metrics", "scorecard"}


def test_all_schemas_are_written(here: Here, tmp_path: Path) -> None:
    text = here.good("schema", "--to", tmp_path / "schemas")
    files = sorted(f.name for f in (tmp_path / "schemas").iterdir())
    assert "scorecard.schema.json" in files
    assert "yaml-language-server" in text
    for file in files:
        assert json.loads((tmp_path / "schemas" / file).read_text("utf-8"))["$schema"]


def test_a_new_project_tells_its_files_and_is_in_order(here: Here, tmp_path: Path) -> None:
    folder = tmp_path / "acme"
    text = here.good("init", folder, "--framework", "portfolio-360", "--currency", "USD")
    assert str(folder / "keepwell.yaml") in text
    assert "definitions are in order." in here.good("check", "-C", folder)
    code, _, err = here("init", folder, "--framework", "enterprise")
    assert code == 2
    assert "holds a project already" in err


def test_an_unknown_framework_gets_the_nearest_one(here: Here, tmp_path: Path) -> None:
    code, _, err = here("init", tmp_path / "acme", "--framework", "enterprize")
    assert code == 2
    assert "did you mean 'enterprise'?" in err
    assert not (tmp_path / "acme").exists()


def test_a_demo_with_too_few_customers_is_refused(here: Here, tmp_path: Path) -> None:
    code, _, err = here("demo", tmp_path / "co", "--accounts", "3")
    assert code == 2
    assert "at least" in err
