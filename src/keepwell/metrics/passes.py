"""What one pass makes ready for its statements: the asked days, whose rows count for whom, zones,
closed days and rates, as small tables beside the facts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from keepwell.facts.reading import Facts
from keepwell.facts.schema import DERIVED_COLUMNS, TABLES
from keepwell.metrics.adding import Added
from keepwell.metrics.calendar import (
    ASKED_DAY,
    ASKED_ON,
    Closures,
    Days,
    number_of,
    resolve_members,
)
from keepwell.metrics.given import OWN
from keepwell.metrics.instance import Instance
from keepwell.metrics.instances import Needed
from keepwell.metrics.money import rates_table
from keepwell.metrics.prepare import (
    ASKED_TABLE,
    CLOSED_TABLE,
    DAYS_TABLE,
    OPEN_TABLE,
    RATES_TABLE,
    ZONES_TABLE,
    Setting,
)
from keepwell.metrics.scans import ACCOUNT, shift_of
from keepwell.metrics.statements import Reading, Statement
from keepwell.metrics.wide import row_keys

STEP = 32
"""Lookbacks are rounded up to whole steps, so that a feed that is a day later than yesterday is
read by the same statement."""


@dataclass
class Pass:
    """The facts on the asked days. Its tables are in the engine's connection until it is closed."""

    facts: Facts
    days: Days
    _ready: set[str] = field(default_factory=set)
    _stretches: dict[tuple[int, int], int] = field(default_factory=dict)
    _added: dict[str, Added] = field(default_factory=dict)
    _left_out: dict[str, pa.Table] = field(default_factory=dict)

    @cached_property
    def closures(self) -> Closures:
        return Closures.of(self.facts.periods(), max(self.days.days))

    @cached_property
    def members(self) -> list[tuple[date, str, str]]:
        merges = [(m.loser_id, m.winner_id, m.merged_on) for m in self.facts.merges()]
        return resolve_members(merges, self.facts.rollups(), self.days)

    @cached_property
    def setting(self) -> Setting:
        facts = self.facts
        known = facts.account_zones()
        merged = {member for _, member, _ in self.members}
        zones = {known.get(a, facts.project_timezone) for a in {*known, *merged}}
        closed = bool(self.closures.closed)
        return Setting(
            len(self.days.days) == 1,
            bool(self.members) or closed,
            closed,
            next(iter(zones)) if len(zones) == 1 else None,
            facts.project_timezone,
            facts.project_currency,
            facts.engine.dialect,
        )

    def lookback(self, instances: Sequence[Instance]) -> int | None:
        """The most days that a row may lie before the asked day and still count; None: any."""
        longest = 0
        for instance in instances:
            if instance.window is None:
                return None
            reach = instance.offset + instance.window
            for day, end in zip(self.days.days, self.days.columns[instance.end], strict=True):
                if end is not None:
                    behind = number_of(day) - end
                    longest = max(longest, behind + self._stretch(reach, end))
        return -(-longest // STEP) * STEP

    def _stretch(self, reach: int, end: int) -> int:
        if (reach, end) not in self._stretches:
            self._stretches[reach, end] = self.closures.stretch(reach, end)
        return self._stretches[reach, end]

    def answer(self, statement: Statement) -> pa.Table:
        """The rows that a statement gives over these facts."""
        self.read(statement)
        return statement.answer(self.facts.engine)

    def read(self, statement: Statement) -> None:
        """Make ready the rows that a statement reads."""
        self._read_all(statement.reads)

    def _read_all(self, readings: Iterable[Reading]) -> None:
        for reading in readings:
            if reading.name not in self._ready:
                self._read(reading)
                self._ready.add(reading.name)

    def count(self, statement: Statement, table: str, nodes: Sequence[Needed]) -> pa.Table:
        """The rows of a statement that counts these metrics over a table."""
        return self.answer(statement)

    def know(self, added: Added) -> str:
        """Let statements read what rows are added up to; returns the name of it."""
        self._added[added.adding.name] = added
        return added.adding.name

    def _read(self, reading: Reading) -> None:
        table = TABLES[reading.table]
        first = last = None
        if reading.pruned:
            # Two days more on either side cover every time zone.
            last = max(self.days.days) + timedelta(days=2)
            if reading.lookback is not None:
                first = min(self.days.days) - timedelta(days=reading.lookback + 2)
        if reading.added:
            self._read_added(reading.name, self._added[reading.added], first, last)
        else:
            plain = [c for c in table.column_names if (table.name, c) not in DERIVED_COLUMNS]
            columns = [*plain, *reading.derived]
            self.facts.name_rows(reading.name, table.name, columns, first, last)

    def _read_added(self, name: str, added: Added, first: date | None, last: date | None) -> None:
        self._read_all(added.near)
        self.facts.name_added_up(name, added.adding, first, last, near=self.near(added))

    def near(self, added: Added) -> Mapping[str, pa.Table] | None:
        """What is needed of the neighbours of rows that are added up, by the name under which they
        are read; None: nothing is to be kept."""
        found = {}
        for reading, statement in zip(added.near, added.left_out, strict=True):
            if statement.sql not in self._left_out:
                self._left_out[statement.sql] = self.answer(statement)
            found[reading.name] = self._left_out[statement.sql]
        return found

    # --- the small tables -------------------------------------------------------------------------

    def open_days(self) -> None:
        """Make the asked days ready; the rest needs to know the portfolio."""
        self.put(DAYS_TABLE, self.days.table())

    def without_merged(self, accounts: pa.Table) -> pa.Table:
        """The accounts on days without those that have become part of another one by then."""
        stays = {(day, member) for day, member, account in self.members if member == account}
        gone = [(day, member) for day, member, _ in self.members if (day, member) not in stays]
        if not gone:
            return accounts
        away = _pairs(gone)
        return accounts.filter(
            pc.invert(pc.is_in(row_keys(accounts), row_keys(away).combine_chunks()))
        )

    def open(self, accounts: pa.Table) -> None:
        """Make ready what statements find beside the facts. accounts: who is a customer when."""
        if self.setting.zone is None:
            zones = self.facts.account_zones()
            self.put(
                ZONES_TABLE,
                pa.table(
                    {
                        "zone_account": pa.array(list(zones), pa.string()),
                        "zone_found": pa.array(list(zones.values()), pa.string()),
                    }
                ),
            )
        self.put(RATES_TABLE, rates_table(self.days.days, self.facts.rates()))
        if self.setting.has_closures:
            self.put(CLOSED_TABLE, self.closures.table(number_of(max(self.days.days))))
        if self.setting.by_account:
            self.put(ASKED_TABLE, self._asked(accounts))

    def _asked(self, accounts: pa.Table) -> pa.Table:
        """Whose rows count for which account on which day, with the numbers of day and account."""
        whose = accounts.select(["account_id", ASKED_ON])
        named = [(day, member) for day, member, _ in self.members]
        alone = pc.invert(pc.is_in(row_keys(whose), row_keys(_pairs(named)).combine_chunks()))
        own = whose.filter(alone)
        days = pa.concat_arrays(
            [own[ASKED_ON].combine_chunks(), pa.array([d for d, _ in named], pa.date32())]
        )
        ids = own["account_id"].combine_chunks()
        into = self._winners()
        table = pa.table(
            {
                "member": pa.concat_arrays([ids, pa.array([m for _, m in named], pa.string())]),
                ACCOUNT: pa.concat_arrays(
                    [ids, pa.array([a for *_, a in self.members], pa.string())]
                ),
                OWN: pa.concat_arrays(
                    [
                        pa.array([1] * len(ids), pa.int64()),
                        pa.array([int(into[d, m] == a) for d, m, a in self.members], pa.int64()),
                    ]
                ),
                ASKED_ON: days,
            }
        )
        table = _on_days(table, self.days)
        return self._with_shifts(table) if self.setting.has_closures else table

    def _winners(self) -> dict[tuple[date, str], str]:
        merges = [(m.loser_id, m.winner_id, m.merged_on) for m in self.facts.merges()]
        own = {(d, m): a for d, m, a in resolve_members(merges, {}, self.days)}
        return {(d, m): own.get((d, m), m) for d, m, _ in self.members}

    def _with_shifts(self, asked: pa.Table) -> pa.Table:
        closed = self.closures.closed
        at = pc.index_in(asked[ACCOUNT], pa.array(list(closed), pa.string()))
        rows = [i for i, place in enumerate(at.to_pylist()) if place is not None]
        for name in self.days.columns:
            if not name.startswith("end "):
                continue
            shifts = [0] * asked.num_rows
            some = asked.select([ACCOUNT, name]).take(rows)
            accounts, ends = (some[c].to_pylist() for c in (ACCOUNT, name))
            for row, account, end in zip(rows, accounts, ends, strict=True):
                shifts[row] = 0 if end is None else self.closures.shift(account, end)
            asked = asked.append_column(shift_of(name), pa.array(shifts, pa.int64()))
        return asked

    def put_open(self, accounts: Collection[str]) -> None:
        """Make ready the accounts of which more is to be read, and those that count for them."""
        members = {member for _, member, account in self.members if account in accounts}
        ids = sorted({*accounts, *members})
        self.put(OPEN_TABLE, pa.table({"open_account": pa.array(ids, pa.string())}))

    def put(self, name: str, rows: pa.Table) -> None:
        """Let statements find these rows under a name."""
        self.facts.engine.put(name, rows)
        self._ready.add(name)

    def close(self) -> None:
        """Let go of the small tables."""
        for name in (DAYS_TABLE, ASKED_TABLE, ZONES_TABLE, CLOSED_TABLE, RATES_TABLE, OPEN_TABLE):
            if name in self._ready:
                self.facts.engine.drop(name)


def _pairs(pairs: Sequence[tuple[date, str]]) -> pa.Table:
    return pa.table(
        {
            "account_id": pa.array([a for _, a in pairs], pa.string()),
            ASKED_ON: pa.array([d for d, _ in pairs], pa.date32()),
        }
    )


def _on_days(table: pa.Table, days: Days) -> pa.Table:
    """The rows with asked_day and the named numbers of their asked_on."""
    by_day = days.table()
    at = pc.index_in(table[ASKED_ON], by_day[ASKED_ON].combine_chunks())
    for name in (ASKED_DAY, *days.columns):
        table = table.append_column(name, by_day[name].combine_chunks().take(at))
    return table
