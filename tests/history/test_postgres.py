"""History in PostgreSQL: tables that grow, a lock that dies with its holder, and months apart."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
from adbc_driver_postgresql import dbapi

from keepwell.history import History, ScoredDay
from keepwell.history.postgres import tables
from keepwell.history.postgres.tables import MOST_COLUMNS
from keepwell.kit.errors import KeepwellError
from tests.history.conftest import SCHEMA, opened
from tests.history.days import AT, days_from, problems, scored, start
from tests.history.test_faults import go, output

DAY = date(2026, 3, 1)


@contextmanager
def session(address: str) -> Iterator[Any]:
    with dbapi.connect(address, autocommit=True) as con, con.cursor() as cursor:
        yield cursor


def ask(address: str, statement: str) -> list[tuple[Any, ...]]:
    with session(address) as cursor:
        cursor.execute(statement)
        return [tuple(row) for row in cursor.fetchall()]


def write(history: History, day: date, rows: pa.Table, **how: Any) -> None:
    history.write_days([ScoredDay(day, {"enterprise": rows}, AT, AT, AT, {})], **how)


def test_more_columns_than_a_table_can_have_and_longer_names(postgres: str) -> None:
    history = opened(postgres)
    count = 2 * MOST_COLUMNS + 10
    path = "points/" + "adoption_of_the_product/" * 4
    assert len(f"{path}1".encode()) > 63

    def rows(first: int, last: int, offset: float) -> pa.Table:
        columns = {f"{path}{n}": [n + offset, None] for n in range(first, last)}
        return pa.table({"account_id": ["ü", "a"], "score": [offset, 1.0], **columns})

    write(history, DAY, rows(0, 5, 0.1))
    write(history, DAY + timedelta(days=1), rows(3, count, 0.2))
    write(history, DAY, rows(2, 7, 0.3), restate=True)
    assert len(history.columns("enterprise")) == count + 5
    found = history.read("enterprise", accounts=["ü"]).to_pylist()
    for row, first, last, offset in ((found[0], 2, 7, 0.3), (found[1], 3, count, 0.2)):
        for n in range(count):
            expected = n + offset if first <= n < last else None
            assert row[f"{path}{n}"] == expected, n
    old = history.read("enterprise", revision=0, days=[DAY], columns=[f"{path}0", f"{path}6"])
    assert old.to_pylist()[1] == {
        "account_id": "ü", "date": DAY, f"{path}0": 0.1, f"{path}6": None,
    }  # fmt: skip
    write(history, DAY + timedelta(days=1), rows(0, count, 0.4), replace_open=True)
    last = history.read("enterprise", columns=[f"{path}{count - 1}"], accounts=["ü"]).to_pylist()
    assert [row[f"{path}{count - 1}"] for row in last] == [None, count - 1 + 0.4]
    assert history.read("enterprise").num_rows == 4


def test_a_table_can_be_read_by_anybody_who_knows_sql(postgres: str) -> None:
    opened(postgres).write_days([scored(day, accounts=2) for day in days_from(DAY, 2)])
    asked = f'SELECT account_id, date, score, "value/usage/m3" FROM {SCHEMA}.enterprise'
    found = ask(postgres, f"{asked} WHERE current ORDER BY date, account_id")
    value = float(DAY.toordinal())
    assert found[0] == ("acc-000", DAY, value % 100, value + 3)
    assert len(found) == 4


def test_months_lie_apart_and_a_night_touches_its_own(postgres: str) -> None:
    history = opened(postgres)
    history.write_days([scored(day, 5) for day in days_from(date(2025, 11, 15), 5, 31)])
    plan = "EXPLAIN SELECT score FROM keepwell_history.enterprise WHERE "
    with session(postgres) as cursor:
        # By default the driver fetches all by COPY, which takes no EXPLAIN.
        cursor.adbc_statement.set_options(**{"adbc.postgresql.use_copy": False})
        cursor.execute(f"{plan} account_id = 'a' AND date >= '2026-02-01'")
        told = " ".join(line for (line,) in cursor.fetchall())
    assert "2026-02" in told
    assert "2026-03" in told
    assert "2025" not in told
    indexes = ask(
        postgres,
        "SELECT indexdef FROM pg_indexes WHERE tablename = 'enterprise 2026-03'",
    )
    assert sorted(i.rpartition("(")[2] for (i,) in indexes) == [
        "account_id, date, revision)",
        "date)",
    ]


def test_it_is_said_who_holds_the_lock(postgres: str) -> None:
    history = opened(postgres)
    told: list[str] = []

    def days() -> Iterator[ScoredDay]:
        other = opened(postgres)
        with pytest.raises(KeepwellError) as refused:
            other.write_days([scored(DAY)], timeout=0.3, on_wait=told.append)
        assert "is still writing after 0.3 s" in refused.value.what
        yield scored(DAY)

    history.write_days(days())
    assert len(told) == 1
    assert "waiting for 'keepwell, process" in told[0]
    assert problems(history) == []
    with session(postgres) as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        assert cursor.fetchall() == [(0,)]


def test_a_session_that_the_server_ends_in_the_middle(postgres: str) -> None:
    history = opened(postgres)
    history.write_days([scored(DAY)])

    def days() -> Iterator[ScoredDay]:
        yield scored(DAY + timedelta(days=1))
        ask(
            postgres,
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name LIKE 'keepwell, process%'",
        )

    with pytest.raises(KeepwellError) as error:
        history.write_days(days())
    assert "PostgreSQL" in error.value.what
    assert history.latest_day("enterprise") == DAY
    history.write_days([scored(DAY + timedelta(days=1))])
    assert problems(history) == []


def test_two_that_begin_an_empty_schema_at_once(postgres: str) -> None:
    writers: list[subprocess.Popen[str]] = [
        start(postgres, day, 1, 1, 5) for day in (DAY, DAY + timedelta(days=1))
    ]
    for writer in writers:
        go(writer)
    assert all(output(w).startswith("2026") for w in writers)
    assert problems(opened(postgres), 5) == []


def test_a_role_that_may_not_write(postgres: str) -> None:
    with session(postgres) as cursor:
        cursor.execute(
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'looker')"
            " THEN CREATE ROLE looker LOGIN; END IF; END $$"
        )
    looker = opened(postgres.replace("//postgres@", "//looker@"))
    with pytest.raises(KeepwellError, match="does not allow it") as error:
        looker.write_days([scored(DAY)])
    assert "own the schema" in (error.value.todo or "")
    assert ask(postgres, f"SELECT to_regnamespace('{SCHEMA}') IS NULL") == [(True,)]
    opened(postgres).write_days([scored(DAY)])
    with session(postgres) as cursor:
        cursor.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO looker")
        cursor.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO looker")
    assert problems(looker) == []
    with pytest.raises(KeepwellError, match="does not allow it"):
        looker.write_days([scored(DAY + timedelta(days=1))])
    assert problems(looker) == []


def test_without_the_part_that_speaks_to_it(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    with pytest.raises(KeepwellError, match="needs a part that is not installed") as error:
        opened(postgres).latest_day("enterprise")
    assert "EXTRA=postgres" in (error.value.todo or "")


def test_a_newer_keepwell_has_been_there(postgres: str) -> None:
    opened(postgres).write_days([scored(DAY)])
    with session(postgres) as cursor:
        cursor.execute(f"UPDATE {SCHEMA}._layout SET version = 7")
    with pytest.raises(KeepwellError, match="newer Keepwell \\(layout 7\\)"):
        opened(postgres).latest_day("enterprise")
    with pytest.raises(KeepwellError, match="newer Keepwell \\(layout 7\\)"):
        opened(postgres).write_days([scored(DAY)])


def test_a_reader_that_never_ends_is_not_waited_for_as_long(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "PATIENCE", "1s")
    history = opened(postgres)
    history.write_days([scored(DAY)])
    with session(postgres) as reader:
        reader.execute("BEGIN")
        reader.execute(f"SELECT count(*) FROM {SCHEMA}.enterprise")
        # A night with the same columns is in nobody's way.
        history.write_days([scored(DAY + timedelta(days=1))])
        with pytest.raises(KeepwellError, match="waited for a lock"):
            write(history, DAY + timedelta(days=2), pa.table({"account_id": ["a"], "more": [1]}))
    assert problems(history) == []


def test_a_reader_is_not_in_the_way_of_a_night(postgres: str) -> None:
    history = opened(postgres)
    history.write_days([scored(DAY)])
    old = history.snapshot()
    assert old.latest_day("enterprise") == DAY
    # It has read the records alone; what it has not touched yet can get a column meanwhile.
    write(history, DAY + timedelta(days=1), pa.table({"account_id": ["a"], "more": [1.0]}))
    assert old.latest_day("enterprise") == DAY
    assert old.read("enterprise", columns=["value/usage/m0"]).num_rows == 20
    assert history.latest_day("enterprise") == DAY + timedelta(days=1)
