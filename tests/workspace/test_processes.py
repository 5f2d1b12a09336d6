"""Several processes write at once and are killed: nothing is lost and nothing is half there."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import keepwell
from keepwell.workspace import Workspace

SOURCES = str(Path(keepwell.__file__).parent.parent)
REPOSITORY = Path(__file__).parents[2]
TRANSACTIONS = 200


def start(path: Path, author: str, count: int) -> subprocess.Popen[str]:
    """A process that is ready to record that many overrides."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.workspace.writer_process", str(path), author, str(count)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([SOURCES, str(REPOSITORY)])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def consistent(workspace: Workspace) -> int:
    """The number of overrides, each of which has its entry in the audit trail."""
    overrides = workspace.overrides()
    recorded = Counter(e.subject for e in workspace.audit(limit=10_000))
    assert recorded == Counter(o.id for o in overrides)
    assert [o.id for o in overrides] == [f"ov-{n + 1:06d}" for n in range(len(overrides))]
    assert [o.created_at for o in overrides] == sorted(o.created_at for o in overrides)
    return len(overrides)


def test_three_processes_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "workspace.db"
    authors = ["ada", "bob", "cleo"]
    # None of them finds the file: they create it at the same moment, too.
    processes = [start(path, author, TRANSACTIONS) for author in authors]
    for process in processes:
        go(process)
    for process in processes:
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0
    with Workspace(path) as workspace:
        assert consistent(workspace) == 3 * TRANSACTIONS
        by_author = Counter(o.author for o in workspace.overrides())
    assert by_author == dict.fromkeys(authors, TRANSACTIONS)


def test_killed_at_any_moment(tmp_path: Path) -> None:
    path = tmp_path / "workspace.db"
    chance = random.Random(1)
    seen = 0
    for number in range(5):
        process = start(path, "ada", 100_000)
        go(process)
        # The first is killed while it creates the tables, or soon after.
        time.sleep(chance.uniform(0.2, 0.5) * (0.5 if number == 0 else 1))
        process.kill()
        with process:
            pass
        with Workspace(path) as workspace:
            found = consistent(workspace)
            assert found >= seen
            seen = found
    assert seen > 0
