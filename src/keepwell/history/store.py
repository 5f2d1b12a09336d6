"""The door of the room: everything that others do with scored days."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa

from keepwell.history.days import DayInfo, ScoredDay
from keepwell.history.delta.keeping import DeltaKept
from keepwell.history.keeping import Kept, Rewriting, checked
from keepwell.history.snapshot import Snapshot
from keepwell.kit.errors import KeepwellError


class History:
    """Scored days, wherever they are kept. Reads see whole days only and never wait for a writer.

    at: the place, or a folder.
    """

    def __init__(self, at: Path | Kept) -> None:
        self.kept = at if isinstance(at, Kept) else DeltaKept(at)

    def write_day(
        self,
        day: date,
        tables: Mapping[str, pa.Table],
        *,
        scored_at: datetime,
        known_at: datetime,
        arrived_by: datetime,
        definitions: Mapping[str, str],
        restate: bool = False,
        replace_open: bool = False,
        timeout: float | None = None,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        """Write all tables of one day; they become visible together. See `write_days`."""
        scored = ScoredDay(day, tables, scored_at, known_at, arrived_by, definitions)
        self.write_days(
            [scored],
            restate=restate,
            replace_open=replace_open,
            timeout=timeout,
            on_wait=on_wait,
        )

    def write_days(
        self,
        days: Iterable[ScoredDay],
        *,
        restate: bool = False,
        replace_open: bool = False,
        timeout: float | None = None,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        """Write many days, which become visible together; best in the order of time.

        The iterable is consumed while the place is locked, and its rows are held one month at a
        time. A day that exists already is refused with KeepwellError, unless `replace_open`
        (its valid rows are replaced: the day was not over) or `restate` (they are kept with
        current = false, and the new rows have the next revision).
        """
        how = Rewriting(restate=restate, replace_open=replace_open)
        with self.kept.writing(how, timeout, on_wait) as batch:
            for scored in days:
                batch.add(scored)
            batch.commit()

    def snapshot(self) -> Snapshot:
        """History as it is now, for several reads that must agree with each other."""
        return self.kept.snapshot()

    def read(
        self,
        table: str,
        *,
        days: Sequence[date] | None = None,
        first: date | None = None,
        last: date | None = None,
        accounts: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        revision: int | None = None,
    ) -> pa.Table:
        """The rows of those days and accounts; see `Snapshot.read`."""
        return self.kept.now(
            lambda s: s.read(
                table,
                days=days,
                first=first,
                last=last,
                accounts=accounts,
                columns=columns,
                revision=revision,
            )
        )

    def series(
        self,
        table: str,
        account: str,
        first: date,
        last: date,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """One account's rows from `first` to `last`, sorted by date; columns as in `read`."""
        return self.kept.now(lambda s: s.series(table, account, first, last, columns))

    def scored_days(self, table: str | None = None) -> pa.Table:
        """The records of one table's days, or of all: date, table, revision, current, scored_at,
        known_at, arrived_by, definition (hash), accounts (number of rows)."""
        return self.kept.now(lambda s: s.scored_days(table))

    def day_info(self, day: date, table: str) -> DayInfo | None:
        """The valid record of that day, None where it was not scored."""
        return self.kept.now(lambda s: s.day_info(day, table))

    def latest_day(self, table: str) -> date | None:
        """The last scored day of that table, None where there is none."""
        return self.kept.now(lambda s: s.latest_day(table))

    def columns(self, table: str) -> list[str]:
        """The names of all columns that the table ever had; none where it does not exist."""
        return self.kept.now(lambda s: s.columns(table))

    def keep_definition(self, key: str, text: str) -> None:
        """Keep a definition's text under its hash, for ever; a second time changes nothing."""
        self.kept.keep_definition(checked(key), text)

    def definition(self, key: str) -> str:
        """The text kept under that hash. Raises KeepwellError where there is none."""
        text = self.kept.definition(checked(key))
        if text is None:
            raise KeepwellError(
                f"the definition {key} was not kept",
                where=self.kept.where,
                todo="restore it from a backup; scores made with it stay readable",
            )
        return text
