"""The lock of a bucket: one writer, whoever was killed, slept or lost its connection."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

import keepwell
from keepwell.kit.bucket import Bucket
from keepwell.kit.errors import KeepwellError
from tests import conftest

SOURCES = str(Path(keepwell.__file__).parent.parent)
SOON = timedelta(seconds=1)
HOLD = """
import sys, time
from keepwell.kit.bucket import Bucket
with Bucket(sys.argv[1]).exclusive("import events", None, None):
    print("held", flush=True)
    time.sleep(60)
"""
WRITE = """
import sys
from keepwell.kit.bucket import Bucket
bucket = Bucket(sys.argv[1])
for _ in range(int(sys.argv[2])):
    with bucket.exclusive("count", None, None) as died:
        assert not died
        bucket.replace_manifest(str(int(bucket.manifest() or 0) + 1))
"""
_numbers: Iterator[int] = count()


@pytest.fixture
def address(bucket: conftest.Bucket) -> str:
    return f"{bucket.address}/journal-{next(_numbers)}"


def started(program: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": SOURCES},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def holding(address: str) -> subprocess.Popen[str]:
    """A process that holds the lock until it is killed."""
    process = started(HOLD, address)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_who_waits_is_told_for_whom_and_gives_up_in_time(address: str) -> None:
    told: list[str] = []
    with holding(address) as process:
        with (
            pytest.raises(KeepwellError) as refused,
            Bucket(address).exclusive("score", 0.5, told.append),
        ):
            pytest.fail("two processes hold the lock")
        process.kill()
        process.communicate()
    assert len(told) == 1
    assert f"'import events' (process {process.pid}" in told[0]
    assert "import events" in refused.value.what
    assert refused.value.where == address


def test_a_killed_holder_is_recognised_and_the_next_one_knows(address: str) -> None:
    with holding(address) as process:
        process.kill()
        process.communicate()
    told: list[str] = []
    with Bucket(address, SOON).exclusive("score", None, told.append) as died:
        assert died
    assert f"process {process.pid}" in told[0]
    with Bucket(address, SOON).exclusive("score", None, None) as died:
        assert not died
    with pytest.raises(ZeroDivisionError), Bucket(address).exclusive("score", None, None):
        raise ZeroDivisionError
    with Bucket(address).exclusive("score", None, None) as died:
        assert died


def test_a_holder_that_is_alive_is_not_taken_for_dead(address: str) -> None:
    holder, waiter = Bucket(address, SOON), Bucket(address, SOON)
    with holder.exclusive("score", None, None):
        # Three leases long: the holder's thread makes a new entry in each.
        with (
            pytest.raises(KeepwellError, match="still writing"),
            waiter.exclusive("score", 3.0, None),
        ):
            pytest.fail("two hold the lock")
        holder.replace_manifest("mine")
    assert waiter.manifest() == "mine"


def test_whoever_slept_too_long_makes_nothing_visible(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper, other = Bucket(address), Bucket(address, SOON)
    with sleeper.exclusive("score", None, None):
        sleeper.replace_manifest("first")
        # The machine sleeps: its thread renews nothing for longer than the other's patience.
        with other.exclusive("score", None, None) as died:
            assert died
            other.replace_manifest("second")
            with pytest.raises(KeepwellError, match="another process has taken over"):
                sleeper.assert_held()
            with pytest.raises(KeepwellError, match="another process has taken over"):
                sleeper.replace_manifest("too late")
            other.assert_held()
    assert Bucket(address).manifest() == "second"


def test_processes_exclude_each_other(address: str) -> None:
    writers = [started(WRITE, address, 8) for _ in range(2)]
    threads = [threading.Thread(target=writer.communicate) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [w.returncode for w in writers] == [0, 0]
    assert Bucket(address).manifest() == "16"


def test_threads_of_one_process_exclude_each_other(address: str) -> None:
    bucket = Bucket(address)
    failed: list[BaseException] = []

    def count_up() -> None:
        try:
            for _ in range(4):
                with bucket.exclusive("count", None, None):
                    bucket.replace_manifest(str(int(bucket.manifest() or 0) + 1))
        except KeepwellError as error:
            failed.append(error)

    threads = [threading.Thread(target=count_up) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert bucket.manifest() == "8"


def test_old_entries_go_and_a_number_that_is_free_again_is_no_lock(address: str) -> None:
    bucket = Bucket(address)
    with bucket.exclusive("score", None, None):
        for number in range(100):
            bucket.replace_manifest(str(number))
        names = bucket.folders("journal")
        assert len(names) <= 81
        entry = {"text": "old", "holder": None, "unclean": False, "token": "x"}
        journal = bucket._journal
        assert journal._entries.create(3, json.dumps(entry))
        assert bucket.manifest() == "99"
        bucket.replace_manifest("100")
    assert bucket.manifest() == "100"


def test_a_damaged_entry_is_said_to_be_one(address: str) -> None:
    bucket = Bucket(address)
    assert bucket.manifest() is None
    assert bucket._journal._entries.create(0, "no entry")
    with pytest.raises(KeepwellError, match="cannot be read") as error:
        bucket.manifest()
    assert error.value.where == address
