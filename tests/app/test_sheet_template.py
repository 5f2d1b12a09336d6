"""The empty sheet of a scorecard, which its own examples fill without complaint."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from keepwell.app.built_in import built_in
from keepwell.app.sheet import score_sheet, write_template
from keepwell.app.sheet_reading import EXAMPLE
from keepwell.kit.errors import KeepwellError
from keepwell.scoring.plan import Plan
from tests.app.sheets import small

SCORECARDS = sorted(built_in().scorecards)


@cache
def plan(key: str) -> Plan:
    return Plan(built_in().scorecard(key), built_in())


def pages(path: Path) -> tuple[Worksheet, Worksheet]:
    book = openpyxl.load_workbook(path)
    accounts, guide = book["Accounts"], book["Guide"]
    assert book.sheetnames == ["Accounts", "Guide"]
    return accounts, guide


@pytest.mark.parametrize("key", SCORECARDS)
def test_a_template_filled_with_its_examples_scores_completely(key: str, tmp_path: Path) -> None:
    path = write_template(key, tmp_path / "sheet.xlsx")
    book = openpyxl.load_workbook(path)
    sheet = book["Accounts"]
    sheet.append(["acme", *[cell.value for cell in sheet[2]][1:]])
    for example, cell in zip(sheet[2], sheet[3], strict=True):
        cell.number_format = example.number_format
    book.save(path)
    result = score_sheet(path, key)
    assert [a.account for a in result] == ["acme"]
    assert result.notes == ("the template's example row was not scored",)
    (row,) = result.rows()
    assert row["coverage"] == 1
    assert row["score"] > 0
    of_this_plan = {m["state"] for m in row["measures"].values()}
    assert of_this_plan == {"known"}


@pytest.mark.parametrize("key", SCORECARDS)
def test_every_metric_has_a_column_and_a_note(key: str, tmp_path: Path) -> None:
    accounts, guide = pages(write_template(key, tmp_path / "sheet.xlsx"))
    header = [cell.value for cell in accounts[1]]
    assert header == ["account", *plan(key).metrics]
    assert all(cell.comment is not None for cell in accounts[1])
    assert accounts["A2"].value == EXAMPLE
    guided = [cell.value for cell in guide["D"]][1:]
    assert set(guided) == set(plan(key).metrics)
    named = {cell.value for cell in guide["A"]}
    assert {leaf.name for leaf in plan(key).leaves} <= named


def test_a_note_says_unit_values_direction_and_place(tmp_path: Path) -> None:
    accounts, guide = pages(write_template("plan-tiered", tmp_path / "sheet.xlsx"))
    notes = {cell.value: cell.comment.text for cell in accounts[1] if cell.comment}
    nps = notes["nps_latest"]
    assert "a number (points) from 0 to 10, or 'no response'" in nps
    assert "Direction: higher is better" in nps
    assert "Judged in: engagement/nps" in nps
    parts = "addons_owned, feature_requests_90d, logins_30d, outlets, plan_tier"
    assert f"remove this column and give what it is made of: {parts}" in notes["upsell_potential"]
    assert "Used by: adjustment silent_customer" in notes["outreach_unanswered_streak"]
    rows = {(row[0].value, row[5].value): row for row in guide}
    tier_3 = rows["usage/feature_adoption", "plan_tier = tier_3"]
    assert tier_3[6].value == ">= 6: 10; >= 4: 7; >= 2: 4; else: 0 (out of 10)"
    assert tier_3[1].value == pytest.approx(0.04)


def test_categories_are_offered_as_lists(tmp_path: Path) -> None:
    accounts, _ = pages(write_template("plan-tiered", tmp_path / "sheet.xlsx"))
    column = next(c.column_letter for c in accounts[1] if c.value == "plan_tier")
    lists = {str(v.sqref): v.formula1 for v in accounts.data_validations.dataValidation}
    offered = next(f for where, f in lists.items() if where.startswith(f"{column}2:"))
    assert offered == '"tier_1,tier_2,tier_3,not_applicable"'


def test_the_example_is_scored_where_there_is_nothing_else(tmp_path: Path) -> None:
    path = write_template("small", tmp_path / "sheet.csv", small())
    result = score_sheet(path, "small", small())
    assert [a.account for a in result] == [EXAMPLE]
    assert result.notes == ("the template's example is scored, as there is no other row",)


def test_a_template_in_csv(tmp_path: Path) -> None:
    path = write_template("plan-tiered", tmp_path / "sheet.csv")
    header, example = path.read_text("utf-8").splitlines()
    assert header.split(",") == ["account", *plan("plan-tiered").metrics]
    assert example.startswith(f"{EXAMPLE},18,5,3,both,4,")


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "sheet.xlsx"
    path.write_text("filled in", "utf-8")
    with pytest.raises(KeepwellError) as caught:
        write_template("enterprise", path)
    assert caught.value.what == "there is a file already"
    assert path.read_text("utf-8") == "filled in"


@pytest.mark.parametrize("name", ["sheet.ods", "sheet", "nowhere/sheet.xlsx"])
def test_what_cannot_be_written_is_said(name: str, tmp_path: Path) -> None:
    with pytest.raises(KeepwellError):
        write_template("customer-value", tmp_path / name)


def test_an_unknown_scorecard_is_said(tmp_path: Path) -> None:
    with pytest.raises(KeepwellError) as caught:
        write_template("enterprize", tmp_path / "sheet.xlsx")
    assert caught.value.todo == "did you mean 'enterprise'?"
