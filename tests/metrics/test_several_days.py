"""Several days at once are the same as each by itself, bit for bit, in whatever order rows come."""

from __future__ import annotations

import random
from datetime import date
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from keepwell.catalog import definitions
from keepwell.definitions.library import Library
from keepwell.definitions.loading import load
from keepwell.facts.memory import MemoryFacts
from keepwell.facts.schema import IMPORTED
from tests.metrics.measuring import Tables, measured, metrics
from tests.metrics.mixed import company

DAYS = [date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 1)]


@cache
def library() -> Library:
    return load(definitions())


@cache
def tables(for_itself: bool) -> Tables:
    """The company; `for_itself` without what makes accounts count for others, or close."""
    rows = dict(company())
    if for_itself:
        del rows["merges"], rows["account_periods"]
        rows["accounts"] = [{**a, "rollup_mode": None} for a in rows["accounts"]]
    return rows


@cache
def together(for_itself: bool = False) -> pa.Table:
    facts = MemoryFacts(tables(for_itself), project_currency="EUR")
    return measured(library(), facts, DAYS, period_kinds=["seasonal_closure"]).table


def of_day(day: date, for_itself: bool) -> pa.Table:
    table = together(for_itself)
    return table.filter(pc.equal(table["asked_on"], day)).combine_chunks()


def test_the_company_has_rows_of_every_table_and_feeds_most_metrics() -> None:
    assert set(company()) == set(IMPORTED) - {"sources", "coverage", "text_signals", "staff"}
    known = [
        key for key in library().metrics
        if together()[f"metric/{key}"].null_count < together().num_rows
    ]  # fmt: skip
    assert len(known) > 150, sorted(set(library().metrics) - set(known))


@pytest.mark.parametrize("for_itself", [False, True], ids=["mixed", "for itself"])
@pytest.mark.parametrize("day", [DAYS[0], DAYS[-1]], ids=str)
def test_a_day_among_others_is_the_day_by_itself(day: date, for_itself: bool) -> None:
    facts = MemoryFacts(tables(for_itself), project_currency="EUR")
    alone = measured(library(), facts, day, period_kinds=["seasonal_closure"]).table
    among = of_day(day, for_itself)
    assert alone.schema == among.schema
    for name in alone.column_names:
        assert alone[name].combine_chunks().equals(among[name].combine_chunks()), name


OF_DAYS = {"count": "rows", "sum": "value", "mean": "value", "share": "value > 2", "min": "value",
           "max": "value", "count_distinct": "person_id"}  # fmt: skip
OUTER = ("sum", "mean", "min", "max", "count")
GROUPED = metrics(
    "\n".join(
        f"    {kind}_{then}: {{{kind}: {what}, from: usage_daily, per: day, then: {then},"
        " over: 20 days}"
        for kind, what in OF_DAYS.items()
        for then in OUTER
    )
    + """
    people: {count_distinct: person_id, from: usage_daily, where: value > 1, over: 9 days}
    people_before: {formula: 'before(people, 5 days)'}
    more_people: {count_distinct: person_id, from: usage_daily, where: value > 1, over: 60 days}
    ever: {count_distinct: person_id, from: usage_daily}
    quiet: {days_since_last: day, from: usage_daily, where: value > 3}
    quiet_before: {formula: 'before(quiet, 11 days)'}
    idle: {days_since_last: day, from: usage_daily, per: day, then: sum}
    """
)


@pytest.mark.parametrize("for_itself", [False, True], ids=["mixed", "for itself"])
def test_groups_of_a_day_and_distinct_values_of_any_kind(for_itself: bool) -> None:
    days = [date(2024, 3, day) for day in (1, 2, 3, 9, 28)]
    facts = MemoryFacts(tables(for_itself))
    among = measured(GROUPED, facts, days).table
    for day in days:
        alone = measured(GROUPED, MemoryFacts(tables(for_itself)), day).table
        those = among.filter(pc.equal(among["asked_on"], day)).combine_chunks()
        for name in alone.column_names:
            assert alone[name].combine_chunks().equals(those[name].combine_chunks()), (name, day)
    assert len(set(among["metric/sum_sum"].to_pylist())) > 20


def test_the_order_of_rows_and_days_does_not_matter() -> None:
    rng = random.Random(6)
    tables = {name: rng.sample(list(rows), len(rows)) for name, rows in company().items()}
    facts = MemoryFacts(tables, project_currency="EUR")
    again = measured(library(), facts, DAYS[::-1], period_kinds=["seasonal_closure"]).table
    for name in again.column_names:
        assert again[name].combine_chunks().equals(together()[name].combine_chunks()), name
