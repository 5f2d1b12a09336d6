"""When a customer works: weekends, holidays, the yearly rhythm of regions and industries."""

from __future__ import annotations

from datetime import date, timedelta

from keepwell.demo.world import World

FIXED_HOLIDAYS: dict[str, tuple[tuple[int, int], ...]] = {
    "UK": ((1, 1), (12, 25), (12, 26)),
    "DACH": ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26)),
    "Nordics": ((1, 1), (1, 6), (5, 1), (6, 6), (12, 24), (12, 25), (12, 26)),
    "US": ((1, 1), (6, 19), (7, 4), (11, 11), (12, 25)),
    "APAC": ((1, 1), (5, 1), (8, 17), (12, 25)),
}

EASTER_OFFSETS: dict[str, tuple[int, ...]] = {
    "UK": (-2, 1),
    "DACH": (-2, 1, 39, 50),
    "Nordics": (-3, -2, 1, 39),
    "US": (),
    "APAC": (-2,),
}

WEEKEND_ACTIVITY = {"hospitality": 0.55, "retail": 0.35, "healthcare": 0.3, "logistics": 0.2}
"""Share of a weekday's use on a weekend; other industries hardly work then."""

USUAL_WEEKEND = 0.06

MONTHLY_ACTIVITY: dict[str, dict[int, float]] = {
    "retail": {1: 0.92, 2: 0.93, 11: 1.08, 12: 1.06},
    "education": {7: 0.55, 8: 0.5, 12: 0.85},
    "hospitality": {1: 0.9, 7: 1.06, 8: 1.07},
    "manufacturing": {8: 0.82, 12: 0.9},
}

SUMMER_ACTIVITY: dict[str, dict[int, float]] = {
    "Nordics": {7: 0.66, 8: 0.9},
    "DACH": {8: 0.84},
    "UK": {8: 0.9},
}


def easter(year: int) -> date:
    """Easter Sunday, by the anonymous Gregorian computus."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = b // 4, b % 4
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = c // 4, c % 4
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def holidays(region: str, year: int) -> frozenset[date]:
    """Public holidays of a region in that year, as far as they matter for use."""
    found = {date(year, m, d) for m, d in FIXED_HOLIDAYS[region]}
    found |= {easter(year) + timedelta(days=o) for o in EASTER_OFFSETS[region]}
    if region == "US":
        thanksgiving = _nth_weekday(year, 11, 3, 4)
        found |= {thanksgiving, thanksgiving + timedelta(days=1), _nth_weekday(year, 9, 0, 1)}
    if region == "UK":
        found |= {_nth_weekday(year, 5, 0, 1), _nth_weekday(year, 8, 0, 4)}
    return frozenset(found)


def _activity(day: date, region: str, industry: str, closed: frozenset[date]) -> float:
    weekend = WEEKEND_ACTIVITY.get(industry, USUAL_WEEKEND)
    if day.weekday() >= 5:
        share = weekend
    elif day in closed:
        share = max(weekend, 0.08)
    else:
        share = (1.0, 1.02, 1.02, 1.0, 0.93)[day.weekday()]
    if (day.month, day.day) >= (12, 22) or (day.month, day.day) <= (1, 3):
        share *= 0.8 if industry in ("retail", "hospitality") else 0.4
    share *= MONTHLY_ACTIVITY.get(industry, {}).get(day.month, 1.0)
    return share * SUMMER_ACTIVITY.get(region, {}).get(day.month, 1.0)


def activity(world: World, region: str, industry: str) -> tuple[float, ...]:
    """For every day of the window: its share of an ordinary weekday's use."""
    years = range(world.start.year, world.end.year + 1)
    closed = frozenset().union(*(holidays(region, y) for y in years))
    return tuple(_activity(d, region, industry, closed) for d in world.days)
