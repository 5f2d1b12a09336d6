"""A customer that is closed for the season keeps the score of its last open day, exactly."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cycle.company import LAST, Company, logins

DAY = timedelta(days=1)
CLOSED = (LAST + DAY, LAST + 6 * DAY)
STILL_CLOSED = (LAST + 7 * DAY, LAST + 9 * DAY)
OPEN_AGAIN = LAST + 10 * DAY


@pytest.fixture(scope="module")
def seasonal(scored_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """a06 is closed for two stretches in a row, and loses its logins and its rating meanwhile; a05
    goes on as before, in a period of another kind."""
    folder = shutil.copytree(scored_folder, tmp_path_factory.mktemp("seasonal") / "company")
    with pytest.MonkeyPatch.context() as patch:
        company = Company(folder, patch)
        _close(company)
        yield company


def _close(company: Company) -> None:
    company.at(LAST + DAY, 7)
    company.project.assess("a06", "bond", "fair", author="Ann", expires=LAST + 2 * DAY)
    company.project.score(LAST, restate=True)
    spans = [("c1", "a06", "seasonal_closure", CLOSED), ("c2", "a06", "seasonal_closure",
             STILL_CLOSED), ("c3", "a05", "onboarding", CLOSED)]  # fmt: skip
    company.at(LAST + DAY, 9)
    company.put("account_periods", *(
        {"period_id": i, "account_id": a, "kind": k, "start_on": s, "end_on": e}
        for i, a, k, (s, e) in spans
    ))  # fmt: skip
    company.at(OPEN_AGAIN + DAY)
    company.put("usage_daily", *logins("a05", LAST + DAY, OPEN_AGAIN, people=6, each=3))
    company.put("usage_daily", *logins("a06", OPEN_AGAIN, OPEN_AGAIN, people=7, each=40))
    company.put("tickets", *(
        {"ticket_id": f"closed {n}", "account_id": "a06", "status": "open",
         "opened_at": f"{LAST + 3 * DAY}T10:00:00Z"}
        for n in range(9)
    ))  # fmt: skip
    company.cover(LAST, OPEN_AGAIN)
    company.run(LAST + 3 * DAY, LAST + 8 * DAY, OPEN_AGAIN)


def test_a_closed_account_has_the_score_of_its_last_open_day_and_then_its_own(
    seasonal: Company,
) -> None:
    for card in ("care", "starters"):
        open_ = seasonal.row(card, LAST, "a06")
        for day in (LAST + 3 * DAY, LAST + 8 * DAY):
            held = seasonal.row(card, day, "a06")
            assert held["held_from"] == LAST
            names = ("score", "tier", "coverage", "computed")
            alike = [n for n in open_ if n.startswith(("points/", "state/", "age/")) or n in names]
            assert {n: held[n] for n in alike} == {n: open_[n] for n in alike}, (card, day)
        again = seasonal.row(card, OPEN_AGAIN, "a06")
        assert again["held_from"] is None
        assert again["metric/weekly_logins"] > open_["metric/weekly_logins"]
    # No window looks at days on which it was closed.
    assert seasonal.row("care", OPEN_AGAIN, "a06")["metric/monthly_tickets"] == 0
    other = seasonal.row("care", LAST + 3 * DAY, "a05")
    assert other["held_from"] is None
    assert (
        other["metric/weekly_logins"] != seasonal.row("care", LAST, "a05")["metric/weekly_logins"]
    )


def test_a_held_score_says_so_and_mutes_alerts(seasonal: Company) -> None:
    project = seasonal.project
    found = project.explain("a06", as_of=LAST + 8 * DAY, since=LAST)
    assert found.explanation.held_from == LAST
    assert found.explanation.muted == ("closed",)
    [term] = found.explanation.terms
    assert (term.because, term.points) == ("Closed for the season", 0)
    assert found.change is not None
    assert found.change.points == 0
    assert found.change.parts == ()
    by_metric = project.explain("a06", as_of=LAST + 8 * DAY, scorecard="starters").explanation
    assert [t.key for t in by_metric.terms] == ["resting"]
    assert project.explain("a06", as_of=OPEN_AGAIN).explanation.muted == ()


def test_a_simulation_of_a_closed_day_holds_the_score_too(seasonal: Company) -> None:
    found = seasonal.project.simulate(
        sets={"support.weight": "60"}, as_of=LAST + 3 * DAY, scorecard="care"
    )
    before = {m["account"]: m["before"] for m in found.moves}
    assert before["a06"] == seasonal.row("care", LAST, "a06")["score"]
