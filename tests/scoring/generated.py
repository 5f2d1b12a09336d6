"""Generated scorecards, and metric values for them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from keepwell.definitions.library import Library
from keepwell.definitions.metric import Metric
from keepwell.definitions.scorecard import Scorecard
from keepwell.metrics.derived import value_type
from keepwell.scoring.plan import Plan

MOST_LEAVES = 12
CATEGORIES = ("good", "fair", "poor")
PLANS = ("small", "large")
TIERS = [
    {"key": "green", "label": "Green", "from": 80},
    {"key": "yellow", "label": "Yellow", "above": 55},
    {"key": "red", "label": "Red", "from": 0},
]
METRICS = {
    **{f"n{i}": Metric.model_validate({"label": f"N{i}", "unit": "points",
                                       "assessed": {"from": -100, "to": 100}}) for i in range(8)},
    **{f"c{i}": Metric.model_validate({"label": f"C{i}", "unit": "category",
                                       "assessed": list(CATEGORIES)}) for i in range(3)},
    "plan": Metric.model_validate({"label": "Plan", "unit": "category", "assessed": list(PLANS)}),
    "flag": Metric.model_validate({"label": "Flag", "unit": "yes_no", "assessed": ["yes", "no"]}),
}  # fmt: skip
LIBRARY = Library(METRICS)
_ARROW = {"float64": pa.float64(), "string": pa.string(), "date": pa.date32()}


@dataclass
class _Tree:
    """What has been drawn so far."""

    draw: Any
    leaves: list[str] = field(default_factory=list)
    inner: list[str] = field(default_factory=list)
    scales: dict[str, int] = field(default_factory=dict)

    def components(self, path: str, depth: int) -> dict[str, Any]:
        keys = [f"k{i}" for i in range(self.draw(st.integers(1, 4)))]
        weights = [self.draw(st.sampled_from([0, 1, 3, 10, 35, 0.4])) for _ in keys]
        if not any(weights):
            weights[-1] = 1
        found = {}
        for key, weight in zip(keys, weights, strict=True):
            name = f"{path}/{key}" if path else key
            can_grow = depth < 4 and len(self.leaves) < MOST_LEAVES
            if can_grow and self.draw(st.booleans()):
                self.inner.append(name)
                node: dict[str, Any] = {"components": self.components(name, depth + 1)}
            else:
                node = self.leaf(name)
            node["weight"] = weight
            if self.draw(st.integers(0, 7)) == 0:
                node["applies_when"] = "flag = 'yes'"
            policy = self.draw(
                st.sampled_from([None] * 5 + ["redistribute", {"hold": "30 days"}, {"points": 5}])
            )
            if policy is not None:
                node["missing"] = policy
            found[key] = node
        return found

    def leaf(self, name: str) -> dict[str, Any]:
        self.leaves.append(name)
        scale = self.scales[name] = self.draw(st.sampled_from([100, 100, 30, 7]))
        node: dict[str, Any] = {}
        if self.draw(st.integers(0, 5)) == 0:
            node["by"] = {"plan": {p: self.measure(scale) for p in PLANS}}
        else:
            node |= self.measure(scale)
        if self.draw(st.integers(0, 3)) == 0:
            node["states"] = {"no_response": self.points(scale)}
        return node

    def points(self, scale: int) -> float:
        return float(self.draw(st.integers(0, scale)))

    def measure(self, scale: int) -> dict[str, Any]:
        kind = self.draw(st.sampled_from([">=", ">", "<=", "<", "ranges", "choices"]))
        if kind == "choices":
            known = self.draw(st.sampled_from([CATEGORIES, CATEGORIES[:2]]))
            choices = {c: self.points(scale) for c in known}
            metric = self.draw(st.sampled_from(["c0", "c1", "c2"]))
            return {"metric": metric, "choices": choices, "out_of": scale}
        metric = self.draw(st.sampled_from([f"n{i}" for i in range(8)]))
        limits = sorted(self.draw(st.sets(st.integers(-9, 9), min_size=2, max_size=4)))
        if kind == "ranges":
            ramps = [
                {"from": a, "to": b, "points": [self.points(scale), self.points(scale)]}
                for a, b in pairwise(limits)
            ]
            return {"metric": metric, "ranges": ramps, "out_of": scale}
        bands: dict[str, float] = {f"{kind}{x}": self.points(scale) for x in limits}
        return {"metric": metric, "bands": bands | {"else": self.points(scale)}, "out_of": scale}

    def adjustment(self) -> dict[str, Any]:
        when = self.draw(st.sampled_from(["score >= 50", "flag = 'yes'", "n0 > 0 and score < 90"]))
        told = {"when": when, "because": "of a rule"}
        if self.draw(st.booleans()):
            leaf = self.draw(st.sampled_from(self.leaves))
            return told | {"set_points": {leaf: self.points(self.scales[leaf])}}
        path = self.draw(st.sampled_from([*self.leaves, *self.inner]))
        points = self.draw(st.integers(-25, 25))
        floor = self.draw(st.sampled_from([0, 5]))
        return told | {"add_points": {path: points, "out_of": 25, "not_below": floor}}


@st.composite
def scorecards(draw: Any) -> Scorecard:
    """A scorecard of up to four levels, with every kind of leaf, policy and adjustment."""
    tree = _Tree(draw)
    components = tree.components("", 1)
    value = {
        "scorecard": "generated",
        "label": "Generated",
        "tiers": TIERS,
        "minimum_coverage": draw(st.sampled_from([0, 0.3, 0.6])),
        "components": components,
        "adjustments": {f"a{i}": tree.adjustment() for i in range(draw(st.integers(0, 3)))},
    }
    if draw(st.integers(0, 4)) == 0:
        value["missing"] = {"points": 3}
    return Scorecard.model_validate(value)


def plan_of(scorecard: Scorecard) -> Plan:
    """The plan of a generated scorecard."""
    return Plan(scorecard, LIBRARY)


def values(seed: int, plan: Plan, accounts: int = 40, overrides: Sequence[str] = ()) -> pa.Table:
    """Metric values of some accounts: on limits, beside them, missing, named and stale.

    overrides: paths that some of the accounts have overrides of.
    """
    chance = random.Random(seed)
    columns: dict[str, pa.Array] = {
        "account_id": pa.array([f"a{i:03d}" for i in range(accounts)], pa.string())
    }
    for key, metric in METRICS.items():
        told = [_value(chance, key) for _ in range(accounts)]
        names = ["no_response", "not_applicable", None, None]
        columns |= {
            f"metric/{key}": pa.array(told, _ARROW[value_type(metric)]),
            f"age/{key}": pa.array([chance.randint(0, 60) for _ in told], pa.int64()),
            f"stale/{key}": pa.array([v is not None and chance.random() < 0.1 for v in told]),
            f"named/{key}": pa.array([chance.choice(names) if v is None else None for v in told],
                                     pa.string()),
        }  # fmt: skip
    for path in overrides:
        word = chance.choice(["set", "add"])
        low, high = (0, 100) if word == "set" else (-60, 60)
        points = [chance.uniform(low, high) if chance.random() < 0.5 else None
                  for _ in range(accounts)]  # fmt: skip
        columns[f"{word}/{path}"] = pa.array(points, pa.float64())
    return pa.table(columns)


def _value(chance: random.Random, key: str) -> Any:
    if chance.random() < 0.2:
        return None
    if key == "plan":
        return chance.choice(PLANS)
    if key == "flag":
        return chance.choice(["yes", "no"])
    if key.startswith("c"):
        return chance.choice(CATEGORIES)
    near = chance.randint(-10, 10)
    return float(near) if chance.random() < 0.5 else near + chance.uniform(-0.5, 0.5)
