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
from keepwell.history.reading import Reader
from keepwell.kit import deltalog
from keepwell.kit.errors import KeepwellError
from keepwell.kit.place import Place, live_files
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
    """Files on disk that neither the manifest nor a reader of an older one needs."""
    manifest = history.place.manifest()
    tables = history.place.root / "tables"
    needed = {Path(f) for t in manifest.tables for f in live_files(history.place, manifest, t)}
    needed |= {tables / p for p in manifest.retired}
    found = [p for p in tables.rglob("*.parquet") if "_delta_log" not in p.parts]
    ahead = [t for t, v in manifest.tables.items() if deltalog.is_ahead(tables / t, v)]
    return [str(p) for p in found if p not in needed] + ahead


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


@pytest.mark.parametrize(
    ("function", "written"),
    [
        ("keepwell.history.writing.write_file", False),
        ("keepwell.history.writing.commit", False),
        ("keepwell.history.writing.latest_version", False),
        ("keepwell.kit.deltalog.make_durable", False),
        ("keepwell.kit.place.write_manifest", False),
        ("keepwell.kit.deltalog.sync_folder", False),
        ("keepwell.kit.place.Writer._checkpoint", True),
    ],
)
def test_killed_at_this_moment(tmp_path: Path, function: str, written: bool) -> None:
    history = History(tmp_path)
    day, next_day = date(2026, 2, 28), date(2026, 3, 1)
    history.write_days([scored(day)])
    process = start(tmp_path, next_day, 1, 1, 20, function)
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


def test_two_processes_and_a_reader_at_once(tmp_path: Path) -> None:
    history = History(tmp_path)
    january, march = date(2026, 1, 28), date(2026, 3, 28)
    writers = [start(tmp_path, day, 6, 1, 20) for day in (january, march)]
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


def test_the_same_day_by_two_processes(tmp_path: Path) -> None:
    day = date(2026, 3, 1)
    writers = [start(tmp_path, day, 1, 1, 20) for _ in range(2)]
    for writer in writers:
        go(writer)
    said = sorted(output(w) for w in writers)
    assert said[1].strip() == str(day) or said[0].strip() == str(day)
    assert sum("is already scored" in s for s in said) == 1
    assert sorted(w.returncode for w in writers) == [0, 1]
    assert problems(History(tmp_path)) == []


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


def test_a_limit_of_file_sizes(tmp_path: Path) -> None:
    process = start(tmp_path, date(2026, 1, 1), 3, 1, 100, 9_000)
    go(process)
    assert "the disk is full" in output(process)
    history = History(tmp_path)
    assert history.latest_day("enterprise") is None
    assert history.read("enterprise").num_rows == 0
    history.write_days([scored(date(2026, 1, 1))])
    assert problems(history) == []
    assert leftovers(history) == []


def test_a_failing_source_of_days_leaves_nothing(tmp_path: Path) -> None:
    history = History(tmp_path)
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


def test_a_reader_that_was_overtaken_asks_again(tmp_path: Path) -> None:
    day = date(2026, 3, 1)
    hasty = History(Place(tmp_path, retention=timedelta(0)))
    hasty.write_days([scored(day)])
    asked: list[int] = []

    def ask(snapshot: Snapshot) -> pa.Table:
        asked.append(snapshot.manifest.generation)
        if len(asked) == 1:
            # Between opening the manifest and reading, the files are given up and deleted.
            for offset in (1, 2):
                hasty.write_days([scored(day, offset=offset)], replace_open=True)
        return snapshot.read("enterprise", columns=["value/usage/m0"])

    found = Reader(Place(tmp_path)).now(ask)
    assert found["value/usage/m0"][0].as_py() == day.toordinal() + 2
    assert len(asked) == 2


def test_a_snapshot_stays_what_it_was(tmp_path: Path) -> None:
    day = date(2026, 3, 1)
    history = History(tmp_path)
    history.write_days([scored(day)])
    old = history.snapshot()
    history.write_days([scored(day, offset=1)], restate=True)
    history.write_days([scored(day + timedelta(days=1))])
    assert old.latest_day("enterprise") == day
    assert old.read("enterprise")["value/usage/m0"][0].as_py() == day.toordinal()
    assert history.snapshot().latest_day("enterprise") == day + timedelta(days=1)


def test_lost_files_are_said_to_be_lost(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.write_days([scored(date(2026, 3, 1))])
    for file in (tmp_path / "tables" / "enterprise").glob("month=*/*.parquet"):
        file.unlink()
    with pytest.raises(KeepwellError) as error:
        History(tmp_path).read("enterprise")
    assert error.value.where == str(tmp_path)
    assert history.read("portfolio").num_rows == 20
