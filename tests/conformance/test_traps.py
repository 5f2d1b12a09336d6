"""What engines do differently, and must not show: each of these fails without its workaround."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from functools import cache, partial
from typing import Any

import pytest
from pyspark.sql import SparkSession

from keepwell.facts.engines.dialects import translated
from keepwell.facts.engines.postgres import PostgresEngine
from keepwell.facts.engines.spark import SparkEngine
from keepwell.facts.known import Known
from keepwell.facts.memory import MemoryFacts
from keepwell.facts.reading import Facts
from keepwell.facts.warehouse import Warehouse
from tests.conftest import REPOSITORY
from tests.metrics.measuring import Row, Values, account, given, measured, metrics
from tests.warehouses import put_into_folder, put_into_postgres, stored

DAY = date(2024, 4, 20)
LONG = "a_name_that_is_longer_than_what_postgresql_keeps_of_any_name_and_ends_in_"
METRICS = metrics(f"""
    divided_twice: {{sum: reopen_count / 2 + reopen_count / 4, from: tickets, unit: count}}
    mean_of_whole: {{mean: reopen_count, from: tickets, unit: count}}
    rounded: {{sum: round(value), from: usage_daily, where: metric = 'half', unit: count}}
    rounded_2: {{sum: 'round(value, 2)', from: usage_daily, where: metric = 'cent', unit: count}}
    below: {{sum: floor(value - 3), from: usage_daily, where: metric = 'half', unit: count}}
    middle: {{median: value, from: usage_daily, where: metric = 'many', unit: count}}
    hours: {{sum: 'hours_between(opened_at, first_reply_at)', from: tickets, unit: hours}}
    days: {{sum: 'days_between(opened_at, closed_at)', from: tickets, unit: count}}
    old: {{days_since_last: occurred_at, from: usage_events, unit: days}}
    not_one_of: {{count: rows, from: tickets, where: "not severity in ('low', 'high')"}}
    is_known: {{count: rows, from: tickets, where: (first_reply_at is null) = false}}
    revenue: {{sum: amount, from: invoices, currency: project, unit: money}}
    disputed: {{share: is_disputed, from: invoices, unit: share}}
    {LONG}one: {{count: rows, from: tickets}}
    {LONG}two: {{count: rows, from: tickets, where: severity = 'low'}}
    broken: {{latest: renews_on, from: subscriptions, unit: date}}
    promised: {{latest: renews_on, from: subscriptions, unit: date}}
    """)


def tables() -> dict[str, list[Row]]:
    usage = [("half", "2.5"), ("half", "0.5"), ("cent", "2.675"), ("cent", "1.005")]
    usage += [("many", str(n)) for n in (1, 4, 9, 12)]
    return {
        "accounts": [account("a", timezone="Europe/Berlin", currency="USD")],
        "tickets": [
            {"ticket_id": "1", "account_id": "a", "opened_at": "2024-03-31T00:30:00.75Z",
             "first_reply_at": "2024-03-31T01:30:00.25Z", "closed_at": "2024-04-01T22:30:00Z",
             "status": "closed", "severity": "critical", "reopen_count": 5},
            {"ticket_id": "2", "account_id": "a", "opened_at": "2024-04-01T00:00:00Z",
             "status": "open", "severity": "low", "reopen_count": 2},
        ],
        "usage_daily": [
            {"account_id": "a", "person_id": str(n), "day": "2024-04-10", "metric": metric,
             "value": value}
            for n, (metric, value) in enumerate(usage)
        ],
        "usage_events": [
            {"event_id": "1", "account_id": "a", "name": "login",
             "occurred_at": "1969-12-30T12:00:00Z"},
        ],
        "invoices": [
            {"invoice_id": str(n), "account_id": "a", "issued_on": "2024-04-01", "currency": "USD",
             "amount": amount, "is_disputed": n == 1}
            for n, amount in enumerate(("0.03", "12345678901234.56"))
        ],
        "fx_rates": [{"day": "2023-01-01", "from_ccy": "USD", "to_ccy": "EUR",
                      "rate": "0.912345678"}],
        "assessments": [
            {"assessment_id": key, "account_id": "a", "question_key": key,
             "answer_code": code, "author_id": "x", "assessed_at": "2024-04-02T10:00:00Z"}
            for key, code in (("broken", "soon"), ("promised", "2024-05-01"))
        ],
    }  # fmt: skip


@cache
def here() -> MemoryFacts:
    found = given(tables(), project_currency="EUR")
    assert isinstance(found, MemoryFacts)
    return found


@pytest.fixture(scope="module", params=["duckdb", "postgres", "spark"])
def values(request: pytest.FixtureRequest) -> Values:
    """The values of METRICS by one engine."""
    facts: Facts = here()
    if request.param == "postgres":
        new_database: Callable[[], str] = request.getfixturevalue("new_database")
        url = put_into_postgres(new_database(), stored(here()), "traps")
        warehouse = Warehouse(partial(PostgresEngine, url), "traps")
        facts = warehouse.reader(Known.latest(), project_currency="EUR")
    elif request.param == "spark":
        session: SparkSession = request.getfixturevalue("spark")
        folder = request.getfixturevalue("tmp_path_factory").mktemp("traps")
        places = put_into_folder(folder, stored(here()))
        warehouse = Warehouse(partial(SparkEngine, session), None, places)
        facts = warehouse.reader(Known.latest(), project_currency="EUR")
    return measured(METRICS, facts, DAY)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("divided_twice", 5.25),
        ("mean_of_whole", 3.5),
        ("rounded", 4),
        ("rounded_2", 2.68 + 1.0),
        ("below", -4),
        ("middle", 6.5),
        ("hours", 1.0),
        ("days", 2),
        ("old", 19835),
        ("not_one_of", 1),
        ("is_known", 1),
        ("revenue", 12345678901234.59 * 0.912345678),
        ("disputed", 0.5),
        (LONG + "one", 2),
        (LONG + "two", 1),
        ("promised", date(2024, 5, 1)),
        ("broken", None),
    ],
)
def test_an_engine_gives(values: Values, key: str, expected: Any) -> None:
    found = values(key)
    assert found == (pytest.approx(expected, rel=1e-9) if isinstance(expected, float) else expected)


def test_a_select_in_a_from_has_a_name_for_postgresql() -> None:
    """Up to version 15 it does not do without."""
    said = translated("SELECT a FROM (SELECT a FROM (SELECT 1 AS a) WHERE a > 0)", "postgres")
    assert len(re.findall(r"\) AS ", said)) == 2


def _run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )


@pytest.mark.parametrize("dialect", ["postgres", "spark"])
def test_selects_are_not_merged(dialect: str) -> None:
    """To merge them takes half of the time that it takes to compile."""
    program = f"""
import ibis
from keepwell.facts.engines.dialects import compiled
rows = ibis.table({{"a": "int64"}}, name="t")
print(compiled(rows.mutate(b=rows.a + 1).filter(rows.a > 1).select("a"), {dialect!r}))
"""
    told = _run(program)
    assert told.stdout.count("SELECT") >= 3, told.stderr


def test_engines_do_without_pandas_and_the_client_of_ibis() -> None:
    program = """
import sys
sys.modules["pandas"] = sys.modules["psycopg"] = None
import ibis
from keepwell.facts.engines import postgres, spark
from keepwell.facts.engines.dialects import compiled
rows = ibis.table({"a": "float64"}, name="t")
for dialect in ("postgres", "spark"):
    print(compiled(rows.mutate(b=rows.a + 1.5), dialect))
"""
    told = _run(program)
    assert told.returncode == 0, told.stderr
    assert "1.5" in told.stdout


def test_nothing_is_asked_for_that_engines_order_each_in_their_own_way() -> None:
    """Ordered firsts, joins to the row before, pivots, functions in Python."""
    forbidden = re.compile(
        r"\.(first|last|asof_join|pivot_\w+|cross_apply)\(|udf\.scalar\.(python|pandas)"
    )
    files = (REPOSITORY / "src" / "keepwell" / "metrics").rglob("*.py")
    found = {f.name: forbidden.findall(f.read_text("utf-8")) for f in files}
    assert {name: calls for name, calls in found.items() if calls} == {}
