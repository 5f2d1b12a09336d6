"""Days on which an account is closed: windows skip them, and ages do not grow on them."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import pytest

from keepwell.facts.context import Cover
from keepwell.metrics.calendar import EPOCH, Closures, number_of
from tests.metrics.measuring import Row, Tables, account, given, measured, metrics

METRICS = metrics("""
    week: {count: rows, from: tickets, over: 7 days}
    month: {count: rows, from: tickets, over: 30 days}
    ever: {count: rows, from: tickets}
    since: {days_since_last: opened_at, from: tickets}
    people: {count_distinct: requester_id, from: tickets, over: 7 days}
    usage: {sum: value, from: usage_daily, over: 7 days}
    users: {count_distinct: person_id, from: usage_daily, over: 7 days}
    used: {days_since_last: day, from: usage_daily}
    seats: {sum: seats, from: subscriptions}
    week_before: {formula: "before(week, 7 days)"}
    """)


def closed(account_id: str, start: str, end: str | None, yearly: bool = False) -> Row:
    return {
        "period_id": f"{account_id} {start}",
        "account_id": account_id,
        "kind": "seasonal_closure",
        "start_on": start,
        "end_on": end,
        "recurs_yearly": yearly,
    }


def ticket(day: date | str, account_id: str = "a", person: str = "p") -> Row:
    return {
        "ticket_id": f"{account_id} {day} {person}",
        "account_id": account_id,
        "requester_id": person,
        "opened_at": f"{day}T12:00:00",
    }


def test_a_window_skips_closed_days_and_what_happened_on_them() -> None:
    tables: Tables = {
        "accounts": [account("a"), account("open")],
        "account_periods": [closed("a", "2026-03-05", "2026-03-14")],
        "tickets": [
            ticket(f"2026-03-{day:02}", name)
            for name in ("a", "open")
            for day in (1, 2, 3, 4, 5, 10, 15, 16)
        ],
    }
    found = measured(METRICS, given(tables), date(2026, 3, 17), ["week", "ever", "since"])
    # Seven open days end on the 17th: 17, 16, 15, then 4, 3, 2 and 1.
    assert found.of("a") == {"week": 6, "ever": 8, "since": 1}
    assert found.of("open") == {"week": 2, "ever": 8, "since": 1}


def test_an_age_does_not_grow_while_the_account_is_closed() -> None:
    tables: Tables = {
        "account_periods": [closed("a", "2026-03-05", "2026-03-14")],
        "tickets": [ticket("2026-03-03")],
    }
    days = [date(2026, 3, n) for n in (3, 4, 5, 14, 15, 16)]
    found = measured(METRICS, given(tables), days, ["since"])
    assert found.by_day("since") == [0, 1, 1, 1, 2, 3]


def test_a_closure_ends_with_its_last_day_and_comes_back_every_year() -> None:
    tables: Tables = {
        "account_periods": [closed("a", "2024-12-20", "2025-01-06", yearly=True)],
        "tickets": [ticket("2025-12-19"), ticket("2026-01-06"), ticket("2026-01-07")],
    }
    days = [date(2025, 12, 19), date(2026, 1, 6), date(2026, 1, 7), date(2026, 1, 13)]
    found = measured(METRICS, given(tables), days, ["week"])
    assert found.by_day("week") == [1, 1, 2, 1]


def test_what_holds_on_a_day_has_nothing_to_do_with_closures() -> None:
    subscription = {"subscription_id": "s", "account_id": "a", "status": "active", "seats": 5,
                    "value_from": "2026-01-01", "start_on": "2026-01-01", "mrr": 1,
                    "currency": "USD"}  # fmt: skip
    tables: Tables = {
        "account_periods": [closed("a", "2026-03-05", None)],
        "subscriptions": [subscription],
    }
    assert measured(METRICS, given(tables), date(2026, 3, 17), ["seats"])("seats") == 5


def test_without_an_end_everything_since_is_skipped() -> None:
    tables: Tables = {
        "account_periods": [closed("a", "2026-03-05", None)],
        "tickets": [ticket("2026-03-04"), ticket("2026-03-10")],
    }
    found = measured(METRICS, given(tables), date(2026, 8, 1), ["week", "since", "ever"])
    assert found.of() == {"week": 1, "since": 0, "ever": 2}


def _expected(rows: list[date], crossed: set[date], asked: date, over: int, back: int = 0) -> int:
    """Rows on the `over` latest open days after leaving out the `back` latest open ones."""
    open_days: list[date] = []
    day = asked
    while len(open_days) < over + back:
        if day not in crossed:
            open_days.append(day)
        day -= timedelta(days=1)
    return sum(row in open_days[back:] for row in rows)


def test_windows_and_ages_as_somebody_with_a_calendar_would_count_them() -> None:
    rng = Random(11)
    names = [f"a{i}" for i in range(8)]
    periods, tickets, usage = [], [], []
    happened: dict[str, list[date]] = {}
    start = date(2021, 1, 1)
    for name in names:
        for _ in range(rng.randrange(1, 4)):
            first = start + timedelta(days=rng.randrange(1700))
            last = first + timedelta(days=rng.randrange(80))
            periods.append(closed(name, str(first), str(last), rng.random() < 0.5))
        days = sorted({start + timedelta(days=rng.randrange(1850)) for _ in range(250)})
        happened[name] = days
        tickets += [ticket(day, name, f"p{day.day % 4}") for day in days]
        usage += [
            {"account_id": name, "person_id": f"p{day.day % 4}", "day": str(day), "metric": "m",
             "value": 1}
            for day in days
        ]  # fmt: skip
    tables: Tables = {
        "accounts": [account(name) for name in names],
        "account_periods": periods,
        "tickets": tickets,
        "usage_daily": usage,
    }
    asked = [date(2025, 7, 1), date(2025, 1, 3), date(2022, 2, 1)]
    facts = given(tables)
    crossings = Closures.of(facts.periods(), max(asked)).closed
    found = measured(METRICS, facts, asked)
    for name in names:
        crossed = {EPOCH + timedelta(days=d) for d in crossings[name]}
        for day in asked:
            rows = [d for d in happened[name] if d <= day]
            assert found("week", name, day) == _expected(rows, crossed, day, 7)
            assert found("month", name, day) == _expected(rows, crossed, day, 30)
            assert found("week_before", name, day) == _expected(rows, crossed, day, 7, back=7)
            assert found("usage", name, day) == found("week", name, day)
            assert found("users", name, day) == found("people", name, day)
            span = range(number_of(rows[-1]) + 1, number_of(day) + 1)
            age = sum(EPOCH + timedelta(days=d) not in crossed for d in span)
            assert found("since", name, day) == found("used", name, day) == age
    for day in asked:
        assert measured(METRICS, facts, day).rows == {
            key: row for key, row in found.rows.items() if key[1] == day
        }


@pytest.mark.parametrize(
    ("covered_from", "value"),
    [
        # Seven open days before the 17th of March begin on the 1st: the account is closed from the
        # 5th to the 14th.
        (date(2026, 3, 1), 1),
        (date(2026, 3, 2), None),
        (date(2026, 3, 11), None),
    ],
)
def test_a_window_is_known_when_all_its_open_days_are_covered(
    covered_from: date, value: float | None
) -> None:
    tables: Tables = {
        "account_periods": [closed("a", "2026-03-05", "2026-03-14")],
        "tickets": [ticket("2026-03-15")],
    }
    facts = given(tables, coverage=[Cover("desk", "tickets", covered_from, date(2026, 3, 31))])
    assert measured(METRICS, facts, date(2026, 3, 17), ["week"])("week") == value


def test_since_the_start_means_open_days_since_the_start() -> None:
    found = metrics("""
        since: {days_since_last: opened_at, from: tickets, none_means: since_start}
        new: {days_since_first: requester_id, from: tickets, over: 10 days}
        """)
    tables: Tables = {
        "accounts": [account("a"), account("late", customer_since="2026-03-08"), account("open")],
        "account_periods": [
            closed("a", "2026-03-05", "2026-03-14"), closed("late", "2026-03-05", "2026-03-14"),
        ],
        "tickets": [ticket("2026-03-03", "a", "p"), ticket("2026-03-03", "other")],
    }  # fmt: skip
    coverage = [Cover("desk", "tickets", date(2026, 3, 1), date(2026, 12, 31))]
    days = [date(2026, 3, 17), date(2026, 3, 21), date(2026, 3, 22)]
    values = measured(found, given(tables, coverage=coverage), days)
    assert values.by_day("since", "a") == [4, 8, 9]
    assert values.by_day("since", "late") == [3, 7, 8]
    assert values.by_day("since", "open") == [16, 20, 21]
    # Ten open days since the start of coverage are over on the 21st.
    assert values.by_day("new", "a") == [None, 8, 9]
