"""PostgreSQL gives the same numbers as DuckDB."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance.suite import Conformance, Put, There
from tests.warehouses import Stored, put_into_postgres


@pytest.fixture(scope="module")
def put(new_database: Callable[[], str]) -> Put:
    def into_a_schema(name: str, tables: Stored) -> There:
        return There(put_into_postgres(new_database(), tables, name), schema=name)

    return into_a_schema


class TestPostgres(Conformance):
    pass
