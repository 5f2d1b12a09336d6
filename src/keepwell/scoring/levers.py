"""What would bring a score to the next tier: every better band, tried on the plan itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from ibis.backends.duckdb import Backend

from keepwell.definitions.scorecard import Measure
from keepwell.scoring.explain import Explanation, explained, metric_rows, next_tier
from keepwell.scoring.plan import PLACES, Plan

MOST_TOGETHER = 8
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

    row: one row of metric values. Cheapest is fewest changes, then fewest bands climbed.
    """
    row = metric_rows(row)
    current = explained(con, plan, row)[0]
    above = next_tier(current, plan.scorecard.tiers)
    if above is None or current.score is None:
        return None
    tier, short_by = above
    tried = list(_candidates(plan, current))
    scores = _scores(con, plan, row, [{c.metric: c.target} for c in tried])
    levers = [
        Lever(c.path, c.label, c.metric, c.unit, c.value, c.target, s - current.score, c.steps,
              c.advice)
        for c, s in zip(tried, scores, strict=True)
        if s is not None and s > current.score + 10**-PLACES
    ]  # fmt: skip
    levers.sort(key=lambda x: (-x.gain, x.steps, x.path))
    together, score = _together(con, plan, row, levers, tier.limit, tier.above is not None)
    return WayUp(tier.key, short_by, tuple(together), score, tuple(levers))


def _together(
    con: Backend, plan: Plan, row: pa.Table, levers: list[Lever], limit: float, above: bool
) -> tuple[list[Lever], float | None]:
    def total(chosen: Sequence[Lever]) -> float | None:
        return _scores(con, plan, row, [{x.metric: x.target for x in chosen}])[0]

    def reaches(chosen: Sequence[Lever]) -> bool:
        score = total(chosen)
        if score is None:
            return False
        rounded = round(score, PLACES)
        return rounded > limit if above else rounded >= limit

    single = [x for x in levers if reaches([x])]
    if single:
        best = min(single, key=lambda x: (x.steps, x.gain))
        return [best], total([best])
    chosen = _enough(levers, reaches)
    # Leave out what turns out not to be needed, the smallest gain first.
    for lever in chosen[-2::-1]:
        rest = [x for x in chosen if x is not lever]
        if reaches(rest):
            chosen = rest
    for lever in list(chosen):
        _shrink(lever, chosen, levers, reaches)
    return chosen, total(chosen) if chosen else None


def _enough(levers: list[Lever], reaches: Callable[[Sequence[Lever]], bool]) -> list[Lever]:
    """The largest gains, one for each leaf, until they reach the tier together; or none."""
    chosen: list[Lever] = []
    for lever in levers:
        if all(x.path != lever.path for x in chosen):
            chosen.append(lever)
            if reaches(chosen):
                return chosen
            if len(chosen) == MOST_TOGETHER:
                break
    return []


def _shrink(
    lever: Lever,
    chosen: list[Lever],
    levers: list[Lever],
    reaches: Callable[[Sequence[Lever]], bool],
) -> None:
    """Put the least step of the same leaf in its place with which all still reach the tier."""
    at = chosen.index(lever)
    smaller = [x for x in levers if x.path == lever.path and x.steps < lever.steps]
    for other in sorted(smaller, key=lambda x: x.steps):
        trial = [*chosen[:at], other, *chosen[at + 1 :]]
        if reaches(trial):
            chosen[:] = trial
            return


def _scores(
    con: Backend, plan: Plan, row: pa.Table, values: list[Mapping[str, float | str]]
) -> list[float | None]:
    """The score of the row with each of the given sets of values, in one run of the plan."""
    if not values:
        return []
    tables = [
        with_values(row, v).set_column(
            row.schema.get_field_index("account_id"), "account_id", pa.array([f"{i:06d}"])
        )
        for i, v in enumerate(values)
    ]
    scored = plan.run(con, pa.concat_tables(tables))
    by_trial = dict(zip(*(scored[c].to_pylist() for c in ("account_id", "score")), strict=True))
    return [by_trial.get(f"{i:06d}") for i in range(len(values))]


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


def _candidates(plan: Plan, current: Explanation) -> Iterator[_Candidate]:
    for line in current.leaves:
        node = next(n for n in plan.nodes if n.path == line.path)
        if line.weight <= 0 and line.points is not None:
            continue
        measure = next(
            m for _, m in node.component.variants()
            if (m.metric or node.component.metric) == line.metric and m.is_judged
        )  # fmt: skip
        own = line.points if line.points is not None else -1.0
        better = [(t, p * 100 / measure.out_of) for t, p in _targets(measure)]
        better = sorted((x for x in better if x[1] > own), key=lambda x: x[1])
        for steps, (target, _) in enumerate(better, start=1):
            yield _Candidate(
                line.name, line.label, line.metric or "", line.unit, line.value, target, steps,
                line.advice,
            )  # fmt: skip


def _targets(measure: Measure) -> Iterator[tuple[float | str, float]]:
    """The nearest value of every band, with its points."""
    if measure.bands is not None:
        sign = {">=": 0.0, "<=": 0.0, ">": _CLOSE, "<": -_CLOSE}
        for band in measure.bands.bands:
            yield band.limit + sign[band.op], band.points
        upper = measure.bands.bands[0].op in ("<", "<=")
        last = measure.bands.bands[-1]
        yield last.limit + (1.0 if upper else -1.0), measure.bands.otherwise
    elif measure.ranges is not None:
        for ramp in measure.ranges:
            yield ramp.from_, ramp.points[0]
        yield measure.ranges[-1].to, measure.ranges[-1].points[1]
    else:
        yield from (measure.choices or {}).items()
