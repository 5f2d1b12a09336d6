"""The example company at its default size, made once."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from keepwell.demo import Company, simulate


@pytest.fixture(scope="session")
def company() -> Company:
    return simulate()


@pytest.fixture(scope="session")
def small() -> Company:
    """The smallest company that is possible."""
    return simulate(accounts=30, months=6)


@pytest.fixture(scope="session")
def sql(company: Company) -> Iterator[duckdb.DuckDBPyConnection]:
    """The company's tables by name; hidden truth as truth_<name>; `ends` is the last day."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    for name, table in company.tables.items():
        con.register(name, table)
    for name, table in company.truth.items():
        con.register(f"truth_{name}", table)
    con.execute(f"CREATE MACRO ends() AS DATE '{company.end}'")
    yield con
    con.close()
