"""What moved a score: the parts add up to the change, whatever came and went."""

from __future__ import annotations

import random
from math import fsum
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from keepwell.definitions.library import Library
from keepwell.definitions.metric import Metric
from keepwell.definitions.scorecard import Scorecard
from keepwell.facts.engine import connect_ibis
from keepwell.scoring.change import Change, change
from keepwell.scoring.explain import Explanation, explained
from keepwell.scoring.plan import Plan
from tests.scoring.generated import plan_of, scorecards, values

FEW = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
SEEDS = st.integers(0, 10**6)


def judged(card: Scorecard, seed: int, path: str) -> list[Explanation]:
    plan = plan_of(card)
    known = path if path in ["", *(n.name for n in plan.nodes)] else ""
    return explained(connect_ibis(), plan, values(seed, plan, overrides=[known]))


@FEW
@given(scorecards(), scorecards(), SEEDS)
def test_the_parts_add_up(card: Scorecard, other: Scorecard, seed: int) -> None:
    """Between two days, and between two definitions with other leaves in other places."""
    paths = ["", *("/".join(p) for p, _ in card.nodes())]
    path = random.Random(seed).choice(paths)
    first, second = judged(card, seed, path), judged(card, seed + 1, path)
    for was, now, is_same in (
        *((a, b, True) for a, b in zip(first, second, strict=True)),
        *((a, b, False) for a, b in zip(first, judged(other, seed + 1, path), strict=True)),
    ):
        found = change(was, now, is_same)
        if was.score is None or now.score is None:
            assert found is None
            continue
        assert found is not None
        assert fsum(p.points for p in found.parts) == pytest.approx(now.score - was.score, abs=1e-9)
        assert found.points == now.score - was.score


METRICS = {
    key: Metric.model_validate({"label": key.capitalize(), "assessed": {"from": 0, "to": 100}})
    for key in ("usage", "nps", "value")
}
RAMP = {"ranges": [{"from": 0, "to": 100, "points": [0, 100]}]}
LEAVES: dict[str, Any] = {key: {"metric": key, **RAMP} for key in METRICS}


def explain(components: dict[str, Any], stale: str = "", **told: float) -> Explanation:
    card = Scorecard.model_validate(
        {
            "scorecard": "small",
            "label": "Small",
            "minimum_coverage": 0,
            "tiers": [{"key": "all", "label": "All", "from": 0}],
            "components": components,
        }
    )
    columns: dict[str, pa.Array] = {"account_id": pa.array(["a"])}
    for key in METRICS:
        columns |= {
            f"metric/{key}": pa.array([told.get(key)], pa.float64()),
            f"age/{key}": pa.array([0], pa.int64()),
            f"stale/{key}": pa.array([key == stale]),
            f"named/{key}": pa.array([None], pa.string()),
        }
    return explained(connect_ibis(), Plan(card, Library(METRICS)), pa.table(columns))[0]


def moved(before: Explanation, after: Explanation, is_same: bool = True) -> Change:
    found = change(before, after, is_same)
    assert found is not None
    return found


def parts(found: Change) -> dict[tuple[str, str], Any]:
    return {(p.name, p.cause): pytest.approx(p.points) for p in found.parts}


def test_a_value_that_moves_is_one_part() -> None:
    two = {k: LEAVES[k] for k in ("usage", "nps")}
    found = moved(explain(two, usage=80, nps=40), explain(two, usage=60, nps=40))
    assert parts(found) == {("usage", "value"): -10}


def test_data_that_arrives_counts_against_the_mean_of_both_days() -> None:
    two = {k: LEAVES[k] for k in ("usage", "nps")}
    found = moved(explain(two, usage=80), explain(two, usage=80, nps=40))
    # 80 -> 60; each weight moves by a half, against (80 + 60) / 2 = 70
    assert parts(found) == {("nps", "data arrived"): -15, ("usage", "others' weight changed"): -5}


def test_data_that_goes_stale_is_named() -> None:
    two = {k: LEAVES[k] for k in ("usage", "nps")}
    before, after = explain(two, usage=80, nps=40), explain(two, "nps", usage=80, nps=40)
    assert ("nps", "data went stale") in parts(moved(before, after))
    gone = explain(two, usage=80)
    assert ("nps", "data went missing") in parts(moved(before, gone))


def test_a_leaf_that_becomes_a_component_is_not_counted_twice() -> None:
    before = explain({"usage": LEAVES["usage"], "nps": LEAVES["nps"]}, usage=80, nps=40, value=10)
    split = {"components": {"people": LEAVES["usage"], "depth": LEAVES["value"]}}
    after = explain({"usage": split, "nps": LEAVES["nps"]}, usage=80, nps=40, value=10)
    found = moved(before, after, is_same=False)
    assert sum(p.points for p in found.parts) == pytest.approx(42.5 - 60, abs=1e-9)
    assert {p.cause for p in found.parts} == {"definition changed"}
