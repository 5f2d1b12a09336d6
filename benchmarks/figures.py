"""A measured figure, and how it is taken."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.machine import peak_memory

MB = 1_000_000
GB = 1_000 * MB


@dataclass(frozen=True)
class Figure:
    """What was measured of one thing.

    seconds by the clock; cpu: seconds that all cores worked for it; memory: the most that its
    process ever held; read: what it read from files; disk: what it wrote there (bytes all three).
    against: the figure of the same size by whose seconds its own are divided. reach: the most that
    seconds, memory, disk and ratio should be.
    """

    what: str
    seconds: float | None = None
    cpu: float | None = None
    memory: int | None = None
    read: int | None = None
    disk: int | None = None
    against: str | None = None
    reach: Mapping[str, float] = field(default_factory=dict)


@dataclass
class Watch:
    """Seconds by the clock and of all cores, and bytes that were read from files where the system
    counts them (Linux)."""

    seconds: float = 0.0
    cpu: float | None = None
    read: int | None = None


@contextmanager
def watched() -> Iterator[Watch]:
    """Measures what happens in its body."""
    watch, before = Watch(), _read_so_far()
    started, worked = time.perf_counter(), time.process_time()
    yield watch
    watch.seconds = time.perf_counter() - started
    watch.cpu = time.process_time() - worked
    after = _read_so_far()
    watch.read = None if before is None or after is None else after - before


def best(work: Callable[[], object], times: int, *, warm_up: bool = True) -> Watch:
    """The fastest of so many runs, after one that does not count."""
    if warm_up:
        work()
    runs = []
    for _ in range(times):
        with watched() as watch:
            work()
        runs.append(watch)
    return min(runs, key=lambda w: w.seconds)


def figure(
    what: str,
    watch: Watch,
    *,
    against: str | None = None,
    reach: Mapping[str, float] | None = None,
) -> Figure:
    """What was watched, with the memory of this process so far."""
    return Figure(
        what,
        seconds=watch.seconds,
        cpu=watch.cpu,
        memory=peak_memory(),
        read=watch.read,
        against=against,
        reach=reach or {},
    )


def _read_so_far() -> int | None:
    if sys.platform != "linux":
        return None
    for line in Path("/proc/self/io").read_text(encoding="ascii").splitlines():
        if line.startswith("rchar:"):
            return int(line.split()[1])
    return None
