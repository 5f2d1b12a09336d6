"""A feed that stops degrades the coverage and says so; missing, stale, not applicable and zero stay
different."""

from __future__ import annotations

from datetime import timedelta

import pytest

from keepwell.app.explaining import Explained
from keepwell.scoring.explain import Line
from tests.cycle.company import FAMILIES, LAST, Company, logins

DAY = timedelta(days=1)
FRESH_FOR = 7  # days, as the canonical table of usage says
HELD_FOR = 30  # days, as the scorecard says of the voice of the customer


def usage_stops(company: Company) -> None:
    """From LAST on nothing is heard of usage, while everything else goes on for a week and more."""
    company.at(LAST + 12 * DAY)
    company.cover(LAST, LAST + 12 * DAY, *(f for f in FAMILIES if not f.startswith("usage")))


def line(found: Explained, name: str) -> Line:
    return next(x for x in found.explanation.lines if x.name == name)


def test_a_feed_that_stops_is_waited_for_and_then_left_out_with_a_word(company: Company) -> None:
    company.project.assess("a10", "bond", "strong", author="Ann", expires=LAST + 60 * DAY)
    usage_stops(company)
    fresh, stale = LAST + FRESH_FOR * DAY, LAST + (FRESH_FOR + 1) * DAY
    company.run(LAST + DAY, fresh, stale)
    project = company.project
    last = project.explain("a10", as_of=LAST)
    # While one waits, the windows end where the data ends: nothing falls because it is late.
    for day in (LAST + DAY, fresh):
        found = project.explain("a10", as_of=day, since=LAST)
        for name in ("usage/logins", "usage/share"):
            assert line(found, name).state == "known"
            assert line(found, name).value == line(last, name).value
            assert line(found, name).points == line(last, name).points
            assert line(found, name).age == (day - LAST).days
    found = project.explain("a10", as_of=stale, since=fresh)
    before = project.explain("a10", as_of=fresh)
    assert line(found, "usage/logins").state == line(found, "usage/share").state == "stale"
    assert line(found, "usage/logins").value == line(last, "usage/logins").value
    assert line(found, "usage").points is None
    assert line(found, "usage").weight == 0
    assert found.explanation.coverage == pytest.approx(before.explanation.coverage - 0.5)
    assert found.explanation.score is not None
    assert found.change is not None
    causes = {part.name: part.cause for part in found.change.parts}
    assert causes["usage/logins"] == causes["usage/share"] == "data went stale"
    assert "value" not in {p.cause for p in found.change.parts if p.name.startswith("usage")}
    assert sum(p.points for p in found.change.parts) == pytest.approx(found.change.points, abs=1e-9)
    # Nobody rated a11: what is left of it is too little for a number.
    poor = project.explain("a11", as_of=stale).explanation
    assert (poor.score, poor.tier) == (None, None)
    assert poor.coverage < poor.minimum_coverage
    [row] = [r for r in project.accounts(stale) if r["account"] == "a11"]
    assert row["tier"] == "not_enough_data"
    assert "only 35% of the data is there" in row["reason"]


def test_silence_inside_of_what_is_covered_is_zero_and_sinks_the_score(company: Company) -> None:
    day = LAST + 7 * DAY
    company.at(day + DAY)
    company.put("usage_daily", *logins("a10", LAST + DAY, day, people=3, each=1))
    company.cover(LAST, day)
    company.run(day)
    silent = company.project.explain("a11", as_of=day, since=LAST)
    assert line(silent, "usage/logins").value == 0
    assert line(silent, "usage/logins").state == "known"
    assert line(silent, "usage/logins").points == 20
    assert silent.change is not None
    assert silent.change.points < -20
    assert {p.cause for p in silent.change.parts if p.name == "usage/logins"} == {"value"}


def test_the_last_known_value_is_held_as_long_as_the_scorecard_says(company: Company) -> None:
    company.at(LAST + 40 * DAY)
    company.cover(LAST, LAST + 40 * DAY, *(f for f in FAMILIES if not f.startswith("survey")))
    ages = (5, 6, HELD_FOR, HELD_FOR + 1)
    company.run(*(LAST + age * DAY for age in ages))
    found = {age: company.project.explain("a10", as_of=LAST + age * DAY) for age in ages}
    states = {age: (line(e, "voice").state, line(e, "voice").points) for age, e in found.items()}
    assert states == {5: ("known", 100), 6: ("held", 100), 30: ("held", 100), 31: ("stale", None)}
    assert [line(found[age], "voice").age for age in ages] == list(ages)
    assert found[30].explanation.coverage == pytest.approx(0.85)
    assert found[31].explanation.coverage == pytest.approx(0.70)


def test_asked_without_an_answer_never_asked_and_not_applicable_are_different(
    company: Company,
) -> None:
    company.edit("scorecards/care.yaml", "    metric: bond\n",
                 "    metric: bond\n    applies_when: account.segment = 'small'\n")  # fmt: skip
    company.at(LAST + 2 * DAY)
    company.cover(LAST, LAST + DAY)
    company.run(LAST + DAY)
    told = {a: company.project.explain(a) for a in ("a03", "a04", "a05")}
    voices = {a: line(e, "voice") for a, e in told.items()}
    assert (voices["a03"].state, voices["a03"].points) == ("no_response", 20)
    assert (voices["a04"].state, voices["a04"].points) == ("missing", None)
    assert (voices["a05"].state, voices["a05"].value) == ("known", 4)
    bonds = {a: line(e, "bond") for a, e in told.items()}
    assert (bonds["a03"].state, bonds["a04"].state) == ("missing", "not_applicable")
    assert bonds["a03"].is_missing
    assert not bonds["a04"].is_missing
    # An answer that has points counts as there; what does not apply is not waited for.
    assert told["a03"].explanation.coverage == pytest.approx(0.85)
    assert told["a04"].explanation.coverage == pytest.approx(0.70 / 0.85)
    assert told["a05"].explanation.coverage == pytest.approx(1.0)
    changed = company.project.explain("a04", since=LAST).change
    assert changed is not None
    assert changed.points == pytest.approx(0, abs=1e-9)


def test_a_rating_expires_at_the_end_of_its_last_day_wherever_the_account_is(
    company: Company,
) -> None:
    zones = {"a01": "America/Los_Angeles", "a02": "Pacific/Auckland", "a04": "UTC"}
    company.put("accounts", *(
        {"account_id": a, "name": a, "status": "active", "segment": "large", "timezone": zone,
         "customer_since": LAST - 60 * DAY}
        for a, zone in zones.items()
    ))  # fmt: skip
    for account in zones:
        company.project.assess(account, "bond", "weak", author="Ann")
    last = LAST + DAY + 20 * DAY  # rated today, and the metric says 20 days
    company.at(last + 3 * DAY)
    company.cover(LAST, last + 2 * DAY)
    company.run(LAST + 2 * DAY, last, last + DAY)
    for account in zones:
        states = [company.row("care", d, account)["state/bond"]
                  for d in (LAST + 2 * DAY, last, last + DAY)]  # fmt: skip
        assert states == ["known", "known", "stale"], account
    gone = company.project.explain("a04", as_of=last + DAY, since=last)
    assert gone.change is not None
    [part] = [p for p in gone.change.parts if p.name == "bond"]
    assert part.cause == "rating expired"
