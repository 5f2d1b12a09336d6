"""Where history is kept: what every such place can do, and the rules that hold in all of them.

There are two: Delta tables, in a folder or on object storage (`delta`), and a schema of
PostgreSQL (`postgres`). A place that is added passes `tests/history` as those do.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

import pyarrow as pa

from keepwell.history.columns import KEYS, fit, plain
from keepwell.history.days import DayInfo, ScoredDay
from keepwell.history.snapshot import Snapshot
from keepwell.kit.errors import KeepwellError

LAYOUT = 1
"""The layout of the tables that this Keepwell writes; older ones are upgraded on the way in."""

OnWait = Callable[[str], None]
Result = TypeVar("Result")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")
_HASH = re.compile(r"[A-Za-z0-9_-]{6,128}")


class Kept(ABC):
    """A place with scored days. Reads see whole days only and never wait for a writer."""

    where: str
    """How messages call it."""

    @abstractmethod
    def writing(
        self, how: Rewriting, timeout: float | None, on_wait: OnWait | None
    ) -> AbstractContextManager[Batch]:
        """Be the only writer while the body runs; nothing is visible before `Batch.commit`.

        Raises KeepwellError where another process writes for longer than `timeout` seconds (None
        waits for ever; `on_wait` is told for whom), and where the place cannot be written.
        """

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """What is visible now."""

    @abstractmethod
    def now(self, ask: Callable[[Snapshot], Result]) -> Result:
        """The answer of what is visible now. Raises KeepwellError where it cannot be read."""

    @abstractmethod
    def keep_definition(self, key: str, text: str) -> None:
        """Store a definition's text under its hash; what is there already stays as it is."""

    @abstractmethod
    def definition(self, key: str) -> str | None:
        """The text that was kept under that hash; None where there is none."""


@dataclass(frozen=True)
class Rewriting:
    """What happens to a day that is there already. Without either it is refused."""

    restate: bool = False
    """Its rows stay, as not current, and the new ones have the next revision."""
    replace_open: bool = False
    """The day was not over: its valid rows go."""

    def __post_init__(self) -> None:
        if self.restate and self.replace_open:
            raise ValueError("a day is either restated or replaced")


class Batch(ABC):
    """Scored days that become visible together."""

    def __init__(self, where: str, how: Rewriting) -> None:
        self._where = where
        self._how = how
        self._infos: dict[tuple[str, date], list[DayInfo]] = {}

    def add(self, scored: ScoredDay) -> None:
        """Take one day. Raises KeepwellError where it exists and may not be touched, and
        ValueError for rows that cannot be stored or a day that comes twice."""
        for name, rows in scored.tables.items():
            if not _NAME.fullmatch(name):
                raise ValueError(f"'{name}' cannot name a table of scored days")
            if (name, scored.day) in self._infos:
                raise ValueError(f"{scored.day} of '{name}' comes twice")
            old = self._info(scored.day, name)
            fresh = self._fresh(scored, name, len(rows), old)
            self._infos[name, scored.day] = [fresh]
            if old is not None and self._how.restate:
                self._infos[name, scored.day].append(replace(old, current=False))
            self._take(fresh, plain(rows), old)

    @abstractmethod
    def commit(self) -> None:
        """Write what was taken, and make all of it visible."""

    @abstractmethod
    def _info(self, day: date, table: str) -> DayInfo | None:
        """The valid record of that day, None where it was not scored."""

    @abstractmethod
    def _take(self, info: DayInfo, rows: pa.Table, old: DayInfo | None) -> None:
        """Take the rows of one table and day, in the place of those of `old`."""

    def _fresh(self, scored: ScoredDay, name: str, accounts: int, old: DayInfo | None) -> DayInfo:
        if old is not None and self._how == Rewriting():
            raise KeepwellError(
                f"{scored.day} is already scored",
                where=f"{self._where}: {name}",
                todo="restate the day if it shall be corrected; the old scores stay readable",
            )
        return DayInfo(
            day=scored.day,
            table=name,
            revision=0 if old is None else old.revision + self._how.restate,
            current=True,
            scored_at=scored.scored_at,
            known_at=scored.known_at,
            arrived_by=scored.arrived_by,
            definition=scored.definitions.get(name),
            accounts=accounts,
        )


def with_keys(rows: pa.Table, info: DayInfo, stored: Mapping[str, pa.DataType]) -> pa.Table:
    """The rows of a day under the names of the columns on disk, with date, revision and current.

    stored: the columns that exist there already."""
    fitted = fit(rows, stored)
    for key, value in zip(KEYS[1:], (info.day, info.revision, True), strict=True):
        constant = pa.array([value], key.type)
        fitted = fitted.append_column(key, pa.repeat(constant[0], len(fitted)))
    return fitted


def checked(key: str) -> str:
    """The hash of a definition. Raises ValueError for what cannot be one."""
    if not _HASH.fullmatch(key):
        raise ValueError(f"'{key}' is not the hash of a definition")
    return key
