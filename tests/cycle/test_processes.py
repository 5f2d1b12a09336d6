"""Processes that are killed, and processes that score and import at the same time."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from keepwell.facts.known import Known
from keepwell.kit.locks import holder
from tests.cycle.company import (
    LAST,
    Company,
    at,
    same,
)

REPOSITORY = Path(__file__).resolve().parents[2]
WORKER = Path(__file__).with_name("worker.py")
DAY = timedelta(days=1)
UNSCORED = [LAST - n * DAY for n in range(34, 30, -1)]  # the four days before the scored ones
KILLS = 6


class Worker:
    """A running worker.py."""

    def __init__(self, *arguments: object, now: str | None = None) -> None:
        paths = os.pathsep.join(str(REPOSITORY / p) for p in ("src", "."))
        env = {**os.environ, "PYTHONPATH": paths}
        if now is not None:
            env["KEEPWELL_NOW"] = now
        command = [sys.executable, str(WORKER), *map(str, arguments)]
        self.process = subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def until(self, word: str) -> None:
        """Wait for a word."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.strip() == word:
                return

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def finish(self) -> list[str]:
        """What it said to the end. Fails where it failed."""
        out, err = self.process.communicate(timeout=300)
        assert self.process.returncode == 0, err
        return out.split("\n")


def files_of(folder: Path) -> set[Path]:
    return {p for p in folder.rglob("*") if p.is_file() and "tables" in p.parts}


def wait_for_a_write(worker: Worker, history: Path, chance: random.Random) -> None:
    """Until the worker writes something into the history, and a moment longer."""
    before = files_of(history)
    while worker.process.poll() is None and files_of(history) <= before:
        time.sleep(0.002)
    time.sleep(chance.random() * 0.06)


def test_a_killed_run_leaves_whole_days_and_the_next_one_completes_it(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = company.at(LAST + DAY, 8).isoformat()
    undisturbed = shutil.copytree(company.folder, tmp_path / "undisturbed")
    scored_before = {d: company.tables(d) for d in (LAST - 30 * DAY, LAST)}
    history = company.folder / "data" / "history"
    chance = random.Random(20260310)
    for turn in range(KILLS):
        worker = Worker("score", company.folder, UNSCORED[0], UNSCORED[-1], 1, now=now)
        worker.until("ready")
        if turn % 2:
            wait_for_a_write(worker, history, chance)
        else:
            time.sleep(chance.random() * 1.5)
        worker.kill()
        present = company.project.history.scored_days("care")["date"].to_pylist()
        assert len(present) == len(set(present))
        for day in set(UNSCORED) & set(present):
            rows = company.tables(day)
            assert [len(t) for t in rows.values()] == [12, 4, 12]
    last = Worker("score", company.folder, UNSCORED[0], UNSCORED[-1], now=now)
    assert "done" in last.finish()
    alone = Company(undisturbed, monkeypatch)
    alone.project.score(first=UNSCORED[0], last=UNSCORED[-1])
    for day in UNSCORED:
        assert same(company.tables(day), alone.tables(day)), day
    for day, tables in scored_before.items():
        assert same(company.tables(day), tables)
    assert not list(history.rglob("*.tmp"))


def current_rows(company: Company, table: str) -> list[str]:
    facts = company.project.facts(Known.latest())
    return sorted(map(str, facts.query(f"FROM ({facts.visible_versions(table)})")))


def test_scoring_twice_and_importing_at_the_same_time_loses_nothing(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    coming = LAST + 5 * DAY
    now = at(coming + DAY, 12).isoformat()
    quiet = Company(shutil.copytree(company.folder, tmp_path / "quiet"), monkeypatch)
    importing = Worker("import", company.folder, LAST + DAY, coming)
    overlapping = [
        Worker("score", company.folder, UNSCORED[0], UNSCORED[2], 1, now=now),
        Worker("score", company.folder, UNSCORED[1], UNSCORED[3], 2, now=now),
    ]
    said = [line.split() for worker in overlapping for line in worker.finish()]
    importing.finish()
    counts = [(int(words[1]), int(words[3])) for words in said if words[:1] == ["scored"]]
    assert [sum(n) for n in zip(*counts, strict=True)] == [4, 2]
    # The facts are those of the same imports without any company.
    Worker("import", quiet.folder, LAST + DAY, coming).finish()
    for table in ("usage_daily", "tickets", "coverage"):
        assert current_rows(company, table) == current_rows(quiet, table)
    # Each day can be had again from what had arrived when it was scored.
    infos = {d: company.project.history.day_info(d, "care") for d in UNSCORED}
    for day in (UNSCORED[0], UNSCORED[3]):
        info = infos[day]
        assert info is not None
        quiet.forget_scores()
        quiet.at(info.arrived_by)
        quiet.project.score(day)
        assert same(company.tables(day), quiet.tables(day)), day


def test_a_lock_of_a_dead_process_holds_nobody_up(company: Company) -> None:
    now = company.at(LAST + DAY, 8).isoformat()
    worker = Worker("score", company.folder, UNSCORED[0], UNSCORED[-1], now=now)
    worker.until("ready")
    history = company.folder / "data" / "history"
    while holder(history / ".lock") is None:
        assert worker.process.poll() is None
        time.sleep(0.005)
    worker.kill()
    left = holder(history / ".lock")
    assert left is not None
    assert left.pid == worker.process.pid
    waited: list[str] = []
    outcome = company.project.score(UNSCORED[0], on_wait=waited.append)
    assert outcome.scored == (UNSCORED[0],)
    assert waited == []
