"""Windows and local days: nothing shifts them, whatever the calendar and the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from tests.metrics.measuring import Row, Tables, Values, account, given, measured, metrics

METRICS = metrics("""
    today: {count: rows, from: tickets, over: 1 day}
    week: {count: rows, from: tickets, over: 7 days}
    month: {count: rows, from: tickets, over: 30 days}
    ever: {count: rows, from: tickets}
    since: {days_since_last: opened_at, from: tickets}
    yesterday: {formula: "before(today, 1 day)"}
    week_before: {formula: "before(week, 7 days)"}
    """)
ZONES = ["Pacific/Kiritimati", "Asia/Kolkata", "Europe/London", "America/New_York",
         "America/St_Johns", "Pacific/Pago_Pago"]  # fmt: skip


def ticket(zone: str, day: date, hour: int, minute: int = 0, fold: int = 0) -> Row:
    """A ticket opened at that wall clock time of the account whose key is its zone."""
    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone), fold=fold)
    opened = local.astimezone(UTC)
    return {"ticket_id": f"{zone} {opened}", "account_id": zone, "opened_at": opened}


def around(day: date) -> list[date]:
    return [day + timedelta(days=n) for n in (-1, 0, 1)]


HARD = [
    date(2024, 2, 29), date(2023, 2, 28), date(2025, 12, 31), date(2026, 3, 8), date(2026, 3, 29),
    date(2026, 10, 25), date(2025, 11, 2), date(2026, 6, 30),
]  # fmt: skip


@cache
def edges() -> Values:
    """Two tickets on each hard day: half a minute's walk from either midnight."""
    rows = [
        ticket(zone, day, hour, minute)
        for zone in ZONES
        for day in HARD
        for hour, minute in ((0, 0), (23, 59))
    ]
    days = sorted({d for day in HARD for d in around(day)})
    accounts = [account(zone, timezone=zone) for zone in ZONES]
    return measured(METRICS, given({"accounts": accounts, "tickets": rows}), days)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("day", HARD, ids=str)
def test_what_happened_near_midnight_belongs_to_the_local_day(zone: str, day: date) -> None:
    before, same, after = around(day)
    found = edges()
    assert [found("today", zone, d) for d in (before, same, after)] == [0, 2, 0]
    assert [found("since", zone, d) for d in (same, after)] == [0, 1]
    assert found("yesterday", zone, after) == 2
    assert found("week", zone, before) + 2 == found("week", zone, same) == 2


def test_the_hour_that_comes_twice_and_the_day_of_23_hours_count_once() -> None:
    zone = "Europe/London"
    rows = [
        ticket(zone, date(2026, 10, 25), 1, 30, fold=0),
        ticket(zone, date(2026, 10, 25), 1, 30, fold=1),
        ticket(zone, date(2026, 3, 29), 0, 59),
        ticket(zone, date(2026, 3, 29), 2, 1),
    ]
    days = [date(2026, 3, 29), date(2026, 10, 24), date(2026, 10, 25), date(2026, 10, 26)]
    tables: Tables = {"accounts": [account(zone, timezone=zone)], "tickets": rows}
    assert measured(METRICS, given(tables), days, ["today"]).by_day("today", zone) == [2, 0, 2, 0]


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        (date(2024, 3, 1), date(2024, 2, 1)),  # a leap year's February
        (date(2023, 3, 1), date(2023, 1, 31)),
        (date(2024, 2, 29), date(2024, 1, 31)),
        (date(2025, 3, 31), date(2025, 3, 2)),
        (date(2026, 1, 5), date(2025, 12, 7)),
        (date(2026, 4, 10), date(2026, 3, 12)),  # the clocks go forward in between
        (date(2026, 11, 10), date(2026, 10, 12)),
    ],
)
def test_a_window_of_30_days_is_30_days_long(asked: date, first: date) -> None:
    assert (asked - first).days == 29
    zone = "America/New_York"
    rows = [
        ticket(zone, first - timedelta(days=1), 23, 59),
        ticket(zone, first, 0, 0),
        ticket(zone, asked, 23, 59),
        ticket(zone, asked + timedelta(days=1), 0, 0),
    ]
    tables: Tables = {"accounts": [account(zone, timezone=zone)], "tickets": rows}
    found = measured(METRICS, given(tables), asked)
    assert found("month", zone) == 2
    assert found("ever", zone) == 3
    assert found("since", zone) == 0


def test_each_account_has_its_own_day() -> None:
    instant = datetime(2026, 3, 10, 10, 30, tzinfo=UTC)
    rows = [{"ticket_id": zone, "account_id": zone, "opened_at": instant} for zone in ZONES]
    accounts = [account(zone, timezone=zone) for zone in ZONES]
    tables: Tables = {"accounts": accounts, "tickets": rows}
    found = measured(METRICS, given(tables), around(date(2026, 3, 10)), ["today"])
    days = {zone: found.by_day("today", zone).index(1) - 1 for zone in ZONES}
    assert days == {
        "Pacific/Kiritimati": 1, "Asia/Kolkata": 0, "Europe/London": 0, "America/New_York": 0,
        "America/St_Johns": 0, "Pacific/Pago_Pago": -1,
    }  # fmt: skip


def test_an_account_without_a_time_zone_has_the_project_s() -> None:
    tables: Tables = {
        "accounts": [account("none"), account("own", timezone="UTC")],
        "tickets": [
            {"ticket_id": name, "account_id": name, "opened_at": "2026-03-10T20:00:00"}
            for name in ("none", "own")
        ],
    }
    facts = given(tables, project_timezone="Asia/Tokyo")
    found = measured(METRICS, facts, around(date(2026, 3, 10)), ["today"])
    assert found.by_day("today", "none") == [0, 0, 1]
    assert found.by_day("today", "own") == [0, 1, 0]


def test_one_looks_back_by_whole_days() -> None:
    day = date(2026, 3, 15)
    rows = [
        {"ticket_id": str(n), "account_id": "a", "opened_at": f"2026-03-{15 - n:02}T12:00:00"}
        for n in (0, 1, 1, 6, 7, 7, 7, 13, 14)
    ]
    for i, row in enumerate(rows):
        row["ticket_id"] = str(i)
    found = measured(METRICS, given({"tickets": rows}), day)
    assert found.of() == {
        "today": 1, "week": 4, "month": 9, "ever": 9, "since": 0, "yesterday": 2, "week_before": 4,
    }  # fmt: skip


def test_instants_become_days_of_the_account() -> None:
    found = metrics("""
        first: {min: opened_at, from: tickets, unit: date}
        last: {max: opened_at, from: tickets, unit: date}
        latest: {latest: closed_at, from: tickets, order_by: closed_at, unit: date}
        took: {max: "days_between(opened_at, closed_at)", from: tickets, unit: days}
        """)
    rows = [
        {"ticket_id": "1", "account_id": "a", "opened_at": "2026-03-09T15:30:00",
         "closed_at": "2026-03-10T14:59:00"},
        {"ticket_id": "2", "account_id": "a", "opened_at": "2026-03-10T15:30:00"},
    ]  # fmt: skip
    tables: Tables = {"accounts": [account("a", timezone="Asia/Tokyo")], "tickets": rows}
    assert measured(found, given(tables), date(2026, 3, 20)).of() == {
        "first": date(2026, 3, 10), "last": date(2026, 3, 11), "latest": date(2026, 3, 10),
        "took": 0,
    }  # fmt: skip


def test_the_greatest_and_least_day_are_days_wherever_they_are_counted() -> None:
    found = metrics("""
        first: {min: day, from: usage_daily, unit: date}
        last: {max: day, from: usage_daily, where: metric = 'login', unit: date}
        last_7d: {max: day, from: usage_daily, over: 7 days, unit: date}
        """)
    usage = [
        {"account_id": "a", "day": f"2026-03-{day:02}", "metric": metric, "value": 1}
        for day, metric in ((1, "login"), (5, "login"), (9, "other"))
    ]
    assert measured(found, given({"usage_daily": usage}), date(2026, 3, 20)).of() == {
        "first": date(2026, 3, 1), "last": date(2026, 3, 5), "last_7d": None,
    }  # fmt: skip


def test_a_row_of_no_known_day_has_happened_but_lies_in_no_window() -> None:
    found = metrics("""
        ever: {count: rows, from: invoices}
        lately: {count: rows, from: invoices, over: 365 days}
        """)
    rows = [
        {"invoice_id": "1", "account_id": "a", "amount": 1, "currency": "USD"},
        {"invoice_id": "2", "account_id": "a", "amount": 1, "currency": "USD",
         "issued_on": "2026-03-01"},
    ]  # fmt: skip
    facts = given({"invoices": rows})
    assert measured(found, facts, date(2026, 3, 20)).of() == {"ever": 2, "lately": 1}
    days = [date(2026, 2, 1), date(2026, 3, 20)]
    assert measured(found, facts, days).by_day("ever") == [1, 2]


def test_days_since_something_new_wait_until_enough_days_are_covered() -> None:
    found = metrics("""
        since_new: {days_since_first: feature_key, from: usage_daily, over: 30 days}
        """)
    usage = [
        {"account_id": "a", "day": f"2026-03-{day:02}", "metric": "m", "feature_key": feature,
         "value": 1}
        for day, feature in ((1, "f1"), (2, "f1"), (5, "f2"), (20, "f1"), (25, None), (28, "f2"))
    ]  # fmt: skip
    days = [date(2026, 3, 1), date(2026, 3, 4), date(2026, 3, 5), date(2026, 3, 28)]
    facts = given({"usage_daily": usage})
    assert measured(found, facts, days).by_day("since_new") == [0, 3, 0, 23]
    new = given({"accounts": [account("a", customer_since="2026-02-10")], "usage_daily": usage})
    days = [date(2026, 3, 11), date(2026, 3, 12), date(2026, 3, 28)]
    assert measured(found, new, days).by_day("since_new") == [None, 7, 23]
