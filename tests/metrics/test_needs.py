"""Which columns a metric needs, and what it is where no source gives them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from keepwell.facts.context import Cover
from keepwell.metrics.families import needs, unmet
from tests.metrics.measuring import END, given, measured, metrics

BEGIN, DAY = date(2026, 1, 1), date(2026, 3, 31)


def feed(family: str, *columns: str, source: str = "desk", begin: date = BEGIN) -> Cover:
    """A source that gives these columns of a family; all where none is named."""
    return Cover(source, family, begin, END, columns=frozenset(columns) or None)


def needed(metric: str) -> set[str]:
    """The columns, of this table and of others, that a metric needs."""
    key, library = "m", metrics(f"m: {{{metric}}}")
    return {str(need) for need in needs(library.metric(key), []) if need.columns}


@pytest.mark.parametrize(
    ("metric", "columns"),
    [
        ("count: rows, from: tickets, over: 90 days", set()),  # every row has its day
        ("count: escalated_at is not null, from: tickets", {"tickets.escalated_at"}),
        ("count: rows, from: tickets, where: closed_at is null", {"tickets.closed_at"}),
        ("mean: reopen_count, from: tickets", {"tickets.reopen_count"}),
        (
            "count: rows, from: tickets, where: problem_key <> '', per: problem_key, then: max",
            {"tickets.problem_key"},
        ),
        (
            "latest: severity, from: tickets, order_by: closed_at, unit: category",
            {"tickets.severity", "tickets.closed_at"},
        ),
        # A constant says what counts in its place; of two columns one is enough.
        ("count: rows, from: tickets, where: \"coalesce(merged_into, '') = ''\"", set()),
        ("sum: 'coalesce(reopen_count * 2, 0)', from: tickets", set()),
        (
            'count: rows, from: tickets, where: "coalesce(first_resolved_at, closed_at) is null"',
            {"tickets.closed_at or tickets.first_resolved_at"},
        ),
        ("count_distinct: 'coalesce(thread_key, touchpoint_id)', from: touchpoints", set()),
        # Some rows have no day; those are in no window, and come in no order.
        ("count: rows, from: invoices", set()),
        ("count: rows, from: invoices, over: 30 days", {"invoices.issued_on"}),
        ("streak: is_disputed, from: invoices", {"invoices.issued_on", "invoices.is_disputed"}),
        # What is worked out when reading comes from any one of several columns.
        (
            "share: replied_at is not null, from: touchpoints",
            {"touchpoints.in_reply_to or touchpoints.thread_key"},
        ),
        # A view takes each column from the table that has it.
        (
            "count: attended, from: attendances, where: status = 'held'",
            {"touchpoint_people.attended", "touchpoints.status"},
        ),
        # A neighbour is found by a column, and has its own.
        (
            "sum: value, from: usage_daily, where: person.seniority = 'vp'",
            {"usage_daily.person_id", "people.seniority"},
        ),
        (
            "sum: value, from: usage_daily, where: 'coalesce(person.is_internal, false) = false'",
            set(),
        ),
    ],
)
def test_columns_that_a_metric_needs(metric: str, columns: set[str]) -> None:
    assert needed(metric) == columns


ESCALATIONS = metrics("""
    tickets: {count: rows, from: tickets, over: 30 days}
    escalations: {count: rows, from: tickets, where: days_since(escalated_at) between 0 and 29,
                  over: 30 days}
    """)


@pytest.mark.parametrize(
    ("covers", "known", "age"),
    [
        ([feed("tickets", "opened_at")], None, None),
        ([feed("tickets", "opened_at", "escalated_at")], 0, 0),
        ([feed("tickets")], 0, 0),  # nobody says what it gives
        ([feed("tickets", "opened_at"), feed("tickets", "escalated_at", source="chat")], 0, 0),
        # Given for too short a time, and no longer.
        ([feed("tickets", "x"), feed("tickets", "escalated_at", begin=date(2026, 3, 20))], None, 0),
        (
            [
                feed("tickets", "x"),
                Cover("desk", "tickets", BEGIN, date(2026, 3, 11),
                      columns=frozenset({"escalated_at"})),
            ],
            0,
            20,
        ),
    ],
)  # fmt: skip
def test_a_column_that_no_source_gives_is_no_zero(
    covers: list[Cover], known: Any, age: int | None
) -> None:
    found = measured(ESCALATIONS, given({"tickets": []}, coverage=covers), DAY)
    assert (found("escalations"), found.age("escalations")) == (known, age)
    assert (found("tickets"), found.age("tickets")) == (0, 0)


def test_of_a_neighbour_it_is_enough_that_some_source_gives_the_column() -> None:
    wanted = metrics("""
        vps: {sum: value, from: usage_daily, where: metric = 'login' and person.seniority = 'vp'}
        """)
    usage = feed("usage_daily.login")
    people = Cover("crm", "people", BEGIN, BEGIN, columns=frozenset({"person_id"}))
    for covers, value in (
        ([usage], None),
        ([usage, people], None),
        ([usage, people, feed("people", "seniority", source="hr")], 0),
    ):
        found = measured(wanted, given({}, coverage=covers), DAY)
        assert (found("vps"), found.age("vps")) == (value, None if value is None else 0)
        told = [str(need) for need in unmet(wanted.metric("vps"), covers)]
        assert told == (["people.seniority"] if value is None else [])
