"""Adjustments and overrides, by hand: terms of their own on top of what the tree computed."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from keepwell.definitions.library import Library
from keepwell.definitions.metric import Metric
from keepwell.definitions.scorecard import Scorecard
from keepwell.facts.engine import connect_ibis
from keepwell.scoring.explain import Explanation, explained
from keepwell.scoring.plan import Plan

METRICS = {
    key: Metric.model_validate({"label": key, "assessed": {"from": 0, "to": 100}})
    for key in ("tickets", "nps", "usage")
}
RAMP = {"ranges": [{"from": 0, "to": 100, "points": [0, 100]}]}


def card(**adjustments: Any) -> Scorecard:
    """Engagement (25 of 100: tickets out of 10, and nps) and usage (75)."""
    tickets = {"metric": "tickets", "bands": {"<=1": 10, "<=6": 4, "else": 0}, "out_of": 10}
    return Scorecard.model_validate(
        {
            "scorecard": "small",
            "label": "Small",
            "tiers": [{"key": "all", "label": "All", "from": 0}],
            "components": {
                "engagement": {
                    "weight": 25,
                    "components": {
                        "tickets": {"weight": 10, **tickets},
                        "nps": {"weight": 15, "metric": "nps", **RAMP},
                    },
                },
                "usage": {"weight": 75, "metric": "usage", **RAMP},
            },
            "adjustments": adjustments,
        }
    )


def explain(scorecard: Scorecard, judged: dict[str, float] | None = None, **values: Any) -> Any:
    """The explanation of one account; `judged`: overrides such as {"set/usage": 40}."""
    columns: dict[str, pa.Array] = {"account_id": pa.array(["a"])}
    for key in METRICS:
        value = values.get(key)
        columns |= {
            f"metric/{key}": pa.array([value], pa.float64()),
            f"age/{key}": pa.array([0], pa.int64()),
            f"stale/{key}": pa.array([False]),
            f"named/{key}": pa.array([None], pa.string()),
        }
    for column, points in (judged or {}).items():
        columns[column] = pa.array([points], pa.float64())
    plan = Plan(scorecard, Library(METRICS))
    return explained(connect_ibis(), plan, pa.table(columns))[0]


def terms(found: Explanation) -> dict[str, Any]:
    return {t.key: pytest.approx(t.points) for t in found.terms}


def final(found: Explanation, name: str) -> float | None:
    line = found.line(tuple(name.split("/")))
    assert line is not None
    return line.final


BECAUSE = {"because": "of a rule"}
POWER_USER = {"when": "tickets >= 7 and nps >= 90", "set_points": {"tickets": 7}, **BECAUSE}
SILENT = {
    "when": "tickets = 0 and score >= 70",
    "add_points": {"engagement": -10, "out_of": 25, "not_below": 0},
    **BECAUSE,
}


def test_points_are_set_on_the_leafs_own_scale() -> None:
    found = explain(card(power_user=POWER_USER), tickets=8, nps=90, usage=50)
    # 25% x (40% x 0 + 60% x 90) + 75% x 50 = 51; 7 of 10 points for 10% of the whole
    assert found.computed == pytest.approx(51)
    assert terms(found) == {"power_user": 7}
    assert found.score == pytest.approx(58)
    assert final(found, "engagement/tickets") == pytest.approx(70)
    assert final(found, "engagement") == pytest.approx(0.4 * 70 + 0.6 * 90)


def test_a_rule_whose_condition_is_false_or_unknown_is_no_term() -> None:
    assert terms(explain(card(power_user=POWER_USER), tickets=6, nps=90, usage=50)) == {}
    assert terms(explain(card(power_user=POWER_USER), tickets=8, nps=None, usage=50)) == {}


def test_points_are_added_on_the_components_printed_scale_and_not_below_its_floor() -> None:
    found = explain(card(silent=SILENT), tickets=0, nps=100, usage=80)
    assert terms(found) == {"silent": -10}
    assert final(found, "engagement") == pytest.approx(60)
    low = explain(card(silent={**SILENT, "when": "tickets > 6"}), tickets=9, nps=10, usage=80)
    assert final(low, "engagement") == pytest.approx(0)  # it had 6 of 100, 1.5 of 25
    assert terms(low) == {"silent": -1.5}


def test_a_component_below_the_floor_is_not_lifted_to_it() -> None:
    rule = {"when": "tickets > 6", "add_points": {"engagement": -1, "not_below": 50}, **BECAUSE}
    found = explain(card(rule=rule), tickets=9, nps=10, usage=80)
    assert terms(found) == {"rule": 0}


def test_every_rule_sees_the_unadjusted_score() -> None:
    rules = {"silent": SILENT, "again": {**SILENT, "when": "score >= 85"}}
    found = explain(card(**rules), tickets=0, nps=100, usage=80)
    assert found.computed == pytest.approx(85)
    assert found.score == pytest.approx(65)


def test_points_of_what_has_no_data_are_not_moved() -> None:
    rule = {"when": "usage > 0", "set_points": {"tickets": 7}, **BECAUSE}
    found = explain(card(rule=rule), nps=50, usage=50)
    assert terms(found) == {"rule": 0}
    assert found.score == pytest.approx(50)
    assert final(found, "engagement/tickets") is None


def test_an_override_sets_or_shifts_a_component() -> None:
    found = explain(card(), {"set/usage": 40.0}, tickets=0, nps=100, usage=80)
    assert terms(found) == {"usage": -30}
    assert found.score == pytest.approx(55)
    shifted = explain(card(), {"add/engagement": -20.0}, tickets=0, nps=100, usage=80)
    assert terms(shifted) == {"engagement": -5}
    assert final(shifted, "engagement") == pytest.approx(80)


def test_an_override_of_the_score_comes_last() -> None:
    judged = {"set/": 33.0, "set/usage": 0.0}
    found = explain(card(silent=SILENT), judged, tickets=0, nps=100, usage=80)
    assert found.score == pytest.approx(33)
    assert terms(found) == {"silent": -10, "usage": -60, "score": 33 - (85 - 10 - 60)}


def test_a_shifted_score_stays_on_the_scale() -> None:
    found = explain(card(), {"add/": 50.0}, tickets=0, nps=100, usage=80)
    assert found.score == pytest.approx(100)
    assert terms(found) == {"score": 15}


def test_a_persons_score_stands_where_nothing_could_be_computed() -> None:
    found = explain(card(), {"set/": 60.0}, nps=50)
    assert found.computed is None
    assert found.score == 60
    # 15% of the weight is known, which is too little for a score of its own.
    assert found.coverage == pytest.approx(0.15)
    parts = sum(line.contribution for line in found.leaves)
    assert parts + sum(t.points for t in found.terms) == pytest.approx(60)


def test_what_moves_a_leaf_does_not_push_its_component_off_the_scale() -> None:
    low = explain(card(silent=SILENT), {"set/engagement/tickets": 0.0}, tickets=0, nps=0, usage=100)
    # engagement is 40, the rule takes all of it, so that there is nothing left to take
    assert final(low, "engagement") == pytest.approx(0)
    assert terms(low) == {"silent": -10, "engagement/tickets": 0}
    assert low.score == pytest.approx(75)
