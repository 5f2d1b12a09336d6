"""A user's whole way with a small project: from a new folder to exported scores."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cli.running import Here, keepwell

NOW = "2026-01-10T12:00:00+00:00"
SHEET = Path(__file__).resolve().parents[2] / "examples" / "plan-tiered-sheet"
IMPORT = ("import", SHEET / "sheet.csv", "--map", SHEET / "mapping.yaml")
CUSTOMERS = ["Amanda", "Andi", "Budi", "Dimas", "Siti"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the framework's own tracking sheet, scored on three days."""
    folder = tmp_path_factory.mktemp("flow") / "acme"
    for command in (
        ("init", folder, "--framework", "plan-tiered"),
        (*IMPORT, "-C", folder),
        ("score", "--from", "2026-01-08", "--to", "today", "-C", folder),
    ):
        done = keepwell(*command, more={"KEEPWELL_NOW": NOW})
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
    return folder


@pytest.fixture
def project(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEEPWELL_NOW", NOW)
    monkeypatch.chdir(made)
    return made


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_portfolio_begins_with_its_tiers(project: Path, here: Here) -> None:
    lines = here.good("accounts").splitlines()
    assert lines[0] == "Acme · Plan-tiered health · 2026-01-10 · 5 accounts · average 48.5"
    assert lines[1] == "● Healthy 0   ■ Stable 1   ▲ At risk 2   ◆ Critical 2"
    assert [x.split()[0] for x in lines[5:10]] == ["Budi", "Siti", "Amanda", "Andi", "Dimas"]
    assert lines[9].split()[2:5] == ["79.7", "■", "Stable"]


def test_the_headline_counts_all_accounts_also_where_some_are_shown(
    project: Path, here: Here
) -> None:
    text = here.good("accounts", "--limit", "2", "--sort", "-score")
    assert "5 accounts" in text
    assert "2 of 5, by -score." in text
    assert "Budi" not in text


def test_accounts_are_filtered_and_columns_chosen(project: Path, here: Here) -> None:
    text = here.good("accounts", "--where", "score >= 60", "--columns", "score,name")
    assert [x.split() for x in text.splitlines()[3:4]] == [["score", "name"]]
    assert "Andi" in text
    assert "Amanda" not in text
    assert "No account satisfies this." in here.good("accounts", "--where", "score > 99")


def test_every_format_holds_the_same_accounts(project: Path, here: Here, tmp_path: Path) -> None:
    as_json = json.loads(here.good("accounts", "--format", "json"))
    as_csv = rows_of(here.good("accounts", "--format", "csv"))
    here.good("accounts", "--output", tmp_path / "accounts.parquet")
    as_parquet = pq.read_table(tmp_path / "accounts.parquet").to_pylist()
    for found in (as_json, as_csv, as_parquet):
        assert sorted(row["account"] for row in found) == CUSTOMERS
        assert "resource_tier" in found[0]
    dimas = next(row for row in as_json if row["account"] == "Dimas")
    assert dimas["score"] == pytest.approx(79.6666667)
    assert dimas["arr"] is None
    assert next(row for row in as_csv if row["account"] == "Dimas")["arr"] == ""


def test_explain_adds_up_and_shows_the_way_up(project: Path, here: Here) -> None:
    text = here.good("explain", "dim", "--whatif", "nps_latest=2")
    assert "Dimas · Plan-tiered health · 2026-01-10" in text
    assert "79.7 ■ Stable · 10.3 points short of Healthy · coverage 59%" in text
    assert "The contributions add up to 79.67, the score." in text
    assert "Nothing did: it was 79.7 then too." in text
    assert "With NPS 10 → 2: 79.7 → 67.2, −12.5 points; ▲ At risk" in text
    assert "The shortest way to Healthy" in text


def test_explain_gives_its_lines_and_its_whole(project: Path, here: Here) -> None:
    rows = rows_of(here.good("explain", "Dimas", "--format", "csv"))
    earned = sum(float(r["contribution"]) for r in rows if r["kind"] == "measure")
    whole = json.loads(here.good("explain", "Dimas", "--format", "json"))
    assert whole["account"] == "Dimas"
    assert earned == pytest.approx(whole["explanation"]["score"])
    logins = next(r for r in rows if r["path"] == "usage/logins")
    assert (logins["state"], logins["points"], logins["value"]) == ("missing", "", "")


def test_status_says_what_is_there_and_what_would_feed_the_rest(project: Path, here: Here) -> None:
    text = here.good("status")
    assert "Scored: 3 days from 2026-01-08 to 2026-01-10" in text
    assert "2 feeds, none is late" in text
    assert "Nothing is in quarantine." in text
    assert "usage_daily.login" in text
    told = json.loads(here.good("status", "--format", "json"))
    assert told["scored"] == ["2026-01-08", "2026-01-10", 3]
    assert {f["table"] for f in told["feeds"]} == {"accounts", "assessments"}


def test_the_same_file_again_changes_nothing(project: Path, here: Here) -> None:
    assert "Nothing new: these rows are stored already." in here.good(*IMPORT)


def test_a_bad_row_is_set_aside_counted_and_found_again(
    project: Path, here: Here, tmp_path: Path
) -> None:
    bad = tmp_path / "sheet.csv"
    head, first, *_ = (SHEET / "sheet.csv").read_text("utf-8").splitlines()
    bad.write_text("\n".join([head, first.replace("5/week", "often"), ""]), "utf-8")
    command = ("import", bad, "--map", SHEET / "mapping.yaml")
    text = here.good(*command, "--dry-run")
    assert "Dry run: nothing was stored." in text
    assert "1 row would be set aside" in text
    assert "row 2 'often'" in text
    assert "Nothing is in quarantine." in here.good("status", "--quarantine")
    assert "1 row in quarantine: keepwell status --quarantine" in here.good(*command)
    (row,) = rows_of(here.good("status", "--quarantine", "--format", "csv"))
    assert row["row_number"] == "2"
    assert "often" in row["raw"]


def test_days_that_were_scored_stand(project: Path, here: Here) -> None:
    text = here.good("score", "--from", "2026-01-08", "--to", "2026-01-09")
    assert "2 days were scored already and stand; --restate scores again." in text
    assert "average 48.5" in text


def test_scoring_a_day_to_come_is_refused(project: Path, here: Here) -> None:
    code, out, err = here("score", "--as-of", "2027-01-01")
    assert (code, out) == (2, "")
    assert "2027-01-01 is yet to come" in err


def test_a_simulation_shows_who_moves_and_stores_nothing(project: Path, here: Here) -> None:
    text = here.good("simulate", "--set", "usage.weight=80")
    assert "plan-tiered on 2026-01-10, nothing was stored" in text
    assert "scores would change" in text
    moves = json.loads(here.good("simulate", "--set", "usage.weight=80", "--format", "json"))
    assert sum(moves["before"].values()) == sum(moves["after"].values()) == 5
    assert "average 48.5" in here.good("accounts")


def test_a_rating_is_recorded_listed_and_withdrawn(project: Path, here: Here) -> None:
    said = here.good("assess", "Siti", "nps_latest", "9", "--author", "ana", "--rationale", "QBR")
    record = said.split()[1].rstrip(".")
    assert record.startswith("as-")
    listed = here.good("assess", "list")
    assert record in listed
    assert "QBR" in listed
    here.good("assess", "withdraw", record, "--author", "ana", "--reason", "wrong account")
    assert record not in here.good("assess", "list")
    assert "by ana" in here.good("assess", "list", "--withdrawn")


def test_an_override_is_recorded_listed_and_withdrawn(project: Path, here: Here) -> None:
    own = ("--reason", "sponsor left", "--author", "ana", "--expires", "2026-03-31")
    said = here.good("override", "Siti", "--by", "-10", *own)
    record = said.split()[1].rstrip(".")
    (row,) = json.loads(here.good("override", "list", "--format", "json"))
    assert (row["id"], row["points"], row["kind"]) == (record, -10, "difference")
    assert "−10.0" in here.good("override", "list")
    here.good("override", "withdraw", record, "--author", "ana", "--reason", "came back")
    assert json.loads(here.good("override", "list", "--format", "json")) == []


def test_an_override_needs_an_author(project: Path, here: Here) -> None:
    code, _, err = here(
        "override", "Siti", "--to", "40", "--reason", "x", "--expires", "2026-02-01"
    )
    assert code == 2
    assert "--author" in err
    assert "KEEPWELL_AUTHOR" in err


def test_export_writes_scores_and_measures(project: Path, here: Here, tmp_path: Path) -> None:
    file = tmp_path / "scores.parquet"
    here.good("export", "--from", "2026-01-08", "--to", "today", "-o", file)
    assert pq.read_table(file).num_rows == 3 * 5
    measures = rows_of(here.good("export", "--what", "measures", "--format", "csv"))
    assert {r["account"] for r in measures} == set(CUSTOMERS)
    assert {r["date"] for r in measures} == {"2026-01-10"}
    assert "account" in here.good("export")


def test_the_definitions_are_checked_with_all_problems_at_once(project: Path, here: Here) -> None:
    assert "definitions are in order." in here.good("check")
    bad = project / "metrics" / "bad.yaml"
    bad.write_text(
        "metrics:\n  one: {label: One, sum: value, form: usage_daily}\n  two: {}\n", "utf-8"
    )
    try:
        code, out, err = here("check")
        _, as_json, _ = here("check", "--format", "json")
        refused, nothing, complaint = here("accounts")
    finally:
        bad.unlink()
    assert code == refused == 2
    problems = out.splitlines()
    assert len(problems) >= 2
    assert all(p.startswith("metrics/bad.yaml:") for p in problems)
    assert f"{len(problems)} problems." in err
    assert len(json.loads(as_json)) == len(problems)
    assert nothing == ""
    assert "metrics/bad.yaml:2:" in complaint


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("explain", "Dimass"), "Dimas"),
        (("explain", "Dimas", "--as-of", "2025-01-01"), "a day from 2026-01-08 to 2026-01-10"),
        (("explain", "Dimas", "--as-of", "soon"), "'soon' is not a day"),
        (("explain", "Dimas", "--whatif", "nps_latst=9"), "nps_latest"),
        (("explain", "Dimas", "--scorecard", "entreprise"), "plan-tiered"),
        (("accounts", "--where", "scor > 5"), "score"),
        (("accounts", "--where", "score >"), "score >"),
        (("accounts", "--sort", "scores"), "score"),
        (("accounts", "--columns", "nam"), "name"),
        (("simulate",), "what should change?"),
        (("simulate", "--set", "usag.weight=3"), "there is no component 'usag'"),
        (("simulate", "--with", "absent"), "there is no folder absent"),
        (("import", "absent.csv"), "absent.csv"),
        (("assess", "Siti", "nps_latest", "many", "--author", "ana"), "nps_latest"),
        (("override", "withdraw", "ov-9", "--author", "a", "--reason", "b"), "ov-9"),
        (("schema", "metric"), "metrics"),
    ],
)
def test_a_mistake_gets_one_clear_message(
    project: Path, here: Here, command: tuple[str, ...], message: str
) -> None:
    code, out, err = here(*command)
    assert code == 2
    assert out == ""
    assert message in err
    assert "Traceback" not in err
    assert "unexpected" not in err


def test_a_mapping_is_suggested_into_a_file(project: Path, here: Here, tmp_path: Path) -> None:
    file = tmp_path / "mapping.yaml"
    here.good("import", "--suggest", SHEET / "sheet.csv", "--output", file)
    assert "tables:" in file.read_text("utf-8")
    assert "tables:" in here.good("import", "--suggest", SHEET / "sheet.csv")
