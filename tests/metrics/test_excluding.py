"""Rows of the vendor's own people do not count, however the condition is written."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from keepwell.definitions.library import Library
from keepwell.facts.schema import TABLES
from keepwell.metrics.excluding import keeping_out
from keepwell.metrics.instance import Instance
from keepwell.metrics.instances import needed
from tests.metrics.measuring import Tables, account, given, measured, metrics

ASKED = [date(2026, 3, 31)]
PEOPLE: list[dict[str, Any]] = [
    {"person_id": "customer", "account_id": "a", "is_internal": False},
    {"person_id": "unsaid", "account_id": "a"},
    {"person_id": "ours", "account_id": "a", "is_internal": True, "seniority": "vp"},
    {"person_id": "chief", "account_id": "a", "is_internal": False, "seniority": "vp"},
]
USAGE: list[dict[str, Any]] = [
    {"account_id": "a", "person_id": person, "day": "2026-03-30", "metric": "login", "value": 1}
    for person in ("customer", "unsaid", "ours", "chief", "in no list", None)
]
OUTSIDE = "coalesce(person.is_internal, false) = false"


def library(*wheres: str) -> Library:
    lines = (
        f'm{n}: {{count: rows, from: usage_daily, over: 30 days, where: "{where}"}}'
        for n, where in enumerate(wheres)
    )
    return metrics("\n".join(lines))


def counted(*wheres: str) -> list[float]:
    tables: Tables = {"accounts": [account("a")], "people": PEOPLE, "usage_daily": USAGE}
    found = measured(library(*wheres), given(tables), ASKED)
    return [found(f"m{n}") for n in range(len(wheres))]


def left_out(*wheres: str) -> list[str]:
    """The conditions that need no join."""
    of = library(*wheres)
    nodes = needed(of, [f"m{n}" for n in range(len(wheres))])
    usage = TABLES["usage_daily"]
    person = usage.path("person")
    assert person is not None
    return [e.text for e in keeping_out(usage, person, [Instance(n, "end") for n in nodes])]


@pytest.mark.parametrize(
    ("where", "number"),
    [
        (OUTSIDE, 5),
        (f"metric = 'login' and ({OUTSIDE} and value > 0)", 5),
        ("coalesce(person.is_internal, true) = true", 4),
        ("coalesce(person.seniority, 'unknown') = 'unknown'", 4),
        (f"{OUTSIDE} and coalesce(person.seniority, 'unknown') = 'unknown'", 4),
    ],
)
def test_a_row_without_a_neighbour_counts_and_no_join_is_needed(where: str, number: int) -> None:
    assert left_out(where)
    assert counted(where) == [number]


@pytest.mark.parametrize(
    ("where", "number"),
    [
        ("person.is_internal = false", 2),
        ("coalesce(person.is_internal, true) = false", 2),
        (f"{OUTSIDE} or value > 5", 5),
        (f"{OUTSIDE} and person.seniority = 'vp'", 1),
        (f"not ({OUTSIDE})", 1),
        ("coalesce(person.seniority, person.title, 'unknown') = 'unknown'", 4),
    ],
)
def test_what_asks_for_more_of_the_neighbour_is_joined(where: str, number: int) -> None:
    assert not left_out(where)
    assert counted(where) == [number]


def test_metrics_that_leave_out_different_rows_do_not_disturb_each_other() -> None:
    wheres = (OUTSIDE, "value > 0", "coalesce(person.seniority, 'unknown') = 'unknown'")
    assert not left_out(*wheres)
    assert counted(*wheres) == [5, 6, 4]


def test_metrics_that_leave_out_the_same_rows_are_counted_together() -> None:
    wheres = (f"metric = 'login' and {OUTSIDE}", f"{OUTSIDE} and person_id is not null")
    assert left_out(*wheres)
    assert counted(*wheres) == [5, 4]
