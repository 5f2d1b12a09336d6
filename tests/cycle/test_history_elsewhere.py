"""Nights whose history is in a bucket or a database: the same numbers, bit for bit."""

from __future__ import annotations

import shutil
from datetime import timedelta
from itertools import count
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from adbc_driver_postgresql import dbapi

from keepwell.facts.known import Known
from tests.cli.running import Here, keepwell
from tests.conftest import Bucket
from tests.cycle.company import LAST, Company, at, same, settings
from tests.warehouses import put_into_postgres, stored

DAY = timedelta(days=1)
FIRST = LAST - 3 * DAY
_numbers = count()


@pytest.fixture(params=["bucket", "postgres"])
def elsewhere(request: pytest.FixtureRequest) -> str:
    """An empty place of history that is no folder."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres"))
    bucket: Bucket = request.getfixturevalue("bucket")
    return f"{bucket.address}/night-{next(_numbers)}"


@pytest.fixture
def there(
    elsewhere: str, company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Company:
    """The same company with nothing scored yet, and its history elsewhere."""
    folder = shutil.copytree(company.folder, tmp_path / "elsewhere")
    shutil.rmtree(folder / "data/history")
    told = {"places": {"history": elsewhere}}
    (folder / "keepwell.yaml").write_text(settings() + yaml.safe_dump(told), "utf-8")
    return Company(folder, monkeypatch)


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    monkeypatch.setenv("COLUMNS", "160")
    return Here(capsys)


def numbers(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """What a day says, without which result of the day it is."""
    return {name: table.drop_columns(["revision", "current"]) for name, table in tables.items()}


def test_the_same_night_and_the_same_pages(there: Company, company: Company, here: Here) -> None:
    company.forget_scores()
    days = ("--from", FIRST, "--to", LAST)

    def said(*arguments: object, project: Company) -> str:
        return here.good(*map(str, arguments), "--project", str(project.folder))

    def both(*arguments: object) -> str:
        mine, theirs = (said(*arguments, project=p) for p in (company, there))
        assert theirs == mine
        return theirs

    both("score", *days)
    for day in (FIRST, LAST):
        assert same(there.tables(day), company.tables(day))
    both("accounts", "--format", "json")
    assert "a05" in both("explain", "a05", "--since", FIRST)
    both("explain", "a05", "--whatif", "weekly_logins=1")
    assert both("export", *days, "--format", "csv").count("\n") == 1 + 4 * 12
    both("export", *days, "--what", "measures", "--format", "csv")
    both("status", "--format", "json")
    # A day that was scored stands, and one that is restated has the same numbers again.
    both("score", *days)
    before = there.tables(LAST)
    both("score", "--as-of", LAST, "--restate")
    assert there.project.history.scored_days("care")["revision"].to_pylist() == [0, 0, 0, 0, 1]
    for found in (there.tables(LAST, revision=0), there.tables(LAST, revision=1)):
        assert same(numbers(found), numbers(before))
    assert not (there.folder / "data/history").exists()


def test_a_changed_definition_and_the_one_that_is_kept(
    there: Company, company: Company, here: Here
) -> None:
    for project in (there, company):
        project.project.score(days=[LAST])
        project.edit("scorecards/care.yaml", "weight: 60", "weight: 20")
        project.at(LAST + 2 * DAY)
        project.project.score(as_of=LAST + DAY)
    asked = ("explain", "a05", "--as-of", str(LAST + DAY), "--since", str(LAST))
    texts = [here.good(*asked, "--project", str(p.folder)) for p in (there, company)]
    assert texts[0] == texts[1]


def test_facts_and_history_in_one_database(
    company: Company, postgres: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tables = stored(company.project.facts(Known.latest()))
    # The role of the facts may only read; the one of the history has a schema of its own.
    reader = put_into_postgres(postgres, tables, "kw")
    folder = shutil.copytree(
        company.folder, tmp_path / "one", ignore=shutil.ignore_patterns("history", "facts")
    )
    told = {"places": {"facts": reader, "history": postgres}, "warehouse": {"schema": "kw"}}
    (folder / "keepwell.yaml").write_text(settings() + yaml.safe_dump(told), "utf-8")
    before = in_schema(postgres, "kw")
    project = Company(folder, monkeypatch)
    project.project.score(as_of=LAST)
    assert same(project.tables(LAST), company.tables(LAST))
    assert in_schema(postgres, "kw") == before
    assert in_schema(postgres, "public") == []
    assert ("care", "p") in in_schema(postgres, "keepwell_history")


def in_schema(address: str, schema: str) -> list[tuple[str, str]]:
    """The tables in a schema, and of which kind they are."""
    asked = (
        "SELECT relname, relkind::text FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
        f" WHERE nspname = '{schema}' ORDER BY 1"
    )
    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute(asked)
        return [(name, kind) for name, kind in cursor.fetchall()]


def test_a_night_of_a_process_of_its_own(there: Company, company: Company) -> None:
    now = at(LAST + DAY, 7).isoformat()
    done = keepwell("score", "--project", there.folder, more={"KEEPWELL_NOW": now})
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Traceback") == 0
    assert same(there.tables(LAST), company.tables(LAST))


@pytest.mark.parametrize(
    ("place", "said", "todo"),
    [
        ("s3://keepwell-nowhere/x", "there is no such bucket", "make the bucket"),
        ("postgresql://postgres@127.0.0.1:1/x", "PostgreSQL cannot be reached", "PGPASSWORD"),
    ],
)
@pytest.mark.usefixtures("bucket")
def test_a_place_that_is_not_there(
    company: Company, here: Here, place: str, said: str, todo: str
) -> None:
    told = {"places": {"history": place}}
    (company.folder / "keepwell.yaml").write_text(settings() + yaml.safe_dump(told), "utf-8")
    for command in (("score",), ("accounts",), ("status",)):
        code, out, err = here(*command, "--project", str(company.folder))
        assert (code, out) == (2, "")
        assert said in err
        assert todo in err
        assert place.partition("?")[0] in err
        assert "Traceback" not in err
