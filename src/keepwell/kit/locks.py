"""One writer at a time per folder; the operating system frees the lock when a process dies."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from keepwell.kit import clock
from keepwell.kit.errors import KeepwellError

_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Holder:
    """Who holds a lock. `since` is ISO 8601 in UTC."""

    pid: int
    host: str
    since: str
    purpose: str
    command: str

    def text(self) -> str:
        """One phrase for a waiting user."""
        return f"'{self.purpose}' (process {self.pid} on {self.host}, since {self.since})"


@contextmanager
def exclusive(
    path: Path,
    purpose: str,
    *,
    timeout: float | None = None,
    on_wait: Callable[[str], None] | None = None,
) -> Iterator[bool]:
    """Hold the lock file `path` while the body runs.

    Yields True where the previous holder died while holding the lock, so that its traces must be
    cleaned up. `timeout` is in seconds; None waits for ever. `on_wait` is told once per holder
    whom it waits for. Raises KeepwellError when the time is over.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Every call has its own lock object: two threads of one process exclude each other too.
    lock = FileLock(path, thread_local=False)
    _acquire(lock, path, purpose, timeout, on_wait)
    try:
        note = _note(path)
        died = note.exists()
        note.write_text(json.dumps(asdict(myself(purpose))), encoding="utf-8")
        yield died
        note.unlink(missing_ok=True)
    finally:
        # After an exception the note stays: whoever comes next then looks for traces.
        lock.release()


def holder(path: Path) -> Holder | None:
    """Who holds (or held, when it died) the lock; None where nobody does or it cannot be read."""
    try:
        return Holder(**json.loads(_note(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _acquire(
    lock: FileLock,
    path: Path,
    purpose: str,
    timeout: float | None,
    on_wait: Callable[[str], None] | None,
) -> None:
    started = time.monotonic()
    told: str | None = None
    while True:
        try:
            lock.acquire(timeout=0)
            return
        except Timeout:
            who = _waiting_for(path)
        if on_wait is not None and who != told:
            told = who
            on_wait(f"{purpose}: waiting for {who}")
        if timeout is not None and time.monotonic() - started >= timeout:
            raise KeepwellError(
                f"cannot {purpose}: {who} is still writing after {timeout:g} s",
                where=str(path.parent),
                todo="wait until it has finished, or end that process, and run again",
            )
        time.sleep(_POLL_SECONDS)


def _waiting_for(path: Path) -> str:
    found = holder(path)
    return found.text() if found is not None else "another process"


def _note(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def myself(purpose: str) -> Holder:
    """This process as the holder of a lock."""
    since = clock.now().isoformat(timespec="seconds")
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200]
    return Holder(os.getpid(), socket.gethostname(), since, purpose, command)


def file_system_time(path: Path) -> float:
    """Seconds since 1970 by the clock that stamps the files beside `path` (which is touched).

    How long a file must be kept for other processes is a matter of that clock, not of the day
    that a test or a demo has set.
    """
    path.touch()
    return path.stat().st_mtime
