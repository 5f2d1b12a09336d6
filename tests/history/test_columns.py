"""Columns that come, go and change their type over the years."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa

from keepwell.history import History, ScoredDay
from tests.history.days import AT, days_from


def write(history: History, day: date, **columns: Any) -> None:
    rows = pa.table({"account_id": ["a"], **columns})
    history.write_days([ScoredDay(day, {"enterprise": rows}, AT, AT, AT, {})])


def values(history: History, column: str) -> list[Any]:
    found: list[Any] = history.read("enterprise", columns=[column])[column].to_pylist()
    return found


def test_a_later_definition_has_other_columns(history: History) -> None:
    first, second, third = days_from(date(2026, 1, 30), 3)
    write(history, first, old=[1.0], kept=["x"])
    write(history, second, kept=["y"], new=[True])
    write(history, third, kept=["z"], old=[3.0])
    assert values(history, "old") == [1.0, None, 3.0]
    assert values(history, "kept") == ["x", "y", "z"]
    assert values(history, "new") == [None, True, None]
    only_first = history.read("enterprise", days=[first])
    assert only_first["new"].to_pylist() == [None]
    assert only_first.schema.field("new").type == pa.bool_()
    assert only_first.column_names[-3:] == ["old", "kept", "new"]


def test_a_number_becomes_a_category(history: History) -> None:
    first, second, third, fourth = days_from(date(2026, 1, 30), 4)
    write(history, first, value=[1.5])
    write(history, second, value=["high"])
    write(history, third, value=pa.array([None], pa.string()))
    write(history, fourth, value=[2.5])
    assert values(history, "value") == ["1.5", "high", None, "2.5"]
    assert history.read("enterprise", days=[first])["value"].to_pylist() == ["1.5"]
    assert history.columns("enterprise").count("value") == 1
    history.write_days(
        [
            ScoredDay(
                date(2026, 3, 1), {"enterprise": pa.table({"account_id": ["a"]})}, AT, AT, AT, {}
            )
        ]
    )
    assert values(history, "value") == ["1.5", "high", None, "2.5", None]


def test_a_whole_number_becomes_a_fraction(history: History) -> None:
    first, second = days_from(date(2026, 1, 1), 2)
    write(history, first, value=pa.array([3], pa.int32()))
    write(history, second, value=[0.5])
    assert values(history, "value") == [3.0, 0.5]


def test_a_column_that_was_empty_takes_the_type_of_its_first_value(history: History) -> None:
    first, second, third = days_from(date(2026, 1, 1), 3)
    write(history, first, value=pa.array([None], pa.float64()))
    write(history, second, value=pa.array([None], pa.int64()))
    write(history, third, value=[1.5])
    assert values(history, "value") == [None, None, 1.5]
