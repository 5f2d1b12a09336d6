"""Several processes at once, processes that are killed, and a disk that is full."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

import keepwell
from keepwell.facts.arrow import stored_schema
from keepwell.facts.schema import TABLES
from keepwell.facts.store import FactStore
from keepwell.kit.views import view_sql

SCRIPT = Path(__file__).with_name("importing.py")
PACKAGE = Path(keepwell.__file__).parent
ACCOUNTS = 50


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def start(
    store: FactStore, first: int, count: int, owner: str = "a", **environment: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(store.place.root), str(first), str(count), owner],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent), **environment},
    )


def state(store: FactStore, owner: str = "a") -> tuple[int, int, int]:
    """The number by which all accounts are named, how many tickets and how many covered days
    there are, at one manifest. All accounts bear the same number, and all of them are there."""
    manifest = store.place.manifest()
    with duckdb.connect() as con:

        def current(table: str, select: str) -> list[tuple[str, int]]:
            rows = view_sql(store.files(table, manifest), stored_schema(TABLES[table]))
            found = con.execute(
                f"SELECT {select}, count(*) FROM ({rows})"
                f" WHERE known_to IS NULL AND source_id = '{owner}' GROUP BY 1"
            )
            return [(str(key), int(count)) for key, count in found.fetchall()]

        names = current("accounts", "name")
        tickets, days = current("tickets", "''"), current("coverage", "''")
    assert len(names) <= 1, "accounts of two imports at once"
    assert [count for _, count in names] in ([], [ACCOUNTS])
    return (
        int(names[0][0]) if names else 0,
        tickets[0][1] if tickets else 0,
        days[0][1] if days else 0,
    )


def test_a_killed_import_leaves_nothing_half_done(
    store: FactStore, started: list[subprocess.Popen[str]]
) -> None:
    chance = random.Random(4)
    done = 0
    for _ in range(5):
        process = start(store, done + 1, 1000)
        started.append(process)
        assert process.stdout is not None
        done = int(process.stdout.readline())
        time.sleep(chance.uniform(0, 0.5))
        process.kill()
        said, _ = process.communicate()
        done = max([done, *map(int, said.split())])
        number, tickets, days = state(store)
        assert number == tickets == days
        # The process may have died after its import was visible and before it could say so.
        assert number in (done, done + 1)
        done = number
    with store.writer("look") as writer:
        assert writer is not None
    assert state(store) == (done, done, done)
    manifest = store.place.manifest()
    for table in manifest.tables:
        live = {Path(f).name for f in store.files(table)}
        kept = {Path(p).name for p in manifest.retired if p.startswith(f"{table}/")}
        there = {p.name for p in store.place.table_path(table).glob("*.parquet")}
        assert there == live | kept
    assert not (store.place.root / ".scratch").exists()


def test_two_imports_at_once_lose_nothing(
    store: FactStore, started: list[subprocess.Popen[str]]
) -> None:
    started += [start(store, 1, 5, owner) for owner in ("a", "b")]
    for process in started:
        said, errors = process.communicate(timeout=60)
        assert (said.split(), errors) == ([str(n) for n in range(1, 6)], "")
    assert state(store, "a") == state(store, "b") == (5, 5, 5)
    assert store.place.manifest().generation == 10


def test_a_reader_sees_before_or_after_but_never_between(
    store: FactStore, started: list[subprocess.Popen[str]]
) -> None:
    process = start(store, 1, 6)
    started.append(process)
    seen = set()
    while process.poll() is None:
        number, tickets, days = state(store)
        assert number == tickets == days
        seen.add(number)
    assert process.returncode == 0
    assert state(store) == (6, 6, 6)
    assert len(seen) > 2


def test_a_linked_copy_is_of_one_moment_and_stays_so(
    store: FactStore, started: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    started.append(start(store, 1, 8))
    copies: list[FactStore] = []
    while started[0].poll() is None:
        copies.append(store.linked(tmp_path / str(len(copies))))
    shown = [state(copy) for copy in copies]
    assert all(number == tickets == days for number, tickets, days in shown)
    assert len(set(shown)) > 2
    with copies[-1].writer("trial") as w:
        w.cover("a", {"tickets": (date(2020, 1, 1), date(2020, 1, 2))})
    assert state(store) == (8, 8, 8)


def test_a_full_disk_is_explained_and_changes_nothing(
    store: FactStore, started: list[subprocess.Popen[str]]
) -> None:
    start(store, 1, 2).communicate(timeout=60)
    before = json.dumps(store.place.manifest().tables)
    limited = start(store, 3, 1, LIMIT="2000")
    started.append(limited)
    _, errors = limited.communicate(timeout=60)
    assert limited.returncode == 1
    assert "disk is full" in errors
    assert "Traceback" not in errors
    assert json.dumps(store.place.manifest().tables) == before
    assert state(store) == (2, 2, 2)
    start(store, 3, 1).communicate(timeout=60)
    assert state(store) == (3, 3, 3)
