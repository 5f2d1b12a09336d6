"""One spreadsheet, scored without a project."""

from __future__ import annotations

import json
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from keepwell.app.sheet import SheetResult, score_sheet
from keepwell.app.sheet_problems import SheetErrors
from keepwell.kit.errors import KeepwellError
from tests.app.sheets import csv_file, small, xlsx_file

HEADER = ("account", "active_share", "mood", "nps")
FULL = ("acme", "72%", "good", "9")


def score(path: Path, **options: Any) -> SheetResult:
    return score_sheet(path, "small", small(), **options)


def refused(path: Path, **options: Any) -> KeepwellError:
    with pytest.raises(KeepwellError) as caught:
        score(path, **options)
    return caught.value


def test_every_account_has_all_that_its_score_is_made_of(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEADER, FULL, ("lost", "50%", "", "no response"))
    first, second = score(path).rows()
    assert first == {
        "account": "acme",
        "score": 100.0,
        "tier": "green",
        "coverage": 1.0,
        "components": {
            "usage": 100.0, "usage/share": 100.0, "usage/age": None,
            "people": 100.0, "people/mood": 100.0, "people/nps": 100.0,
        },
        "measures": {
            "usage/share": {"metric": "active_share", "value": 0.72, "state": "known",
                            "points": 100.0, "weight": 0.6},
            "usage/age": {"metric": "age_days", "value": None, "state": "missing",
                          "points": None, "weight": 0.0},
            "people/mood": {"metric": "mood", "value": "good", "state": "known",
                            "points": 100.0, "weight": 0.2},
            "people/nps": {"metric": "nps", "value": 9.0, "state": "known",
                           "points": 100.0, "weight": 0.2},
        },
        "adjustments": {},
    }  # fmt: skip
    # 60% x 60 + 40% x 20: the mood is missing, and nps carries its weight
    assert second["score"] == pytest.approx(44)
    assert second["tier"] == "red"
    assert second["coverage"] == pytest.approx(0.8)
    assert second["components"]["people/mood"] is None
    assert second["measures"]["people/mood"]["state"] == "missing"
    assert second["measures"]["people/nps"] == {
        "metric": "nps", "value": None, "state": "no_response",
        "points": pytest.approx(20), "weight": pytest.approx(0.4),
    }  # fmt: skip
    assert json.loads(json.dumps(score(path).to_dict()))["accounts"][0] == first


def test_too_little_data_is_no_score(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEADER, ("acme", "", "good", "n/a"), ("none", "", "", ""))
    known, nothing = score(path).rows()
    # 20 of the 80 that apply
    assert (known["score"], known["tier"], known["coverage"]) == (None, "not_enough_data", 0.25)
    assert known["components"]["people"] == 100
    assert known["measures"]["people/nps"]["state"] == "not_applicable"
    assert nothing["coverage"] == 0
    assert set(nothing["measures"]) == set(known["measures"])


def test_columns_are_keys_or_labels_however_they_are_written(tmp_path: Path) -> None:
    header = ("Customer Name", "ACTIVE SHARE", "Mood_of_the team", "NPS-answer", "Owner", "Notes")
    result = score(csv_file(tmp_path, header, (*FULL, "jo", "call back")))
    assert result.rows()[0]["score"] == 100
    assert result.notes == ("not read (it describes the account): Owner, Notes",)


def test_the_order_of_the_sheet_stays(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEADER, ("z", "72%", "good", 9), ("a", "50%", "poor", 9),
                    ("m", "10%", "good", 9))  # fmt: skip
    assert [a.account for a in score(path)] == ["z", "a", "m"]
    assert score(path).table().to_arrow()["account"].to_pylist() == ["z", "a", "m"]


# --- metrics that are made of others --------------------------------------------------------------


def test_a_metric_without_a_column_is_computed_from_its_parts(tmp_path: Path) -> None:
    path = csv_file(tmp_path, ("account", "active people", "licensed seats", "mood"),
                    ("acme", 14, 20, "good"), ("other", 13, 20, "good"),
                    ("unknown", "", 20, "good"))  # fmt: skip
    first, second, third = (r["measures"]["usage/share"] for r in score(path).rows())
    assert (first["value"], first["points"]) == (0.7, 100)
    assert (second["value"], second["points"]) == (0.65, 60)
    assert (third["value"], third["state"]) == (None, "missing")


def test_a_metric_with_a_column_is_what_its_cells_say(tmp_path: Path) -> None:
    path = csv_file(tmp_path, ("account", "active_share", "active_people", "seats", "mood"),
                    ("acme", "50%", 20, 20, "good"), ("empty", "", 20, 20, "good"))  # fmt: skip
    first, second = (r["measures"]["usage/share"] for r in score(path).rows())
    assert first["value"] == 0.5
    assert (second["value"], second["state"]) == (None, "missing")


def test_a_state_follows_from_what_is_known(tmp_path: Path) -> None:
    path = csv_file(tmp_path, (*HEADER, "asked"), ("acme", "72%", "good", "", 2),
                    ("never", "72%", "good", "", 0))  # fmt: skip
    first, second = (r["measures"]["people/nps"] for r in score(path).rows())
    assert (first["state"], first["points"]) == ("no_response", pytest.approx(20))
    assert (second["state"], second["points"]) == ("missing", None)


def test_attributes_of_the_account_are_columns_too(tmp_path: Path) -> None:
    path = csv_file(tmp_path, (*HEADER, "Customer since"), (*FULL, "2025-03-01"),
                    ("new", "72%", "good", 9, "2026-02-01"))  # fmt: skip
    first, second = (r["measures"]["usage/age"] for r in score(path, as_of=date(2026, 3, 1)).rows())
    assert (first["value"], first["points"]) == (365, 100)
    assert (second["value"], second["points"]) == (28, 50)


def test_an_attribute_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    error = refused(csv_file(tmp_path, (*HEADER, "customer_since"), (*FULL, "01/02/2026")))
    assert "row 2, column 'customer_since': '01/02/2026' is not a day" in error.text()


def test_the_framework_of_plans_with_its_rules(tmp_path: Path) -> None:
    header = ("account", "plan tier", "logins_30d", "dashboard_refreshes_7d",
              "days_since_data_update", "pages_used_30d", "tickets_30d", "nps_latest",
              "email_response_hours_90d", "payment_days_late", "upsell_potential", "payback_days",
              "stated_outcome", "referral_standing")  # fmt: skip
    path = csv_file(tmp_path, header, ("power", "Tier 2", 20, 5, 2, 5, 8, 9, 12, 0,
                                       "custom_metrics", 20, "transformed", "two"))  # fmt: skip
    (row,) = score_sheet(path, "plan-tiered").rows()
    # 40 + (7 + 10 + 5) + (10 + 3 + 5) + 15: the many tickets of a promoter count 7
    assert row["score"] == pytest.approx(95)
    assert row["components"]["engagement/tickets"] == pytest.approx(70)
    assert row["components"]["engagement"] == pytest.approx(100 * 22 / 25)
    assert row["measures"]["engagement/tickets"]["points"] == 0
    assert row["adjustments"]["power_user"]["points"] == pytest.approx(7)
    parts = [m["weight"] * m["points"] for m in row["measures"].values() if m["points"]]
    terms = [t["points"] for t in row["adjustments"].values()]
    assert sum(parts) + sum(terms) == pytest.approx(row["score"], abs=1e-9)


# --- workbooks and Parquet -----------------------------------------------------------------------


def test_a_workbook_shows_percentages_by_its_formats(tmp_path: Path) -> None:
    path = xlsx_file(tmp_path, HEADER, ("acme", 1.05, "good", 9), ("other", 0.5, "fair", 9.0),
                     formats={"B2": "0%"})  # fmt: skip
    first, second = (r["measures"] for r in score(path).rows())
    assert first["usage/share"]["value"] == pytest.approx(1.05)
    assert second["usage/share"]["value"] == 0.5
    assert second["people/nps"]["value"] == 9


def test_cells_of_a_workbook_are_named_as_it_names_them(tmp_path: Path) -> None:
    path = xlsx_file(tmp_path, HEADER, FULL, ("other", 72, "good", 9))
    error = refused(path)
    assert "B3, column 'active_share': 72 is not a share: is 72% or 0.72 meant?" in error.text()
    assert error.todo == "write 72% or 0.72"


def test_days_of_a_workbook(tmp_path: Path) -> None:
    path = xlsx_file(tmp_path, (*HEADER, "customer_since"), (*FULL, date(2025, 3, 1)))
    (row,) = score(path, as_of=date(2026, 3, 1)).rows()
    assert row["measures"]["usage/age"]["value"] == 365


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    path = tmp_path / "sheet.parquet"
    table = pa.table({"account_id": [1001, 1002], "active_share": [0.72, float("nan")],
                      "mood": ["good", None], "nps": pa.array([9, None], pa.int8())})  # fmt: skip
    pq.write_table(table, path)
    first, second = score(path).rows()
    assert (first["account"], first["score"]) == ("1001", 100)
    assert second["measures"]["usage/share"]["state"] == "missing"


# --- results --------------------------------------------------------------------------------------


def test_the_table_has_a_column_per_component_or_all(tmp_path: Path) -> None:
    path = csv_file(tmp_path, ("id", "name", *HEADER[1:]), ("1", "Acme", *FULL[1:]))
    result = score(path)
    assert result.table().rows() == [
        {"account": "1", "name": "Acme", "score": 100.0, "tier": "green", "coverage": 1.0,
         "usage": 100.0, "people": 100.0}
    ]  # fmt: skip
    (row,) = result.table(every=True).rows()
    assert row["points/usage/share"] == 100
    assert (row["value/usage/share"], row["state/usage/share"]) == (0.72, "known")
    assert (row["value/usage/age"], row["state/usage/age"]) == (None, "missing")
    assert result.rows()[0]["name"] == "Acme"


def test_metrics_that_the_scorecard_does_not_read_are_told(tmp_path: Path) -> None:
    result = score(csv_file(tmp_path, (*HEADER, "spare", "Expected share"), (*FULL, "x", "y")))
    assert result.notes == ("not read (small does not read it): spare, Expected share",)


# --- what is wrong --------------------------------------------------------------------------------


def test_all_problems_are_said_at_once(tmp_path: Path) -> None:
    path = csv_file(
        tmp_path, HEADER, ("acme", 72, "god", "9/10"), ("acme", "1,5", "good", 11),
        ("", "50%", "good", 9), ("fine", "50%", "good", 9),
    )  # fmt: skip
    error = refused(path)
    assert isinstance(error, SheetErrors)
    assert [p.place for p in error.problems] == [
        "row 4, column 'account'",
        "rows 2 and 3",
        "row 2, column 'active_share'",
        "row 3, column 'active_share'",
        "row 2, column 'mood'",
        "row 2, column 'nps'",
        "row 3, column 'nps'",
    ]
    text = error.text()
    assert text.startswith("sheet.csv: 7 problems in the sheet")
    assert "both are about the account 'acme'; expected one row per account" in text
    assert "'Mood of the team' is never 'god'; expected one of good, fair, poor" in text
    assert "did you mean 'good'?" in text


def test_many_problems_are_counted(tmp_path: Path) -> None:
    rows = [(f"a{i}", 72, "good", 9) for i in range(25)]
    error = refused(csv_file(tmp_path, HEADER, *rows))
    assert isinstance(error, SheetErrors)
    assert len(error.problems) == 25
    lines = error.text().splitlines()
    assert len(lines) == 22
    assert lines[-1] == "  and 5 more"


def test_an_unknown_column_names_the_nearest(tmp_path: Path) -> None:
    error = refused(csv_file(tmp_path, (*HEADER, "active_shar"), (*FULL, "1")))
    assert error.what == "column 'active_shar': no metric or attribute is called so"
    assert error.todo == "did you mean 'active_share'? --ignore 'active_shar' leaves it out"
    assert score(csv_file(tmp_path, (*HEADER, "Fax"), (*FULL, "1")), ignore=["fax"]).notes == (
        "not read (ignored as asked): Fax",
    )


def test_a_column_that_nobody_knows_and_that_is_empty_is_left(tmp_path: Path) -> None:
    result = score(csv_file(tmp_path, (*HEADER, "Fax"), (*FULL, "")))
    assert result.notes == ("not read (it is empty): Fax",)


def test_ignoring_what_is_not_there_is_a_slip(tmp_path: Path) -> None:
    error = refused(csv_file(tmp_path, HEADER, FULL), ignore=["modd"])
    assert "no column is called 'modd'" in error.text()
    assert "did you mean 'mood'?" in error.text()


def test_a_metric_stands_once(tmp_path: Path) -> None:
    error = refused(csv_file(tmp_path, (*HEADER, "NPS answer"), (*FULL, "9")))
    assert error.what == "columns 'nps' and 'NPS answer': both are the metric 'nps'"


def test_no_metric_at_all_is_another_kind_of_file(tmp_path: Path) -> None:
    error = refused(csv_file(tmp_path, ("invoice", "amount"), ("1", "2")))
    assert error.what == "no column is a metric that small reads: invoice, amount"
    assert "keepwell sheet --template small" in (error.todo or "")
    slip = refused(csv_file(tmp_path, ("account", "active-shares"), ("1", "2")))
    assert "did you mean 'active_share'?" in (slip.todo or "")


def test_the_account_is_the_first_column_if_none_is_called_so(tmp_path: Path) -> None:
    assert score(csv_file(tmp_path, ("Kunde", *HEADER[1:]), FULL)).accounts[0].account == "acme"
    error = refused(csv_file(tmp_path, HEADER[1:], FULL[1:]))
    assert error.what == "no column says which account a row is about"


def test_a_row_that_does_not_fit_the_header_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text("account,active_share,mood,nps\nacme,72%,good,9\nother,1,2,3,4,5\n", "utf-8")
    error = refused(path)
    assert isinstance(error, SheetErrors)
    assert [p.row for p in error.problems] == [3]


def test_empty_rows_are_passed_over(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEADER, ("", "", "", ""), FULL, (" ", "-", "", ""))
    assert [a.account for a in score(path)] == ["acme"]


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"", "the file is empty"), (b"account,nps\n", "the file has a header (account, nps) and no"),
     (b"account,nps\n\xff\xfe\x00\x81\n", "")],
)  # fmt: skip
def test_a_file_that_is_no_table(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes(content)
    error = refused(path)
    assert what in error.what
    assert "sheet.csv" in (error.where or "")


def test_a_zip_that_is_no_workbook(tmp_path: Path) -> None:
    path = tmp_path / "sheet.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "nothing")
    assert refused(path).what == "this is a zip file, but no workbook is in it"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    csv_file(tmp_path, HEADER, FULL)
    error = refused(tmp_path / "shet.csv")
    assert error.todo == "did you mean 'sheet.csv'?"


def test_a_scorecard_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KeepwellError) as caught:
        score_sheet(csv_file(tmp_path, HEADER, FULL), "enterprize")
    assert caught.value.todo == "did you mean 'enterprise'?"
