"""Many days at once are the same as one night after the other, bit for bit."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from keepwell.kit import clock
from tests.cycle.company import (
    FAMILIES,
    START,
    Company,
    at,
    facts,
    logins,
    put,
    same,
    write_project,
)

DAY = timedelta(days=1)
DAYS = [date(2026, 2, 24) + timedelta(days=n) for n in range(5)]
LEADERS = """\
  leaders:
    label: Leaders who logged in
    count_distinct: person_id
    from: usage_daily
    where: metric = 'login' and person.seniority = 'vp'
    over: 7 days
    unit: people
"""


@pytest.fixture
def far_and_wide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Company:
    """A project at one end of the world with customers at the other, which came to know things
    day by day: corrections, deletions, ratings, people and a subsidiary."""
    folder = write_project(tmp_path / "wide", timezone="Pacific/Auckland")
    company = Company(folder, monkeypatch)
    company.edit("metrics/small.yaml", "  seats:\n", LEADERS + "  seats:\n")
    company.edit(
        "scorecards/starters.yaml",
        "  trust:",
        "  leaders: {weight: 1, metric: leaders, bands: {1: 100, else: 0}}\n  trust:",
    )
    company.at(DAYS[0] - DAY)
    first = facts(last=DAYS[-1])
    ahead = {"usage_daily": "day", "tickets": "opened_at", "survey_responses": "sent_at"}
    known = {t: [r for r in rows if _day(r, ahead.get(t)) < DAYS[0]] for t, rows in first.items()}
    for account in known["accounts"]:
        account["timezone"] = "America/Los_Angeles"
    put(company.store, known, dict.fromkeys((*FAMILIES, "people"), (START, DAYS[0] - DAY)))
    for day in DAYS:
        company.at(day, 9)
        now = {t: [r for r in first[t] if _day(r, name) == day] for t, name in ahead.items()}
        # The evening in Los Angeles is the next afternoon in Auckland.
        now["tickets"].append({"ticket_id": f"late {day}", "account_id": "a06", "status": "open",
                               "opened_at": at(day + DAY, 5)})  # fmt: skip
        put(company.store, now, dict.fromkeys(FAMILIES, (day, day)))
        company.at(day, 10)
        _news(company, day, [r["ticket_id"] for r in known["tickets"] if r["account_id"] != "a05"])
    company.at(DAYS[-1] + 3 * DAY)
    return company


def _news(company: Company, day: date, tickets: list[str]) -> None:
    """What is learned on one of the days beside the facts of that day."""
    if day == DAYS[2]:
        project = company.project
        project.assess("a03", "trust", 9, author="Ann")
        project.assess("a02", "bond", "weak", author="Ann", expires=DAYS[3])
        company.put("people", {"person_id": "a12-p0", "account_id": "a12", "seniority": "vp",
                               "source_updated_at": at(day, 3)})  # fmt: skip
        company.put("usage_daily", *logins("a06", START, DAYS[1], people=1, each=30))
        present = pa.table({"ticket_id": pa.array(tickets, pa.string())})
        with company.store.writer("import") as writer:
            writer.close_missing("tickets", present, source_id="files", arrived_at=clock.now(),
                                 days=(START, DAYS[0]))  # fmt: skip
    elif day == DAYS[3]:
        project = company.project
        [rated] = [a for a in project.assessments() if a["account_id"] == "a03"]
        project.withdraw(rated["id"], by="Ann", reason="mistaken")
        project.override("a09", difference=-7, reason="told me", author="Ann",
                                 expires=DAYS[4], starts=DAYS[1])  # fmt: skip
        company.put("accounts", {"account_id": "a12", "name": "Account 12", "status": "active",
                                 "customer_since": START, "rollup_mode": "with_children",
                                 "segment": "small"},
                    {"account_id": "child", "name": "Child", "status": "active",
                     "parent_account_id": "a12", "customer_since": DAYS[2]})  # fmt: skip
        company.put("usage_daily", *logins("child", START, DAYS[4], people=5, each=5))


def _day(row: dict[str, Any], name: str | None) -> date:
    return date.fromisoformat(str(row[name])[:10]) if name else START


def test_a_range_is_its_nights(far_and_wide: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = shutil.copytree(far_and_wide.folder, far_and_wide.folder.parent / "alone")
    assert far_and_wide.project.score(first=DAYS[0], last=DAYS[-1]).scored == tuple(DAYS)
    nightly = Company(alone, monkeypatch)
    for day in DAYS[::-2]:
        nightly.project.score(day)
        assert same(far_and_wide.tables(day), nightly.tables(day)), day
    # What came to be known in between does show, and not before its day.
    company = far_and_wide
    tickets = [company.row("care", d, "a06")["metric/monthly_tickets"] for d in DAYS]
    assert tickets == [tickets[0] + n for n in range(5)]
    deleted = [company.row("care", d, "a05")["metric/monthly_tickets"] for d in DAYS]
    assert deleted == [3, 3, 0, 1, 1]
    logged = [company.row("starters", d, "a06")["metric/weekly_logins"] for d in DAYS]
    assert logged[1] < 100 < logged[2]
    trust = [company.row("starters", d, "a03")["metric/trust"] for d in DAYS]
    assert trust == [None, None, 9, None, None]
    bond = [company.row("care", d, "a02")["state/bond"] for d in DAYS]
    assert bond == ["missing", "missing", "known", "known", "stale"]
    leaders = [company.row("starters", d, "a12")["metric/leaders"] for d in DAYS]
    assert leaders == [0, 0, 1, 1, 1]
    shares = [company.row("care", d, "a12")["metric/people_share"] for d in DAYS]
    assert shares == [5 / 8, 5 / 8, 5 / 8, 10 / 8, 10 / 8]
    terms = [company.row("care", d, "a09").get("override/") for d in DAYS]
    assert terms == [None, None, None, -7, -7]
