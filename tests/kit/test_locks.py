"""One writer at a time; who waits is told for whom."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import keepwell
from keepwell.kit.errors import KeepwellError
from keepwell.kit.locks import exclusive, file_system_time, holder

SOURCES = str(Path(keepwell.__file__).parent.parent)
HOLD = """
import sys, time
from pathlib import Path
from keepwell.kit.locks import exclusive
with exclusive(Path(sys.argv[1]), "import events"):
    print("held", flush=True)
    time.sleep(60)
"""


def holding(lock: Path) -> subprocess.Popen[str]:
    """A process that holds the lock until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)],
        env={**os.environ, "PYTHONPATH": SOURCES},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_who_waits_is_told_for_whom_and_gives_up_in_time(tmp_path: Path) -> None:
    lock = tmp_path / "place" / ".lock"
    told: list[str] = []
    with holding(lock) as process:
        with (
            pytest.raises(KeepwellError) as refused,
            exclusive(lock, "score", timeout=0.3, on_wait=told.append),
        ):
            pytest.fail("two processes hold the lock")
        process.kill()
    assert len(told) == 1
    assert f"'import events' (process {process.pid}" in told[0]
    assert "import events" in refused.value.what
    assert refused.value.where == str(tmp_path / "place")


def test_a_killed_holder_frees_the_lock_and_the_next_one_knows(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    with holding(lock) as process:
        process.kill()
    with exclusive(lock, "score", timeout=5) as previous_died:
        assert previous_died
        found = holder(lock)
        assert found is not None
        assert (found.pid, found.purpose) == (os.getpid(), "score")
    with exclusive(lock, "score", timeout=5) as previous_died:
        assert not previous_died
    assert holder(lock) is None


def test_an_exception_counts_as_a_holder_that_died(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    with pytest.raises(ZeroDivisionError), exclusive(lock, "score"):
        raise ZeroDivisionError
    with exclusive(lock, "score", timeout=5) as previous_died:
        assert previous_died


def test_threads_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(5):
            with exclusive(lock, "score"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 20


def test_a_damaged_note_is_nobody(tmp_path: Path) -> None:
    note = tmp_path / ".lock.json"
    for damaged in ("", "{", json.dumps({"pid": 1}), json.dumps([1])):
        note.write_text(damaged, encoding="utf-8")
        assert holder(tmp_path / ".lock") is None


def test_the_time_of_files_is_not_the_time_that_a_test_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEEPWELL_NOW", "2020-01-01T00:00:00+00:00")
    (tmp_path / "file").write_text("", encoding="utf-8")
    stamped = (tmp_path / "file").stat().st_mtime
    assert file_system_time(tmp_path / "other") == pytest.approx(stamped, abs=60)
