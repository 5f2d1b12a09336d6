"""A lock and a text on an object store: numbered entries, each made only where it is the first.

An object store has no lock that dies with its holder. Here the newest entry says who writes, and
its holder makes a new one every quarter of the `lease`. Whoever waits and sees the newest entry
unchanged for a whole lease, by the waiting machine's own watch, makes the next one and is the
holder. The earlier holder, if it still lives, finds the number of its next entry taken.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from keepwell.kit.errors import KeepwellError
from keepwell.kit.locks import Holder, myself

LEASE = timedelta(seconds=60)
KEPT = 40
"""So many entries stay: whoever reads the newest one has minutes until it is gone."""

_POLL_SECONDS = 0.25
_ATTEMPTS = 5


@dataclass(frozen=True)
class Entry:
    """What is so as of an entry. `holder` is None where nobody writes; `unclean` says that the
    writer before failed in the middle. `token` is no other entry's."""

    text: str | None = None
    holder: Holder | None = None
    unclean: bool = False
    token: str = ""


class Numbered(ABC):
    """Where entries lie."""

    where: str

    @abstractmethod
    def numbers(self) -> Sequence[int]:
        """The numbers of all entries, in any order."""

    @abstractmethod
    def create(self, number: int, text: str) -> bool:
        """Make an entry; False where there is one of that number."""

    @abstractmethod
    def get(self, number: int) -> str:
        """An entry's text. Raises FileNotFoundError."""

    @abstractmethod
    def forget(self, numbers: Sequence[int]) -> None:
        """Remove entries."""


class Journal:
    """The entries, and the part that this process has in them."""

    def __init__(self, entries: Numbered, lease: timedelta = LEASE) -> None:
        self._entries = entries
        self._lease = lease
        # The holder's newest entry; its own thread renews it.
        self._turn = threading.RLock()
        self._mine: tuple[int, Entry] | None = None

    def text(self) -> str | None:
        """The text as of the newest entry."""
        return self._newest()[1].text

    def replace(self, text: str) -> None:
        """Make another text the newest. Raises KeepwellError where the lock is somebody else's."""
        self._advance(lambda mine: replace(mine, text=text))

    def assert_held(self) -> None:
        """Raises KeepwellError where the lock is somebody else's."""
        with self._turn:
            if self._mine is None or self._newest()[0] != self._mine[0]:
                raise self._lost()

    @contextmanager
    def held(
        self, purpose: str, timeout: float | None, on_wait: Callable[[str], None] | None
    ) -> Iterator[bool]:
        """Hold the lock; True where the one before died or failed in the middle."""
        died = self._acquire(purpose, timeout, on_wait)
        done = threading.Event()
        renewing = threading.Thread(target=self._renew, args=(done,), daemon=True)
        renewing.start()
        unclean = True
        try:
            yield died
            unclean = False
        finally:
            done.set()
            renewing.join()
            # Together: another thread of this process may be waiting for it.
            with self._turn:
                # Where it is lost there is nothing to give back; a broken connection says so.
                with suppress(Exception):
                    self._advance(lambda mine: replace(mine, holder=None, unclean=unclean))
                self._mine = None

    def _acquire(
        self, purpose: str, timeout: float | None, on_wait: Callable[[str], None] | None
    ) -> bool:
        started = seen_at = time.monotonic()
        seen: int | None = None
        told: Holder | None = None
        while True:
            number, newest = self._newest()
            now = time.monotonic()
            if number != seen:
                seen, seen_at = number, now
            holder = newest.holder
            silent = now - seen_at >= self._lease.total_seconds()
            if holder is None or silent:
                died = newest.unclean or holder is not None
                mine = replace(newest, holder=myself(purpose), unclean=died)
                if self._put(number + 1, mine):
                    return died
                continue
            if on_wait is not None and (told is None or holder.pid != told.pid):
                told = holder
                on_wait(f"{purpose}: waiting for {holder.text()}")
            if timeout is not None and now - started >= timeout:
                raise KeepwellError(
                    f"cannot {purpose}: {holder.text()} is still writing after {timeout:g} s",
                    where=self._entries.where,
                    todo="wait until it has finished, or end that process, and run again",
                )
            time.sleep(_POLL_SECONDS)

    def _renew(self, done: threading.Event) -> None:
        while not done.wait(self._lease.total_seconds() / 4):
            # Where it fails, what is written next says so.
            with suppress(Exception):
                self._advance(lambda mine: mine)

    def _advance(self, change: Callable[[Entry], Entry]) -> None:
        with self._turn:
            if self._mine is None:
                raise self._lost()
            number, entry = self._mine
            if not self._put(number + 1, change(entry)):
                raise self._lost()

    def _put(self, number: int, entry: Entry) -> bool:
        """Make the entry of that number mine, if it is the first of it and the newest of all."""
        with self._turn:
            entry = replace(entry, token=secrets.token_hex(8))
            text = json.dumps(asdict(entry))
            # Where an answer was lost on its way, the entry that is there is this one.
            made = self._entries.create(number, text) or self._is(number, text)
            numbers = self._entries.numbers()
            # Entries below the newest are removed in time, so that a low number can be free.
            if not made or max(numbers, default=number) != number:
                return False
            self._mine = (number, entry)
            if len(numbers) > 2 * KEPT:
                self._entries.forget([n for n in numbers if n <= number - KEPT])
            return True

    def _is(self, number: int, text: str) -> bool:
        with suppress(FileNotFoundError):
            return self._entries.get(number) == text
        return False

    def _newest(self) -> tuple[int, Entry]:
        for _ in range(_ATTEMPTS):
            number = max(self._entries.numbers(), default=-1)
            if number < 0:
                return number, Entry()
            # Removed meanwhile: there are newer ones.
            with suppress(FileNotFoundError):
                return number, self._read(self._entries.get(number))
        raise KeepwellError(
            "the journal cannot be read: its entries vanish",
            where=self._entries.where,
            todo="see whether something else removes objects there",
        )

    def _read(self, text: str) -> Entry:
        try:
            raw = json.loads(text)
            holder = raw.pop("holder")
            return Entry(**raw, holder=Holder(**holder) if holder else None)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise KeepwellError(
                f"an entry of the journal cannot be read ({error})",
                where=self._entries.where,
                todo="restore it from a backup, or remove it: the entry before it then holds",
            ) from error

    def _lost(self) -> KeepwellError:
        return KeepwellError(
            "another process has taken over, since this one was silent for too long; nothing was"
            " changed",
            where=self._entries.where,
            todo="run the same command again",
        )
