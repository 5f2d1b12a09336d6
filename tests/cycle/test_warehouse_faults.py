"""Nights over a warehouse that is away, refuses, stops in the middle, or changes meanwhile."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from adbc_driver_manager import Error
from adbc_driver_postgresql import dbapi

from keepwell.facts.engines.base import Columns
from keepwell.facts.engines.postgres import PostgresEngine
from keepwell.facts.known import Known
from keepwell.kit.errors import KeepwellError
from tests.cli.running import Here, environment
from tests.cycle.company import LAST, Company, same, settings, write_project
from tests.warehouses import Stored, put_into_postgres, stored

DAY = timedelta(days=1)
BEFORE = LAST - DAY
PATIENCE = 120
WAITING = """
    SELECT pid FROM pg_stat_activity WHERE application_name = 'keepwell'
    AND datname = current_database() AND wait_event_type = 'Lock'
"""


@pytest.fixture(scope="module")
def tables(scored_folder: Path) -> Stored:
    """The facts of the small company."""
    with pytest.MonkeyPatch.context() as patch:
        return stored(Company(scored_folder, patch).project.facts(Known.latest()))


@pytest.fixture(scope="module")
def address(new_database: Callable[[], str], tables: Stored) -> str:
    """The company in a database that no test changes, for a role that may only read."""
    return put_into_postgres(new_database(), tables, "kw")


def over(
    address: str, folder: Path, clock: pytest.MonkeyPatch, tables: Mapping[str, str] | None = None
) -> Company:
    """The company's project over a warehouse, on the morning after its last day."""
    told = {
        "places": {"facts": address},
        "warehouse": {"schema": "kw", "tables": dict(tables or {})},
    }
    write_project(folder)
    (folder / "keepwell.yaml").write_text(settings() + yaml.safe_dump(told), "utf-8")
    company = Company(folder, clock)
    company.at(LAST + DAY, 7)
    return company


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Company]:
    """Makes the project of the test over a warehouse, where tables may have other names."""

    return lambda address, **tables: over(address, tmp_path / "there", monkeypatch, tables)


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    monkeypatch.setenv("COLUMNS", "160")
    return Here(capsys)


@pytest.fixture(scope="module")
def undisturbed(
    address: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[date, dict[str, Any]]:
    """What two nights give that nothing disturbs."""
    with pytest.MonkeyPatch.context() as patch:
        company = over(address, tmp_path_factory.mktemp("quiet"), patch)
        company.project.score(first=BEFORE, last=LAST)
        return {day: company.tables(day) for day in (BEFORE, LAST)}


def admin(address: str) -> str:
    return address.replace(f"//{address.partition('//')[2].partition('@')[0]}@", "//postgres@")


def ask(address: str, *statements: str) -> list[tuple[Any, ...]]:
    with dbapi.connect(admin(address)) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        found = [tuple(row) for row in cursor.fetchall()]
        connection.commit()
        return found


@contextmanager
def locked(address: str, table: str) -> Iterator[Callable[[], None]]:
    """A table that nobody else can read, as while it is loaded anew, until that is let go."""
    with dbapi.connect(admin(address)) as connection, connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield connection.rollback


def waiting(address: str) -> int:
    """The server's process of the night that waits for a lock."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := ask(address, WAITING):
            return int(found[0][0])
        time.sleep(0.05)
    raise AssertionError("nobody waits")


class Night:
    """A `keepwell score` in a process of its own."""

    def __init__(self, company: Company, *days: date) -> None:
        now = f"{LAST + DAY}T07:00:00+00:00"
        command = [sys.executable, "-m", "keepwell", "score", "--project", str(company.folder),
                   "--from", str(days[0]), "--to", str(days[-1])]  # fmt: skip
        self.process = subprocess.Popen(
            command, env=environment(KEEPWELL_NOW=now), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def until_it_says(self, word: str) -> str:
        """The line of stderr that has a word."""
        assert self.process.stderr is not None
        return next(line for line in self.process.stderr if word in line)

    def end(self) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err


def scored_days(company: Company) -> list[date]:
    found: list[date] = company.project.history.scored_days("care")["date"].to_pylist()
    return sorted(found)


def test_a_server_that_is_away_is_one_message(at: Callable[..., Company], here: Here) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    company = at(f"postgresql://me@127.0.0.1:{port}/crm")
    for command in (("score",), ("status",)):
        code, out, err = here(*command, "--project", company.folder)
        assert (code, out) == (2, "")
        first, todo = err.splitlines()
        assert first.startswith(
            f"keepwell: postgresql://me@127.0.0.1:{port}/crm: PostgreSQL cannot be reached, or does"
            " not let one in: connection to server"
        )
        assert "Connection refused" in first
        assert todo.startswith("  to do: see that the server runs")
    assert scored_days(company) == []
    assert not (company.folder / "data" / "history").exists()


@pytest.fixture(scope="module")
def with_passwords() -> Iterator[str]:
    """The address of a server that wants a password of the role `me`."""
    from pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="keepwell-postgres-") as folder:
        server = get_server(folder, cleanup_mode="stop")
        address = f"postgresql://me@/postgres?host={quote(folder, safe='')}"
        rules = "local all postgres trust\nlocal all all scram-sha-256\n"
        (Path(folder) / "pg_hba.conf").write_text(rules, "utf-8")
        ask(address, "CREATE ROLE me LOGIN PASSWORD 'sesame-open'", "SELECT pg_reload_conf()")
        end = time.monotonic() + PATIENCE
        while _lets_in(address) and time.monotonic() < end:
            time.sleep(0.05)
        yield address
        server.cleanup()


def _lets_in(address: str) -> bool:
    try:
        dbapi.connect(address).close()
    except Error:
        return False
    return True


def test_a_wrong_password_is_said_and_never_shown(
    at: Callable[..., Company], here: Here, with_passwords: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = at(with_passwords)
    monkeypatch.setenv("PGPASSWORD", "sesame-shut")
    code, out, err = here("score", "--project", company.folder)
    assert (code, out) == (2, "")
    assert 'password authentication failed for user "me"' in err
    assert "PGPASSWORD or ~/.pgpass" in err
    assert "sesame" not in err
    monkeypatch.setenv("PGPASSWORD", "sesame-open")
    code, out, err = here("score", "--project", company.folder)
    # It is let in, and finds that nothing is there.
    assert (code, "there is no table kw.accounts" in err) == (2, True)
    assert "sesame" not in err


@pytest.mark.parametrize("form", ["//me:sesame@127.0.0.1:9/crm", "//me@h/crm?password=sesame"])
def test_a_password_in_the_settings_is_refused_and_not_shown(
    at: Callable[..., Company], here: Here, form: str
) -> None:
    code, out, err = here("score", "--project", at(f"postgresql:{form}").folder)
    assert (code, out) == (2, "")
    assert "a password does not belong into keepwell.yaml" in err
    assert "sesame" not in err


def test_a_night_that_the_server_ends_in_the_middle_leaves_nothing_of_its_days(
    address: str,
    at: Callable[..., Company],
    undisturbed: dict[date, dict[str, Any]],
    here: Here,
) -> None:
    company = at(address)
    with ThreadPoolExecutor(1) as pool, locked(address, "kw.usage_daily"):
        night = pool.submit(company.project.score, first=BEFORE, last=LAST)
        assert ask(address, f"SELECT pg_terminate_backend({waiting(address)})") == [(True,)]
        error = night.exception(PATIENCE)
    assert isinstance(error, KeepwellError)
    assert error.what == (
        "PostgreSQL has ended the session: terminating connection due to administrator command"
    )
    assert (error.todo or "").endswith("run it again: nothing is half done")
    assert scored_days(company) == []
    code, out, err = here("score", "--project", company.folder, "--from", str(BEFORE))
    assert (code, "Scored 2 days" in out) == (0, True), err
    for day, expected in undisturbed.items():
        assert same(company.tables(day), expected), day


def test_a_statement_that_takes_too_long_is_said(
    address: str, at: Callable[..., Company], here: Here
) -> None:
    ask(
        address,
        "CREATE ROLE hasty LOGIN",
        "ALTER ROLE hasty SET statement_timeout = '2s'",
        "CREATE SCHEMA slow",
        "CREATE VIEW slow.usage AS SELECT u.* FROM kw.usage_daily u, pg_sleep(30)",
        "GRANT USAGE ON SCHEMA kw, slow TO hasty",
        "GRANT SELECT ON ALL TABLES IN SCHEMA kw, slow TO hasty",
    )
    hasty = address.replace("//reader@", "//hasty@")
    company = at(hasty, usage_daily="slow.usage")
    code, out, err = here("score", "--project", company.folder, "--as-of", str(LAST))
    assert (code, out) == (2, "")
    assert "PostgreSQL stopped in the middle: canceling statement due to statement timeout" in err
    assert "give the role more time (statement_timeout)" in err
    assert scored_days(company) == []


def test_what_is_loaded_while_a_night_runs_is_not_seen_by_it(
    new_database: Callable[[], str],
    tables: Stored,
    at: Callable[..., Company],
    undisturbed: dict[date, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = put_into_postgres(new_database(), tables, "kw")
    company = at(own)
    looked = PostgresEngine.columns
    times = 0

    def then_changed(engine: PostgresEngine, places: Any) -> Mapping[tuple[str, ...], Columns]:
        nonlocal times
        found = looked(engine, places)
        times += 1
        # First the days that are covered are looked at, then the night begins.
        if times == 2:
            ask(own, "DELETE FROM kw.usage_daily", "UPDATE kw.accounts SET status = 'churned'")
        return found

    monkeypatch.setattr(PostgresEngine, "columns", then_changed)
    company.project.score(LAST)
    assert times == 2
    assert same(company.tables(LAST), undisturbed[LAST])
    # The next one sees it.
    company.project.score(LAST, restate=True)
    assert not same(company.tables(LAST), undisturbed[LAST])


def test_of_two_nights_at_a_time_the_second_waits_and_all_is_there_once(
    address: str, at: Callable[..., Company], undisturbed: dict[date, dict[str, Any]]
) -> None:
    company = at(address)
    with ThreadPoolExecutor(1) as pool, locked(address, "kw.usage_daily") as let_go:
        first = pool.submit(company.project.score, first=BEFORE, last=LAST)
        waiting(address)
        second = Night(company, BEFORE, LAST)
        said = second.until_it_says("wait")
        let_go()
        assert first.result(PATIENCE).scored == (BEFORE, LAST)
        code, out, err = second.end()
    assert str(os.getpid()) in said
    assert (code, "2 days were scored already" in out) == (0, True), err
    # Not a word of the server's own about views that are made anew.
    assert "NOTICE" not in said + err
    assert scored_days(company) == [BEFORE, LAST]
    for day, expected in undisturbed.items():
        assert same(company.tables(day), expected), day


def test_a_night_leaves_no_session_and_nothing_in_the_database(
    address: str, at: Callable[..., Company]
) -> None:
    inside = "SELECT relname::text FROM pg_class ORDER BY 1"
    others = "SELECT pid FROM pg_stat_activity WHERE application_name = 'keepwell'"
    before = ask(address, inside)
    company = at(address)
    project = company.project
    project.score(first=BEFORE, last=LAST)
    assert ask(address, others) == []
    assert ask(address, inside) == before


def test_nothing_is_imported_into_a_warehouse(
    address: str, at: Callable[..., Company], here: Here, tmp_path: Path
) -> None:
    company = at(address)
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("nonsense: [", "utf-8")
    code, out, err = here(
        "import", tmp_path / "there-is-none.csv", "--map", mapping, "--project", company.folder
    )
    assert (code, out) == (2, "")
    assert "the facts of this project are in a warehouse, which Keepwell only reads" in err
    assert "keepwell facts ddl" in err
    assert "mapping" not in err
    out = here.good("status", "--quarantine", "--project", company.folder)
    assert "Nothing is in quarantine." in out


def test_status_says_which_tables_are_read_as_known_now(
    address: str, at: Callable[..., Company], here: Here
) -> None:
    told = here.good("status", "--project", at(address).folder)
    assert "5 feeds, none is late" in told
    assert "known now" not in told
    ask(
        address,
        "CREATE SCHEMA marts",
        "CREATE VIEW marts.people AS SELECT 'p'::text AS person_id, 'a01'::text AS account_id",
        "CREATE VIEW marts.customers AS SELECT account_id, name, status FROM kw.accounts",
        "GRANT USAGE ON SCHEMA marts TO reader",
        "GRANT SELECT ON ALL TABLES IN SCHEMA marts TO reader",
    )
    company = at(address, accounts="marts.customers", people="marts.people")
    told = here.good("status", "--project", company.folder)
    assert "Read as known now, for lack of known_from: accounts, people" in told
