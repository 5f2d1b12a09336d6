"""The company's tables fit the canonical schema and each other."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import pytest

from keepwell.demo import Company, simulate
from keepwell.facts.arrow import ARROW_TYPES, imported_columns
from keepwell.facts.model import Table
from keepwell.facts.schema import IMPORTED
from keepwell.kit.errors import KeepwellError

MOST_USAGE_ROWS = 1_500_000

IMPORTED_NAMES = sorted(IMPORTED)

TIMES = {
    "touchpoints": "occurred_at",
    "tickets": "opened_at",
    "survey_responses": "sent_at",
    "usage_events": "occurred_at",
    "training": "assigned_at",
    "assessments": "assessed_at",
    "text_signals": "occurred_at",
    "advocacy": "occurred_at",
    "usage_daily": "day",
}

REFERENCES = [
    (name, column.name, column.references)
    for name, table in IMPORTED.items()
    for column in table.columns
    if column.references
]


def _count(sql: duckdb.DuckDBPyConnection, query: str) -> int:
    found = sql.execute(f"SELECT count(*) {query}").fetchone()
    assert found is not None
    return int(found[0])


def test_every_imported_table_is_there_and_not_empty(company: Company) -> None:
    assert sorted(company.tables) == IMPORTED_NAMES
    assert {name for name, t in company.tables.items() if t.num_rows == 0} == set()


def test_a_small_company_has_all_tables_too(small: Company) -> None:
    assert sorted(small.tables) == IMPORTED_NAMES
    assert {name for name, t in small.tables.items() if t.num_rows == 0} == set()


@pytest.mark.parametrize("name", IMPORTED_NAMES)
def test_columns_and_types_are_canonical(name: str, company: Company) -> None:
    wanted = [(c.name, ARROW_TYPES[c.type]) for c in imported_columns(IMPORTED[name])]
    assert [(f.name, f.type) for f in company.tables[name].schema] == wanted


@pytest.mark.parametrize("name", IMPORTED_NAMES)
def test_required_values_are_there(name: str, company: Company) -> None:
    required = [c.name for c in imported_columns(IMPORTED[name]) if c.required]
    table = company.tables[name]
    assert [c for c in required if table[c].null_count] == []


@pytest.mark.parametrize("name", IMPORTED_NAMES)
def test_values_are_among_the_allowed(name: str, company: Company) -> None:
    for column in imported_columns(IMPORTED[name]):
        if column.values:
            used = set(company.tables[name][column.name].to_pylist()) - {None}
            assert used <= set(column.values), column.name


def _key(table: Table) -> str:
    return ", ".join(table.key)


@pytest.mark.parametrize("name", IMPORTED_NAMES)
def test_keys_are_unique(name: str, sql: duckdb.DuckDBPyConnection) -> None:
    grouped = f"FROM (FROM {name} SELECT {_key(IMPORTED[name])} GROUP BY ALL HAVING count(*) > 1)"
    assert _count(sql, grouped) == 0


@pytest.mark.parametrize(("name", "column", "target"), REFERENCES)
def test_references_lead_somewhere(
    name: str, column: str, target: str, sql: duckdb.DuckDBPyConnection
) -> None:
    key = IMPORTED[target].key[0]
    lost = f"FROM {name} WHERE {column} NOT IN (SELECT {key} FROM {target})"
    assert _count(sql, lost) == 0


@pytest.mark.parametrize(
    ("name", "column", "target", "key"),
    [
        ("usage_daily", "person_id", "people", "person_id"),
        ("touchpoints", "in_reply_to", "touchpoints", "touchpoint_id"),
        ("survey_responses", "ticket_id", "tickets", "ticket_id"),
    ],
)
def test_rows_that_belong_together_are_of_one_account(
    name: str, column: str, target: str, key: str, sql: duckdb.DuckDBPyConnection
) -> None:
    joined = f"FROM {name} l JOIN {target} r ON l.{column} = r.{key}"
    assert _count(sql, joined) > 0
    assert _count(sql, f"{joined} WHERE l.account_id <> r.account_id") == 0


def test_text_signals_speak_of_texts_that_exist(sql: duckdb.DuckDBPyConnection) -> None:
    for table in ("tickets", "touchpoints", "survey_responses"):
        key = IMPORTED[table].key[0]
        of_table = f"FROM text_signals WHERE subject_table = '{table}'"
        assert _count(sql, of_table) > 0
        assert _count(sql, f"{of_table} AND subject_id NOT IN (SELECT {key} FROM {table})") == 0


def test_the_window_is_eighteen_months_that_end_on_the_day(company: Company) -> None:
    assert (company.start, company.end) == (date(2024, 10, 15), date(2026, 4, 14))


@pytest.mark.parametrize("name", sorted(TIMES))
def test_rows_fill_the_window_and_stay_in_it(
    name: str, company: Company, sql: duckdb.DuckDBPyConnection
) -> None:
    column = TIMES[name]
    when = f"SELECT min({column})::date, max({column})::date FROM {name}"
    if name == "touchpoints":
        when += " WHERE status <> 'planned'"
    found = sql.execute(when).fetchone()
    assert found is not None
    first, last = found
    near = 60 if name == "advocacy" else 21
    assert company.start <= first <= company.start + timedelta(days=near)
    assert company.end - timedelta(days=near) <= last <= company.end


def test_every_month_has_rows_of_everything(
    company: Company, sql: duckdb.DuckDBPyConnection
) -> None:
    for name in ("touchpoints", "tickets", "survey_responses", "training", "assessments"):
        months = f"FROM (SELECT DISTINCT date_trunc('month', {TIMES[name]}) FROM {name})"
        assert _count(sql, months) >= 19, name


def test_only_planned_meetings_lie_ahead(sql: duckdb.DuckDBPyConnection) -> None:
    ahead = "FROM touchpoints WHERE occurred_at > ends() + 1"
    assert _count(sql, ahead) > 0
    assert _count(sql, f"{ahead} AND status <> 'planned'") == 0


def test_instants_of_a_ticket_are_in_order(sql: duckdb.DuckDBPyConnection) -> None:
    wrong = """FROM tickets WHERE first_reply_at < opened_at OR first_resolved_at < first_reply_at
               OR last_resolved_at < first_resolved_at OR closed_at < last_resolved_at"""
    assert _count(sql, wrong) == 0


def test_usage_stays_affordable(company: Company) -> None:
    rows = company.tables["usage_daily"].num_rows + company.tables["usage_events"].num_rows
    assert 300_000 < rows < MOST_USAGE_ROWS


def test_rates_are_daily_and_go_round(sql: duckdb.DuckDBPyConnection) -> None:
    gaps = """FROM (SELECT day - lag(day) OVER (PARTITION BY from_ccy, to_ccy ORDER BY day) AS gap
              FROM fx_rates) WHERE gap <> 1"""
    assert _count(sql, gaps) == 0
    there_and_back = """FROM fx_rates a JOIN fx_rates b ON a.day = b.day
        AND a.from_ccy = b.to_ccy AND a.to_ccy = b.from_ccy
        WHERE abs(a.rate * b.rate - 1) > 0.0001 AND a.from_ccy < a.to_ccy"""
    assert _count(sql, there_and_back) == 0


def test_a_company_that_cannot_show_everything_is_refused() -> None:
    with pytest.raises(KeepwellError) as refused:
        simulate(accounts=5)
    assert refused.value.expected == "at least 30 accounts and 6 months"
