"""Rows of a warehouse that end: deleted, without end, or with a day that is none."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from adbc_driver_postgresql import dbapi

from keepwell.app.project import open as open_project
from keepwell.facts.engines.postgres import PostgresEngine
from keepwell.facts.known import BEGINNING, Known
from keepwell.facts.warehouse import Warehouse, WarehouseFacts
from keepwell.kit import postgres as sessions
from keepwell.kit.errors import KeepwellError

NOW = datetime(2026, 5, 10, 6, tzinfo=UTC)
ACCOUNTS = (
    "CREATE TABLE accounts (account_id text, name text, status text)",
    "INSERT INTO accounts VALUES ('a', 'Alpha', 'active'), ('b', 'Beta', 'active')",
)


def run(address: str, *statements: str) -> None:
    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        connection.commit()


def opened(address: str, known: datetime = NOW) -> WarehouseFacts:
    return Warehouse(lambda: PostgresEngine(address)).reader(Known.at(known))


def rows(facts: WarehouseFacts, table: str, *columns: str) -> list[tuple[object, ...]]:
    found = facts.con.to_pyarrow(facts.table(table).select(*columns))
    facts.close()
    return sorted(zip(*(found[c].to_pylist() for c in columns), strict=True), key=str)


@pytest.mark.parametrize("known_to", ["", ", ADD known_to timestamptz"])
def test_a_deleted_row_shows_up_to_its_deletion(postgres: str, known_to: str) -> None:
    run(
        postgres,
        *ACCOUNTS,
        f"ALTER TABLE accounts ADD deleted_at timestamptz{known_to}",
        "UPDATE accounts SET deleted_at = '2026-05-04' WHERE account_id = 'b'",
    )
    assert rows(opened(postgres), "accounts", "account_id") == [("a",)]
    before = datetime(2026, 5, 3, tzinfo=UTC)
    assert rows(opened(postgres, before), "accounts", "account_id") == [("a",), ("b",)]


def test_a_version_that_ended_before_its_deletion_ends_then(postgres: str) -> None:
    run(
        postgres,
        *ACCOUNTS,
        "ALTER TABLE accounts ADD known_to timestamptz, ADD deleted_at timestamptz",
        "UPDATE accounts SET known_to = '2026-05-01', deleted_at = '2026-05-04'"
        " WHERE account_id = 'b'",
    )
    between = datetime(2026, 5, 2, tzinfo=UTC)
    assert rows(opened(postgres, between), "accounts", "account_id") == [("a",)]


ROLES = (
    "CREATE TABLE person_roles (person_id text, account_id text, role text, valid_from date,"
    " valid_to date, known_from timestamptz, known_to timestamptz)"
)


def test_an_infinite_bound_is_none(postgres: str) -> None:
    run(
        postgres,
        *ACCOUNTS,
        ROLES,
        "INSERT INTO person_roles VALUES"
        " ('p', 'a', 'champion', '-infinity', 'infinity', '-infinity', 'infinity'),"
        " ('q', 'a', 'champion', '2026-01-01', '2026-02-01', '2026-01-01', NULL)",
    )
    assert rows(opened(postgres), "person_roles", "person_id", "valid_from", "valid_to") == [
        ("p", BEGINNING.date(), None),
        ("q", date(2026, 1, 1), date(2026, 2, 1)),
    ]


def test_any_other_infinite_day_is_no_day(postgres: str) -> None:
    run(
        postgres,
        *ACCOUNTS,
        ROLES,
        "INSERT INTO person_roles VALUES ('p', 'a', 'champion', 'infinity', '-infinity')",
        "CREATE TABLE usage_daily (account_id text, day date, metric text, value int)",
        "INSERT INTO usage_daily VALUES ('a', 'infinity', 'login', 1),"
        " ('a', '-infinity', 'login', 1), ('a', '2026-05-01', 'login', 1)",
    )
    assert rows(opened(postgres), "person_roles", "valid_from", "valid_to") == [(None, None)]
    days = [(None,), (None,), (date(2026, 5, 1),)]
    assert rows(opened(postgres), "usage_daily", "day") == days


# --- a server that does not answer ----------------------------------------------------------------


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that lets one in and never says a word."""
    kept = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    kept.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
    thread.join()
    for connection in kept:
        connection.close()


def test_a_server_that_does_not_answer_is_told_of(
    silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "PATIENCE", 2)
    with pytest.raises(KeepwellError) as raised:
        PostgresEngine(f"postgresql://me@127.0.0.1:{silent}/crm")
    assert "cannot be reached" in raised.value.what
    assert "timeout expired" in raised.value.what


@pytest.mark.parametrize("where", ["address", "environment"])
def test_how_long_to_wait_is_its_users_to_say(
    silent: int, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    # With ours it would go on for longer than anybody waits.
    monkeypatch.setattr(sessions, "PATIENCE", 100_000)
    more = "?connect_timeout=2" if where == "address" else ""
    if not more:
        monkeypatch.setenv("PGCONNECT_TIMEOUT", "2")
    with pytest.raises(KeepwellError) as raised:
        PostgresEngine(f"postgresql://me@127.0.0.1:{silent}/crm{more}")
    assert "timeout expired" in raised.value.what


# --- nothing there --------------------------------------------------------------------------------


def test_what_helps_a_warehouse_without_rows_is_no_import(postgres: str, tmp_path: Path) -> None:
    run(postgres, ACCOUNTS[0])
    (tmp_path / "keepwell.yaml").write_text(
        f"name: Empty\nscorecards: [enterprise]\nplaces: {{facts: '{postgres}'}}\n", "utf-8"
    )
    found = open_project(tmp_path).status()
    assert found.feeds == ()
    assert "import" not in found.advice
    assert "warehouse" in found.advice
