"""The days that are asked for, which days a source has covered, and on which an account is closed.

Days travel as whole numbers since 1970-01-01. What differs only from one asked day to the next is
worked out here in Python and enters the expression as a literal (one day) or as columns of a small
table (several days).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from keepwell.facts.context import Cover, Period

EPOCH = date(1970, 1, 1)
ASKED_ON = "asked_on"
ASKED_DAY = "asked_day"
CLOSURE = "seasonal_closure"


def number_of(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


@dataclass(frozen=True)
class Covered:
    """Of one asked day: the first and the last day that all sources of a fact have covered."""

    start: int
    end: int


def covered_on(
    day: date, covers: Sequence[Cover], families: frozenset[str], retired: frozenset[str]
) -> Covered | None:
    """What is covered on that day, or None where no source had begun.

    The source that is furthest behind decides, for its accounts would otherwise seem to have gone
    silent. A source that ended when another one began has been replaced and is not waited for.
    """
    first: dict[str, date] = {}
    last: dict[str, date] = {}
    for cover in covers:
        if cover.family in families and cover.from_day <= day and cover.state == "complete":
            first[cover.source] = min(first.get(cover.source, cover.from_day), cover.from_day)
            last[cover.source] = max(last.get(cover.source, cover.from_day), min(cover.to_day, day))
    if not first:
        return None
    waiting = [
        source
        for source in last
        if source not in retired
        and not any(
            first[other] >= last[source] - timedelta(days=1) and last[other] > last[source]
            for other in first
        )
    ]
    end = min((last[s] for s in waiting), default=max(last.values()))
    return Covered(number_of(min(first.values())), number_of(end))


@dataclass
class Days:
    """The asked days, with named whole numbers that differ by day."""

    days: tuple[date, ...]
    columns: dict[str, list[int | None]] = field(default_factory=dict)

    @property
    def single(self) -> bool:
        return len(self.days) == 1

    def add(self, name: str, values: Sequence[int | None]) -> str:
        """Name a number for each asked day; the name is returned."""
        self.columns[name] = list(values)
        return name

    def value(self, table: ir.Table, name: str) -> ir.IntegerValue:
        """That number in a table that came out of `spread`."""
        if not self.single:
            return table[name]
        value = self.columns[name][0]
        return ibis.null("int64") if value is None else ibis.literal(value, "int64")

    def table(self) -> ir.Table:
        """One row per asked day: asked_on, asked_day and every named number."""
        data = {
            ASKED_ON: pa.array(self.days, pa.date32()),
            ASKED_DAY: pa.array([number_of(d) for d in self.days], pa.int64()),
            **{name: pa.array(values, pa.int64()) for name, values in self.columns.items()},
        }
        return ibis.memtable(pa.table(data))

    def spread(self, rows: ir.Table) -> ir.Table:
        """Every row on every asked day, as columns asked_on and asked_day."""
        if self.single:
            day = self.days[0]
            asked = {
                ASKED_ON: ibis.literal(day, "date"),
                ASKED_DAY: ibis.literal(number_of(day), "int64"),
            }
            return rows.mutate(**asked)
        return rows.cross_join(self.table())

    def reaching(self, rows: ir.Table, row_day: str, lookback: int | None) -> ir.Table:
        """Every row on each asked day that can see it: not before it happened, nor too long after.

        Rows whose day is empty are seen on every day.
        """
        if self.single:
            return self.spread(rows)
        table = self.table()
        happened = rows[row_day]
        near = happened <= table[ASKED_DAY]
        if lookback is not None:
            near = near & (happened > table[ASKED_DAY] - lookback)
        return rows.join(table, near | happened.isnull())


@dataclass(frozen=True)
class Closures:
    """The days on which accounts are closed. Windows and ages count open days only."""

    closed: Mapping[str, tuple[int, ...]]  # by account, every closed day, in order

    @classmethod
    def of(cls, periods: Iterable[Period], last: date) -> Closures:
        """The closed days of each account from the first on up to `last`."""
        found: dict[str, set[int]] = {}
        for period in periods:
            if period.kind == CLOSURE:
                days = found.setdefault(period.account_id, set())
                for start, end in occurrences(period, last):
                    days.update(range(number_of(start), number_of(min(end, last)) + 1))
        return cls({a: tuple(sorted(days)) for a, days in found.items() if days})

    @property
    def most(self) -> int:
        """How many days the account was closed that was closed longest."""
        return max((len(days) for days in self.closed.values()), default=0)

    def between(self, account: str, first: int, last: int) -> int:
        """How many closed days there are from the first to the last, both included."""
        days = self.closed.get(account, ())
        return max(bisect_right(days, last) - bisect_left(days, first), 0)

    def shift(self, account: str, day: int) -> int:
        """How many closed days there are up to and including that day."""
        return bisect_right(self.closed[account], day)

    def of_rows(self, last: int) -> ir.Table:
        """closed_account, closed_day, row_shift and row_closed (0 or 1) for every day of accounts
        that are ever closed, from their first closed day on: there are none to count before."""
        rows = [
            (account, day, self.shift(account, day), int(day in closed))
            for account, days in self.closed.items()
            for closed in [frozenset(days)]
            for day in range(days[0], last + 1)
        ]
        names = ("closed_account", "closed_day", "row_shift", "row_closed")
        return _small({name: [row[i] for row in rows] for i, name in enumerate(names)})

    def of_ends(self, days: Days, names: Sequence[str]) -> ir.Table:
        """account_id, date and the shift at each of the named numbers of days."""
        data: dict[str, list[object]] = {"ends_account": [], "ends_date": []}
        data |= {f"shift {n}": [] for n in names}
        for account in self.closed:
            for i, day in enumerate(days.days):
                data["ends_account"].append(account)
                data["ends_date"].append(day)
                for name in names:
                    end = days.columns[name][i]
                    data[f"shift {name}"].append(0 if end is None else self.shift(account, end))
        return _small(data)


def occurrences(period: Period, last: date) -> list[tuple[date, date]]:
    """The stretches of a period that have begun by `last`, as first and last day; one that goes on
    ends there. A yearly one comes back every year on the same days of the calendar."""
    if period.end_on is None or not period.recurs_yearly:
        stretches = [(period.start_on, period.end_on or max(period.start_on, last))]
    else:
        years = period.end_on.year - period.start_on.year
        stretches = [
            (_in_year(period.start_on, year), _in_year(period.end_on, year + years))
            for year in range(period.start_on.year, last.year + 1)
        ]
    return [(start, end) for start, end in stretches if start <= last]


def _in_year(day: date, year: int) -> date:
    try:
        return day.replace(year=year)
    except ValueError:  # 29 February in a year that has none
        return date(year, 2, 28)


def in_periods(
    periods: Iterable[Period], kind: str, days: Sequence[date], offset: int = 0
) -> dict[tuple[str, date], tuple[int, bool]]:
    """By account and asked day: days since the latest such period began, and whether it lasts,
    as it was `offset` days earlier."""
    found: dict[tuple[str, date], tuple[int, bool]] = {}
    for period in periods:
        if period.kind != kind:
            continue
        for asked in days:
            day = asked - timedelta(days=offset)
            past = occurrences(period, day)
            if past:
                since = (day - max(start for start, _ in past)).days
                lasts = any(end >= day for _, end in past)
                known = found.get((period.account_id, asked))
                if known is not None:
                    since, lasts = min(since, known[0]), lasts or known[1]
                found[period.account_id, asked] = (since, lasts)
    return found


def _small(data: Mapping[str, Sequence[object]]) -> ir.Table:
    arrays = {}
    for name, values in data.items():
        kind: pa.DataType = pa.int64()
        if name.endswith(("account", "member")):
            kind = pa.string()
        elif name.endswith("date"):
            kind = pa.date32()
        arrays[name] = pa.array(list(values), kind)
    return ibis.memtable(pa.table(arrays))


def resolve_members(
    merges: Iterable[tuple[str, str, date]], rollups: Mapping[str, Sequence[str]], days: Days
) -> list[tuple[date, str, str]]:
    """(date, member, account): whose facts count for another account on each asked day.

    Accounts that are not named count for themselves. A merged account counts for the last winner
    of its chain from the day of the merger on; a child of a rolled-up parent for both.
    """
    merges = list(merges)
    parents: dict[str, set[str]] = {}
    for parent, children in rollups.items():
        for child in children:
            parents.setdefault(child, set()).add(parent)
    rows: list[tuple[date, str, str]] = []
    for day in days.days:
        into = {loser: winner for loser, winner, on in merges if on <= day}
        for member in dict.fromkeys([*into, *parents]):
            own = _last_winner(member, into)
            above = {*parents.get(member, ()), *parents.get(own, ())}
            accounts = {own, *(_last_winner(parent, into) for parent in above)}
            rows.extend((day, member, account) for account in sorted(accounts))
    return rows


def _last_winner(account: str, into: Mapping[str, str]) -> str:
    """Into what an account was merged in the end; itself where mergers go in a circle."""
    winner, seen = account, {account}
    while winner in into:
        winner = into[winner]
        if winner in seen:
            return account
        seen.add(winner)
    return winner


def members_table(rows: Sequence[tuple[date, str, str]]) -> ir.Table:
    """The rows of resolve_members as a table: member_date, member, member_account."""
    return _small(
        {
            "member_date": [d for d, _, _ in rows],
            "member": [m for _, m, _ in rows],
            "member_account": [a for _, _, a in rows],
        }
    )
