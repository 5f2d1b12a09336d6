"""Scorecards that come later or change: old days keep their definition and their knowledge."""

from __future__ import annotations

from datetime import timedelta

import pytest

from keepwell.scoring.change import Change
from tests.cycle.company import LAST, Company, logins, settings

DAY = timedelta(days=1)

LATER = """\
scorecard: later
label: Later
tiers: [{key: good, label: Good, from: 50, colour: green}, {key: poor, label: Poor, from: 0}]
components:
  logins: {metric: weekly_logins, bands: {20: 100, else: 0}}
"""


def adds_up(change: Change | None) -> bool:
    assert change is not None
    return sum(p.points for p in change.parts) == pytest.approx(change.points, abs=1e-9)


def test_a_scorecard_is_for_the_accounts_that_it_says(company: Company) -> None:
    rows = company.project.history.read("starters", days=[LAST]).to_pylist()
    assert [r["account_id"] for r in rows] == ["a03", "a06", "a09", "a12"]
    assert len(company.project.accounts(scorecard="starters")) == 4
    assert len(company.project.accounts()) == 12


def test_a_scorecard_that_comes_later_scores_old_days_with_the_knowledge_of_their_day(
    company: Company,
) -> None:
    before = company.project.history.day_info(LAST, "care")
    company.at(LAST + 5 * DAY)
    company.put("usage_daily", *logins("a06", LAST - 6 * DAY, LAST, people=1, each=90))
    company.put("usage_daily", *logins("a07", LAST - 6 * DAY, LAST, people=40, each=9))
    path = company.folder / "scorecards" / "later.yaml"
    path.write_text(LATER, encoding="utf-8")
    (company.folder / "keepwell.yaml").write_text(settings(["care", "later", "starters"]))
    project = company.project
    assert project.score(LAST).scored == (LAST,)
    # Neither the correction nor the rows that came late are known to it, nor to the other ones.
    for account in ("a06", "a07"):
        known = company.row("care", LAST, account)["metric/weekly_logins"]
        assert company.row("later", LAST, account)["metric/weekly_logins"] == known
    now = project.history.day_info(LAST, "later")
    assert before == project.history.day_info(LAST, "care")
    assert before is not None
    assert now is not None
    assert (now.known_at, now.arrived_by) == (before.known_at, before.arrived_by)
    assert now.scored_at > before.scored_at
    assert project.score(LAST).stood == (LAST,)


def test_an_old_day_explains_itself_with_the_definition_of_its_day(company: Company) -> None:
    stored = company.row("care", LAST, "a10")
    company.edit("scorecards/care.yaml", "{20: 100, 10: 60, else: 20}", "{90: 100, else: 0}")
    company.edit("scorecards/care.yaml", "    weight: 20\n", "    weight: 40\n")
    company.edit("metrics/small.yaml", "    over: 30 days\n", "    over: 90 days\n")
    # What was one measure becomes two, and another goes.
    company.edit(
        "scorecards/care.yaml",
        "    metric: bond\n    choices: {strong: 100, fair: 60, weak: 10}\n",
        "    components:\n"
        "      bond: {metric: bond, choices: {strong: 100, fair: 60, weak: 10}}\n"
        "      people: {metric: weekly_people, bands: {3: 100, else: 0}}\n",
    )
    company.at(LAST + 2 * DAY)
    company.put("usage_daily", *logins("a10", LAST + DAY, LAST + DAY, people=3, each=3))
    company.cover(LAST, LAST + DAY)
    project = company.project
    assert project.score(LAST + DAY).scored == (LAST + DAY,)
    old = project.explain("a10", as_of=LAST).explanation
    assert old.score == stored["score"]
    lines = {line.name: line for line in old.lines}
    assert (lines["usage/logins"].points, lines["support"].printed) == (100, 0.2)
    assert "bond/people" not in lines
    new = project.explain("a10", since=LAST)
    lines = {line.name: line for line in new.explanation.lines}
    assert lines["usage/logins"].points == 0
    assert lines["bond/people"].points == 100
    assert adds_up(new.change)
    assert new.change is not None
    causes = {(p.name, p.cause) for p in new.change.parts}
    # The points fell because of the bands, though the logins changed as well.
    assert ("usage/logins", "definition changed") in causes
    assert ("usage/logins", "value") not in causes
    assert ("bond/people", "definition changed") in causes
    # Tickets are counted over other days: what the number did meanwhile cannot be told apart.
    assert ("support", "value") not in causes
    assert ("support", "definition changed") in causes
    # The reasons of the portfolio look back over the change as well.
    [row] = [r for r in project.accounts() if r["account"] == "a10"]
    assert "definition" in str(row["reason"])
