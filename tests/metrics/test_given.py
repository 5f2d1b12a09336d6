"""Values that a person or a sheet gave: they win while they hold, and after that they are stale."""

from __future__ import annotations

from datetime import date
from typing import Any

from tests.metrics.measuring import END, Row, Tables, account, always, given, measured, metrics

METRICS = metrics("""
    rating: {assessed: {from: 0, to: 10}, expires: 10 days}
    opinion: {assessed: [good, bad], states: {asked: tickets > 0}}
    tickets: {count: rows, from: tickets, over: 30 days}
    seats: {sum: seats, from: subscriptions}
    sponsor: {formula: seats > 5, unit: yes_no}
    renews_on: {latest: renews_on, from: subscriptions, unit: date}
    per_seat: {formula: tickets / seats}
    doubled: {formula: rating * 2}
    change: {change: rating, since: 7 days}
    """)
DAY = date(2026, 3, 10)


def told(key: str, value: Any, day: str = "2026-03-01", **more: Any) -> Row:
    is_number = isinstance(value, int | float)
    answer = {"answer_number": value} if is_number else {"answer_code": value}
    return {"assessment_id": f"{key} {value} {day} {len(more)}", "account_id": "a",
            "question_key": key, "author_id": "u", "assessed_at": f"{day}T12:00:00",
            **answer, **more}  # fmt: skip


def facts(*assessments: Row, **tables: Any) -> Any:
    rows: Tables = {"assessments": list(assessments), **tables}
    return given(rows, coverage=always("tickets", "subscriptions"))


def ticket(day: str) -> Row:
    return {"ticket_id": day, "account_id": "a", "opened_at": f"{day}T12:00:00"}


def subscription(seats: int) -> Row:
    return {"subscription_id": "s", "account_id": "a", "status": "active", "seats": seats,
            "value_from": "2026-01-01", "start_on": "2026-01-01", "renews_on": "2026-12-01",
            "mrr": 1, "currency": "USD"}  # fmt: skip


def test_a_rating_holds_until_it_expires_and_is_stale_after_that() -> None:
    days = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 11), date(2026, 3, 12), END]
    found = measured(METRICS, facts(told("rating", 8)), days)
    assert found.by_day("rating") == [None, 8, 8, 8, 8]
    assert [found.age("rating", day=d) for d in days[:4]] == [None, 0, 10, 11]
    assert [found.stale("rating", day=d) for d in days] == [False, False, False, True, True]
    # What is made of it is as old and as stale.
    assert found.by_day("doubled") == [None, 16, 16, 16, 16]
    assert [found.age("doubled", day=d) for d in days[:4]] == [None, 0, 10, 11]
    assert [found.stale("doubled", day=d) for d in days] == [False, False, False, True, True]


def test_the_newest_rating_counts_also_when_an_older_one_would_still_hold() -> None:
    ratings = [
        told("rating", 3, "2026-03-01"), told("rating", 7, "2026-03-05"),
        told("rating", 9, "2026-03-11"),
    ]  # fmt: skip
    days = [date(2026, 3, 4), date(2026, 3, 5), date(2026, 3, 10), date(2026, 3, 11)]
    assert measured(METRICS, facts(*ratings), days, ["rating"]).by_day("rating") == [3, 7, 7, 9]


def test_of_two_ratings_at_one_instant_the_later_one_by_its_id_counts() -> None:
    ratings = [told("rating", value, assessment_id=ident) for ident, value in (("2", 5), ("1", 8))]
    for order in (ratings, ratings[::-1]):
        assert measured(METRICS, facts(*order), DAY, ["rating"])("rating") == 5


def test_a_rating_may_say_itself_how_long_it_holds() -> None:
    rating = told("rating", 8, expires_at="2026-03-04T00:00:00")
    days = [date(2026, 3, 3), date(2026, 3, 4)]
    found = measured(METRICS, facts(rating), days, ["rating"])
    assert [found.stale("rating", day=d) for d in days] == [False, True]


def test_a_rating_counts_from_its_day_in_the_account_s_time_zone() -> None:
    rating = told("rating", 8, assessed_at="2026-03-01T20:00:00")
    days = [date(2026, 3, 1), date(2026, 3, 2)]
    tokyo = facts(rating, accounts=[account("a", timezone="Asia/Tokyo")])
    assert measured(METRICS, tokyo, days, ["rating"]).by_day("rating") == [None, 8]


def test_any_metric_may_be_given_and_wins_over_what_was_counted_while_it_holds() -> None:
    rows = {"tickets": [ticket("2026-02-20")], "subscriptions": [subscription(4)]}
    given_values = facts(told("tickets", 12), told("seats", 6), **rows)
    days = [date(2026, 2, 28), DAY, date(2026, 4, 15), date(2026, 4, 16)]
    found = measured(METRICS, given_values, days)
    assert found.by_day("tickets") == [1, 12, 12, 0]
    assert found.by_day("seats") == [4, 6, 6, 4]
    assert found.by_day("per_seat") == [0.25, 2, 2, 0]
    assert found.by_day("sponsor") == ["no", "yes", "yes", "no"]
    assert [found.age("tickets", day=d) for d in days] == [0, 9, 45, 0]
    assert not any(found.stale("tickets", day=d) for d in days)


def test_where_nothing_is_counted_an_expired_value_is_better_than_none_but_stale() -> None:
    nothing = given({"assessments": [told("tickets", 12)]}, coverage=[])
    days = [DAY, date(2026, 6, 1)]
    found = measured(METRICS, nothing, days, ["tickets"])
    assert found.by_day("tickets") == [12, 12]
    assert [found.stale("tickets", day=d) for d in days] == [False, True]


def test_categories_days_and_truths_can_be_given() -> None:
    rows = {"subscriptions": [subscription(4)]}
    values = facts(
        told("opinion", "good"), told("sponsor", "yes"), told("renews_on", "2027-05-01"), **rows
    )
    found = measured(METRICS, values, DAY)
    assert found.of() | {"rating": 0} == {
        "rating": 0, "opinion": "good", "tickets": 0, "seats": 4, "sponsor": "yes",
        "renews_on": date(2027, 5, 1), "per_seat": 0, "doubled": None, "change": None,
    }  # fmt: skip


def test_a_day_that_cannot_be_read_is_no_day_and_stops_nothing() -> None:
    texts = {"a": "soon", "b": "31.12.2026", "c": "2026-02-30", "d": "", "e": "2026-02-28"}
    values = facts(
        *(told("renews_on", text, account_id=name) for name, text in texts.items()),
        accounts=[account(name) for name in texts],
    )
    found = measured(METRICS, values, DAY, ["renews_on"]).by_account("renews_on")
    assert found == {**dict.fromkeys("abcd"), "e": date(2026, 2, 28)}


def test_a_state_can_be_given_in_place_of_a_value() -> None:
    days = [DAY, date(2026, 6, 1)]
    rows = {"tickets": [ticket("2026-02-20")]}
    values = facts(told("opinion", "asked"), told("rating", "not_applicable"), **rows)
    found = measured(METRICS, values, days)
    assert found.by_day("opinion") == [None, None]
    assert [found.named("opinion", day=d) for d in days] == ["asked", None]
    # It holds as long as a value would: ten days for the rating, on the ninth of which it is asked.
    assert [found.named("rating", day=d) for d in days] == ["not_applicable", None]
    assert found.by_day("doubled") == [None, None]
    assert found.named("doubled", day=DAY) is None


def test_a_given_state_hides_what_was_counted_while_it_holds() -> None:
    rows = {"tickets": [ticket("2026-03-05"), ticket("2026-05-20")]}
    values = facts(told("tickets", "not_applicable"), **rows)
    days = [DAY, date(2026, 6, 1)]
    found = measured(METRICS, values, days, ["tickets"])
    assert found.by_day("tickets") == [None, 1]
    assert [found.named("tickets", day=d) for d in days] == ["not_applicable", None]


def test_a_metric_without_a_value_is_named_by_the_first_state_that_is_true() -> None:
    wanted = metrics("""
        tickets: {count: rows, from: tickets, over: 30 days}
        nps: {mean: reopen_count, from: tickets, over: 30 days,
              states: {many: tickets > 1, some: tickets > 0, never: tickets = 0}}
        """)
    rows: Tables = {
        "accounts": [account(name) for name in "abcd"],
        "tickets": [
            {"ticket_id": str(n), "account_id": name, "reopen_count": value,
             "opened_at": "2026-03-05T12:00:00"}
            for n, (name, value) in enumerate((("a", None), ("b", None), ("b", None), ("d", 3)))
        ],
    }  # fmt: skip
    found = measured(wanted, given(rows), DAY)
    assert {name: found.named("nps", name) for name in "abcd"} == {
        "a": "some", "b": "many", "c": "never", "d": None,
    }  # fmt: skip
    assert found.by_account("nps") == {"a": None, "b": None, "c": None, "d": 3}
    unknown = measured(wanted, given(rows, coverage=[]), DAY)
    assert unknown.named("nps") is None


def test_one_looks_back_at_what_was_given_then() -> None:
    ratings = [told("rating", 3, "2026-03-01"), told("rating", 7, "2026-03-08")]
    days = [date(2026, 3, 7), date(2026, 3, 8), date(2026, 3, 14), date(2026, 3, 15)]
    found = measured(METRICS, facts(*ratings), days, ["change"])
    assert found.by_day("change") == [None, 4, 4, 0]


def test_what_is_given_to_one_account_says_nothing_of_another() -> None:
    values = facts(told("rating", 3), accounts=[account("a"), account("b")])
    found = measured(METRICS, values, DAY, ["rating", "tickets"])
    assert found.by_account("rating") == {"a": 3, "b": None}
    assert found.by_account("tickets") == {"a": 0, "b": 0}
