"""The calendar by itself: recurring periods, closed days, coverage, and who counts for whom."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

import pytest

from keepwell.facts.context import Cover, Period
from keepwell.metrics.calendar import (
    Closures,
    Days,
    covered_on,
    in_periods,
    number_of,
    occurrences,
    resolve_members,
)

CLOSED = "seasonal_closure"


def period(start: str, end: str | None, yearly: bool = False, kind: str = CLOSED) -> Period:
    last = None if end is None else date.fromisoformat(end)
    return Period("a", kind, date.fromisoformat(start), last, yearly)


def day(text: str) -> date:
    return date.fromisoformat(text)


# --- periods --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "last", "stretches"),
    [
        (period("2024-07-01", "2024-07-31"), "2026-01-01", ["2024-07-01 2024-07-31"]),
        (period("2024-07-01", None), "2024-08-05", ["2024-07-01 2024-08-05"]),
        (period("2024-07-01", "2024-07-31"), "2024-06-30", []),
        (period("2024-07-01", "2024-07-31", True), "2026-07-10",
         ["2024-07-01 2024-07-31", "2025-07-01 2025-07-31", "2026-07-01 2026-07-31"]),
        (period("2024-12-20", "2025-01-06", True), "2026-12-25",
         ["2024-12-20 2025-01-06", "2025-12-20 2026-01-06", "2026-12-20 2027-01-06"]),
        # The end stays the first of March, whether the year has a 29 February or not.
        (period("2023-02-01", "2023-03-01", True), "2025-12-31",
         ["2023-02-01 2023-03-01", "2024-02-01 2024-03-01", "2025-02-01 2025-03-01"]),
        (period("2024-02-29", "2024-03-02", True), "2028-12-31",
         ["2024-02-29 2024-03-02", "2025-02-28 2025-03-02", "2026-02-28 2026-03-02",
          "2027-02-28 2027-03-02", "2028-02-29 2028-03-02"]),
        (period("2024-02-20", "2024-02-29", True), "2025-12-31",
         ["2024-02-20 2024-02-29", "2025-02-20 2025-02-28"]),
        (period("2024-05-01", None, True), "2025-06-01", ["2024-05-01 2025-06-01"]),
    ],
)  # fmt: skip
def test_a_yearly_period_comes_back_on_the_same_days(
    given: Period, last: str, stretches: list[str]
) -> None:
    assert [f"{start} {end}" for start, end in occurrences(given, day(last))] == stretches


def test_whether_a_period_lasts_and_since_when_it_began() -> None:
    periods = [
        period("2024-07-01", "2024-07-31", True),
        period("2025-07-20", "2025-08-10"),
        period("2025-01-01", None, kind="other"),
    ]
    asked = [day(d) for d in ("2024-06-30", "2024-07-01", "2024-08-01", "2025-07-25", "2025-08-05",
                              "2025-08-11", "2026-06-30")]  # fmt: skip
    found = in_periods(periods, CLOSED, asked)
    assert [found.get(("a", d)) for d in asked] == [
        None, (0, True), (31, False), (5, True), (16, True), (22, False), (345, False),
    ]  # fmt: skip
    assert in_periods(periods, "holiday", asked) == {}
    # Seen from 30 days earlier, and asked for day by day.
    earlier = in_periods(periods, CLOSED, [d + timedelta(days=30) for d in asked], offset=30)
    assert {(a, d - timedelta(days=30)): v for (a, d), v in earlier.items()} == found
    for one in asked:
        single = in_periods(periods, CLOSED, [one])
        assert single.get(("a", one)) == found.get(("a", one))


def test_a_period_that_began_long_ago_began_then() -> None:
    found = in_periods([period("1990-01-01", None)], CLOSED, [day("2026-01-01")])
    assert found["a", day("2026-01-01")] == ((day("2026-01-01") - day("1990-01-01")).days, True)


def test_closed_days_are_counted_like_a_calendar_is_crossed_out() -> None:
    rng = Random(5)
    first, last = day("2023-01-01"), day("2026-06-30")
    for _ in range(30):
        periods = []
        crossed: set[date] = set()
        for _ in range(rng.randrange(1, 4)):
            start = first + timedelta(days=rng.randrange(800))
            end = start + timedelta(days=rng.randrange(60))
            yearly = rng.random() < 0.5
            periods.append(Period("a", CLOSED, start, end, yearly))
            for one, two in occurrences(periods[-1], last):
                days = (min(two, last) - one).days + 1
                crossed |= {one + timedelta(days=n) for n in range(days)}
        closures = Closures.of(periods, last)
        assert closures.closed["a"] == tuple(sorted(number_of(d) for d in crossed))
        for _ in range(20):
            start = first + timedelta(days=rng.randrange(1200))
            end = start + timedelta(days=rng.randrange(-5, 200))
            inside = [d for d in crossed if start <= d <= end]
            assert closures.between("a", number_of(start), number_of(end)) == len(inside)
            wanted, back, open_days = rng.randrange(1, 120), end, 0
            while open_days < wanted:
                open_days += back not in crossed
                back -= timedelta(days=1)
            assert closures.stretch(wanted, number_of(end)) == (end - back).days
    nobody = Closures.of([period("2024-01-01", None, kind="onboarding")], last)
    assert (nobody.closed, nobody.stretch(7, 9), nobody.between("a", 0, 99_999)) == ({}, 7, 0)


# --- coverage -------------------------------------------------------------------------------------


def cover(source: str, first: int, last: int, family: str = "tickets") -> Cover:
    begin = day("2026-01-01")
    return Cover(source, family, begin + timedelta(days=first), begin + timedelta(days=last))


@pytest.mark.parametrize(
    ("covers", "retired", "span"),
    [
        ([], [], None),
        ([cover("crm", 40, 50)], [], None),  # has not begun
        ([cover("crm", 0, 50)], [], (0, 30)),
        ([cover("crm", 0, 20)], [], (0, 20)),
        ([cover("crm", 0, 9), cover("crm", 15, 20)], [], (15, 20)),
        ([cover("crm", 0, 9), cover("crm", 15, 20), cover("x", 3, 25)], ["x"], (0, 20)),
        ([cover("crm", 0, 9), cover("crm", 10, 20), cover("crm", 5, 8)], [], (0, 20)),
        # The source that is furthest behind decides...
        ([cover("crm", 0, 25), cover("desk", 5, 20)], [], (0, 20)),
        ([cover("crm", 0, 25), cover("desk", 5, 20)], ["desk"], (0, 25)),
        ([cover("crm", 0, 25), cover("desk", 5, 20)], ["desk", "crm"], (0, 25)),
        # ...unless another one took over from it.
        ([cover("old", 0, 10), cover("new", 11, 30)], [], (0, 30)),
        ([cover("old", 0, 10), cover("new", 12, 30)], [], (12, 30)),
        ([cover("old", 0, 10), cover("new", 10, 30)], [], (0, 30)),
        ([cover("old", 0, 10), cover("new", 9, 30)], [], (0, 30)),
        ([cover("old", 0, 10), cover("new", 8, 30)], [], (0, 10)),
        ([cover("crm", 0, 30), cover("x", 0, 5, "invoices")], [], (0, 30)),
    ],
)
def test_what_is_covered_on_a_day(
    covers: Sequence[Cover], retired: list[str], span: tuple[int, int] | None
) -> None:
    asked = day("2026-01-31")
    found = covered_on(asked, covers, frozenset({"tickets"}), frozenset(retired))
    start = number_of(day("2026-01-01"))
    assert (found and (found.start - start, found.end - start)) == span


def test_a_source_that_was_retired_says_nothing_of_days() -> None:
    gone = Cover("crm", "tickets", day("2026-01-05"), day("2026-01-05"), "retired")
    assert covered_on(day("2026-01-31"), [gone], frozenset({"tickets"}), frozenset()) is None


# --- who counts for whom --------------------------------------------------------------------------

MARCH = day("2026-03-10")
Merges = list[tuple[str, str, date]]


def members(merges: Merges, rollups: dict[str, list[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for asked, member, account in resolve_members(merges, rollups, Days((MARCH,))):
        assert asked == MARCH
        found.setdefault(member, []).append(account)
    return found


def test_a_merged_account_counts_for_the_last_winner_from_that_day_on() -> None:
    early, late = day("2026-03-10"), day("2026-03-11")
    assert members([("a", "b", early)], {}) == {"a": ["b"]}
    assert members([("a", "b", late)], {}) == {}
    assert members([("a", "b", early), ("b", "c", early)], {}) == {"a": ["c"], "b": ["c"]}
    assert members([("a", "b", early), ("b", "c", late)], {}) == {"a": ["b"]}
    # In a circle nobody has won.
    assert members([("a", "b", early), ("b", "a", early)], {}) == {"a": ["a"], "b": ["b"]}


def test_a_child_counts_for_itself_and_for_every_parent_that_is_rolled_up() -> None:
    assert members([], {"top": ["mid", "leaf"], "mid": ["leaf"]}) == {
        "mid": ["mid", "top"],
        "leaf": ["leaf", "mid", "top"],
    }


@pytest.mark.parametrize(
    ("merge", "found"),
    [
        (("child", "other"), {"child": ["other", "top"]}),
        (("child", "top"), {"child": ["top"]}),
        (("top", "other"), {"child": ["child", "other"], "top": ["other"]}),
        # What was merged into a child counts for the child's parent too.
        (("other", "child"), {"child": ["child", "top"], "other": ["child", "top"]}),
    ],
)
def test_mergers_and_hierarchies_go_together(
    merge: tuple[str, str], found: dict[str, list[str]]
) -> None:
    assert members([(*merge, MARCH)], {"top": ["child"]}) == found
