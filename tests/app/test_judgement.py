"""What people decide is recorded, and where it moves nothing they are told so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.cycle.company import LAST, Company

DAY = timedelta(days=1)


def overridden(company: Company, path: str, account: str = "a10") -> list[str]:
    told: list[str] = []
    company.project.override(
        account, 20, path=path, reason="an audit", author="Ann", starts=LAST,
        expires=LAST + 9 * DAY, say=told.append,
    )  # fmt: skip
    return told


def test_an_override_of_what_is_not_known_says_that_it_moves_nothing(company: Company) -> None:
    [told] = overridden(company, "bond")
    assert told.startswith(f"As of {LAST} it moves nothing: nothing is known of it")
    before = company.project.explain("a10").explanation
    company.project.score(LAST, restate=True)
    after = company.project.explain("a10").explanation
    assert after.score == before.score
    assert after.idle(("bond",)) == "nothing is known of it, so that it has no weight"
    company.project.assess("a10", "bond", "strong", author="Ann", rationale="told me")
    company.project.score(LAST + DAY)
    rated = company.project.explain("a10").explanation
    assert rated.idle(("bond",)) is None
    [term] = [t for t in rated.terms if t.key == "bond"]
    assert term.points == pytest.approx(0.15 * (20 - 100))


def test_an_override_that_counts_needs_no_word(company: Company) -> None:
    assert overridden(company, "usage") == overridden(company, "") == []


def test_where_there_is_no_score_no_component_can_move_it(company: Company) -> None:
    company.edit("scorecards/care.yaml", "minimum_coverage: 40%\n", "minimum_coverage: 100%\n")
    company.project.score(LAST, restate=True)
    [told] = overridden(company, "usage")
    assert "there is no computed score that it could move" in told
    assert overridden(company, "") == []
