"""Limits are exact: 14 of 20 is 70%, whatever floating point makes of it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from keepwell.app.built_in import built_in
from keepwell.app.sheet_cells import Cell
from keepwell.app.sheet_values import Given, metric_values
from keepwell.definitions.scorecard import Scorecard
from keepwell.facts.engine import connect_ibis
from keepwell.scoring.plan import Plan, tier_at

SEATS = (20, 30, 40, 60, 150, 1000)
LIMITS = (1, 5, 15, 29, 30, 50, 55, 57, 58, 60, 70, 85, 95, 99)


def scored(kind: str) -> dict[str, dict[str, Any]]:
    """Accounts with the active people at every limit and one beside it, by 'seats people'."""
    library = built_in()
    bands = {p: {f"{kind}{p}%": 100, "else": 0} for p in LIMITS}
    card = Scorecard.model_validate(
        {
            "scorecard": "shares",
            "label": "Shares",
            "tiers": [{"key": "all", "label": "All", "from": 0}],
            "components": {
                f"at_{p}": {"metric": "weekly_active_share", "bands": b} for p, b in bands.items()
            },
        }
    )
    plan = Plan(card, library)
    pairs = [(s, n) for s in SEATS for n in range(s + 1) if n * 100 % s == 0 or s <= 60]
    given = Given(
        [f"{seats} {people}" for seats, people in pairs],
        {
            "licensed_seats": [Cell(float(seats)) for seats, _ in pairs],
            "active_people_7d": [Cell(float(people)) for _, people in pairs],
        },
        {},
    )
    con = connect_ibis()
    values = metric_values(con, library, plan.metrics, given, date(2026, 3, 1))
    return {row["account_id"]: row for row in plan.run(con, values).to_pylist()}


@pytest.mark.parametrize("kind", [">=", ">", "<=", "<"])
def test_a_share_is_in_the_band_in_which_whole_numbers_are(kind: str) -> None:
    wrong = []
    for account, row in scored(kind).items():
        seats, people = map(int, account.split())
        for limit in LIMITS:
            one, other = people * 100, limit * seats
            holds = {">=": one >= other, ">": one > other, "<=": one <= other, "<": one < other}
            if row[f"points/at_{limit}"] != (100.0 if holds[kind] else 0.0):
                wrong.append((account, limit))
    assert wrong == []


@pytest.mark.parametrize(
    ("score", "tier"),
    [(80.0, "green"), (80 - 1e-10, "green"), (80 - 1e-8, "amber"), (60.0, "red"),
     (60 + 1e-10, "red"), (60 + 1e-8, "amber"), (100.0, "green"), (0.0, "red")],
)  # fmt: skip
def test_a_tier_is_decided_on_nine_decimals(score: float, tier: str) -> None:
    card = Scorecard.model_validate(
        {
            "scorecard": "tiers",
            "label": "Tiers",
            "tiers": [
                {"key": "green", "label": "Green", "from": 80},
                {"key": "amber", "label": "Amber", "above": 60},
                {"key": "red", "label": "Red", "from": 0},
            ],
            "components": {"a": {"metric": "nps_latest", "bands": {"0": 1, "else": 0}}},
        }
    )
    found = tier_at(score, card.tiers)
    assert found is not None
    assert found.key == tier
