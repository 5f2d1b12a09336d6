"""Tables of a warehouse as they are found there: their names, types, provenance and coverage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from adbc_driver_postgresql import dbapi

from keepwell.facts.engines.postgres import PostgresEngine
from keepwell.facts.known import Known
from keepwell.facts.schema import IMPORTED
from keepwell.facts.warehouse import Warehouse, WarehouseFacts
from keepwell.kit.errors import KeepwellError

NOW = datetime(2026, 5, 10, 6, tzinfo=UTC)
ACCOUNT = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
ACCOUNTS = (
    "CREATE TABLE accounts (account_id text, name text, status text)",
    "INSERT INTO accounts VALUES ('a', 'Alpha', 'active')",
)
TICKETS = "CREATE TABLE tickets (ticket_id text, account_id text, opened_at timestamptz)"

Opened = Callable[..., WarehouseFacts]


def ask(address: str, *statements: str) -> list[tuple[Any, ...]]:
    """What the last of some statements gives; all are kept."""
    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        found = [tuple(row) for row in cursor.fetchall()]
        connection.commit()
        return found


def a_role(address: str, *grants: str) -> str:
    """The address for a role of this database alone, which may do what the grants say."""
    (name,) = ask(address, "SELECT 'reader_' || current_database()")[0]
    ask(address, f"CREATE ROLE {name} LOGIN", *(f"{grant} TO {name}" for grant in grants))
    return address.replace("//postgres@", f"//{name}@")


def setting(address: str, role: str, told: str) -> None:
    name = role.partition("//")[2].partition("@")[0]
    ask(address, f"ALTER ROLE {name} SET {told}")


@pytest.fixture
def opened(postgres: str) -> Iterator[Opened]:
    """Opens the tables of the test's database."""
    found: list[WarehouseFacts] = []

    def reader(
        schema: str | None = None,
        tables: Mapping[str, str] | None = None,
        *,
        known: datetime = NOW,
        address: str = postgres,
        extra: Mapping[str, pa.Table] | None = None,
        timezone: str = "UTC",
    ) -> WarehouseFacts:
        warehouse = Warehouse(lambda: PostgresEngine(address), schema, tables or {})
        facts = warehouse.reader(Known.at(known), extra=extra, project_timezone=timezone)
        found.append(facts)
        return facts

    yield reader
    for facts in found:
        facts.close()


def rows(facts: WarehouseFacts, table: str, *columns: str) -> list[tuple[Any, ...]]:
    found: pa.Table = facts.con.to_pyarrow(facts.table(table).select(*columns))
    return sorted(zip(*(found[c].to_pylist() for c in columns), strict=True))


def refused(opened: Opened, *given: Any, **more: Any) -> list[str]:
    """The problems that are named, without the headline and what to do."""
    with pytest.raises(KeepwellError) as raised:
        opened(*given, **more)
    what, *problems = raised.value.what.splitlines()
    plural = f"{len(problems)} things do not fit:"
    assert what == ("one thing does not fit:" if len(problems) == 1 else plural)
    return [problem.strip() for problem in problems]


# --- names and types --------------------------------------------------------------------------


def test_tables_may_be_anywhere_under_any_name_and_may_be_views(
    postgres: str, opened: Opened
) -> None:
    ask(
        postgres,
        "CREATE SCHEMA marts",
        "CREATE SCHEMA kw",
        'CREATE TABLE marts."Customers 1" (account_id text, name text, status text)',
        "INSERT INTO marts.\"Customers 1\" VALUES ('a', 'Alpha', 'active')",
        "CREATE VIEW kw.tickets AS SELECT 't'::text AS ticket_id, 'a'::text AS account_id,"
        " timestamptz '2026-05-01 12:00+00' AS opened_at",
        "CREATE MATERIALIZED VIEW kw.usage AS SELECT 'a'::text AS account_id,"
        " date '2026-05-01' AS day, 'login'::text AS metric, 3 AS value",
        "CREATE TABLE kw.invoices (invoice_id text, account_id text, amount numeric,"
        " currency text, issued_on date) PARTITION BY RANGE (issued_on)",
        "CREATE TABLE kw.invoices_1 PARTITION OF kw.invoices DEFAULT",
        "INSERT INTO kw.invoices VALUES ('i', 'a', 5, 'EUR', '2026-05-02')",
    )
    facts = opened("kw", {"accounts": "marts.Customers 1", "usage_daily": "usage"})
    assert rows(facts, "accounts", "account_id", "name") == [("a", "Alpha")]
    assert rows(facts, "tickets", "ticket_id") == [("t",)]
    assert rows(facts, "usage_daily", "value") == [(Decimal(3),)]
    assert rows(facts, "invoices", "amount") == [(Decimal(5),)]
    assert rows(facts, "people", "person_id") == []


def test_a_schema_may_be_two_names(postgres: str, opened: Opened) -> None:
    ask(postgres, "CREATE SCHEMA kw", ACCOUNTS[0].replace("accounts", "kw.accounts"))
    (database,) = ask(postgres, "SELECT current_database()")[0]
    assert rows(opened(f"{database}.kw"), "accounts", "name") == []
    assert opened(None, {"accounts": f"{database}.kw.accounts"}).known_now == ["accounts"]
    assert refused(opened, "other.kw") == ["accounts: there is no table other.kw.accounts"]
    named = refused(opened, None, {"accounts": "one.too.many.names"})
    assert named == ["accounts: there is no table one.too.many.names"]


def test_ids_may_be_numbers_or_uuids_and_words_enumerations(postgres: str, opened: Opened) -> None:
    ask(
        postgres,
        "CREATE TYPE state AS ENUM ('active', 'churned')",
        "CREATE TABLE accounts (account_id uuid, name char(9), status state, source_id int)",
        f"INSERT INTO accounts VALUES ('{ACCOUNT}', 'Alpha', 'active', 7), "
        f"('{ACCOUNT.replace('6', '7')}', 'Beta', 'churned', NULL)",
        "CREATE TABLE tickets (ticket_id bigint, account_id uuid, opened_at timestamptz)",
        f"INSERT INTO tickets VALUES (12, '{ACCOUNT}', '2026-05-01')",
        "CREATE TABLE assessments (assessment_id int, account_id uuid, question_key varchar(20),"
        " author_id smallint, assessed_at timestamptz)",
        f"INSERT INTO assessments VALUES (1, '{ACCOUNT}', 'trust', 2, '2026-05-01')",
    )
    entered = {
        "assessment_id": "own", "account_id": ACCOUNT, "question_key": "trust", "author_id": "me",
        "assessed_at": NOW,
    }  # fmt: skip
    facts = opened(extra={"assessments": pa.Table.from_pylist([entered])})
    assert rows(facts, "accounts", "account_id", "name", "source_id") == [
        (ACCOUNT, "Alpha", "7"),
        (ACCOUNT.replace("6", "7"), "Beta", "warehouse"),
    ]
    of_them = (
        "SELECT count(*) FROM accounts a JOIN tickets USING (account_id) WHERE a.status = 'new'"
    )
    assert facts.visible("accounts") == "accounts"
    assert facts.visible("tickets") == "tickets"
    assert facts.query(of_them) == [(0,)]
    found = rows(facts, "assessments", "assessment_id", "account_id", "author_id")
    assert found == [("1", ACCOUNT, "2"), ("own", ACCOUNT, "me")]


def test_numbers_may_be_of_any_type(postgres: str, opened: Opened) -> None:
    ask(
        postgres,
        *ACCOUNTS,
        "ALTER TABLE accounts ADD employees numeric, ADD sites_count smallint,"
        " ADD expected_active_ratio real",
        "UPDATE accounts SET employees = 40, sites_count = 2, expected_active_ratio = 0.5",
        "CREATE TABLE invoices (invoice_id int, account_id text, amount numeric,"
        " amount_paid double precision, amount_refunded bigint, currency text)",
        "INSERT INTO invoices VALUES (1, 'a', 0.123456789, 99.5, 3, 'EUR')",
        "CREATE TABLE fx_rates (day date, from_ccy text, to_ccy text, rate numeric(30, 15))",
        "INSERT INTO fx_rates VALUES ('2026-05-01', 'EUR', 'USD', 1.123456789012345)",
    )
    facts = opened()
    numbers = rows(facts, "accounts", "employees", "sites_count", "expected_active_ratio")
    assert numbers == [(40, 2, Decimal("0.5"))]
    amounts = rows(facts, "invoices", "amount", "amount_paid", "amount_refunded")
    assert amounts == [(Decimal("0.1235"), Decimal("99.5"), Decimal(3))]
    assert [rate.rate for rate in facts.rates()] == [Decimal("1.123456789")]


# --- provenance and coverage --------------------------------------------------------------------


def test_rows_without_provenance_are_known_now(postgres: str, opened: Opened) -> None:
    ask(
        postgres,
        *ACCOUNTS,
        TICKETS,
        "ALTER TABLE tickets ADD status text, ADD known_from timestamptz, ADD known_to timestamptz",
        "INSERT INTO tickets VALUES"
        " ('t', 'a', '2026-05-01', 'open', NULL, '2026-05-04'),"
        " ('t', 'a', '2026-05-01', 'closed', '2026-05-04', NULL)",
    )
    facts = opened()
    assert facts.known_now == ["accounts"]
    assert rows(facts, "accounts", "name", "source_id") == [("Alpha", "warehouse")]
    assert rows(facts, "tickets", "status") == [("closed",)]
    assert facts.stored_versions("accounts") is None
    before = opened(known=datetime(2026, 5, 3, tzinfo=UTC))
    assert rows(before, "accounts", "name") == [("Alpha",)]
    assert rows(before, "tickets", "status") == [("open",)]


def days(facts: WarehouseFacts) -> dict[tuple[str, str], tuple[date, date]]:
    return {(c.source, c.family): (c.from_day, c.to_day) for c in facts.coverage()}


def test_coverage_is_from_the_first_row_to_the_last_day_of_all(
    postgres: str, opened: Opened
) -> None:
    used = "CREATE TABLE usage_daily (account_id text, day date, metric text, value int)"
    ask(
        postgres,
        *ACCOUNTS,
        # The last row of all is of the running day.
        TICKETS,
        "INSERT INTO tickets VALUES ('1', 'a', '2026-04-01 09:00+00'),"
        " ('2', 'a', '2026-05-08 23:30+00'), ('3', 'a', '2026-05-10 01:00+00')",
        # One kind has ended, the table has not.
        used,
        "INSERT INTO usage_daily VALUES ('a', '2026-04-02', 'login', 1),"
        " ('a', '2026-05-07', 'login', 1), ('a', '2026-03-01', 'session', 1)",
        # Silent for longer than 14 days, and for less than 100.
        "CREATE TABLE touchpoints (touchpoint_id int, account_id text, kind text,"
        " occurred_at timestamptz, source_id text)",
        "INSERT INTO touchpoints VALUES (1, 'a', 'call', '2026-04-10', 'crm'),"
        " (2, 'a', 'call', '2026-04-20', 'crm'), (3, 'a', 'call', '2026-04-15', NULL)",
        "CREATE TABLE survey_responses (response_id int, survey_key text, kind text,"
        " account_id text, responded_at timestamptz)",
        "INSERT INTO survey_responses VALUES (1, 'q', 'nps', 'a', '2026-02-01')",
    )
    last = date(2026, 5, 9)
    expected = {
        ("warehouse", "accounts"): (date(1900, 1, 1), last),
        ("warehouse", "tickets"): (date(2026, 4, 1), last),
        ("warehouse", "usage_daily.login"): (date(2026, 4, 2), last),
        ("warehouse", "usage_daily.session"): (date(2026, 3, 1), last),
        ("crm", "touchpoints.call"): (date(2026, 4, 10), date(2026, 4, 20)),
        ("warehouse", "touchpoints.call"): (date(2026, 4, 15), date(2026, 4, 20)),
        ("warehouse", "survey_responses.nps"): (date(2026, 2, 1), last),
    }
    facts = opened()
    assert days(facts) == expected
    columns = {c.family: c.columns for c in facts.coverage()}
    assert columns["tickets"] == frozenset({"ticket_id", "account_id", "opened_at"})
    assert columns["accounts"] == frozenset({"account_id", "name", "status"})
    # Where it is still the day before, that day is running.
    earlier = days(opened(timezone="America/Los_Angeles"))
    assert earlier["warehouse", "tickets"] == (date(2026, 4, 1), date(2026, 5, 8))


def test_the_table_coverage_is_believed_for_the_columns_that_are_there(
    postgres: str, opened: Opened
) -> None:
    ask(
        postgres,
        *ACCOUNTS,
        TICKETS,
        "INSERT INTO tickets VALUES ('1', 'a', '2026-04-01 09:00+00')",
        "CREATE TABLE coverage (source text, family text, from_day date, to_day date, state text,"
        " columns text)",
        "INSERT INTO coverage VALUES ('crm', 'tickets', '2026-01-01', '2026-03-01', 'complete',"
        " 'ticket_id severity'), ('crm', 'accounts', '2026-01-01', '2026-03-02', 'complete', NULL)",
    )
    covers = {c.family: c for c in opened().coverage()}
    assert set(covers) == {"tickets", "accounts"}
    assert covers["tickets"].to_day == date(2026, 3, 1)
    assert covers["tickets"].columns == frozenset({"ticket_id"})
    assert covers["accounts"].columns == frozenset({"account_id", "name", "status"})


# --- what does not fit --------------------------------------------------------------------------


def test_all_that_does_not_fit_is_named_at_once(postgres: str, opened: Opened) -> None:
    ask(
        postgres,
        "CREATE SCHEMA kw",
        "CREATE SCHEMA hidden",
        "CREATE TABLE kw.accounts (account_id text, nam text, status text, employees text,"
        " customer_since timestamptz, known_from timestamp)",
        "CREATE TABLE kw.tickets (ticket_id text, account_id text, parent_account_id text,"
        " opened_on timestamptz, first_reply_at timestamp)",
        "CREATE TABLE kw.usage_events (event_id text, account_id text, occurred_at timestamptz,"
        " name text, quantity text[], properties jsonb)",
        "CREATE TABLE kw.invoices (invoice_id text)",
        "CREATE TABLE hidden.people (person_id text, account_id text)",
    )
    role = a_role(
        postgres,
        "GRANT USAGE ON SCHEMA kw",
        "GRANT SELECT ON kw.accounts, kw.tickets, kw.usage_events",
    )
    tables = {"training": "courses", "people": "hidden.people", "ticket": "tickets", "xyz": "x"}
    did_you = "did you mean opened_on?"
    instant = "expected an instant with its time zone"
    assert refused(opened, "kw", tables, address=role) == [
        "ticket: there is no canonical table of that name; did you mean tickets?",
        "xyz: there is no canonical table of that name",
        "training: there is no table kw.courses",
        "accounts.name is missing, or the role may not read it; expected text; did you mean nam?",
        "accounts.employees is text; expected a whole number",
        "accounts.customer_since is timestamp; expected a date",
        f"accounts.known_from is an instant without a zone; {instant}",
        "people: the role may not read hidden.people",
        "usage_events.quantity is text[]; expected a number",
        "usage_events.properties is jsonb; expected text",
        f"tickets.opened_at is missing, or the role may not read it; {instant}; {did_you}",
        f"tickets.first_reply_at is an instant without a zone; {instant}",
        "invoices: the role may not read kw.invoices",
    ]


def test_without_accounts_nothing_goes(postgres: str, opened: Opened) -> None:
    assert refused(opened) == ["accounts: there is no table public.accounts"]
    ask(postgres, *ACCOUNTS)
    assert refused(opened, "nowhere") == ["accounts: there is no table nowhere.accounts"]
    # What is no table has columns, too.
    ask(postgres, "CREATE TYPE kind AS (account_id text, name text, status text)")
    assert refused(opened, None, {"accounts": "kind"}) == [
        "accounts: there is no table public.kind"
    ]


def test_a_column_that_is_kept_from_the_role_is_not_there(postgres: str, opened: Opened) -> None:
    ask(postgres, *ACCOUNTS, "ALTER TABLE accounts ADD domain text")
    role = a_role(postgres, "GRANT SELECT (account_id, name, status) ON accounts")
    facts = opened(address=role)
    assert rows(facts, "accounts", "name", "domain") == [("Alpha", None)]
    (cover,) = facts.coverage()
    assert cover.columns == frozenset({"account_id", "name", "status"})


def test_what_was_refused_holds_no_session(postgres: str, opened: Opened) -> None:
    with pytest.raises(KeepwellError) as raised:
        opened()
    # As long as the error is there, so is all that led to it.
    assert "public.accounts" in raised.value.what
    assert sessions(postgres) == []


# --- nothing but reading ------------------------------------------------------------------------


def sessions(address: str) -> list[tuple[Any, ...]]:
    return ask(
        address,
        "SELECT application_name FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )


def objects(address: str) -> list[tuple[Any, ...]]:
    return ask(
        address,
        "SELECT relname::text, oid::int FROM pg_class"
        " UNION ALL SELECT nspname::text, oid::int FROM pg_namespace ORDER BY 1, 2",
    )


@pytest.mark.parametrize(
    "told",
    [
        None,
        "default_transaction_read_only = on",
        # A usual setting for safety, by which the tables are found before what is temporary.
        "search_path = kw, pg_temp",
        "search_path = ''",
    ],
)
def test_a_role_that_may_only_read_is_enough_and_leaves_nothing(
    postgres: str, opened: Opened, told: str | None
) -> None:
    ask(
        postgres,
        "CREATE SCHEMA kw",
        "SET search_path = kw",
        *ACCOUNTS,
        "INSERT INTO accounts VALUES (NULL, 'No id', NULL)",
        TICKETS.replace("opened_at", "known_to timestamptz, opened_at"),
        "INSERT INTO tickets VALUES ('1', 'a', '2026-01-02', '2026-01-01'),"
        " ('1', 'a', NULL, '2026-01-01')",
    )
    role = a_role(postgres, "GRANT USAGE ON SCHEMA kw", "GRANT SELECT ON ALL TABLES IN SCHEMA kw")
    if told:
        setting(postgres, role, told)
    before = objects(postgres)
    facts = opened("kw", address=role)
    for table in IMPORTED:
        facts.table(table)
    # By the name alone it is the view of what is visible, and not the table.
    assert facts.query(f"SELECT count(*) FROM {facts.visible('tickets')}") == [(1,)]
    facts.engine.put("small", pa.table({"n": [1, 2]}))
    assert facts.query("SELECT sum(n)::int FROM small") == [(3,)]
    assert sessions(postgres) == [("keepwell",)]
    facts.close()
    assert objects(postgres) == before
    assert sessions(postgres) == []


def test_a_role_without_temporary_views_is_told_what_to_grant(
    postgres: str, opened: Opened
) -> None:
    (database,) = ask(postgres, "SELECT current_database()")[0]
    ask(postgres, *ACCOUNTS, f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC")
    facts = opened(address=a_role(postgres, "GRANT SELECT ON accounts"))
    with pytest.raises(KeepwellError) as raised:
        facts.table("accounts")
    assert raised.value.what.startswith("PostgreSQL does not allow it: permission denied to create")
    assert "TEMPORARY on the database" in (raised.value.todo or "")


def test_a_value_that_cannot_be_read_is_the_value_s_fault(postgres: str, opened: Opened) -> None:
    ask(
        postgres,
        *ACCOUNTS,
        "CREATE TABLE invoices (invoice_id int, account_id text, amount float8, currency text)",
        "INSERT INTO invoices VALUES (1, 'a', 1e30, 'EUR')",
    )
    with pytest.raises(KeepwellError) as raised:
        opened().table("invoices")
    assert raised.value.what.startswith("PostgreSQL could not read a value: numeric field overflow")
    assert "mend the value" in (raised.value.todo or "")
