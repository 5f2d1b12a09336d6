"""What would bring a score to the next tier: every better band, tried on the plan itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import ceil, floor, prod
from operator import ge, gt, le, lt
from typing import Any, Protocol, TypeGuard

import pyarrow as pa
from ibis.backends.duckdb import Backend

from keepwell.definitions.bands import Bands
from keepwell.definitions.scorecard import Measure, Tier
from keepwell.scoring.explain import Explanation, explained, measure_of, metric_rows, next_tier
from keepwell.scoring.leaves import NOT_APPLICABLE
from keepwell.scoring.plan import PLACES, Plan

MOST_TOGETHER = 8
MOST_SETS = 4  # of so many equally small sets of changes the least steps are sought
MOST_TRIALS = 256
_CLOSE = 1e-6  # how far beyond a limit that is not included a value is set


@dataclass(frozen=True)
class Lever:
    """One metric moved to the start of a better band: from what to what, and what the score would
    gain by it alone. steps: how many bands it climbs."""

    path: str
    label: str
    metric: str
    unit: str
    value: float | str | None
    target: float | str
    gain: float
    steps: int
    advice: str


@dataclass(frozen=True)
class WayUp:
    """The fewest changes that together reach the next tier, and every single change by gain.

    together is empty where no choice of up to MOST_TOGETHER changes reaches it.
    """

    tier: str
    short_by: float
    together: tuple[Lever, ...]
    score: float | None
    single: tuple[Lever, ...]


def with_values(row: pa.Table, values: Mapping[str, float | str]) -> pa.Table:
    """The rows with other metric values, as if they were measured today."""
    for key, value in values.items():
        for prefix, new in (("metric", value), ("age", 0), ("stale", False), ("named", None)):
            at = row.schema.get_field_index(f"{prefix}/{key}")
            if at >= 0:
                field = row.schema.field(at)
                row = row.set_column(at, field, pa.array([new] * row.num_rows, field.type))
    return row


def way_up(con: Backend, plan: Plan, row: pa.Table) -> WayUp | None:
    """The cheapest changes that bring one account to the next tier; None where there is none.

    row: one row of metric values. Cheapest is fewest changes, then fewest bands climbed, among the
    MOST_TOGETHER metrics that gain most.
    """
    row = metric_rows(row)
    current = explained(con, plan, row)[0]
    above = next_tier(current, plan.scorecard.tiers)
    if above is None or current.score is None:
        return None
    tier, short_by = above
    trials = _Trials(con, plan, row, tier)
    tried = list(_candidates(plan, current, row.to_pylist()[0]))
    scores = trials.scores([[c] for c in tried])
    levers = [
        Lever(c.path, c.label, c.metric, c.unit, c.value, c.target, s - current.score, c.steps,
              c.advice)
        for c, s in zip(tried, scores, strict=True)
        if s is not None and s > current.score + 10**-PLACES
    ]  # fmt: skip
    levers.sort(key=lambda x: (-x.gain, x.steps, x.path))
    together, score = _together(trials, levers)
    return WayUp(tier.key, short_by, tuple(together), score, tuple(levers))


class _Move(Protocol):
    """A metric that is given another value."""

    @property
    def metric(self) -> str: ...

    @property
    def target(self) -> float | str: ...


@dataclass(frozen=True)
class _Trials:
    """One account, scored with other values of its metrics."""

    con: Backend
    plan: Plan
    row: pa.Table
    tier: Tier

    def scores(self, trials: Sequence[Sequence[_Move]]) -> list[float | None]:
        """The score of the account after each of the given sets of moves, in one run."""
        if not trials:
            return []
        values = [{m.metric: m.target for m in moves} for moves in trials]
        rows = self.row.take([0] * len(trials))
        for key in dict.fromkeys(k for v in values for k in v):
            for prefix, new in (("age", 0), ("stale", False), ("named", None), ("metric", None)):
                at = rows.schema.get_field_index(f"{prefix}/{key}")
                if at >= 0:
                    field, old = rows.schema.field(at), self.row.column(at)[0].as_py()
                    told = [(v[key] if prefix == "metric" else new) if key in v else old
                            for v in values]  # fmt: skip
                    rows = rows.set_column(at, field, pa.array(told, field.type))
        names = pa.array([f"{i:06d}" for i in range(len(trials))])
        rows = rows.set_column(rows.schema.get_field_index("account_id"), "account_id", names)
        scored = self.plan.run(self.con, rows).select(["account_id", "score"])
        found: list[float | None] = scored.sort_by("account_id")["score"].to_pylist()
        return found

    def reaching(self, trials: Sequence[Sequence[Lever]]) -> list[tuple[Sequence[Lever], float]]:
        """The sets of levers that reach the tier, with the score that they reach."""
        found = zip(trials, self.scores(trials), strict=True)
        return [(levers, score) for levers, score in found if self._reaches(score)]

    def _reaches(self, score: float | None) -> TypeGuard[float]:
        if score is None:
            return False
        rounded, limit = round(score, PLACES), self.tier.limit
        return rounded > limit if self.tier.above is not None else rounded >= limit


def _together(trials: _Trials, levers: Sequence[Lever]) -> tuple[Sequence[Lever], float | None]:
    """The fewest levers, of different metrics, that reach the tier, and then the least steps."""
    by_metric: dict[str, list[Lever]] = {}
    for lever in levers:
        by_metric.setdefault(lever.metric, []).append(lever)
    best = [found[0] for found in by_metric.values()][:MOST_TOGETHER]
    sets = [c for size in range(1, len(best) + 1) for c in combinations(best, size)]
    reaching = trials.reaching(sets)
    if not reaching:
        return [], None
    fewest = min(len(chosen) for chosen, _ in reaching)
    some = [chosen for chosen, _ in reaching if len(chosen) == fewest]
    smaller = [c for chosen in some[:MOST_SETS] for c in _smaller(chosen, by_metric)]
    return min(trials.reaching(smaller), key=lambda x: (sum(y.steps for y in x[0]), x[1]))


def _smaller(
    chosen: Sequence[Lever], by_metric: Mapping[str, Sequence[Lever]]
) -> Iterator[Sequence[Lever]]:
    """The same metrics with every choice of steps; where these are too many, with one changed."""
    options = [by_metric[lever.metric] for lever in chosen]
    if prod(len(o) for o in options) <= MOST_TRIALS:
        yield from product(*options)
        return
    yield chosen
    for at, lever in enumerate(chosen):
        for other in by_metric[lever.metric]:
            yield [*chosen[:at], other, *chosen[at + 1 :]]


@dataclass(frozen=True)
class _Candidate:
    path: str
    label: str
    metric: str
    unit: str
    value: Any
    target: float | str
    steps: int
    advice: str


def _candidates(plan: Plan, current: Explanation, row: Mapping[str, Any]) -> Iterator[_Candidate]:
    """For every leaf that counts, the start of each band that is better than where it is."""
    for line in current.leaves:
        if line.state == NOT_APPLICABLE or (line.weight <= 0 and line.points is not None):
            continue
        node = next(n for n in plan.nodes if n.path == line.path)
        measure = measure_of(node.component, row)
        own = line.points if line.points is not None else -1.0
        better = [(t, p * 100 / measure.out_of) for t, p in _targets(measure, line.unit)]
        better = sorted((x for x in better if x[1] > own), key=lambda x: x[1])
        for steps, (target, _) in enumerate(better, start=1):
            yield _Candidate(
                line.name, line.label, line.metric or "", line.unit, line.value, target, steps,
                line.advice,
            )  # fmt: skip


def _targets(measure: Measure, unit: str) -> Iterator[tuple[float | str, float]]:
    """The nearest value of every band, with its points."""
    if measure.bands is not None:
        for band in measure.bands.bands:
            yield _inside(measure.bands, band.op, band.limit, band.points, unit), band.points
        last, rest = measure.bands.bands[-1], measure.bands.otherwise
        opposite = {">=": "<", ">": "<=", "<=": ">", "<": ">="}[last.op]
        yield _inside(measure.bands, opposite, last.limit, rest, unit), rest
    elif measure.ranges is not None:
        for ramp in measure.ranges:
            yield ramp.from_, ramp.points[0]
        yield measure.ranges[-1].to, measure.ranges[-1].points[1]
    else:
        yield from (measure.choices or {}).items()


def _inside(bands: Bands, op: str, limit: float, points: float, unit: str) -> float:
    """The value next to a limit that lies in the band with those points: a whole number, a tenth of
    a percent or a tenth away where the limit is not included, or as near as need be."""
    if op in (">=", "<="):
        return limit
    step = 0.001 if unit == "share" else 0.1 if unit in ("", "points") else 1.0
    up = op == ">"
    steps = round(limit / step, 6)
    near = round((floor(steps) + 1 if up else ceil(steps) - 1) * step, 9)
    return near if _points(bands, near) == points else limit + (_CLOSE if up else -_CLOSE)


def _points(bands: Bands, value: float) -> float:
    compare = {">=": ge, ">": gt, "<=": le, "<": lt}
    for band in bands.bands:
        if compare[band.op](value, band.limit):
            return band.points
    return bands.otherwise
