"""A day that was scored keeps its result, whatever arrives later; a day that was not is scored with
what was known when it ended."""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
import pytest

from tests.cycle.company import ACCOUNTS, LAST, START, Company, at, logins, same

DAY = timedelta(days=1)
NEVER_SCORED = LAST - timedelta(days=40)


def more_arrives(company: Company) -> None:
    """Two mornings after LAST: late rows, corrections, and an account that nobody had heard of."""
    company.at(LAST + 2 * DAY)
    seat = {"subscription_id": "s2", "account_id": "a02", "status": "active", "value_from": START,
            "start_on": START, "seats": 80, "mrr": 100, "currency": "EUR"}  # fmt: skip
    company.put("usage_daily", *logins("a08", LAST - DAY, LAST, people=9, each=9))
    company.put("usage_daily", *logins("a08", NEVER_SCORED, NEVER_SCORED, people=9, each=9))
    company.put("usage_daily", {**logins("a03", LAST, LAST, people=1, each=0)[0]})
    company.put("usage_daily", {**logins("a03", NEVER_SCORED, NEVER_SCORED, people=1, each=0)[0]})
    company.put("subscriptions", seat)
    company.put("tickets", {"ticket_id": "t1-0", "account_id": "a04", "status": "open",
                            "opened_at": at(LAST)})  # fmt: skip
    company.put("accounts", {"account_id": "a05", "name": "Renamed", "status": "active",
                             "segment": "small", "customer_since": START},
                {"account_id": "a13", "name": "Late", "status": "active", "segment": "small",
                 "customer_since": START})  # fmt: skip
    company.put("usage_daily", *logins("a13", START, LAST, people=2, each=2))
    company.cover(LAST, LAST + DAY)


def logins_of(company: Company, day: date) -> dict[str, float]:
    table = company.project.history.read("care", days=[day], columns=["metric/weekly_logins"])
    return dict(zip(*(table[c].to_pylist() for c in ("account_id", "metric/weekly_logins")),
                    strict=True))  # fmt: skip


def test_yesterday_stands_when_late_rows_and_corrections_arrive(company: Company) -> None:
    before = company.tables(LAST)
    more_arrives(company)
    outcome = company.project.score(LAST)
    assert (outcome.scored, outcome.stood) == ((), (LAST,))
    assert same(company.tables(LAST), before)


def test_yesterday_computed_once_more_from_all_that_is_known_today_is_the_same(
    company: Company,
) -> None:
    before = company.tables(LAST)
    more_arrives(company)
    company.forget_scores()
    company.at(LAST + DAY)
    assert company.project.score(LAST).scored == (LAST,)
    assert same(company.tables(LAST), before)


def test_restating_takes_the_correction_in_and_keeps_the_old_day_readable(
    company: Company,
) -> None:
    before = company.tables(LAST)
    more_arrives(company)
    assert company.project.score(LAST, restate=True).restated == (LAST,)
    old, new = before["care"].to_pylist(), company.tables(LAST)["care"].to_pylist()
    logged = {r["account_id"]: r["metric/weekly_logins"] for r in new}
    assert "a13" in logged.keys() - {r["account_id"] for r in old}
    changed = {r["account_id"] for r in old if r["metric/weekly_logins"] != logged[r["account_id"]]}
    assert changed == {"a03", "a08"}
    shares = {r["account_id"]: r["metric/people_share"] for r in new}
    assert shares["a02"] == pytest.approx(3 / 80)
    kept = company.tables(LAST, revision=0)
    assert all(_values(kept[name]) == _values(before[name]) for name in before)
    info = company.project.history.day_info(LAST, "care")
    assert info is not None
    assert (info.revision, info.known_at) == (1, at(LAST + 2 * DAY))
    # A restated day stands as well.
    assert company.project.score(LAST).stood == (LAST,)


def _values(table: pa.Table) -> list[dict[str, object]]:
    return list(
        table.drop_columns(["current"] if "current" in table.column_names else []).to_pylist()
    )


def test_a_past_day_that_was_never_scored_is_scored_with_what_was_known_then(
    company: Company,
) -> None:
    company.at(LAST + DAY)
    company.project.score(NEVER_SCORED)
    as_known = logins_of(company, NEVER_SCORED)
    company.forget_scores()
    more_arrives(company)
    company.project.score(NEVER_SCORED)
    found = logins_of(company, NEVER_SCORED)
    # A correction of a row came later than the day and is not used ...
    assert found["a03"] == as_known["a03"]
    shares = company.row("care", NEVER_SCORED, "a02")
    assert shares["metric/people_share"] == pytest.approx(3 / 8)
    # ... while rows that are new, but of that day by their own time, are taken as known.
    assert found["a08"] == as_known["a08"] + 8 * 9
    assert found["a13"] == 7 * 2 * 2
    assert found.keys() == {*ACCOUNTS, "a13"}
    assert {a for a in as_known if found[a] != as_known[a]} == {"a08"}


def test_today_is_scored_anew_until_it_is_over(company: Company) -> None:
    today = LAST + DAY
    company.at(today, 10)
    company.put("usage_daily", *logins("a01", today, today, people=1, each=5))
    company.cover(today, today)
    company.project.score("today")
    first = logins_of(company, today)
    company.at(today, 15)
    company.put("usage_daily", *logins("a02", today, today, people=1, each=7))
    assert company.project.score("today").scored == (today,)
    second = logins_of(company, today)
    assert second["a02"] == first["a02"] + 7
    info = company.project.history.day_info(today, "care")
    assert info is not None
    assert (info.revision, info.known_at) == (0, at(today, 15))
    assert len(company.project.history.read("care", days=[today])) == len(ACCOUNTS)
    company.at(today + DAY, 1)
    company.put("usage_daily", *logins("a03", today, today, people=1, each=9))
    assert company.project.score(today).stood == (today,)
    assert logins_of(company, today) == second
