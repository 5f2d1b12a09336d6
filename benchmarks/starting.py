"""The command line in a process of its own, from its start to its end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.machine import bytes_of

SAASGUARD_ENDS = date(2026, 3, 13)
"""The last day of its data."""

NOT_THERE = "not measured: the data is not there; KEEPWELL_DATA names the folder of the data sets"


def help_(_: str, __: Path) -> Iterator[Figure | str]:
    """`keepwell --help`, which every user waits for first."""
    yield _best("keepwell --help", [["--help"]] * 8, {"seconds": 0.3})


def score(_: str, scratch: Path) -> Iterator[Figure | str]:
    """`keepwell score` on saasguard, from its start to its end, with SQL kept by an earlier one."""
    folder = scratch / "saasguard"
    if not folder.exists():
        yield NOT_THERE
        return
    days = [SAASGUARD_ENDS - timedelta(days=back) for back in (12, 11, 10)]
    commands = [["score", "--project", str(folder), "--as-of", str(day)] for day in days]
    yield _best("score of saasguard, with start-up", commands, {"seconds": 3})


def _best(what: str, commands: Sequence[list[str]], reach: Mapping[str, float]) -> Figure:
    """The fastest of these runs of `keepwell`, the first of which does not count.

    Raises CalledProcessError for a run that fails.
    """
    seconds, cpu, memory = min([_run(arguments) for arguments in commands][1:])
    return Figure(what, seconds=seconds, cpu=cpu, memory=memory, reach=reach)


def _run(arguments: list[str]) -> tuple[float, float, int]:
    """Seconds by the clock and of all cores, and the peak memory in bytes, of one run."""
    command = [sys.executable, "-m", "keepwell", *arguments]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return seconds, usage.ru_utime + usage.ru_stime, bytes_of(usage)
