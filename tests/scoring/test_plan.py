"""Generated scorecards and data: what must be true of every score."""

from __future__ import annotations

import random
from itertools import pairwise
from math import fsum
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from keepwell.definitions.scorecard import Scorecard
from keepwell.facts.engine import connect_ibis
from keepwell.scoring.explain import explained
from keepwell.scoring.plan import NOT_ENOUGH, Plan, tier_at
from tests.scoring.generated import plan_of, scorecards, values
from tests.scoring.reference import Scored, scored

EPSILON = 1e-9


def examples(count: int) -> settings:
    """Settings for so many scorecards of forty accounts each. One that fails is not made smaller:
    each trial runs an engine."""
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )


SEEDS = st.integers(0, 10**6)


def run(plan: Plan, table: pa.Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = plan.run(connect_ibis(), table).to_pylist()
    return found


def near(found: float | None, wanted: float | None) -> bool:
    return found == wanted if wanted is None else found == pytest.approx(wanted, abs=EPSILON)


@examples(15)
@given(scorecards(), SEEDS)
def test_every_score_is_what_its_definition_says(card: Scorecard, seed: int) -> None:
    plan = plan_of(card)
    paths = random.Random(seed).sample(["", *(n.name for n in plan.nodes)], 2)
    for row in run(plan, values(seed, plan, overrides=paths)):
        is_as_the_reference_says(plan, row, scored(card, row))
        nothing_leaves_its_scale(plan, row)
        if row["computed"] is not None:
            parts_add_up(plan, row)


def is_as_the_reference_says(plan: Plan, row: dict[str, Any], wanted: Scored) -> None:
    for leaf in plan.leaves:
        assert row[f"state/{leaf.name}"] == wanted.states[leaf.name]
    for node in plan.nodes:
        assert near(row[f"points/{node.name}"], wanted.points[node.name])
        assert near(row[f"weight/{node.name}"], wanted.weights[node.name])
    assert near(row["coverage"], wanted.coverage)
    assert near(row["computed"], wanted.computed)


def nothing_leaves_its_scale(plan: Plan, row: dict[str, Any]) -> None:
    for column, value in row.items():
        if value is not None and column.startswith(("points/", "final/")):
            assert -EPSILON <= value <= 100 + EPSILON, column
        if value is not None and column.startswith("weight/"):
            assert 0 <= value <= 1 + EPSILON, column
    assert 0 <= row["coverage"] <= 1 + EPSILON
    tier = tier_at(row["score"], plan.scorecard.tiers)
    assert row["tier"] == (NOT_ENOUGH if tier is None else tier.key)
    assert row["score"] is None or -EPSILON <= row["score"] <= 100 + EPSILON


def parts_add_up(plan: Plan, row: dict[str, Any]) -> None:
    weights = {n.name: row[f"weight/{n.name}"] for n in plan.nodes}
    parts = [weights[x.name] * (row[f"points/{x.name}"] or 0.0) for x in plan.leaves]
    terms = [v for c, v in row.items() if c.startswith(("adjust/", "override/")) and v]
    assert near(fsum(weights[x.name] for x in plan.leaves), 1.0)
    assert near(fsum(parts), row["computed"])
    assert near(fsum(parts + terms), row["score"])
    # What the components come to after adjustments is the score, but for a judgement of the score.
    top = [n.name for n in plan.nodes if len(n.path) == 1 and weights[n.name]]
    finals = [weights[n] * row.get(f"final/{n}", row[f"points/{n}"]) for n in top]
    assert near(fsum([*finals, row.get("override/") or 0.0]), row["score"])


@examples(6)
@given(scorecards(), SEEDS)
def test_an_explanation_adds_up_to_the_score(card: Scorecard, seed: int) -> None:
    plan = plan_of(card)
    paths = ["", random.Random(seed).choice(plan.nodes).name]
    for found in explained(connect_ibis(), plan, values(seed, plan, overrides=paths)):
        if found.score is not None:
            parts = [line.contribution for line in found.leaves]
            assert near(fsum([*parts, *(t.points for t in found.terms)]), found.score)


@examples(6)
@given(scorecards(), SEEDS)
def test_neither_order_nor_repetition_changes_a_bit(card: Scorecard, seed: int) -> None:
    plan = plan_of(card)
    table = values(seed, plan)
    order = list(range(table.num_rows))
    random.Random(seed).shuffle(order)
    once, again, shuffled = run(plan, table), run(plan, table), run(plan, table.take(order))
    assert once == again
    assert shuffled == [once[i] for i in order]
    whole = connect_ibis().to_pyarrow(plan.score(ibis.memtable(table))).sort_by("account_id")
    for one, two in zip(whole.to_pylist(), once, strict=True):
        assert list(one) == list(two)
        for column, value in one.items():
            # An engine may multiply in another order within one expression.
            same = pytest.approx(value, abs=1e-12) if isinstance(value, float) else value
            assert two[column] == same, column


@examples(8)
@given(scorecards(), SEEDS)
def test_a_missing_leaf_leaves_its_siblings_in_proportion(card: Scorecard, seed: int) -> None:
    plan = plan_of(card)
    leaf = random.Random(seed).choice(plan.leaves)
    siblings = ["/".join(p) for p, c in plan.children(leaf.path[:-1])
                if c.weight > 0 and p != leaf.path]  # fmt: skip
    table = values(seed, plan)
    for was, now in zip(run(plan, table), run(_without(plan, leaf.path), table), strict=True):
        kept = [name for name in siblings if was[f"points/{name}"] is not None]
        for one, two in pairwise(kept):
            a, b = was[f"weight/{one}"], was[f"weight/{two}"]
            c, d = now[f"weight/{one}"], now[f"weight/{two}"]
            if b and d:
                assert c / d == pytest.approx(a / b)
        assert now[f"points/{leaf.name}"] is None
        assert now[f"weight/{leaf.name}"] == 0


def _without(plan: Plan, path: tuple[str, ...]) -> Plan:
    """The same plan, in which one leaf never applies."""
    value = plan.scorecard.model_dump(by_alias=True, exclude_unset=True)
    node = value
    for key in path:
        node = node["components"][key]
    node["applies_when"] = "1 = 0"
    return plan_of(Scorecard.model_validate(value))
