"""Zero, unknown and stale are three things: what no rows mean depends on what was covered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest

from keepwell.facts.context import Cover
from keepwell.metrics.evaluate import Freshness
from tests.metrics.measuring import END, Row, account, given, measured, metrics

METRICS = metrics("""
    count: {count: rows, from: tickets, over: 30 days}
    ever: {count: rows, from: tickets}
    sum: {sum: reopen_count, from: tickets, over: 30 days}
    unknown: {count: rows, from: tickets, over: 30 days, none_means: unknown}
    mean: {mean: reopen_count, from: tickets, over: 30 days}
    mean_zero: {mean: reopen_count, from: tickets, over: 30 days, none_means: zero}
    share: {share: reopen_count > 0, from: tickets, over: 30 days}
    latest: {latest: category, from: tickets, unit: category}
    since: {days_since_last: opened_at, from: tickets}
    since_start: {days_since_last: opened_at, from: tickets, none_means: since_start}
    streak: {streak: reopen_count > 0, from: tickets}
    before: {formula: "before(count, 30 days)"}
    """)
FEED = Cover("desk", "tickets", date(2026, 1, 1), date(2026, 6, 30))


def ticket(day: str, account_id: str = "a") -> Row:
    return {"ticket_id": f"{account_id} {day}", "account_id": account_id, "reopen_count": 1,
            "category": "bug", "opened_at": f"{day}T12:00:00"}  # fmt: skip


def touch(day: str, kind: str) -> Row:
    return {"touchpoint_id": f"{kind} {day}", "account_id": "a", "kind": kind, "direction": "both",
            "occurred_at": f"{day}T12:00:00"}  # fmt: skip


def covered(*covers: Cover) -> Sequence[Cover]:
    return covers


def test_no_rows_mean_zero_or_nothing_as_the_metric_says() -> None:
    facts = given({"tickets": []}, coverage=[FEED])
    assert measured(METRICS, facts, date(2026, 3, 1)).of() == {
        "count": 0, "ever": 0, "sum": 0, "unknown": None, "mean": None, "mean_zero": 0,
        "share": None, "latest": None, "since": None, "since_start": 59, "streak": 0, "before": 0,
    }  # fmt: skip


def test_rows_that_do_not_count_are_no_rows() -> None:
    """The same, whatever else is counted of the table."""
    both = metrics("""
        bugs: {count: rows, from: tickets, where: category = 'bug', over: 30 days,
               none_means: unknown}
        kinds: {count_distinct: problem_key, from: tickets, where: category = 'bug', over: 30 days,
                none_means: unknown}
        all: {count: rows, from: tickets, over: 30 days}
        """)
    question = {**ticket("2026-02-20"), "category": "how_to", "problem_key": "login"}
    facts = given({"tickets": [question]}, coverage=[FEED])
    for keys in (["bugs", "kinds", "all"], ["bugs", "kinds"]):
        found = measured(both, facts, date(2026, 3, 1), keys)
        assert (found("bugs"), found("kinds")) == (None, None)


def test_where_nothing_was_ever_covered_nothing_is_known() -> None:
    facts = given({"tickets": [ticket("2026-02-20")]}, coverage=[])
    found = measured(METRICS, facts, date(2026, 3, 1))
    assert set(found.of().values()) == {None}
    assert {found.age(key) for key in METRICS.metrics} == {None}
    assert not any(found.stale(key) for key in METRICS.metrics)


def test_a_window_that_began_before_the_feed_is_unknown_unless_the_account_is_newer() -> None:
    tables = {
        "accounts": [account("a"), account("old", customer_since="2025-06-01"),
                     account("new", customer_since="2026-01-05")],
        "tickets": [ticket("2026-01-10", name) for name in ("a", "old", "new")],
    }  # fmt: skip
    days = [date(2025, 12, 31), date(2026, 1, 29), date(2026, 1, 30)]
    found = measured(METRICS, given(tables, coverage=[FEED]), days, ["count", "ever", "mean"])
    for name in ("a", "old"):
        assert found.by_day("count", name) == [None, None, 1]
        assert found.by_day("mean", name) == [None, 1, 1]
    assert found.by_day("count", "new") == [1, 1]  # it came later than the first asked day
    assert found.by_day("ever", "old") == [None, 1, 1]


def test_looking_back_to_before_the_feed_is_unknown() -> None:
    facts = given({"tickets": [ticket("2026-01-10")]}, coverage=[FEED])
    days = [date(2026, 1, 30), date(2026, 2, 28), date(2026, 3, 1)]
    assert measured(METRICS, facts, days, ["before"]).by_day("before") == [None, None, 1]


def test_a_feed_that_stopped_keeps_its_last_values_and_goes_stale() -> None:
    tables = {"tickets": [ticket("2026-06-20")]}
    days = [date(2026, 6, 30), date(2026, 7, 7), date(2026, 7, 8), date(2026, 12, 31)]
    found = measured(METRICS, given(tables, coverage=[FEED]), days)
    # Seen from the last covered day: nothing falls because nothing came.
    assert found.by_day("count") == found.by_day("share") == [1, 1, 1, 1]
    assert found.by_day("since") == [10, 10, 10, 10]
    assert [found.age("count", day=d) for d in days] == [0, 7, 8, 184]
    # tickets are fresh for 7 days
    assert [found.stale("count", day=d) for d in days] == [False, False, True, True]
    assert [found.stale("before", day=d) for d in days] == [False, False, True, True]
    assert [found.age("before", day=d) for d in days] == [0, 7, 8, 184]


def test_what_is_unknown_is_not_stale() -> None:
    facts = given({"tickets": []}, coverage=[FEED])
    found = measured(METRICS, facts, date(2026, 12, 31), ["mean", "count"])
    assert (found("mean"), found.stale("mean"), found.age("mean")) == (None, False, 184)
    assert (found("count"), found.stale("count")) == (0, True)


@pytest.mark.parametrize(
    ("metric", "settings", "stale"),
    [
        ("", {}, True),
        ("", {"tickets": 30}, False),
        ("", {"usage_daily": 30}, True),
        (", fresh_for: 10 days", {}, False),
        (", fresh_for: 9 days", {"tickets": 30}, True),
    ],
)
def test_how_old_is_too_old_can_be_said_for_a_source_or_a_metric(
    metric: str, settings: dict[str, int], stale: bool
) -> None:
    wanted = metrics(f"m: {{count: rows, from: tickets, over: 30 days{metric}}}")
    facts = given({"tickets": []}, coverage=[FEED])
    found = measured(wanted, facts, date(2026, 7, 10), freshness=Freshness(settings))
    assert (found.age("m"), found.stale("m")) == (10, stale)


def test_a_source_that_has_ended_is_not_waited_for_when_it_was_retired_or_replaced() -> None:
    def run(*covers: Cover, retired: frozenset[str] = frozenset()) -> tuple[object, ...]:
        tables = {"tickets": [ticket("2026-06-20"), ticket("2026-07-20")]}
        facts = given(tables, coverage=covers)
        day = date(2026, 7, 25)
        found = measured(METRICS, facts, day, ["count"], Freshness(retired=retired))
        return found("count"), found.age("count"), found.stale("count")

    other = Cover("other", "tickets", date(2026, 1, 1), END)
    successor = Cover("new desk", "tickets", date(2026, 7, 1), END)
    assert run(FEED) == (1, 25, True)
    assert run(FEED, other) == (1, 25, True)
    assert run(FEED, other, retired=frozenset({"desk"})) == (1, 0, False)
    assert run(FEED, successor) == (1, 0, False)


FAMILIES = metrics("""
    qbrs: {count: rows, from: touchpoints, where: kind = 'qbr', over: 30 days}
    calls: {count: rows, from: touchpoints, where: kind = 'call', over: 30 days}
    either: {count: rows, from: touchpoints, where: "kind in ('qbr', 'call')", over: 30 days}
    held: {count: rows, from: touchpoints, where: status = 'held' and (kind = 'qbr'), over: 30 days}
    all: {count: rows, from: touchpoints, over: 30 days}
    some: {count: rows, from: touchpoints, where: kind = 'qbr' or kind = 'call', over: 30 days}
    other: {count: rows, from: touchpoints, where: kind <> 'call', over: 30 days}
    """)


def test_each_kind_of_a_table_is_covered_by_itself() -> None:
    tables = {"touchpoints": [touch("2026-02-20", "qbr"), touch("2026-02-20", "mail")]}
    begin = date(2026, 1, 1)
    coverage = [
        Cover("crm", "touchpoints.qbr", begin, date(2026, 3, 1)),
        Cover("crm", "touchpoints.mail", begin, date(2026, 6, 1)),
    ]
    found = measured(FAMILIES, given(tables, coverage=coverage), date(2026, 3, 11))
    # Nobody has ever delivered a call: that there was none is not known.
    assert found.of() == {
        "qbrs": 1, "calls": None, "either": 1, "held": 0, "all": 2, "some": 1, "other": 2,
    }  # fmt: skip
    assert (found.age("qbrs"), found.age("calls"), found.age("all")) == (10, None, 0)


def test_a_source_that_says_it_covers_the_whole_table_covers_every_metric_without_a_kind() -> None:
    coverage = [Cover("crm", "touchpoints", date(2026, 1, 1), END)]
    found = measured(FAMILIES, given({"touchpoints": []}, coverage=coverage), date(2026, 3, 11))
    assert found("all") == found("other") == 0


def test_a_view_is_covered_where_all_its_tables_are() -> None:
    wanted = metrics("""
        attended: {count: attended, from: attendances, where: kind = 'qbr', over: 30 days}
        champion: {sum: value, from: role_usage, where: role = 'champion', over: 30 days}
        """)
    begin = date(2026, 1, 1)
    full = {
        "touchpoints.qbr": date(2026, 3, 8), "touchpoint_people": date(2026, 3, 5),
        "usage_daily.login": date(2026, 3, 9), "person_roles.champion": date(2026, 3, 4),
    }  # fmt: skip
    coverage = [Cover("crm", family, begin, end) for family, end in full.items()]
    found = measured(wanted, given({}, coverage=coverage), date(2026, 3, 10))
    assert found.of() == {"attended": 0, "champion": 0}
    assert (found.age("attended"), found.age("champion")) == (5, 6)
    for missing in full:
        some = [c for c in coverage if c.family != missing]
        values = measured(wanted, given({}, coverage=some), date(2026, 3, 10)).of()
        assert None in values.values(), missing


def test_a_formula_is_as_old_as_its_oldest_part_and_stale_with_any_of_them() -> None:
    wanted = metrics("""
        tickets: {count: rows, from: tickets, over: 30 days}
        events: {count: rows, from: usage_events, over: 30 days}
        both: {formula: tickets + events}
        either: {formula: "coalesce(tickets, events)"}
        deep: {formula: both * 2}
        constant: {formula: 5}
        """)
    coverage = [
        Cover("desk", "tickets", date(2026, 1, 1), date(2026, 3, 1)),
        Cover("app", "usage_events", date(2026, 1, 1), date(2026, 3, 8)),
    ]
    found = measured(wanted, given({}, coverage=coverage), date(2026, 3, 10))
    assert [found.age(k) for k in wanted.metrics] == [9, 2, 9, 9, 9, 0]
    assert [found.stale(k) for k in wanted.metrics] == [True, False, True, True, True, False]
