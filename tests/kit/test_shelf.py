"""What is kept between processes can be lost, damaged or forbidden: nothing changes but time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import keepwell
from keepwell.kit import shelf
from keepwell.kit.shelf import FOLDER_VARIABLE, kept

SOURCES = str(Path(keepwell.__file__).parent.parent)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    place = tmp_path / "cache"
    monkeypatch.setenv(FOLDER_VARIABLE, str(place))
    shelf._folder.cache_clear()
    yield place
    shelf._folder.cache_clear()


def worked_out(key: object, value: object) -> tuple[object, bool]:
    """What is kept under the key, and whether it had to be worked out."""
    made: list[object] = []

    def make() -> object:
        made.append(value)
        return value

    return kept((key,), make, json.dumps, json.loads), bool(made)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def in_a_process(code: str) -> str:
    """What the code prints."""
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": SOURCES},
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout


def again() -> None:
    """What a new process would find."""
    shelf._folder.cache_clear()


def test_it_is_worked_out_once(folder: Path) -> None:
    assert worked_out("a", 1) == (1, True)
    again()
    assert worked_out("a", 1) == (1, False)
    assert worked_out("b", 2) == (2, True)


def test_another_process_finds_it(folder: Path) -> None:
    worked_out("a", "first")
    code = (
        "import json; from keepwell.kit.shelf import kept;"
        "print(kept(('a',), lambda: 'second', json.dumps, json.loads))"
    )
    assert in_a_process(code) == "first\n"


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"\x00" * 100])
def test_what_is_damaged_is_worked_out_again(folder: Path, damage: bytes) -> None:
    worked_out("a", 1)
    (path,) = files(folder)
    path.write_bytes(damage)
    assert worked_out("a", 1) == (1, True)
    assert worked_out("a", 1) == (1, False)


def test_what_other_code_wrote_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worked_out("a", "old")
    again()
    monkeypatch.setattr(shelf, "_code", lambda: "other-code")
    assert worked_out("a", "new") == ("new", True)


def test_few_versions_of_the_code_stay(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2 * shelf.MOST_CODES):
        again()
        monkeypatch.setattr(shelf, "_code", lambda number=number: f"code-{number}")
        worked_out("a", number)
    assert len(list(folder.iterdir())) <= shelf.MOST_CODES
    assert worked_out("a", None) == (number, False)


def test_the_oldest_make_room(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "MOST_FILES", 10)
    for number in range(12):
        worked_out(number, number)
        os.utime(max(files(folder), key=lambda p: p.stat().st_mtime_ns), (number, number))
    again()
    assert worked_out(11, None) == (11, False)
    assert worked_out(0, "anew") == ("anew", True)
    assert len(files(folder)) <= 10


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_a_folder_that_others_may_write_is_not_trusted(folder: Path) -> None:
    worked_out("a", "ours")
    folder.chmod(0o777)
    again()
    assert worked_out("a", "worked out") == ("worked out", True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_the_folder_is_ours_alone_where_groups_may_write_by_default(folder: Path) -> None:
    before = os.umask(0o002)
    try:
        worked_out("a", 1)
    finally:
        os.umask(before)
    again()
    assert worked_out("a", 1) == (1, False)


def test_where_nothing_can_be_kept_it_is_worked_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_text("a file stands where the folder should be")
    assert worked_out("a", 1) == (1, True)
    monkeypatch.setenv(FOLDER_VARIABLE, "")
    again()
    assert worked_out("a", 1) == (1, True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_disk_that_takes_no_more_stops_nothing(folder: Path) -> None:
    code = (
        "import json, resource, signal; from keepwell.kit.shelf import kept;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "print(len(kept(('a',), lambda: 'x' * 100_000, json.dumps, json.loads)))"
    )
    assert in_a_process(code) == "100000\n"
    assert files(folder) == []


def test_many_at_once_leave_whole_texts(folder: Path) -> None:
    long = "x" * 100_000
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: worked_out(n % 3, long)[0], range(60)))
    assert set(found) == {long}
    assert [len(json.loads(p.read_text())) for p in files(folder)] == [100_000] * 3
