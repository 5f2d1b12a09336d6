"""keepwell facts: the tables of a warehouse, and a project's facts brought there."""

from __future__ import annotations

from pathlib import Path

import pytest

from keepwell.cli.commands.facts import DIALECTS
from keepwell.cli.options import open_project
from keepwell.facts import ddl
from tests.cli.running import Here


def names(folder: Path) -> list[str]:
    """The accounts in a project's facts, wherever these are."""
    facts = open_project(folder).facts()
    try:
        return sorted(facts.con.to_pyarrow(facts.table("accounts"))["name"].to_pylist())
    finally:
        facts.close()


def test_tables_are_printed_without_any_project(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert here.good("facts", "ddl", "--dialect", "trino") == ddl.ddl("trino")
    told = here.good("facts", "ddl", "--dialect", "spark", "--schema", "a.b", "tickets", "plans")
    assert told == ddl.ddl("spark", "a.b", ["tickets", "plans"])


def test_the_dialects_offered_are_those_that_there_are() -> None:
    assert DIALECTS == ddl.DIALECTS


def test_an_unknown_table_gets_near_names(here: Here) -> None:
    code, out, err = here("facts", "ddl", "--dialect", "spark", "accounts", "ticket")
    assert (code, out) == (2, "")
    assert "did you mean 'tickets'" in err


def test_a_project_goes_on_with_the_facts_that_were_loaded(
    here: Here, sheet_project: Path, postgres: str
) -> None:
    before = names(sheet_project)
    code, out, err = here("facts", "load", postgres, "--schema", "kw", "-C", sheet_project)
    assert code == 0, err
    assert "loading accounts: 5 rows" in err
    assert ["accounts", "5"] in [line.split() for line in out.splitlines()]
    lines = out.splitlines()[-2:]
    assert lines[1] == "warehouse: {schema: kw}"
    settings = sheet_project / "keepwell.yaml"
    settings.write_text("\n".join([settings.read_text("utf-8"), *lines, ""]), "utf-8")
    (sheet_project / "data" / "facts").rename(sheet_project / "put away")
    assert names(sheet_project) == before
    assert len(before) == 5
    code, _, err = here("facts", "load", postgres, "-C", sheet_project)
    assert code == 2
    assert "are in a warehouse" in err


def test_a_password_is_refused(here: Here, sheet_project: Path) -> None:
    address = "postgresql://me:hunter2@example.invalid/db"
    code, out, err = here("facts", "load", address, "-C", sheet_project)
    assert (code, out) == (2, "")
    assert "a password does not belong into keepwell.yaml" in err
    assert "PGPASSWORD" in err
    assert "hunter2" not in err
