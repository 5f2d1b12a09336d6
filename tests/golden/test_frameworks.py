"""The examples that a reader can check by hand against the frameworks' texts."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from keepwell.app.built_in import built_in
from keepwell.facts.engine import connect_ibis
from keepwell.scoring.plan import Plan, tier_at
from tests.golden.reading import HERE, Example, document, examples, rows_of, values_of

FILES = sorted(f"frameworks/{path.name}" for path in (HERE / "frameworks").glob("*.yaml"))
FIELDS = {"points", "score", "tier", "adjustments", "last_open_score", "coverage"}
EXAMPLES = {file: examples(file, FIELDS) for file in FILES}


@cache
def plan_of(file: str) -> Plan:
    library = built_in()
    return Plan(library.scorecard(document(file)["scorecard"]), library)


@cache
def scored(file: str) -> dict[str, dict[str, Any]]:
    """Every example of a file, scored in one table."""
    plan = plan_of(file)
    values = values_of(EXAMPLES[file], plan.metrics, plan.scorecard, computed=False)
    return rows_of(plan.run(connect_ibis(), values))


def points(written: Any) -> float | None:
    """Points on 0-100: 70, or on the scale that a source prints: '7 of 10'."""
    if written is None:
        return None
    earned, _, of = str(written).partition(" of ")
    return float(earned) * 100 / float(of or 100)


@pytest.mark.parametrize("example", [e for found in EXAMPLES.values() for e in found], ids=str)
def test_an_example_comes_out_as_by_hand(example: Example) -> None:
    row = scored(example.file)[example.account]
    expected = example.values
    for path, written in expected.get("points", {}).items():
        wanted = points(written)
        found = row[f"points/{path}"]
        assert found == (wanted if wanted is None else pytest.approx(wanted, abs=1e-9)), path
    applied = {c.removeprefix("adjust/") for c, v in row.items()
               if c.startswith("adjust/") and v is not None}  # fmt: skip
    if "adjustments" in expected:
        assert applied == set(expected["adjustments"])
    score, tier = row["score"], row["tier"]
    card = plan_of(example.file).scorecard
    if any(card.adjustments[key].hold for key in applied):
        # The plan says that the score is held; the daily pass brings the last open day's.
        score = float(expected["last_open_score"])
        found_tier = tier_at(score, card.tiers)
        assert found_tier is not None
        tier = found_tier.key
    if "score" in expected:
        wanted = expected["score"]
        assert score == (wanted if wanted is None else pytest.approx(wanted, abs=1e-6))
    if "tier" in expected:
        assert tier == expected["tier"]
    if "coverage" in expected:
        assert row["coverage"] == pytest.approx(points(expected["coverage"]), abs=1e-9)


@pytest.mark.parametrize("file", FILES)
def test_names_tell_the_examples_apart(file: str) -> None:
    names = [e.name for e in EXAMPLES[file]]
    assert sorted(set(names)) == sorted(names)


def test_every_scorecard_has_examples() -> None:
    assert {document(file)["scorecard"] for file in FILES} == set(built_in().scorecards)


@pytest.mark.parametrize("file", FILES)
def test_every_number_of_points_is_reached_by_an_example(file: str) -> None:
    """Each band and choice of each measure stands in some example that says its points."""
    plan = plan_of(file)
    missing = []
    for leaf in plan.leaves:
        by = leaf.component.by_metric
        for value, measure in leaf.component.variants():
            reached = {
                round(found, 9)
                for e in EXAMPLES[file]
                if by is None or str(e.values["metrics"].get(by)) == value
                for path, written in e.values.get("points", {}).items()
                if path == leaf.name and (found := points(written)) is not None
            }
            possible = {round(p * 100 / measure.out_of, 9) for p in measure.all_points()}
            if measure.ranges is not None:  # ramps leave out their upper ends
                possible = {round(r.points[0] * 100 / measure.out_of, 9) for r in measure.ranges}
            if possible - reached:
                missing.append((leaf.name, value, sorted(possible - reached)))
    assert missing == []


def test_every_tier_is_reached_by_an_example() -> None:
    for file in FILES:
        reached = {e.values.get("tier") for e in EXAMPLES[file]}
        assert {t.key for t in plan_of(file).scorecard.tiers} <= reached, file
