"""The days that are asked for, which days a source has covered, and on which an account is closed.

Days travel as whole numbers since 1970-01-01. What differs only from one asked day to the next is
worked out here in Python and becomes the columns of a small table, so that the SQL of a pass is the
same for any days.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

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
    """Of one asked day: the first and the last day of the last ones, without a gap, that the
    sources of a fact have covered."""

    start: int
    end: int


def covered_on(
    day: date, covers: Sequence[Cover], families: frozenset[str], retired: frozenset[str]
) -> Covered | None:
    """What is covered on that day, or None where no source had begun: the last days, up to the
    first gap between the days of all sources.

    The source that is furthest behind decides, for its accounts would otherwise seem to have gone
    silent. A source that ended when another one began has been replaced and is not waited for.
    """
    spans: dict[str, list[tuple[date, date]]] = {}
    for cover in covers:
        if cover.family in families and cover.from_day <= day and cover.state == "complete":
            spans.setdefault(cover.source, []).append((cover.from_day, min(cover.to_day, day)))
    if not spans:
        return None
    first = {source: min(begin for begin, _ in own) for source, own in spans.items()}
    last = {source: max(until for _, until in own) for source, own in spans.items()}
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
    every = [span for own in spans.values() for span in own if span[0] <= end]
    return Covered(number_of(_without_gap(every, end)), number_of(end))


def _without_gap(spans: Iterable[tuple[date, date]], last: date) -> date:
    """From when on the spans hold every day up to the last."""
    first = last
    for begin, until in sorted(spans, key=lambda span: span[1], reverse=True):
        if until < first - timedelta(days=1):
            break
        first = min(first, begin)
    return first


@dataclass
class Days:
    """The asked days, with named whole numbers that differ by day."""

    days: tuple[date, ...]
    columns: dict[str, tuple[int | None, ...]] = field(default_factory=dict)

    def named(self, what: str, values: Sequence[int | None]) -> str:
        """The name of a number for each asked day; equal numbers of a kind have one name."""
        given = tuple(values)
        alike = [n for n in self.columns if n.startswith(what)]
        for name in alike:
            if self.columns[name] == given:
                return name
        name = f"{what} {len(alike)}"
        self.columns[name] = given
        return name

    def table(self) -> pa.Table:
        """One row per asked day: asked_on, asked_day and every named number."""
        return pa.table(
            {
                ASKED_ON: pa.array(self.days, pa.date32()),
                ASKED_DAY: pa.array([number_of(d) for d in self.days], pa.int64()),
                **{name: pa.array(values, pa.int64()) for name, values in self.columns.items()},
            }
        )


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

    def stretch(self, open_days: int, last: int) -> int:
        """How many days back from `last` any account needs to have been open on so many of them."""
        longest = open_days
        for account in self.closed:
            days = open_days
            while (closed := self.between(account, last - days + 1, last)) > days - open_days:
                days = open_days + closed
            longest = max(longest, days)
        return longest

    def between(self, account: str, first: int, last: int) -> int:
        """How many closed days there are from the first to the last, both included."""
        days = self.closed.get(account, ())
        return max(bisect_right(days, last) - bisect_left(days, first), 0)

    def shift(self, account: str, day: int) -> int:
        """How many closed days there are up to and including that day."""
        return bisect_right(self.closed[account], day)

    def table(self, last: int) -> pa.Table:
        """closed_account, closed_day, row_shift and row_closed (0 or 1) for every day of accounts
        that are ever closed, from their first closed day on: there are none to count before."""
        rows = [
            (account, day, self.shift(account, day), int(day in closed))
            for account, days in self.closed.items()
            for closed in [frozenset(days)]
            for day in range(days[0], last + 1)
        ]
        kinds = {"closed_account": pa.string(), "closed_day": pa.int64(),
                 "row_shift": pa.int64(), "row_closed": pa.int64()}  # fmt: skip
        columns = [
            pa.array([row[i] for row in rows], kind) for i, kind in enumerate(kinds.values())
        ]
        return pa.table(columns, names=list(kinds))


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
