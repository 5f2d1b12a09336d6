"""The SQL behind a night and behind an account's measures."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from keepwell.app.project import Project
from keepwell.cycle import night as nights
from keepwell.cycle.reading import read_facts
from keepwell.facts.engines.dialects import readable
from keepwell.facts.engines.recording import Asked, Given, Recording, Viewed
from keepwell.facts.reading import Facts
from keepwell.kit.errors import KeepwellError
from tests.cycle.company import LAST, Company

NEXT = LAST + timedelta(days=1)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Viewed | Given | Asked]:
    """What the engine of a night is told from now on."""
    found: list[Viewed | Given | Asked] = []

    def recorded(*args: Any) -> Facts:
        facts = read_facts(*args)
        facts.engine = Recording(facts.engine, found.append)
        return facts

    monkeypatch.setattr(nights, "read_facts", recorded)
    return found


def files(folder: Path) -> dict[Path, bytes]:
    # SQLite notes there who reads.
    found = (p for p in folder.rglob("*") if p.is_file() and p.suffix != ".sqlite-shm")
    return {p: p.read_bytes() for p in found}


def selects(told: list[Viewed | Given | Asked]) -> list[str]:
    found = [readable(s.select, "duckdb") for s in told if isinstance(s, Viewed | Asked)]
    return list(dict.fromkeys(found))


def in_order(wanted: list[str], text: str) -> bool:
    at = 0
    for part in wanted:
        at = text.find(part + ";", at) + 1
        if not at:
            return False
    return True


def test_a_plan_shows_what_scoring_runs_and_writes_nothing(
    company: Company, told: list[Viewed | Given | Asked]
) -> None:
    # Over by then, so that both know the same.
    company.at(NEXT + timedelta(days=1), 7)
    project = company.project
    project.assess("a05", "trust", 9, author="Ann", rationale="told me")
    before = files(company.folder)
    text = project.plan(NEXT)
    assert files(company.folder) == before
    told.clear()
    assert project.score(NEXT).scored == (NEXT,)
    assert files(company.folder) != before
    assert len(selects(told)) > 10
    assert in_order(selects(told), text)
    assert text.count(";\n") == len(selects(told))


def test_every_metric_that_is_counted_is_named(scored: Project) -> None:
    text = scored.plan(LAST)
    head = text.partition("\n\n")[0]
    assert head.startswith(f"-- What keepwell score runs for {LAST} in DuckDB")
    assert "--restate" in head
    assert "is held" in head
    for plan in scored.judge.plans.values():
        closure = plan.library.closure(plan.metrics)
        for key, metric in closure.items():
            if metric.is_aggregate:
                assert f"\n--   {key} ({metric.label})\n" in text


def test_a_day_to_come_has_no_plan(scored: Project) -> None:
    with pytest.raises(KeepwellError) as raised:
        scored.plan(LAST + timedelta(days=9))
    assert "is yet to come" in raised.value.what


def test_what_counts_an_accounts_metrics(scored: Project) -> None:
    text = scored.sql("Account 10")
    assert "look for account_id = 'a10' (Account 10)" in text
    assert "-- counts tickets:\n--   monthly_tickets (Tickets in 30 days)\n" in text
    assert "-- counts subscriptions:\n--   seats (Seats)\n" in text


def test_only_the_named_metrics_and_what_they_are_made_of(scored: Project) -> None:
    text = scored.sql("a10", ["people_share"])
    named = {line.split()[1] for line in text.splitlines() if line.startswith("--   ")}
    assert named == {"weekly_people", "seats"}
    assert 'VIEW "tickets"' not in text
    assert '"coverage"' not in text
    assert "-- 2. people_share" in text
    # A metric that others are made of may be named as well.
    assert "--   seats (Seats)" in scored.sql("a10", ["seats"])


def test_of_a_scored_day_the_statements_are_those_over_its_facts(
    company: Company, told: list[Viewed | Given | Asked]
) -> None:
    text = company.project.sql("a10", ["monthly_tickets"])
    told.clear()
    company.forget_scores()
    company.at(LAST + timedelta(days=1), 7)
    company.project.score(LAST)
    views = [readable(s.select, "duckdb") for s in told
             if isinstance(s, Viewed) and s.name == "tickets"]  # fmt: skip
    assert views
    assert all(view in text for view in views)


def test_an_unknown_metric_is_told_with_near_names(scored: Project) -> None:
    with pytest.raises(KeepwellError) as raised:
        scored.sql("a10", ["monthly_ticket"])
    assert raised.value.what == "no metric is called 'monthly_ticket'"
    assert "monthly_tickets" in (raised.value.todo or "")
    with pytest.raises(KeepwellError) as raised:
        scored.sql("a10", ["monthly_tickets"], scorecard="starters")
    assert raised.value.what == "nothing in the scorecard 'starters' is made of 'monthly_tickets'"
