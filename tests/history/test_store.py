"""Writing, replacing and restating days, and what a reader then sees."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from keepwell.history import DayInfo, History, ScoredDay
from keepwell.kit.errors import KeepwellError
from tests.history.days import days_from

DAY = date(2026, 3, 1)
SCORED = datetime(2026, 3, 2, 4, 5, 6, 789012, tzinfo=UTC)
KNOWN = datetime(2026, 3, 2, tzinfo=UTC)
ARRIVED = datetime(2026, 3, 2, 4, tzinfo=UTC)
HASH = "5f2b5f2b5f2b"


def table(*accounts: str, **columns: Any) -> pa.Table:
    return pa.table({"account_id": list(accounts), **columns})


def write(history: History, day: date, rows: pa.Table, **how: Any) -> None:
    history.write_day(
        day,
        {"enterprise": rows},
        scored_at=SCORED,
        known_at=KNOWN,
        arrived_by=ARRIVED,
        definitions={"enterprise": HASH},
        **how,
    )


def scores(history: History, **which: Any) -> list[tuple[date, str, float]]:
    found = history.read("enterprise", columns=["score"], **which).to_pylist()
    return [(row["date"], row["account_id"], row["score"]) for row in found]


def test_a_day_comes_back_as_it_was_written(history: History) -> None:
    rows = table(
        "b",
        "a",
        **{
            "score": [81.25, None],
            "value/usage/daily": [0.1 + 0.2, -0.0],
            "state/usage/daily": pa.array(["measured", None]).dictionary_encode(),
            "age/usage/daily": pa.array([3, None], pa.int32()),
            "arr": pa.array([Decimal("12.3456"), None], pa.decimal128(18, 4)),
            "renewal_on": [date(2028, 2, 29), None],
            "seasonal": [True, False],
            "seen_at": pa.array([SCORED, None], pa.timestamp("us", tz="UTC")),
            "empty": pa.nulls(2),
        },
    )
    write(history, DAY, rows)
    found = history.read("enterprise")
    first = dict(zip(found.column_names, found.to_pylist()[1].values(), strict=True))
    assert first == {
        "account_id": "b",
        "date": DAY,
        "revision": 0,
        "current": True,
        "score": 81.25,
        "value/usage/daily": 0.1 + 0.2,
        "state/usage/daily": "measured",
        "age/usage/daily": 3,
        "arr": Decimal("12.3456"),
        "renewal_on": date(2028, 2, 29),
        "seasonal": True,
        "seen_at": SCORED,
        "empty": None,
    }
    assert found["account_id"].to_pylist() == ["a", "b"]
    assert str(found["value/usage/daily"][0].as_py()) == "-0.0"
    assert found.schema.field("arr").type == pa.decimal128(18, 4)
    assert found.schema.field("age/usage/daily").type == pa.int64()


def test_what_is_known_of_a_day(history: History) -> None:
    assert history.latest_day("enterprise") is None
    assert history.day_info(DAY, "enterprise") is None
    assert history.scored_days().num_rows == 0
    assert history.read("enterprise").column_names == ["account_id", "date"]
    assert history.columns("enterprise") == []
    write(history, DAY, table("a", "b", score=[1.0, 2.0]))
    expected = DayInfo(DAY, "enterprise", 0, True, SCORED, KNOWN, ARRIVED, HASH, 2)
    assert history.day_info(DAY, "enterprise") == expected
    assert history.day_info(DAY, "other") is None
    assert history.latest_day("enterprise") == DAY
    assert history.columns("enterprise") == ["account_id", "date", "revision", "current", "score"]


def test_a_day_without_accounts_is_scored_too(history: History) -> None:
    write(history, DAY, table(score=pa.array([], pa.float64())))
    info = history.day_info(DAY, "enterprise")
    assert info is not None
    assert info.accounts == 0
    assert history.read("enterprise", columns=["score"]).num_rows == 0
    write(history, DAY, table("a", score=[1.0]), restate=True)
    assert scores(history) == [(DAY, "a", 1.0)]
    write(history, DAY, table(score=pa.array([], pa.float64())), restate=True)
    assert scores(history) == []
    assert scores(history, revision=1) == [(DAY, "a", 1.0)]


def test_a_scored_day_is_not_written_again_by_accident(history: History) -> None:
    write(history, DAY, table("a", score=[1.0]))
    with pytest.raises(KeepwellError) as error:
        write(history, DAY, table("a", score=[2.0]))
    assert "2026-03-01 is already scored" in error.value.what
    assert scores(history) == [(DAY, "a", 1.0)]
    with pytest.raises(ValueError, match="restated or replaced"):
        write(history, DAY, table("a", score=[2.0]), restate=True, replace_open=True)


def test_an_open_day_is_replaced(history: History) -> None:
    other = date(2026, 3, 2)
    write(history, DAY, table("a", "b", score=[1.0, 2.0]))
    write(history, other, table("a", score=[7.0]))
    write(history, DAY, table("a", "c", score=[3.0, 4.0]), replace_open=True)
    assert scores(history) == [(DAY, "a", 3.0), (DAY, "c", 4.0), (other, "a", 7.0)]
    info = history.day_info(DAY, "enterprise")
    assert info is not None
    assert (info.revision, info.accounts) == (0, 2)
    assert history.scored_days("enterprise").num_rows == 2
    assert scores(history, revision=1) == []


@pytest.mark.parametrize("closed", [False, True], ids=["open month", "closed month"])
def test_a_restated_day_keeps_the_old_one(history: History, closed: bool) -> None:
    other = date(2026, 3, 2)
    write(history, DAY, table("a", "b", score=[1.0, 2.0]))
    write(history, other, table("a", score=[7.0]))
    if closed:
        write(history, date(2026, 4, 1), table("a", score=[8.0]))
    write(history, DAY, table("a", score=[3.0], extra=["x"]), restate=True)
    write(history, DAY, table("a", score=[4.0]), restate=True)
    write(history, DAY, table("a", score=[5.0]), replace_open=True)
    assert scores(history, last=other) == [(DAY, "a", 5.0), (other, "a", 7.0)]
    assert scores(history, days=[DAY], revision=0) == [(DAY, "a", 1.0), (DAY, "b", 2.0)]
    assert scores(history, days=[DAY], revision=1) == [(DAY, "a", 3.0)]
    assert scores(history, days=[DAY], revision=2) == [(DAY, "a", 5.0)]
    old = history.read("enterprise", days=[DAY], revision=1, columns=["extra", "current"])
    assert old.to_pylist() == [{"account_id": "a", "date": DAY, "extra": "x", "current": False}]
    found = history.scored_days("enterprise").to_pylist()
    of_day = [(r["revision"], r["current"], r["accounts"]) for r in found if r["date"] == DAY]
    assert of_day == [(0, False, 2), (1, False, 1), (2, True, 1)]


def test_what_is_known_of_several_years(history: History) -> None:
    old, new = date(2024, 12, 31), date(2026, 1, 1)
    for table_name, day in (("portfolio", old), ("enterprise", old), ("enterprise", new)):
        history.write_days(
            [ScoredDay(day, {table_name: table("a", score=[1.0])}, SCORED, KNOWN, ARRIVED, {})]
        )
    write(history, old, table("a", "b", score=[2.0, 3.0]), restate=True)
    assert history.latest_day("portfolio") == old
    assert history.latest_day("enterprise") == new
    found = history.scored_days().to_pylist()
    assert [(r["date"], r["table"], r["revision"], r["current"]) for r in found] == [
        (old, "enterprise", 0, False),
        (old, "enterprise", 1, True),
        (old, "portfolio", 0, True),
        (new, "enterprise", 0, True),
    ]
    info = history.day_info(old, "enterprise")
    assert info is not None
    assert (info.revision, info.accounts) == (1, 2)
    assert history.day_info(date(2025, 6, 1), "enterprise") is None


def test_many_days_at_once(history: History) -> None:
    days = days_from(date(2026, 1, 15), 60)
    items = [
        ScoredDay(
            day,
            {
                "enterprise": table("b", "a", score=[float(i), 0.5]),
                "portfolio": table("a", "b", "c", arr=[i, i, i]),
            },
            SCORED,
            KNOWN,
            ARRIVED,
            {},
        )
        for i, day in enumerate(days)
    ]
    write(history, days[3], table("a", score=[9.0]))
    with pytest.raises(KeepwellError):
        history.write_days(items)
    assert history.latest_day("portfolio") is None
    history.write_days(iter(items), replace_open=True)
    assert history.read("portfolio").num_rows == 180
    assert scores(history, days=[days[3]]) == [(days[3], "a", 0.5), (days[3], "b", 3.0)]
    with pytest.raises(ValueError, match="comes twice"):
        history.write_days([items[0], items[0]], restate=True)


def test_days_in_any_order(history: History) -> None:
    days = [date(2026, 3, 5), date(2026, 1, 5), date(2026, 3, 4), date(2026, 1, 4)]
    rows = [table("a", score=[float(d.day)]) for d in days]
    history.write_days(
        ScoredDay(d, {"enterprise": r}, SCORED, KNOWN, ARRIVED, {})
        for d, r in zip(days, rows, strict=True)
    )
    assert scores(history) == [(d, "a", float(d.day)) for d in sorted(days)]


def test_reading_a_part(history: History) -> None:
    days = days_from(date(2026, 1, 30), 5)
    for i, day in enumerate(days):
        write(history, day, table("a", "b", "c", score=[i + 0.1, i + 0.2, i + 0.3]))
    assert scores(history, days=[days[0], days[4]], accounts=["b"]) == [
        (days[0], "b", 0.2),
        (days[4], "b", 4.2),
    ]
    assert scores(history, first=days[3], accounts=["c", "a", "nobody"]) == [
        (days[3], "a", 3.1),
        (days[3], "c", 3.3),
        (days[4], "a", 4.1),
        (days[4], "c", 4.3),
    ]
    assert scores(history, last=days[0], accounts=["a"]) == [(days[0], "a", 0.1)]
    assert scores(history, days=[]) == []
    assert scores(history, accounts=[]) == []
    assert scores(history, first=date(2027, 1, 1)) == []
    series = history.series("enterprise", "b", days[1], days[2], ["score", "never"])
    assert series.to_pylist() == [
        {"account_id": "b", "date": days[1], "score": 1.2, "never": None},
        {"account_id": "b", "date": days[2], "score": 2.2, "never": None},
    ]
    whole = history.series("enterprise", "b", days[0], days[4])
    assert whole.num_rows == 5
    assert whole.column_names == history.columns("enterprise")


def test_definitions_are_kept_for_ever(history: History) -> None:
    history.keep_definition(HASH, '{"weight": 35}')
    history.keep_definition(HASH, "something else")
    assert history.definition(HASH) == '{"weight": 35}'
    assert history.latest_day("enterprise") is None
    with pytest.raises(KeepwellError, match="was not kept"):
        history.definition("unknown")
    with pytest.raises(ValueError, match="hash"):
        history.keep_definition("../outside", "{}")


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (pa.table({"score": [1.0]}), "needs the column account_id"),
        (table("a", "a"), "occurs twice"),
        (pa.table({"account_id": ["a", None]}), "is missing"),
        (table("a", date=[DAY]), "adds the column date"),
        (table("a", tags=[["x"]]), "does not store"),
        (table("a", at=pa.array([0], pa.timestamp("us"))), "does not store"),
        (pa.table([["a"], [1], [2]], names=["account_id", "x", "x"]), "twice"),
    ],
)
def test_rows_that_cannot_be_stored(history: History, rows: pa.Table, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        write(history, DAY, rows)
    assert history.latest_day("enterprise") is None


@pytest.mark.parametrize("name", ["_days", "a/b", ""])
def test_names_of_tables(history: History, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a table"):
        history.write_days([ScoredDay(DAY, {name: table("a")}, SCORED, KNOWN, ARRIVED, {})])
