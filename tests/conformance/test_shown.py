"""What is shown is broken into lines, and is otherwise what each engine runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from keepwell.facts.engines.dialects import Dialect, readable
from keepwell.facts.engines.recording import Asked, Given, Viewed
from keepwell.facts.known import Known
from keepwell.facts.places import source
from keepwell.facts.reading import Facts
from keepwell.facts.warehouse import Warehouse
from keepwell.metrics.evaluate import NO_SETTINGS
from keepwell.metrics.shown import Counts, Shown, shown
from tests.conformance.suite import DAYS, There, library, mixed
from tests.warehouses import put_into_folder, put_into_postgres, stored

SOME = list(library().metrics)[::5]


def parsed(statement: str, dialect: Dialect) -> exp.Expr:
    return sqlglot.parse_one(statement, read=dialect)


def shown_in(facts: Facts) -> Shown:
    found = shown(library(), SOME, facts, DAYS[-1], NO_SETTINGS)
    facts.close()
    assert len(found.counts) > 10
    for step in found.steps:
        if isinstance(step, Viewed | Asked | Counts):
            again = parsed(readable(step.select, found.dialect), found.dialect)
            assert again == parsed(step.select, found.dialect)
    text = found.text()
    assert all(readable(s.select, found.dialect) in text for s in found.counts)
    return found


def accepted(there: There) -> Shown:
    """What is shown, when the engine has taken every text of it."""
    place = source(there.place, Path(), there.schema, there.tables)
    assert isinstance(place, Warehouse)
    found = shown_in(place.reader(Known.latest(), project_currency="EUR"))
    engine = place.open_engine()
    for step in found.steps:
        if isinstance(step, Given):
            engine.put(step.name, step.rows)
        elif isinstance(step, Viewed):
            engine.view(step.name, readable(step.select, found.dialect))
        elif isinstance(step, Counts):
            engine.view("tried", readable(step.select, found.dialect))
    engine.close()
    return found


def test_duckdb() -> None:
    assert "READ_PARQUET" not in shown_in(mixed()).text()


def test_postgres(new_database: Callable[[], str]) -> None:
    url = put_into_postgres(new_database(), stored(mixed()), "mixed")
    assert 'CREATE TEMPORARY VIEW "usage_daily" AS' in accepted(There(url, "mixed")).text()


def test_spark(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    spark = request.getfixturevalue("spark")
    tables = put_into_folder(tmp_path, stored(mixed()))
    found = accepted(There(str(spark.sparkContext.master), tables=tables))
    assert "CREATE TEMPORARY VIEW `usage_daily` AS" in found.text()
