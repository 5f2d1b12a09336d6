"""The smaller pictures: portfolio, status, imports, simulations, decisions, a look at exports."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from keepwell.app.quality import Status, Unfed
from keepwell.app.simulating import Simulation
from keepwell.app.table import Table
from keepwell.cli.commands.score import told
from keepwell.cli.render import decisions, imports, portfolio, simulation, status
from keepwell.cli.render.exported import exported
from keepwell.cli.render.tiers import Tiers
from keepwell.cycle.night import Outcome
from keepwell.facts.quality import Feed, Rejects
from keepwell.ingest.report import Example, ImportReport, Rejection, TableReport
from tests.cli.made import TIERS, coloured, text

ALL = Tiers.of(TIERS)
TODAY = date(2026, 4, 14)
AT = datetime(2026, 4, 14, 8, 40, tzinfo=UTC)


def account(**more: Any) -> dict[str, Any]:
    own: dict[str, Any] = {
        "account": "acc-1", "name": "Blue Harbour", "score": 79.96, "tier": "yellow",
        "change_7d": -7.0, "change_30d": 0.0, "change_90d": None, "coverage": 0.92,
        "reason": "NPS −4.0 in 30 d", "arr": 12300.0, "currency": "GBP",
        "renews_on": date(2026, 7, 1), "owner": "ana", "rfm_segment": "slipping",
    }  # fmt: skip
    return {**own, **more}


UNKNOWN = account(account="acc-2", name=None, score=None, tier="not_enough_data", change_7d=None,
                  coverage=0.3, reason=None, arr=None, currency=None, renews_on=None, owner=None,
                  rfm_segment=None)  # fmt: skip


def test_the_headline_counts_tiers_and_averages_only_scores() -> None:
    lines = text(portfolio.summary([account(), UNKNOWN], ALL, "Quayside", "2026-04-14"))
    assert lines.splitlines() == [
        "Quayside · 2026-04-14 · 2 accounts · average 80.0",
        "● Healthy 0   ▲ At risk 1   ◆ Critical 0   ◌ not enough data 1",
    ]


def test_an_account_is_one_row_and_unknown_is_a_dash() -> None:
    lines = text(portfolio.accounts([account(), UNKNOWN], ALL, 160), 160).splitlines()
    known, unknown = (" ".join(x.split()) for x in lines[2:4])
    assert known == (
        "acc-1 Blue Harbour 79.96 ▲ At risk −7.0 0.0 – 92% NPS −4.0 in 30 d GBP 12,300 2026-07-01"
        " ana slipping"
    )
    assert unknown == "acc-2 – – ◌ not enough data – 0.0 – 30% – – – – –"


def test_at_80_columns_the_score_its_change_and_reason_remain() -> None:
    lines = text(portfolio.accounts([account()], ALL, 80), 80)
    heading = lines.splitlines()[0]
    assert max(map(len, lines.splitlines())) <= 80
    for title in ("name", "score", "tier", "in 30 d", "first reason", "ARR"):
        assert title in heading
    assert "No room for:" in lines


def test_an_unknown_tier_keeps_its_word() -> None:
    assert text(portfolio.distribution({"retired_tier": 2}, ALL)).strip().endswith(
        "◌ retired tier 2"
    )  # fmt: skip


def test_a_gain_is_green_and_has_a_sign() -> None:
    shown = coloured(portfolio.accounts([account(change_30d=3.0)], ALL, 120))
    assert "\x1b[32m" in shown
    assert "+3.0" in shown


def feed(**more: Any) -> Feed:
    own: dict[str, Any] = {
        "source": "crm", "table": "tickets", "rows": 1234, "first_day": date(2025, 1, 1),
        "last_day": TODAY, "last_arrival": AT, "covered_to": TODAY, "age_days": 1,
        "expected_days": 3, "state": "fresh",
    }  # fmt: skip
    return Feed(**{**own, **more})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "fresh: 1 d old"),
        ({"age_days": 0}, "fresh: today"),
        ({"age_days": 12, "state": "stale"}, "late: 12 d old, expected every 3 d"),
        ({"state": "retired"}, "ended, nothing waits for it"),
        ({"age_days": None, "state": "unknown"}, "age unknown"),
    ],
)
def test_freshness_is_said_in_words(given: dict[str, Any], expected: str) -> None:
    assert status.freshness(feed(**given)) == expected


def test_status_shows_feeds_quarantine_and_what_is_unfed() -> None:
    found = Status(
        (feed(), feed(table="invoices", state="stale", age_days=9)),
        (Rejects("crm", "tickets", "tickets.csv", "not a day", "opened_at", 7),),
        (
            Unfed("qbrs", "QBRs", ("small",), "rows of touchpoints.qbr"),
            Unfed("mood", "Mood", ("small",), "a rating: keepwell assess ACCOUNT mood ANSWER"),
        ),
        (date(2026, 4, 1), TODAY, 14),
    )
    lines = text(status.status(found, "Quayside", 120), 120)
    assert "Scored: 14 days from 2026-04-01 to 2026-04-14" in lines
    assert "2 feeds, 1 late" in lines
    assert "1,234" in lines
    assert "7 rows in quarantine, by reason" in lines
    assert "opened_at" in lines
    assert "2 metrics of the scorecards that nothing feeds" in lines
    assert "rows of touchpoints.qbr" in lines
    assert "ratings: keepwell assess ACCOUNT METRIC ANSWER" in lines
    assert "Mood (mood)" in lines


def test_status_of_an_empty_project_says_what_to_do() -> None:
    lines = text(status.status(Status((), (), (), None), "New", 80), 80)
    assert "No day has been scored yet: keepwell score" in lines
    assert "keepwell import PATH brings some." in lines
    assert "Nothing is in quarantine." in lines


def test_status_names_the_tables_that_are_read_as_known_now() -> None:
    found = Status((feed(),), (), (), None, ("accounts", "tickets"))
    lines = text(status.status(found, "Quayside", 100))
    assert "Read as known now, for lack of known_from: accounts, tickets" in lines
    assert "known now" not in text(status.status(Status((feed(),), (), (), None), "Quayside", 100))


REJECTED = TableReport("a.csv", "tickets", 100, 0, 0, 90, 3, 0, 0, (
    Rejection("opened_at", "not a day", 7, (Example(4, "soon"), Example(9, None))),))  # fmt: skip


def test_an_import_counts_and_shows_examples_of_what_it_rejected() -> None:
    report = ImportReport("crm", False, (REJECTED,), notes=("b.csv is not in the mapping",))
    lines = text(imports.report(report, 120), 120)
    assert "left out" not in lines
    assert "a.csv → tickets: 7 rows are set aside" in lines
    assert "opened_at: not a day (7: row 4 'soon', row 9, …)" in lines
    assert "Note: b.csv is not in the mapping" in lines
    assert "Stored from 'crm': 93 rows new or changed. 7 rows in quarantine" in lines
    document = imports.document(report)
    assert (document["stored"], document["rejected"]) == (93, 7)
    assert document["tables"][0]["new"] == 90


def test_a_dry_run_says_that_nothing_was_stored() -> None:
    lines = text(imports.report(ImportReport("crm", True, (REJECTED,)), 120), 120)
    assert "7 rows would be set aside" in lines
    assert "Dry run: nothing was stored. 93 rows are new or changed." in lines


def simulated(*moves: dict[str, Any]) -> Simulation:
    return Simulation(
        TODAY, "small", {"green": 2, "yellow": 1}, {"green": 1, "yellow": 2}, 81.0, 78.5,
        Table(pa.Table.from_pylist(list(moves))),
    )  # fmt: skip


def move(account: str, **more: Any) -> dict[str, Any]:
    own: dict[str, Any] = {
        "account": account, "name": account.upper(), "before": 82.0, "after": 79.0,
        "change": -3.0, "tier_before": "green", "tier_after": "yellow", "why": "Usage −3.0",
    }  # fmt: skip
    return {**own, **more}


def test_a_simulation_shows_tier_changes_first() -> None:
    stays = move("a", before=70.0, after=60.0, change=-10.0, tier_before="yellow")
    lines = text(simulation.simulation(simulated(stays, move("b")), ALL, 120, 20), 120)
    rows = lines.splitlines()
    assert "small on 2026-04-14, nothing was stored" in lines
    assert ["●", "Healthy", "2", "1", "−1"] in [r.split() for r in rows]
    assert ["average", "score", "81.0", "78.5", "−2.5"] in [r.split() for r in rows]
    assert "2 scores would change, 1 of them to another tier" in lines
    first = next(n for n, r in enumerate(rows) if "Healthy → ▲ At risk" in r)
    assert rows[first].startswith("b ")
    assert rows[first + 1].startswith("a ")


def test_a_long_list_of_moves_is_cut_and_says_so() -> None:
    found = simulated(*(move(f"acc-{n}") for n in range(5)))
    assert "2 of 5. --limit 0 shows all." in text(simulation.simulation(found, ALL, 120, 2), 120)
    assert "--limit" not in text(simulation.simulation(found, ALL, 120, 0), 120)


OVERRIDE = {
    "id": "ov-000001", "account_id": "acc-1", "scorecard": "small", "path": "",
    "kind": "difference",
    "points": -10.0, "reason": "sponsor left", "author": "ana", "created_at": AT,
    "starts_on": TODAY, "expires_on": date(2026, 5, 14), "withdrawn_at": None,
    "withdrawn_by": None,
}  # fmt: skip


def test_overrides_say_until_when_and_why() -> None:
    line = text(decisions.overrides([OVERRIDE], 160), 160).splitlines()[2]
    assert " ".join(line.split()) == (
        "ov-000001 acc-1 small the score −10.0 ana 2026-04-14 2026-05-14 sponsor left"
    )
    gone = {**OVERRIDE, "withdrawn_at": AT, "withdrawn_by": "ben"}
    assert "2026-04-14 by ben" in text(decisions.overrides([gone], 160), 160)
    assert "keepwell override" in text(decisions.overrides([], 80))


def test_a_rating_is_a_word_or_a_number() -> None:
    row = {
        "id": "as-000001", "account_id": "acc-1", "question_key": "stated_outcome",
        "answer_code": "best_investment", "answer_number": None, "author": "ana",
        "assessed_at": AT, "expires_on": None, "rationale": None, "withdrawn_at": None,
        "withdrawn_by": None,
    }  # fmt: skip
    given = {**row, "answer_code": None, "answer_number": Decimal("0.725000000")}
    lines = text(decisions.assessments([row, given], 160), 160)
    assert "best investment" in lines
    assert "0.725" in lines


def test_scoring_says_what_was_done_and_what_stood() -> None:
    days = tuple(date(2026, 4, n) for n in (1, 2, 3))
    assert told(Outcome(days, ())) == ["Scored 3 days, 2026-04-01 to 2026-04-03."]
    assert told(Outcome((), days[:1])) == [
        "2026-04-01 was scored already and stands; --restate scores again."
    ]
    assert told(Outcome(days[:1], (), days[:1])) == ["Restated 2026-04-01."]


def test_a_look_at_an_export_says_how_much_there_is() -> None:
    table = pa.table({"account": [f"a{n}" for n in range(9)], "score": [64.25] * 9})
    lines = text(exported(table, 80, 3), 80)
    assert "64.25" in lines
    assert "a3" not in lines
    assert "3 of 9 rows" in lines
    assert "No scored day" in text(exported(table.slice(0, 0), 80, 3), 80)
