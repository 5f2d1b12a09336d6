"""A score explains itself: to the last point, against an earlier day, and on the way up."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from keepwell.app.explaining import Explained, find_account
from keepwell.app.project import Project
from keepwell.cycle.scoring import PORTFOLIO
from keepwell.kit.errors import KeepwellError
from keepwell.scoring.explain import Explanation
from tests.cycle.company import LAST, Company

DAY = timedelta(days=1)


def total(explanation: Explanation) -> float:
    parts = [x.contribution for x in explanation.leaves] + [t.points for t in explanation.terms]
    return sum(parts)


def moved(found: Explained) -> float:
    assert found.change is not None
    return sum(p.points for p in found.change.parts)


def test_an_account_is_found_by_its_id_its_name_or_what_only_its_name_has(scored: Project) -> None:
    rows = scored.history.read(PORTFOLIO, days=[LAST]).to_pylist()
    for wanted in ("a10", "Account 10", "account 10", " ACCOUNT 10 ", "10"):
        assert find_account(rows, wanted)["account_id"] == "a10"
    # One name is the beginning of another's: the whole name wins.
    assert find_account(rows, "account 1")["account_id"] == "a01"


@pytest.mark.parametrize("wanted", ["acc", "account", "1"])
def test_an_ambiguous_name_is_asked_back_with_the_accounts_that_it_could_be(
    scored: Project, wanted: str
) -> None:
    with pytest.raises(KeepwellError) as raised:
        scored.explain(wanted)
    assert raised.value.what.startswith(f"'{wanted}' could be ")
    assert "Account 1 (a01)" in raised.value.what


def test_an_unknown_name_is_answered_with_near_ones(scored: Project) -> None:
    with pytest.raises(KeepwellError) as raised:
        scored.explain("Acount 10")
    assert raised.value.what == "no customer of that day is called 'Acount 10'"
    assert "Account 10" in (raised.value.todo or "")


def test_contributions_and_terms_are_the_score_and_parts_are_the_change(company: Company) -> None:
    project = company.project
    for account, rating in (("a05", "strong"), ("a10", "weak")):
        project.assess(account, "bond", rating, author="Ann", rationale="told me")
    for account, path, points, difference in (
        ("a05", "usage", None, 5.5),
        ("a05", "", 64, None),
        ("a10", "support", 30, None),
        ("a10", "usage/logins", 10, None),
    ):
        project.override(account, points, difference=difference, path=path, reason="an audit",
                         author="Ann", starts=LAST, expires=LAST + 9 * DAY)  # fmt: skip
    project.score(LAST, restate=True)
    for account in ("a01", "a04", "a05", "a10"):
        found = project.explain(account, since=LAST - DAY)
        stored = company.row("care", LAST, account)
        assert found.explanation.score == stored["score"]
        assert total(found.explanation) == pytest.approx(stored["score"], abs=1e-9)
        before = company.row("care", LAST - DAY, account)["score"]
        assert moved(found) == pytest.approx(stored["score"] - before, abs=1e-9)
    five = project.explain("a05").explanation
    assert five.score == 64
    assert [(t.key, t.kind) for t in five.terms] == [("usage", "override"), ("score", "override")]
    ten = project.explain("a10")
    lines = {line.name: line for line in ten.explanation.lines}
    assert (lines["support"].points, lines["support"].final) == (10, 30)
    assert lines["usage/logins"].final == 10
    assert [o.reason for o in ten.overrides] == ["an audit"] * 2
    assert [a.answer_code for a in ten.assessments] == ["weak"]
    assert json.loads(json.dumps(ten.to_dict()))["explanation"]["score"] == ten.explanation.score


def test_rules_of_a_scorecard_are_terms_of_their_own(company: Company) -> None:
    company.edit(
        "scorecards/care.yaml", "  closed:\n",
        "  young:\n    when: days_since(account.customer_since) <= 90\n"
        "    add_points: {voice: -6, out_of: 15, not_below: 3}\n    because: A young customer\n"
        "  closed:\n",
    )  # fmt: skip
    project = company.project
    project.override("a04", 81.5, reason="x", author="Ann", expires=LAST, starts=LAST)
    assert project.score(LAST, restate=True).restated == (LAST,)
    found = project.explain("a10")
    terms = {t.key: t for t in found.explanation.terms}
    lines = {line.name: line for line in found.explanation.lines}
    # Four tickets and a 9: the tickets count 60 instead of 10. Six of 15 points are 40 of 100.
    assert terms["busy_and_happy"].points == pytest.approx(lines["support"].weight * 50)
    assert terms["young"].points == pytest.approx(lines["voice"].weight * -40)
    assert (lines["support"].final, lines["voice"].final) == (60, 60)
    assert terms["young"].because == "A young customer"
    assert total(found.explanation) == pytest.approx(found.explanation.score, abs=1e-9)
    kept = company.row("care", LAST, "a10")
    assert found.explanation.score == kept["score"]
    assert project.explain("a04").explanation.score == 81.5


def test_whatif_asks_the_plan_itself(scored: Project) -> None:
    values: dict[str, str | float] = {"weekly_logins": 3, "people_share": "20%", "bond": "Weak"}
    found = scored.explain("a10", whatif=values)
    assert found.whatif is not None
    lines = {line.name: line for line in found.whatif.lines}
    assert (lines["usage/logins"].value, lines["usage/logins"].points) == (3, 20)
    assert (lines["usage/share"].value, lines["usage/share"].points) == (0.2, 20)
    assert (lines["bond"].value, lines["bond"].state, lines["bond"].points) == ("weak", "known", 10)
    assert found.whatif.coverage == 1
    assert total(found.whatif) == pytest.approx(found.whatif.score, abs=1e-9)
    assert found.explanation.score == scored.explain("a10").explanation.score


@pytest.mark.parametrize(
    ("values", "what", "more"),
    [
        ({"people_share": 72}, "72", "72%"),
        ({"people_share": "72"}, "72", "0.72"),
        ({"bond": "storng"}, "'storng' is no answer for 'bond'", "strong"),
        ({"weekly_logins": "many"}, "'many' is no number for 'weekly_logins'", "a number"),
        ({"trust": 11}, "the scorecard 'care' does not look at 'trust'", "bond"),
        ({"weekly_login": 1}, "no metric is called 'weekly_login'", "weekly_logins"),
    ],
)  # fmt: skip
def test_values_that_cannot_be_are_refused_with_what_could(
    scored: Project, values: dict[str, str | float], what: str, more: str
) -> None:
    with pytest.raises(KeepwellError) as raised:
        scored.explain("a10", whatif=values)
    assert what in raised.value.what
    assert more in raised.value.text()


def test_the_way_up_reaches_the_next_tier_when_it_is_gone(scored: Project) -> None:
    best, *_, worst = reversed(scored.accounts(reasons=False).rows())
    assert scored.explain(best["account"]).way_up is None
    found = scored.explain(worst["account"])
    assert found.way_up is not None
    steps = {lever.metric: lever.target for lever in found.way_up.together}
    tried = scored.explain(worst["account"], whatif=steps).whatif
    assert tried is not None
    assert tried.tier is not None
    assert tried.tier.key == found.way_up.tier == "fair"
    assert tried.score == pytest.approx(found.way_up.score, abs=1e-9)


def test_an_account_stands_among_its_peers(scored: Project) -> None:
    scores = {r["account"]: r["score"] for r in scored.accounts(reasons=False)}
    found = scored.explain("a10")
    others = [s for a, s in scores.items() if a != "a10"]
    standing = found.standings["score"]
    below = sum(s < scores["a10"] for s in others) + sum(s == scores["a10"] for s in others) / 2
    assert standing.value == scores["a10"]
    assert standing.percentile == pytest.approx(below / 11)
    assert standing.peers == 11
    assert found.standings["usage/logins"].peers == 11
    assert found.peer_group == ()


def test_a_change_is_looked_for_near_30_days_ago_unless_a_day_is_named(scored: Project) -> None:
    assert scored.explain("a10").since == LAST - 30 * DAY
    assert scored.explain("a10", as_of=LAST - 30 * DAY).change is None
    with pytest.raises(KeepwellError) as raised:
        scored.explain("a10", since=LAST)
    assert str(LAST) in (raised.value.expected or "")


def test_what_cannot_be_explained_says_why(scored: Project) -> None:
    asked: dict[str, dict[str, Any]] = {
        "was not scored": {"as_of": LAST - 50 * DAY},
        "does not use a scorecard 'cear'": {"scorecard": "cear"},
        "does not apply to Account 10": {"scorecard": "starters"},
        "'gestern' is not a day": {"as_of": "gestern"},
    }
    for what, arguments in asked.items():
        with pytest.raises(KeepwellError) as raised:
            scored.explain("a10", **arguments)
        assert what in raised.value.what
