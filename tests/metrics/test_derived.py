"""Metrics made of metrics: changes, ranks, shares of all accounts, periods, and looking back."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date
from typing import Any

from tests.metrics.measuring import Row, Tables, account, given, measured, metrics

DAY = date(2026, 3, 31)
BASE = """\
    x: {assessed: {from: -100, to: 100}}
    group: {assessed: [a, b]}
"""


def told(key: str, values: Mapping[str, Any], day: str = "2026-03-01") -> list[Row]:
    return [
        {"assessment_id": f"{key} {name} {day}", "account_id": name, "question_key": key,
         "answer_code" if isinstance(value, str) else "answer_number": value, "author_id": "u",
         "assessed_at": f"{day}T00:00:00"}
        for name, value in values.items()
        if value is not None
    ]  # fmt: skip


# --- ranks ----------------------------------------------------------------------------------------


def test_a_rank_parts_the_accounts_into_equal_parts_and_ties_share_the_lower_one() -> None:
    wanted = metrics(BASE + "    rank: {rank: x, into: 5}\n    half: {rank: x, into: 2}")
    values = {f"a{n:02}": v for n, v in enumerate([1, 2, 3, 3, 3, 6, 7, 8, 9, 10, None])}
    tables: Tables = {
        "accounts": [account(name) for name in values],
        "assessments": told("x", values),
    }
    found = measured(wanted, given(tables), DAY)
    assert list(found.by_account("rank").values()) == [1, 1, 2, 2, 2, 3, 4, 4, 5, 5, None]
    assert list(found.by_account("half").values()) == [1, 1, 1, 1, 1, 2, 2, 2, 2, 2, None]


def test_all_equal_accounts_and_a_single_one_are_of_the_lowest_rank() -> None:
    wanted = metrics(BASE + "    rank: {rank: x, into: 5, within: [group]}")
    tables: Tables = {
        "accounts": [account(name) for name in "abcd"],
        "assessments": [*told("x", dict.fromkeys("abcd", 4)),
                        *told("group", {"a": "a", "b": "a", "c": "a", "d": "b"})],
    }  # fmt: skip
    assert set(measured(wanted, given(tables), DAY).by_account("rank").values()) == {1}


def test_a_rank_within_groups_and_on_each_day_by_itself() -> None:
    wanted = metrics(BASE + "    rank: {rank: x, into: 4, within: [group]}")
    rng = random.Random(8)
    names = [f"a{i:02}" for i in range(40)]
    first = {name: rng.choice([None, *range(6)]) for name in names}
    later = {name: rng.choice([None, *range(6)]) for name in names}
    groups = {name: rng.choice([None, "a", "b"]) for name in names}
    tables: Tables = {
        "accounts": [account(name) for name in names],
        "assessments": [
            *told("x", first), *told("x", later, "2026-03-20"), *told("group", groups),
        ],
    }  # fmt: skip
    days = [date(2026, 3, 2), date(2026, 3, 21)]
    found = measured(wanted, given(tables), days)
    for day, values in ((days[0], first), (days[1], {n: later[n] if later[n] is not None
                                                     else first[n] for n in names})):  # fmt: skip
        for name in names:
            own = values[name]
            alike = [v for n, v in values.items() if groups[n] == groups[name] and v is not None]
            expected = None
            if own is not None:
                below = sum(v < own for v in alike)
                expected = below * 4 // len(alike) + 1
            assert found("rank", name, day) == expected, (name, day)


# --- shares of all accounts -----------------------------------------------------------------------


def test_a_share_of_accounts_leaves_out_those_of_which_nothing_is_known() -> None:
    wanted = metrics(
        BASE
        + """\
    low: {share_of_accounts: x < 3}
    north: {share_of_accounts: account.region = 'north'}
    never: {share_of_accounts: x > 1000}
    nobody: {share_of_accounts: x / 0 > 1}
    fallen: {share_of_accounts: "change(x, 10 days) < 0"}
    closed: {share_of_accounts: in_period('holiday')}
    """
    )
    values = {"a": 1, "b": 2, "c": 5, "d": None}
    tables: Tables = {
        "accounts": [account(name, region=r) for name, r in zip(values, ["north", None, "x", "y"],
                                                                strict=True)],
        "assessments": [*told("x", values), *told("x", {"a": 0, "c": 9}, "2026-03-25")],
        "account_periods": [{"period_id": "1", "account_id": "d", "kind": "holiday",
                             "start_on": "2026-03-30", "end_on": "2026-03-31"}],
    }  # fmt: skip
    found = measured(wanted, given(tables), [date(2026, 3, 20), DAY])
    assert found.by_day("low") == [2 / 3, 2 / 3]
    assert found.by_day("north") == [1 / 3, 1 / 3]
    assert found.by_day("never") == [0, 0]
    assert found.by_day("nobody") == [None, None]
    assert found.by_day("fallen") == [0, 1 / 3]
    assert found.by_day("closed") == [0, 1 / 4]
    # It is the same for all of them, and counts the customers of each day.
    assert set(found.by_account("low", DAY).values()) == {2 / 3}


def test_a_share_of_accounts_counts_the_customers_of_the_day() -> None:
    wanted = metrics(BASE + "    low: {share_of_accounts: x < 3}")
    tables: Tables = {
        "accounts": [account("a"), account("b", status="churned", churned_on="2026-03-10")],
        "assessments": told("x", {"a": 1, "b": 9}),
    }
    found = measured(wanted, given(tables), [date(2026, 3, 9), date(2026, 3, 10)])
    assert found.by_day("low") == [0.5, 1]


# --- looking back ---------------------------------------------------------------------------------


def test_changes_against_the_own_past() -> None:
    wanted = metrics(
        BASE
        + """\
    plain: {change: x, since: 10 days}
    relative: {change: x, since: 10 days, as: relative}
    in_words: {formula: "relative_change(x, 10 days)"}
    sum: {formula: "before(x, 10 days) + change(x, 10 days) - x"}
    """
    )
    first = {"rise": 4, "fall": 4, "below": -4, "zero": 0, "new": None, "same": 5}
    later = {"rise": 5, "fall": 1, "below": -2, "zero": 3, "new": 3, "same": 5}
    tables: Tables = {
        "accounts": [account(name) for name in first],
        "assessments": [*told("x", first), *told("x", later, "2026-03-25")],
    }
    found = measured(wanted, given(tables), DAY)
    assert found.by_account("plain") == {
        "rise": 1, "fall": -3, "below": 2, "zero": 3, "new": None, "same": 0,
    }  # fmt: skip
    # Of what was below zero a rise is a rise, and of nothing there is no share.
    assert found.by_account("relative") == {
        "rise": 0.25, "fall": -0.75, "below": 0.5, "zero": None, "new": None, "same": 0,
    }  # fmt: skip
    assert found.by_account("in_words") == found.by_account("relative")
    assert {v for v in found.by_account("sum").values() if v is not None} == {0}


def test_looking_back_goes_through_formulas_to_the_facts() -> None:
    wanted = metrics("""
        today: {count: rows, from: tickets, over: 1 day}
        double: {formula: today * 2}
        back: {formula: "before(double, 3 days)"}
        further: {formula: "before(back, 2 days) + before(today, 1 week)"}
        moved: {change: back, since: 1 day}
        age: {formula: days_since(account.customer_since)}
        age_then: {formula: "before(age, 30 days)"}
        """)
    counts = {31: 1, 30: 2, 28: 3, 27: 4, 26: 5, 24: 7}
    rows = [
        {"ticket_id": f"{day} {n}", "account_id": "a", "opened_at": f"2026-03-{day}T12:00:00"}
        for day, count in counts.items()
        for n in range(count)
    ]
    tables: Tables = {
        "accounts": [account("a", customer_since="2026-01-01")], "tickets": rows,
    }  # fmt: skip
    assert measured(wanted, given(tables), DAY).of() == {
        "today": 1, "double": 2, "back": 6, "further": 17, "moved": -2, "age": 89, "age_then": 59,
    }  # fmt: skip


# --- periods --------------------------------------------------------------------------------------


def test_periods_are_seen_from_the_day_that_is_looked_at() -> None:
    wanted = metrics("""
        lasts: {formula: in_period('holiday'), unit: yes_no}
        since: {formula: days_in_period('holiday')}
        lasted: {formula: "before(lasts, 10 days)", unit: yes_no}
        since_then: {formula: "before(since, 10 days)"}
        other: {formula: in_period('audit'), unit: yes_no}
        calm: {assessed: [x], states: {closed: in_period('holiday')}}
        """)
    tables: Tables = {
        "accounts": [account("a"), account("b")],
        "account_periods": [
            {"period_id": "1", "account_id": "a", "kind": "holiday", "start_on": "2024-02-29",
             "end_on": "2024-03-05", "recurs_yearly": True},
        ],
    }  # fmt: skip
    days = [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 5), date(2026, 3, 6),
            date(2026, 3, 10), date(2026, 3, 16)]  # fmt: skip
    found = measured(wanted, given(tables), days, period_kinds=["holiday"])
    assert found.by_day("lasts") == ["no", "yes", "yes", "no", "no", "no"]
    assert found.by_day("since") == [364, 0, 5, 6, 10, 16]
    assert found.by_day("lasted") == ["no", "no", "no", "no", "yes", "no"]
    assert found.by_day("since_then") == [354, 355, 360, 361, 0, 6]
    assert found.by_day("other") == ["no"] * 6
    assert found.by_day("lasts", "b") == ["no"] * 6
    assert found.by_day("since", "b") == [None] * 6
    assert [found.named("calm", day=d) for d in days[:4]] == [None, "closed", "closed", None]
    row = found.rows["a", days[1]]
    assert (row["period/holiday/lasts"], row["period/holiday/since"]) == (True, 0)
    assert found.rows["b", days[1]]["period/holiday/since"] is None
