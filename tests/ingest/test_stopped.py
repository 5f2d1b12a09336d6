"""A feed that stops while its source goes on is not taken for customers who fell silent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepwell.facts.arrow import stored_schema
from keepwell.facts.schema import TABLES
from keepwell.ingest.report import ImportReport
from keepwell.ingest.stopped import LEAST_GAPS, LONGER, last_days
from keepwell.kit.views import view_sql
from tests.ingest.conftest import Desk

MAPPING = """
source: test
tables:
  - from: accounts.csv
    to: accounts
    fields: {account_id: id, name: id, status: {value: active}}
  - from: usage.csv
    to: usage_daily
    covers: [api, export]
    fields: {account_id: {value: a}, metric: m, day: d, value: {value: 1}}
  - from: tickets.csv
    to: tickets
    fields: {ticket_id: id, account_id: {value: a}, opened_at: opened}
"""
GOALS = """
  - from: goals.csv
    to: outcomes
    fields: {outcome_id: agreed, account_id: {value: a}, title: agreed, kind: {value: goal},
             set_on: agreed, measured_on: measured}
"""
COVERAGE = """
  - from: coverage.csv
    to: coverage
    fields: {source: {value: test}, family: f, from_day: a, to_day: b, state: {value: complete}}
"""
START, STOP, END = date(2026, 1, 1), date(2026, 2, 20), date(2026, 3, 10)
DAY = timedelta(days=1)


def days(first: date, last: date, every: int = 1) -> list[date]:
    return [first + n * DAY for n in range(0, (last - first).days + 1, every)]


def delivered(
    desk: Desk,
    usage: Mapping[str, Iterable[date]],
    tickets: Iterable[date] = (),
    mapping: str = MAPPING,
) -> ImportReport:
    """Import these days of usage and of tickets, and no others."""
    for name in ("usage.csv", "tickets.csv"):
        (desk.folder / name).unlink(missing_ok=True)
    desk.file("accounts.csv", "id\na\n")
    rows = [f"{day},{kind}" for kind, when in usage.items() for day in when]
    for name, header, lines in (
        ("usage.csv", "d,m", rows),
        ("tickets.csv", "id,opened", [f"{day},{day}" for day in tickets]),
    ):
        if lines:
            desk.file(name, "\n".join([header, *lines]) + "\n")
    return desk.run(mapping)


def stopped(told: ImportReport) -> list[str]:
    return [note for note in told.notes if note.startswith("nothing of")]


def last_covered(desk: Desk) -> dict[str, date]:
    found: dict[str, date] = {}
    for row in desk.rows("coverage"):
        found[row["family"]] = max(row["to_day"], found.get(row["family"], row["to_day"]))
    return found


def test_a_kind_that_stops_is_covered_up_to_its_own_last_day_and_a_rare_one_to_the_end(
    desk: Desk,
) -> None:
    kinds = {"login": days(START, END), "api": days(START, STOP), "share": days(START, STOP, 5)}
    told = delivered(desk, kinds)
    covered = last_covered(desk)
    assert covered["usage_daily.api"] == STOP
    assert {n: day for n, day in covered.items() if n != "usage_daily.api"} == dict.fromkeys(
        ["accounts", "usage_daily", "usage_daily.login", "usage_daily.share", "usage_daily.export"],
        END,
    )
    [note] = stopped(told)
    assert note == (
        f"nothing of usage_daily.api came after {STOP}, while other things did: what is counted"
        " from it is covered up to that day only"
    )


def test_a_table_that_stops_takes_its_rare_kinds_with_it(desk: Desk) -> None:
    kinds = {"login": days(START, STOP), "share": [START, STOP - DAY]}
    told = delivered(desk, kinds, days(START, END))
    covered = last_covered(desk)
    usage = ("usage_daily", *(f"usage_daily.{k}" for k in ("login", "share", "api", "export")))
    assert {name: covered[name] for name in usage} == dict.fromkeys(usage, STOP)
    assert covered["tickets"] == covered["accounts"] == END
    assert [note.split()[2] for note in stopped(told)] == ["usage_daily"]


@pytest.mark.parametrize(("silence", "ended"), [(27, False), (28, True)])
def test_long_gaps_are_waited_for(desk: Desk, silence: int, ended: bool) -> None:
    last = END - silence * DAY
    first = last - 9 * (LEAST_GAPS + 1) * DAY
    delivered(desk, {"login": days(first, END), "api": days(first, last, 9)})
    assert last_covered(desk)["usage_daily.api"] == (last if ended else END)


def test_what_was_taken_for_covered_is_taken_back_once_and_for_all(desk: Desk) -> None:
    def deliver(first: date, last: date, *, api: bool) -> None:
        kinds = {"login": days(first, last)} | ({"api": days(first, last)} if api else {})
        delivered(desk, kinds)

    deliver(START, STOP, api=True)
    deliver(STOP + DAY, STOP + 7 * DAY, api=False)
    # It may be late by as much.
    assert last_covered(desk)["usage_daily.api"] == STOP + 7 * DAY
    deliver(STOP + 8 * DAY, STOP + 8 * DAY, api=False)
    assert last_covered(desk)["usage_daily.api"] == STOP
    assert last_covered(desk)["usage_daily.login"] == STOP + 8 * DAY
    before = desk.store.place.manifest()
    deliver(STOP + 8 * DAY, STOP + 8 * DAY, api=False)
    deliver(STOP + DAY, STOP + 7 * DAY, api=False)
    after = desk.store.place.manifest()
    assert after.tables["coverage"] == before.tables["coverage"]


def test_what_is_heard_of_an_older_row_is_a_sign_of_life(desk: Desk) -> None:
    agreed = days(START - 250 * DAY, START - 150 * DAY)

    def last(measured: date) -> date:
        lines = [f"{day},{measured}" for day in agreed]
        desk.file("goals.csv", "\n".join(["agreed,measured", *lines]) + "\n")
        delivered(desk, {"login": days(START, END)}, mapping=MAPPING + GOALS)
        return last_covered(desk)["outcomes.goal"]

    assert last(agreed[-1]) == agreed[-1]
    assert last(END - 3 * DAY) == END


def test_what_comes_back_is_covered_again_from_then_on(desk: Desk) -> None:
    delivered(desk, {"login": days(START, END), "api": days(START, STOP)})
    back = END + DAY
    delivered(desk, {"login": [back], "api": [back]})
    spans = {
        (row["from_day"], row["to_day"])
        for row in desk.rows("coverage")
        if row["family"] == "usage_daily.api"
    }
    assert spans == {(START, STOP), (back, back)}


def spans(desk: Desk, family: str) -> set[tuple[date, date]]:
    return {(r["from_day"], r["to_day"]) for r in desk.rows("coverage") if r["family"] == family}


BACK = END + 4 * DAY
WHOLE = {"login": days(START, BACK), "share": [*days(START, STOP, 5), BACK]}


def test_a_gap_stays_where_the_whole_is_told_again_without_it(desk: Desk) -> None:
    delivered(desk, {"login": days(START, END), "api": days(START, STOP)})
    api = days(START, STOP) + days(END + DAY, BACK)
    for _ in range(2):
        delivered(desk, WHOLE | {"api": api})
        assert spans(desk, "usage_daily.api") == {(START, STOP), (END + DAY, BACK)}
    # A kind whose gap was never taken for an end is covered all along.
    assert last_covered(desk)["usage_daily.share"] == BACK
    # Part of what was missing comes after all.
    late = days(START, STOP) + days(END - 3 * DAY, BACK)
    delivered(desk, WHOLE | {"api": late})
    found = spans(desk, "usage_daily.api")
    assert found == {(START, STOP), (END - 3 * DAY, END), (END + DAY, BACK)}
    delivered(desk, WHOLE | {"api": days(START, BACK)})
    covered = {d for first, last in spans(desk, "usage_daily.api") for d in days(first, last)}
    assert covered == set(days(START, BACK))


def test_a_table_that_was_silent_was_so_with_its_rare_kinds(desk: Desk) -> None:
    before = {"login": days(START, STOP), "share": [START, STOP - DAY]}
    delivered(desk, before, days(START, END))
    assert last_covered(desk)["usage_daily.share"] == STOP
    again = {name: [*when, *days(END + DAY, BACK)] for name, when in before.items()}
    delivered(desk, again, days(START, BACK))
    for name in ("usage_daily", "usage_daily.login", "usage_daily.share"):
        assert spans(desk, name) == {(START, STOP), (END + DAY, BACK)}, name


def test_a_gap_that_the_ordinary_rhythm_allows_is_filled(desk: Desk) -> None:
    """Nobody imported anything for three weeks; the days of the kind are nine days apart."""
    first, last = END - 300 * DAY, END - 20 * DAY
    delivered(desk, {"login": days(first, last), "api": days(first, last, 9)})
    delivered(desk, {"login": days(first, END), "api": [*days(first, last, 9), END]})
    assert spans(desk, "usage_daily.api") == {(first, last), (last + DAY, END)}


def test_what_the_files_say_of_coverage_stands(desk: Desk) -> None:
    delivered(desk, {"login": days(START, END), "api": days(START, STOP)})
    desk.file("coverage.csv", f"f,a,b\nusage_daily.api,{START},{END}\n")
    for _ in range(2):
        assert stopped(desk.run(MAPPING + COVERAGE)) == []
        assert last_covered(desk)["usage_daily.api"] == END


@given(
    st.lists(st.integers(1, 12), max_size=30),
    st.integers(0, 60),
    st.sampled_from(["usage_daily", "tickets"]),
)
def test_only_silence_longer_than_any_before_is_an_end(
    gaps: list[int], silence: int, name: str
) -> None:
    table = TABLES[name]
    when = [START]
    for gap in gaps:
        when.append(when[-1] + gap * DAY)
    empty = view_sql([], stored_schema(table))
    own = " UNION ALL ".join(f"SELECT DATE '{day}' AS {table.day}" for day in when)
    with duckdb.connect() as con:
        rows = f"{empty} UNION ALL BY NAME ({own})"
        found = last_days(con, table, rows, "UTC", {name}, when[-1] + silence * DAY)
    ended = len(gaps) >= LEAST_GAPS and silence > max(table.fresh_days, LONGER * max(gaps))
    assert found == ({name: when[-1]} if ended else {})
