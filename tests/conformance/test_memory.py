"""Only results travel: a client with less memory than the facts take counts them all the same."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from adbc_driver_postgresql import dbapi

from keepwell.facts.ddl import ddl
from keepwell.kit.views import text
from tests.conftest import REPOSITORY

ROWS = 4_500_000
ROOM = 192 << 20
"""Bytes that the client may take beyond what it has at first; the rows take more."""

USAGE = """
    SELECT 'A' || n % 500 AS account_id, 'somebody ' || n % 20000 AS person_id,
        DATE '2026-03-01' - CAST(n / 500 % 90 AS INTEGER) AS day, 'session' AS metric,
        CAST(1 AS DECIMAL(18, 4)) AS value
"""
ACCOUNTS = "SELECT 'A' || n AS account_id, 'Account ' || n AS name, 'active' AS status"
MADE = {
    "usage_daily": (USAGE, ROWS, "account_id, person_id, day, metric, value"),
    "accounts": (ACCOUNTS, 500, "account_id, name, status"),
}
EXPECTED = {"uses": 9000.0, "people": 40.0, "days": 90.0}


@dataclass(frozen=True)
class Place:
    address: str
    tables: dict[str, Any]


@pytest.fixture(scope="module", params=["postgres", "spark"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    if request.param == "spark":
        if shutil.which("java") is None:
            pytest.skip("Spark needs Java 17: apt-get install openjdk-17-jre-headless")
        return _files(tmp_path_factory.mktemp("many"))
    new_database: Callable[[], str] = request.getfixturevalue("new_database")
    return _database(new_database())


def _files(folder: Path) -> Place:
    with duckdb.connect() as con:
        for name, (select, rows, _) in MADE.items():
            (folder / name).mkdir()
            target = text(str(folder / name / "rows.parquet"))
            con.execute(f"COPY ({select} FROM range({rows}) AS t(n)) TO {target}")
        size = con.execute(f"{USAGE} FROM range({ROWS}) AS t(n)").to_arrow_table().nbytes
    assert size > ROOM
    return Place("local[2]", {"tables": {name: str(folder / name) for name in MADE}})


def _database(address: str) -> Place:
    with dbapi.connect(address) as con, con.cursor() as cursor:
        for name, (select, rows, columns) in MADE.items():
            cursor.execute(ddl("postgres", None, [name]))
            made = f"{select} FROM generate_series(0, {rows - 1}) AS t(n)"
            cursor.execute(f"INSERT INTO {name} ({columns}) {made}")
            cursor.execute(f"ANALYZE {name}")
        cursor.execute("SELECT pg_total_relation_size('usage_daily')")
        assert cursor.fetchall()[0][0] > ROOM
        con.commit()
    return Place(address, {})


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory so")
def test_a_client_that_cannot_hold_the_rows_counts_them(place: Place) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.conformance.narrow_client", place.address,
         json.dumps(place.tables), str(ROOM)],
        check=False, capture_output=True, text=True, cwd=REPOSITORY,
        # Otherwise every thread takes room of its own, used or not.
        env=os.environ | {"MALLOC_ARENA_MAX": "2", "ARROW_DEFAULT_MEMORY_POOL": "system"},
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    assert json.loads(lines[0]) == EXPECTED
    assert len(lines) == 1, "it could hold all rows, so that nothing was shown"
    assert done.returncode != 0
