"""Facts that are loaded into PostgreSQL are the facts of the folder, or nothing is loaded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from adbc_driver_postgresql import dbapi

from keepwell.facts.arrow import conform, incoming_schema
from keepwell.facts.ddl import ddl
from keepwell.facts.engines.postgres import PostgresEngine
from keepwell.facts.known import Known
from keepwell.facts.loading import load
from keepwell.facts.reading import Facts
from keepwell.facts.schema import IMPORTED, TABLES
from keepwell.facts.store import FactStore
from keepwell.facts.warehouse import Warehouse
from keepwell.kit.errors import KeepwellError

MARCH = datetime(2026, 3, 2, 6, tzinfo=UTC)
APRIL = datetime(2026, 4, 2, 6, tzinfo=UTC)
MAY = datetime(2026, 5, 2, 6, tzinfo=UTC)
TICKETS = 250


def put(store: FactStore, at: datetime, table: str, *given: dict[str, Any]) -> None:
    rows = conform(table, given, incoming_schema(TABLES[table]))
    with store.writer("import") as w:
        w.put(table, rows, source_id="crm", arrived_at=at)


def account(ident: str, name: str, **more: Any) -> dict[str, Any]:
    return {"account_id": ident, "name": name, "status": "active", **more}


def ticket(number: int, **more: Any) -> dict[str, Any]:
    opened = datetime(2026, 1, 1, 9, 30, 15, 123456, tzinfo=UTC) + timedelta(hours=number)
    return {"ticket_id": f"t{number}", "account_id": "a", "opened_at": opened, **more}


@pytest.fixture
def full(store: FactStore) -> FactStore:
    """A store with versions of an account that was renamed and one that went away, with numbers,
    days, instants, texts of any letters, and coverage."""
    put(store, MARCH, "accounts", account("a", 'Älpha \'n\\\n\t"co"'), account("b", "Beta"))
    put(store, APRIL, "accounts", account("a", "Alpha", customer_since="2025-01-01", employees=7))
    put(
        store,
        MARCH,
        "tickets",
        *(ticket(n, category="" if n % 2 else None) for n in range(TICKETS)),
    )
    rate = {"day": "2026-03-01", "from_ccy": "EUR", "to_ccy": "USD", "rate": "1.123456789"}
    put(store, MARCH, "fx_rates", rate)
    usage = {"account_id": "a", "day": "2026-02-01", "metric": "session", "is_final": False}
    put(store, MARCH, "usage_daily", {**usage, "value": "-12345678901234.5678"})
    with store.writer("import") as w:
        left = conform("accounts", [account("a", "Alpha")], incoming_schema(TABLES["accounts"]))
        w.close_missing("accounts", left.select(["account_id"]), source_id="crm", arrived_at=MAY)
        w.cover("crm", {"tickets": (date(2026, 1, 1), date(2026, 3, 1))}, arrived_at=MARCH)
    return store


def ask(address: str, statement: str) -> list[tuple[Any, ...]]:
    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        found = [tuple(row) for row in cursor.fetchall()]
        connection.commit()
        return found


def tables_in(address: str) -> set[str]:
    told = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname !~ '^(pg_|info)'"
    return {name for (name,) in ask(address, told)}


def everything(facts: Facts) -> dict[str, Any]:
    """Every imported table, and the days covered; a warehouse also says which columns it has."""
    tables = {}
    for name in IMPORTED:
        rows: pa.Table = facts.con.to_pyarrow(facts.table(name))
        tables[name] = rows.sort_by([(c, "ascending") for c in rows.column_names]).to_pylist()
    return {**tables, "_coverage": [replace(c, columns=None) for c in facts.coverage()]}


@pytest.mark.parametrize(
    ("known", "schema"),
    [
        (Known.latest(), None),
        *((Known.at(x + timedelta(1)), 'Kunden "neu"') for x in (MARCH, APRIL, MAY)),
    ],
)
def test_what_is_read_there_is_what_is_read_here(
    full: FactStore, postgres: str, known: Known, schema: str | None
) -> None:
    load(full, postgres, schema)
    here = full.reader(known)
    there = Warehouse(lambda: PostgresEngine(postgres), schema).reader(known)
    found = everything(there)
    assert found == everything(here)
    assert len(found["tickets"]) == TICKETS
    assert len(found["_coverage"]) == 1
    assert there.known_now == []
    here.close()
    there.close()


def test_all_versions_come_with_their_provenance(full: FactStore, postgres: str) -> None:
    said: list[str] = []
    loaded = load(full, postgres, "kw", said.append)
    assert loaded.rows == {
        "accounts": 3, "usage_daily": 1, "tickets": TICKETS, "coverage": 1, "fx_rates": 1,
    }  # fmt: skip
    assert f"loading tickets: {TICKETS} rows" in said
    versions = ask(
        postgres,
        "SELECT account_id, name, known_to, deleted_at, source_id, known_assumed"
        " FROM kw.accounts ORDER BY account_id, known_from",
    )
    assert versions == [
        ("a", 'Älpha \'n\\\n\t"co"', APRIL, None, "crm", True),
        ("a", "Alpha", None, None, "crm", False),
        ("b", "Beta", MAY, MAY, "crm", True),
    ]
    assert tables_in(postgres) == {f"kw.{name}" for name in IMPORTED}
    # A table that nobody has counted yet has -1.
    found = dict(
        ask(
            postgres,
            "SELECT relname, reltuples::int FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = to_regnamespace('kw')",
        )
    )
    assert found == {name: loaded.rows.get(name, 0) for name in IMPORTED}


def test_the_settings_are_two_lines_that_can_be_read(full: FactStore, postgres: str) -> None:
    loaded = load(full, postgres, "a: b")
    first, second = loaded.settings.splitlines()
    assert yaml.safe_load(first) == {"places": {"facts": postgres}}
    assert yaml.safe_load(second) == {"warehouse": {"schema": "a: b"}}


def test_tables_that_are_there_and_empty_are_filled(full: FactStore, postgres: str) -> None:
    ask(postgres, ddl("postgres", None, ["tickets"]).rstrip(";\n"))
    ask(postgres, "COMMENT ON TABLE tickets IS 'mine'")
    load(full, postgres)
    (row,) = ask(postgres, "SELECT count(*), obj_description('tickets'::regclass) FROM tickets")
    assert row == (TICKETS, "mine")


def test_tables_with_rows_are_named_all_at_once(full: FactStore, postgres: str) -> None:
    for name in ("accounts", "advocacy", "tickets"):
        ask(postgres, ddl("postgres", None, [name]).rstrip(";\n"))
    ask(postgres, "INSERT INTO accounts (account_id, name, status) VALUES ('x', 'X', 'active')")
    ask(postgres, "INSERT INTO advocacy (advocacy_id, account_id) VALUES ('y', 'x')")
    with pytest.raises(KeepwellError) as raised:
        load(full, postgres)
    assert raised.value.what == "there are rows already in schema public: accounts, advocacy"
    assert tables_in(postgres) == {"public.accounts", "public.advocacy", "public.tickets"}
    assert ask(postgres, "SELECT count(*) FROM tickets") == [(0,)]


def test_a_second_load_finds_the_rows_of_the_first(full: FactStore, postgres: str) -> None:
    loaded = load(full, postgres)
    with pytest.raises(KeepwellError) as raised:
        load(full, postgres)
    assert raised.value.what.endswith(": " + ", ".join(loaded.rows))
    load(full, postgres, "another")


def test_of_two_loads_at_a_time_one_finds_the_rows_of_the_other(
    full: FactStore, postgres: str
) -> None:
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(load, full, postgres, "kw") for _ in range(2)]
        failed = [error for error in (x.exception() for x in running) if error is not None]
    assert [str(error).partition(": there are rows already")[1] != "" for error in failed] == [True]
    assert ask(postgres, "SELECT count(*) FROM kw.tickets") == [(TICKETS,)]


def test_a_load_that_fails_half_way_leaves_nothing(full: FactStore, postgres: str) -> None:
    # PostgreSQL has no text with this letter; accounts and others are loaded before.
    put(full, APRIL, "tickets", ticket(1, channel="a\0b"))
    said: list[str] = []
    with pytest.raises(KeepwellError) as raised:
        load(full, postgres, "kw", said.append)
    assert said[-1].startswith("loading tickets")
    assert "loading accounts: 3 rows" in said
    assert "invalid byte sequence" in raised.value.what
    assert "postgresql://postgres@/" in (raised.value.where or "")
    assert tables_in(postgres) == set()
    assert ask(postgres, "SELECT to_regnamespace('kw')::text") == [(None,)]


def test_a_table_of_another_shape_is_what_the_server_says(full: FactStore, postgres: str) -> None:
    ask(postgres, "CREATE TABLE tickets (ticket_id text)")
    with pytest.raises(KeepwellError) as raised:
        load(full, postgres)
    assert 'Column "account_id" does not exist' in raised.value.what
    assert "libpq" not in raised.value.what
    assert tables_in(postgres) == {"public.tickets"}


def test_a_role_that_may_not_make_a_schema_loads_into_one_that_is_there(
    full: FactStore, postgres: str
) -> None:
    role = "loader_" + postgres.partition("test_")[2].partition("?")[0]
    ask(postgres, f"CREATE ROLE {role} LOGIN")
    ask(postgres, f"CREATE SCHEMA kw AUTHORIZATION {role}")
    address = postgres.replace("postgres@", f"{role}@")
    with pytest.raises(KeepwellError) as raised:
        load(full, address, "other")
    assert "permission denied" in raised.value.what
    assert load(full, address, "kw").rows["tickets"] == TICKETS


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:hunter2@example.invalid/db",
        "postgresql://me@example.invalid/db?password=hunter2",
        "host=example.invalid password=hunter2",
        "spark://example.invalid:7077",
    ],
)
def test_an_address_is_looked_at_before_anything_is_tried(full: FactStore, address: str) -> None:
    with pytest.raises(KeepwellError) as raised:
        load(full, address)
    assert "hunter2" not in raised.value.text()
    has_password = "hunter2" in address and "://" in address
    assert ("a password does not belong" in raised.value.what) == has_password


def test_a_server_that_is_away_is_no_stack_trace(full: FactStore, tmp_path: Path) -> None:
    with pytest.raises(KeepwellError) as raised:
        load(full, f"postgresql://me@/db?host={tmp_path}")
    assert raised.value.what.startswith("PostgreSQL cannot be reached")


def test_a_store_without_rows_has_nothing_to_load(store: FactStore, postgres: str) -> None:
    with pytest.raises(KeepwellError) as raised:
        load(store, postgres, "kw")
    assert raised.value.what == "there are no facts to load"
    assert ask(postgres, "SELECT to_regnamespace('kw')::text") == [(None,)]


def test_a_schema_is_one_name(full: FactStore, postgres: str) -> None:
    with pytest.raises(KeepwellError, match="is no name of a schema"):
        load(full, postgres, "catalog.kw")
