"""Generated scorecards and data: what must be true of every score."""

from __future__ import annotations

import random
from math import fsum
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keepwell.definitions.scorecard import Scorecard
from keepwell.facts.engine import connect_ibis
from keepwell.scoring.explain import explained
from keepwell.scoring.plan import NOT_ENOUGH, Plan, tier_at
from tests.scoring.generated import plan_of, scorecards, values
from tests.scoring.reference import scored

EPSILON = 1e-9
FEW = settings(
    max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
SEEDS = st.integers(0, 10**6)


def run(plan: Plan, table: pa.Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = plan.run(connect_ibis(), table).to_pylist()
    return found


def near(found: float | None, wanted: float | None) -> bool:
    return found == wanted if wanted is None else found == pytest.approx(wanted, abs=EPSILON)


@FEW
@given(scorecards(), SEEDS)
def test_the_plan_scores_as_the_definition_says(card: Scorecard, seed: int) -> None:
    plan = plan_of(card)
    for row in run(plan, values(seed, plan)):
        wanted = scored(card, row)
        for leaf in plan.leaves:
            assert row[f"state/{leaf.name}"] == wanted.states[leaf.name]
        for node in plan.nodes:
            assert near(row[f"points/{node.name}"], wanted.points[node.name])
            assert near(row[f"weight/{node.name}"], wanted.weights[node.name])
        assert near(row["coverage"], wanted.coverage)
        assert near(row["computed"], wanted.computed)


@FEW
@given(scorecards(), SEEDS)
def test_contributions_and_terms_add_up_to_the_score(card: Scorecard, seed: int) -> None:
    plan = plan_of(card)
    paths = random.Random(seed).sample(["", *(n.name for n in plan.nodes)], 2)
    table = values(seed, plan, overrides=paths)
    for row in run(plan, table):
        if row["computed"] is None:
            continue
        parts = [row[f"weight/{x.name}"] * row[f"points/{x.name}"]
                 for x in plan.leaves if row[f"points/{x.name}"] is not None]  # fmt: skip
        terms = [v for c, v in row.items() if c.startswith(("adjust/", "override/")) and v]
        assert near(fsum(parts), row["computed"])
        assert near(fsum(parts + terms), row["score"])
        weights = [row[f"weight/{x.name}"] for x in plan.leaves]
        assert near(fsum(weights), 1.0)
        top = [n for n in plan.nodes if len(n.path) == 1 and row[f"weight/{n.name}"]]
        finals = [row[f"weight/{n.name}"] * row.get(f"final/{n.name}", row[f"points/{n.name}"])
                  for n in top]  # fmt: skip
        judgement = row.get("override/") or 0.0
        assert near(fsum(finals) + judgement, row["score"])
    for explanation in explained(connect_ibis(), plan, table):
        if explanation.score is not None:
            parts = [line.contribution for line in explanation.leaves]
            assert near(fsum([*parts, *(t.points for t in explanation.terms)]), explanation.score)


@FEW
@given(scorecards(), SEEDS)
def test_nothing_leaves_its_scale(card: Scorecard, seed: int) -> None:
    plan = plan_of(card)
    paths = random.Random(seed).sample([n.name for n in plan.nodes], 1)
    for row in run(plan, values(seed, plan, overrides=paths)):
        for column, value in row.items():
            if value is not None and column.startswith(("points/", "final/")):
                assert -EPSILON <= value <= 100 + EPSILON, column
            if value is not None and column.startswith("weight/"):
                assert 0 <= value <= 1 + EPSILON, column
        assert 0 <= row["coverage"] <= 1 + EPSILON
        if row["score"] is None:
            assert row["tier"] == NOT_ENOUGH
        else:
            assert -EPSILON <= row["score"] <= 100 + EPSILON
            tier = tier_at(row["score"], card.tiers)
            assert tier is not None
            assert row["tier"] == tier.key


@FEW
@given(scorecards(), SEEDS)
def test_neither_order_nor_repetition_changes_a_bit(card: Scorecard, seed: int) -> None:
    plan = plan_of(card)
    table = values(seed, plan)
    order = list(range(table.num_rows))
    random.Random(seed).shuffle(order)
    once, again, shuffled = run(plan, table), run(plan, table), run(plan, table.take(order))
    assert once == again
    assert shuffled == [once[i] for i in order]


@FEW
@given(scorecards(), SEEDS)
def test_both_ways_of_running_a_plan_agree_to_the_bit(card: Scorecard, seed: int) -> None:
    import ibis

    plan = plan_of(card)
    table = values(seed, plan, accounts=10)
    whole = connect_ibis().to_pyarrow(plan.score(ibis.memtable(table))).sort_by("account_id")
    assert whole.to_pylist() == run(plan, table)


@FEW
@given(scorecards(), SEEDS)
def test_a_missing_leaf_leaves_its_siblings_in_proportion(card: Scorecard, seed: int) -> None:
    plan = plan_of(card)
    chance = random.Random(seed)
    leaf = chance.choice(plan.leaves)
    names = [c for c in plan.children(leaf.path[:-1]) if c[1].weight > 0 and c[0] != leaf.path]
    table = values(seed, plan)
    # The leaf is taken out by a state of its own, whatever its metric and policy are.
    before, after = run(plan, table), run(_without(plan, leaf.path), table)
    for was, now in zip(before, after, strict=True):
        kept = ["/".join(p) for p, _ in names if was[f"points/{'/'.join(p)}"] is not None]
        for one, two in zip(kept, kept[1:], strict=False):
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
