"""Killed, two at once, or out of disk: nothing is half there, and the next run mends it."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from keepwell.history import History, ScoredDay, Snapshot
from keepwell.history.delta.keeping import DeltaKept
from keepwell.history.delta.reading import Reader
from keepwell.kit import deltalog
from keepwell.kit.bucket import Bucket
from keepwell.kit.errors import KeepwellError
from keepwell.kit.place import Place
from keepwell.kit.storage import Storage
from tests.history.conftest import opened
from tests.history.days import days_from, problems, scored, start

KILLS = 15
ACCOUNTS = 60


def go(process: subprocess.Popen[str]) -> None:
    """Wait until the process is ready and let it begin."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()


def until(happened: Callable[[], bool]) -> None:
    """Waits, for a minute at most: a busy machine takes its time."""
    for _ in range(6000):
        if happened():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def output(process: subprocess.Popen[str]) -> str:
    """Everything the process has said, when it has ended."""
    said, complained = process.communicate(timeout=60)
    assert complained == ""
    return said


def leftovers(history: History) -> list[str]:
    """Files that neither the manifest nor a reader of an older one needs, and tables with commits
    that are not visible. In a database there are no files."""
    if not isinstance(history.kept, DeltaKept):
        return []
    place = history.kept.place
    manifest, storage = place.manifest(), place.storage
    needed = {f"tables/{path}" for path in manifest.retired}
    found = []
    for table, version in manifest.tables.items():
        name = place.table_name(table)
        needed |= {f"{name}/{p}" for p in deltalog.live_paths(storage.table(name, version))}
        found += [table] if deltalog.is_ahead(storage, name, version) else []
    files = [f.name for f in storage.files("tables") if "/_delta_log/" not in f.name]
    return [f for f in files if f not in needed] + found


def impatient(place: str) -> History:
    """The history of that place, in whose bucket a process counts as dead after a second."""
    if not place.startswith("s3://"):
        return opened(place)
    return History(DeltaKept(Bucket(place, lease=timedelta(seconds=1))))


def test_killed_at_any_moment(tmp_path: Path) -> None:
    history = History(tmp_path)
    chance = random.Random(2)
    first = date(2026, 1, 1)
    killed_while_writing = 0
    process = start(tmp_path, first, 60, 5, ACCOUNTS)
    held = tmp_path / ".lock.json"
    for _ in range(KILLS):
        held.unlink(missing_ok=True)  # of the process killed before
        go(process)
        until(held.exists)
        time.sleep(chance.uniform(0, 0.5))
        process.kill()
        with process:
            pass
        killed_while_writing += held.exists()
        assert problems(history, ACCOUNTS) == []
        latest = history.latest_day("enterprise")
        first = latest + timedelta(days=5) if latest is not None else first
        process = start(tmp_path, first, 60, 5, ACCOUNTS)
    process.kill()
    with process:
        pass
    assert killed_while_writing >= KILLS // 3
    seen_before = history.scored_days().num_rows
    history.write_days([scored(first, ACCOUNTS)])
    assert history.scored_days().num_rows == seen_before + 2
    assert problems(history, ACCOUNTS) == []
    assert leftovers(history) == []


DELTA = [
    ("keepwell.history.delta.writing.write_file", False),
    ("keepwell.history.delta.writing.commit", False),
    ("keepwell.history.delta.writing.DeltaBatch._commit_records", False),
    ("keepwell.kit.deltalog.make_durable", False),
    ("keepwell.kit.place.write_manifest", False),
    ("keepwell.kit.place.Writer._checkpoint", True),
]
POSTGRES = [
    ("keepwell.history.postgres.tables.grow", False),
    ("keepwell.history.postgres.writing.PostgresBatch._copy", False),
    ("keepwell.history.postgres.writing.PostgresBatch._write_records", False),
]


@pytest.mark.parametrize(
    ("place", "function", "written"),
    [
        *(("folder", *moment) for moment in DELTA),
        ("folder", "keepwell.kit.deltalog.sync_folder", False),
        *(("bucket", *moment) for moment in DELTA),
        ("bucket", "keepwell.kit.bucket.Bucket.adopt", False),
        ("bucket", "keepwell.kit.bucket.Bucket.replace_manifest", False),
        *(("postgres", *moment) for moment in POSTGRES),
    ],
    indirect=["place"],
)
def test_killed_at_this_moment(place: str, function: str, written: bool) -> None:
    history = impatient(place)
    day, next_day = date(2026, 2, 28), date(2026, 3, 1)
    history.write_days([scored(day)])
    process = start(place, next_day, 1, 1, 20, function)
    go(process)
    assert output(process) == ""
    assert process.returncode == -signal.SIGKILL
    assert problems(history) == []
    assert history.latest_day("enterprise") == (next_day if written else day)
    history.write_days([scored(next_day, offset=0.5)], replace_open=written)
    assert history.latest_day("portfolio") == next_day
    assert history.scored_days("enterprise").num_rows == 2
    assert problems(history) == []
    assert leftovers(history) == []


def test_two_processes_and_a_reader_at_once(place: str, history: History) -> None:
    january, march = date(2026, 1, 28), date(2026, 3, 28)
    writers = [start(place, day, 6, 1, 20) for day in (january, march)]
    for writer in writers:
        go(writer)
    reads = 0
    while any(w.poll() is None for w in writers):
        assert problems(history) == []
        reads += 1
    said = [output(w).split() for w in writers]
    expected = [days_from(d, 6) for d in (january, march)]
    assert [[date.fromisoformat(d) for d in s] for s in said] == expected
    assert reads >= 3
    assert problems(history) == []
    found = history.scored_days("enterprise")
    assert sorted({d.as_py() for d in found["date"]}) == sorted(expected[0] + expected[1])
    assert found.num_rows == 12 + 4


def test_the_same_day_by_two_processes(place: str, history: History) -> None:
    day = date(2026, 3, 1)
    writers = [start(place, day, 1, 1, 20) for _ in range(2)]
    for writer in writers:
        go(writer)
    said = sorted(output(w) for w in writers)
    assert said[1].strip() == str(day) or said[0].strip() == str(day)
    assert sum("is already scored" in s for s in said) == 1
    assert sorted(w.returncode for w in writers) == [0, 1]
    assert problems(history) == []


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A disk of 600 kB at that folder; False where this user or container may not mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "keepwell-test", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as mounted:
        root = tmp_path / "disk" / "history"
        first = date(2026, 1, 1)
        # Where no small disk can be had, a limit of the size of files fails the writes instead.
        limit = () if mounted else (9_000,)
        process = start(root, first, 60, 5, 100, *limit)
        go(process)
        said = output(process)
        assert process.returncode == 1
        assert "the disk is full" in said
        assert "nothing was changed" in said
        assert "make room" in said
        assert "Traceback" not in said
        history = History(root)
        assert problems(history, 100) == []
        assert leftovers(history) == []
        written = [line for line in said.splitlines() if line[:4] == "2026"]
        assert history.scored_days("portfolio").num_rows >= len(written)
        if mounted:
            remount = ["mount", "-o", "remount,size=20m", str(tmp_path / "disk")]
            subprocess.run(remount, check=True)
        history.write_days([scored(date(2026, 12, 1), 100)])
        assert problems(history, 100) == []
        assert leftovers(history) == []


def test_a_limit_of_file_sizes(place: str, history: History) -> None:
    process = start(place, date(2026, 1, 1), 3, 1, 100, 9_000)
    go(process)
    assert "the disk is full" in output(process)
    assert history.latest_day("enterprise") is None
    assert history.read("enterprise").num_rows == 0
    history.write_days([scored(date(2026, 1, 1))])
    assert problems(history) == []
    assert leftovers(history) == []


def test_a_failing_source_of_days_leaves_nothing(history: History) -> None:
    history.write_days([scored(date(2026, 1, 31))])

    def days() -> Iterator[ScoredDay]:
        yield scored(date(2026, 2, 1))
        yield scored(date(2026, 3, 1))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        history.write_days(days())
    assert history.latest_day("enterprise") == date(2026, 1, 31)
    assert problems(history) == []
    assert leftovers(history) == []


IN_FILES = pytest.mark.parametrize("place", ["folder", "bucket"], indirect=True)


def stored_at(place: str) -> Storage:
    """Where the files of that place are."""
    kept = opened(place).kept
    assert isinstance(kept, DeltaKept)
    return kept.place.storage


@IN_FILES
def test_a_reader_that_was_overtaken_asks_again(place: str) -> None:
    day = date(2026, 3, 1)
    storage = stored_at(place)
    hasty = History(DeltaKept(Place(storage, retention=timedelta(0))))
    hasty.write_days([scored(day)])
    asked: list[int] = []

    def ask(snapshot: Snapshot) -> pa.Table:
        asked.append(id(snapshot))
        if len(asked) == 1:
            # Between opening the manifest and reading, the files are given up and deleted.
            for offset in (1, 2):
                hasty.write_days([scored(day, offset=offset)], replace_open=True)
        return snapshot.read("enterprise", columns=["value/usage/m0"])

    found = Reader(Place(storage)).now(ask)
    assert found["value/usage/m0"][0].as_py() == day.toordinal() + 2
    assert len(asked) == 2


def test_a_snapshot_stays_what_it_was(history: History) -> None:
    day = date(2026, 3, 1)
    history.write_days([scored(day)])
    old = history.snapshot()
    history.write_days([scored(day, offset=1)], restate=True)
    history.write_days([scored(day + timedelta(days=1))])
    assert old.latest_day("enterprise") == day
    assert old.read("enterprise")["value/usage/m0"][0].as_py() == day.toordinal()
    assert history.snapshot().latest_day("enterprise") == day + timedelta(days=1)


@IN_FILES
def test_lost_files_are_said_to_be_lost(place: str, history: History) -> None:
    history.write_days([scored(date(2026, 3, 1))])
    storage = stored_at(place)
    names = [file.name for file in storage.files("tables/enterprise")]
    storage.remove(name for name in names if "/month=" in name)
    with pytest.raises(KeepwellError, match="cannot be read") as error:
        opened(place).read("enterprise")
    assert error.value.where == place
    assert history.read("portfolio").num_rows == 20
