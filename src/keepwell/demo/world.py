"""The frame of a simulation: its days, its sources of chance, and instants in local time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from random import Random
from zoneinfo import ZoneInfo


def month_start(day: date, shift: int = 0) -> date:
    """The first day of the month that lies `shift` months after the one of `day`."""
    months = day.year * 12 + day.month - 1 + shift
    return date(months // 12, months % 12 + 1, 1)


def add_months(day: date, count: int) -> date:
    """The same day of the month, `count` months later, or that month's last day."""
    first = month_start(day, count)
    last = month_start(first, 1) - timedelta(days=1)
    return first.replace(day=min(day.day, last.day))


@dataclass(frozen=True)
class World:
    """seed, size and the window of days that the company's data covers (both ends included)."""

    seed: int
    accounts: int
    months: int
    end: date

    @cached_property
    def start(self) -> date:
        return add_months(self.end, -self.months) + timedelta(days=1)

    @cached_property
    def days(self) -> tuple[date, ...]:
        count = (self.end - self.start).days + 1
        return tuple(self.start + timedelta(days=i) for i in range(count))

    @cached_property
    def month_starts(self) -> tuple[date, ...]:
        """First days of all calendar months that the window touches."""
        count = (self.end.year - self.start.year) * 12 + self.end.month - self.start.month + 1
        return tuple(month_start(self.start, i) for i in range(count))

    def index(self, day: date) -> int:
        """Position of a day in the window; negative before it."""
        return (day - self.start).days

    def month_index(self, day: date) -> int:
        """Position of the day's month among month_starts; negative before the window."""
        return (day.year - self.start.year) * 12 + day.month - self.start.month

    def chance(self, area: str, key: str = "") -> Random:
        """A generator of its own per area and key, so that no area moves another's dice."""
        return Random(f"{self.seed}/{area}/{key}")

    def some(self, share: float) -> int:
        """That share of the accounts, at least one."""
        return max(1, round(self.accounts * share))


def instant(day: date, hour: float, zone: ZoneInfo) -> datetime:
    """The UTC instant of a local day and hour (9.5 is half past nine), whole seconds."""
    midnight = datetime.combine(day, time(), tzinfo=zone)
    seconds = round(hour * 3600)
    naive = midnight.replace(tzinfo=None) + timedelta(seconds=seconds)
    return naive.replace(tzinfo=zone).astimezone(UTC)


def working_instant(chance: Random, day: date, zone: ZoneInfo) -> datetime:
    """An instant of that day in the customer's working hours."""
    return instant(day, 8.0 + 9.5 * chance.random(), zone)


def workday(day: date) -> date:
    """The day itself, or the Monday after a weekend."""
    return day + timedelta(days=max(0, 7 - day.weekday()) % 7 if day.weekday() > 4 else 0)


def poisson(chance: Random, mean: float) -> int:
    """A Poisson number by Knuth's method; meant for small means."""
    if mean <= 0:
        return 0
    limit, count, product = math.exp(-mean), 0, chance.random()
    while product > limit:
        count += 1
        product *= chance.random()
    return count


def clip(value: float, low: float, high: float) -> float:
    """The value, held between low and high."""
    return low if value < low else min(value, high)


def pick(chance: Random, weighted: dict[str, float]) -> str:
    """One key, with the probability of its weight."""
    return chance.choices(tuple(weighted), tuple(weighted.values()))[0]
