"""Scoring once more, row by row in plain Python, to hold the plan against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from keepwell.definitions.scorecard import Component, Hold, Measure, Points, Scorecard

Row = Mapping[str, Any]


@dataclass
class Scored:
    """What the tree gives for one account: points and state by path, coverage, the score before
    adjustments."""

    points: dict[str, float | None] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    coverage: float = 0.0
    computed: float | None = None


def scored(card: Scorecard, row: Row) -> Scored:
    """The score of one account."""
    found = Scored()
    there = applicable = 0.0

    def visit(path: tuple[str, ...], node: Component, share: float, applies: bool) -> float | None:
        nonlocal there, applicable
        name = "/".join(path)
        if node.applies_when is not None:
            applies = applies and row["metric/flag"] != "no"
        if node.components is None:
            state, points = _leaf(card, path, node, row, applies)
            found.states[name] = state
            if state != "not_applicable":
                applicable += share
            if state in ("known", "held", *node.states):
                there += share
        else:
            points = mean(path, node.components, share, applies)
        found.points[name] = points
        return points

    def mean(
        path: tuple[str, ...], children: Mapping[str, Component], share: float, applies: bool
    ) -> float | None:
        total = sum(c.weight for c in children.values())
        earned = weight = 0.0
        for key, child in children.items():
            points = visit((*path, key), child, share * child.weight / total, applies)
            if points is not None:
                earned, weight = earned + child.weight * points, weight + child.weight
        return earned / weight if weight else None

    root = mean((), card.components, 1.0, True)
    found.coverage = there / applicable if applicable else 0.0
    if root is not None and round(found.coverage, 9) >= card.minimum_coverage:
        found.computed = root
    _weigh(found, (), card.components, 1.0)
    return found


def _weigh(
    found: Scored, path: tuple[str, ...], children: Mapping[str, Component], share: float
) -> None:
    names = {key: "/".join((*path, key)) for key in children}
    total = sum(c.weight for k, c in children.items() if found.points[names[k]] is not None)
    for key, child in children.items():
        counts = found.points[names[key]] is not None and total > 0
        own = found.weights[names[key]] = share * child.weight / total if counts else 0.0
        _weigh(found, (*path, key), child.components or {}, own)


def _leaf(
    card: Scorecard, path: tuple[str, ...], leaf: Component, row: Row, applies: bool
) -> tuple[str, float | None]:
    policy = card.missing_policy(path)
    measure: Measure = leaf
    if leaf.by is not None:
        ((metric, variants),) = leaf.by.items()
        chosen = row[f"metric/{metric}"]
        measure = variants.get(chosen) or next(iter(variants.values()))
        if chosen is None:
            state, points = "missing", _instead(policy, measure)
            return (state, points) if applies else ("not_applicable", None)
    if not applies:
        return "not_applicable", None
    key = measure.metric or leaf.metric
    value, named = row[f"metric/{key}"], row[f"named/{key}"]
    if value is None:
        state = named or "missing"
        if named in leaf.states:
            return state, leaf.states[named] * 100 / measure.out_of
        return state, None if named == "not_applicable" else _instead(policy, measure)
    points = judged(measure, value)
    if points is None:
        return "unrecognised", _instead(policy, measure)
    if not row[f"stale/{key}"]:
        return "known", points
    if isinstance(policy, Hold) and row[f"age/{key}"] <= policy.hold:
        return "held", points
    return "stale", _instead(policy, measure)


def _instead(policy: Points | Hold | None, measure: Measure) -> float | None:
    return policy.points * 100 / measure.out_of if isinstance(policy, Points) else None


def judged(measure: Measure, value: float | str) -> float | None:
    """The points of a value on 0-100; None for a category that has none."""
    if measure.choices is not None:
        points = measure.choices.get(str(value))
        return None if points is None else points * 100 / measure.out_of
    value = float(value)
    if measure.bands is not None:
        for band in measure.bands.bands:
            holds = {">=": value >= band.limit, ">": value > band.limit,
                     "<=": value <= band.limit, "<": value < band.limit}  # fmt: skip
            if holds[band.op]:
                return band.points * 100 / measure.out_of
        return measure.bands.otherwise * 100 / measure.out_of
    assert measure.ranges
    first, last = measure.ranges[0], measure.ranges[-1]
    if value < first.from_:
        return first.points[0] * 100 / measure.out_of
    for ramp in measure.ranges:
        if value < ramp.to:
            part = (value - ramp.from_) / (ramp.to - ramp.from_)
            return (
                (ramp.points[0] + part * (ramp.points[1] - ramp.points[0])) * 100 / measure.out_of
            )
    return last.points[1] * 100 / measure.out_of
