"""Why a score is what it is: every leaf's contribution, exactly as the plan computed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
from ibis.backends.duckdb import Backend

from keepwell.definitions.scorecard import Component, Measure, NodePath, Tier
from keepwell.metrics.calendar import ASKED_ON
from keepwell.scoring.leaves import AVAILABLE, NOT_APPLICABLE
from keepwell.scoring.plan import PLACES, Node, Plan, tier_at


@dataclass(frozen=True)
class Line:
    """One node of an explained score.

    weight: effective, 0-1. points: 0-100 as computed, final: after adjustments and overrides.
    contribution: weight * points, in points of the score. lost: weight * (100 - points).
    printed: the node's share of the whole by the scorecard as written, 0-1. age: days since the
    newest day behind the value. State is that of a leaf; of an inner node it is empty. why: what no
    source gives, where that is why a leaf is missing and somebody looked.
    """

    path: NodePath
    label: str
    is_leaf: bool
    printed: float
    weight: float
    points: float | None
    final: float | None
    contribution: float
    tier: str | None
    colour: str | None
    state: str = ""
    metric: str | None = None
    metric_label: str = ""
    unit: str = ""
    value: float | str | date | None = None
    age: int | None = None
    out_of: float = 100.0
    advice: str = ""
    why: str = ""

    @property
    def name(self) -> str:
        return "/".join(self.path)

    @property
    def lost(self) -> float:
        return self.weight * (100.0 - self.points) if self.points is not None else 0.0

    @property
    def is_missing(self) -> bool:
        """Whether a leaf that counts in the scorecard has no data of its own."""
        return self.is_leaf and self.printed > 0 and self.state not in (*AVAILABLE, NOT_APPLICABLE)


@dataclass(frozen=True)
class Term:
    """A term of its own beside the leaves: an adjustment or an override, in points of the score."""

    key: str
    kind: str  # adjustment or override
    because: str
    points: float


@dataclass(frozen=True)
class Explanation:
    """A score, taken apart. The contributions of the leaves and the terms add up to it."""

    account_id: str
    scorecard: str
    scorecard_label: str
    score: float | None
    computed: float | None
    coverage: float
    minimum_coverage: float
    tier: Tier | None
    lines: tuple[Line, ...]
    terms: tuple[Term, ...]
    held_from: date | None = None
    muted: tuple[str, ...] = ()

    @property
    def leaves(self) -> list[Line]:
        return [line for line in self.lines if line.is_leaf]

    def line(self, path: NodePath) -> Line | None:
        """The line of that path, or None."""
        return next((x for x in self.lines if x.path == path), None)

    def idle(self, path: NodePath) -> str | None:
        """Why an override of that component moves nothing; None where it counts."""
        line = self.line(path)
        if line is None:
            return None
        if self.computed is None:
            return "there is no computed score that it could move"
        if line.points is None:
            return "nothing is known of it, so that it has no weight"
        return None if line.weight else "its weight is 0"


def explained(con: Backend, plan: Plan, rows: pa.Table) -> list[Explanation]:
    """The explanations of rows that hold metric values, in the order of account_id.

    rows: what history keeps of a scored day, or fresh metric values.
    """
    scored = plan.run(con, metric_rows(rows))
    return [_explanation(plan, row) for row in scored.sort_by("account_id").to_pylist()]


_RESULTS = ("state/", "points/", "final/", "adjust/", "override/", "weight/")


def metric_rows(rows: pa.Table) -> pa.Table:
    """The rows without what the plan itself works out, their day under the name that it reads."""
    words = ("coverage", "computed", "score", "tier")
    keep = [c for c in rows.column_names if c not in words and not c.startswith(_RESULTS)]
    if ASKED_ON in keep or "date" not in keep:
        return rows.select(keep)
    return rows.select(keep).rename_columns([ASKED_ON if c == "date" else c for c in keep])


def _explanation(plan: Plan, row: Mapping[str, Any]) -> Explanation:
    card = plan.scorecard
    lines = tuple(_line(plan, node, row) for node in plan.nodes)
    tier = tier_at(row["score"], card.tiers)
    return Explanation(
        account_id=row["account_id"],
        scorecard=card.scorecard,
        scorecard_label=card.label,
        score=row["score"],
        computed=row["computed"],
        coverage=row["coverage"],
        minimum_coverage=card.minimum_coverage,
        tier=tier,
        lines=lines,
        terms=tuple(_terms(plan, row, lines)),
        held_from=row.get("held_from"),
        muted=tuple(
            key
            for key, adjustment in card.adjustments.items()
            if adjustment.mute and row.get(f"adjust/{key}") is not None
        ),
    )


def _terms(plan: Plan, row: Mapping[str, Any], lines: Sequence[Line]) -> list[Term]:
    found = []
    for key, adjustment in plan.scorecard.adjustments.items():
        points = row.get(f"adjust/{key}")
        if points is not None:
            found.append(Term(key, "adjustment", adjustment.because, points))
    for column, points in row.items():
        if column.startswith("override/") and points is not None:
            path = column.removeprefix("override/")
            found.append(Term(path or "score", "override", "a person's judgement", points))
    if row["computed"] is None and row["score"] is not None:
        rest = row["score"] - sum(line.contribution for line in lines if line.is_leaf)
        found.append(Term("score", "override", "a person's judgement", rest))
    return found


def _line(plan: Plan, node: Node, row: Mapping[str, Any]) -> Line:
    component = node.component
    points = row[f"points/{node.name}"]
    weight = row[f"weight/{node.name}"]
    tier = tier_at(points, plan.scorecard.tiers_of(node.path))
    line: dict[str, Any] = {}
    if node.is_leaf:
        measure = measure_of(component, row)
        key = measure.metric or component.metric or ""
        metric = plan.library.metrics.get(key)
        line = {
            "state": row[f"state/{node.name}"],
            "metric": key,
            "metric_label": metric.label if metric else key,
            "unit": metric.unit if metric else "",
            "value": row.get(f"metric/{key}"),
            "age": row.get(f"age/{key}"),
            "out_of": measure.out_of,
        }
    return Line(
        path=node.path,
        label=component.label or (line.get("metric_label") or _words(node.path[-1])),
        is_leaf=node.is_leaf,
        printed=node.printed_share,
        weight=weight,
        points=points,
        final=row.get(f"final/{node.name}", points),
        contribution=weight * points if points is not None else 0.0,
        tier=tier.key if tier else None,
        colour=tier.colour if tier else None,
        advice=component.advice,
        **line,
    )


def measure_of(component: Component, row: Mapping[str, Any]) -> Measure:
    """How a leaf is judged for one account: by the value of its `by` metric, where it has one."""
    variants = dict(component.variants())
    chosen = row.get(f"metric/{component.by_metric}") if component.by_metric else None
    if isinstance(chosen, float):
        chosen = str(int(chosen))
    return variants.get(chosen) or variants.get("else") or next(iter(variants.values()))


def _words(key: str) -> str:
    return key.replace("_", " ").capitalize()


def next_tier(explanation: Explanation, tiers: Sequence[Tier]) -> tuple[Tier, float] | None:
    """The tier above and how many points are missing to it; None in the best one."""
    score = explanation.score
    if score is None:
        return None
    better = [t for t in tiers if round(score, PLACES) < t.limit
              or (t.above is not None and round(score, PLACES) == t.limit)]  # fmt: skip
    return (better[-1], better[-1].limit - score) if better else None
