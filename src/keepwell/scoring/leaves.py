"""A leaf: a metric's value to a state and points on 0-100."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ibis
import ibis.expr.types as ir

from keepwell.definitions.expressions import Expression
from keepwell.definitions.library import Library
from keepwell.definitions.scorecard import Component, Hold, Measure, NodePath, Points, Scorecard
from keepwell.metrics.compile import compiled, truth
from keepwell.metrics.derived import AccountScope

Value = Any

KNOWN = "known"
HELD = "held"
STALE = "stale"
MISSING = "missing"
NOT_APPLICABLE = "not_applicable"
UNRECOGNISED = "unrecognised"
AVAILABLE = (KNOWN, HELD)


def leaf_columns(
    rows: ir.Table, scorecard: Scorecard, library: Library, path: NodePath, leaf: Component
) -> dict[str, Value]:
    """`state/<path>` and `points/<path>` of one leaf.

    Points are null where the leaf is left out. State is one of known, held (the last known value,
    within the time for which it may stand in), stale, missing, not_applicable, unrecognised (a
    category that has no points), or a name that the metric gives to having no value.
    """
    policy = scorecard.missing_policy(path)
    variants = leaf.variants()
    if leaf.by_metric is None:
        state, points = _judged(rows, leaf, variants[0][1], library, policy)
    else:
        chosen = rows[f"metric/{leaf.by_metric}"]
        chosen = chosen if chosen.type().is_string() else chosen.cast("int64").cast("string")
        branches = [(v, _judged(rows, leaf, m, library, policy)) for v, m in variants]
        otherwise = [b for v, b in branches if v == "else"]
        listed = [(v, b) for v, b in branches if v != "else"]
        last = otherwise[0] if otherwise else (ibis.literal(NOT_APPLICABLE), ibis.null("float64"))
        missing = (ibis.literal(MISSING), _substitute(policy, variants[0][1]))
        unknown = chosen.isnull()
        state, points = (
            ibis.cases(
                (unknown, missing[i]), *((chosen == v, b[i]) for v, b in listed), else_=last[i]
            )
            for i in (0, 1)
        )
    for condition in _conditions(scorecard, path):
        applies = truth(compiled(condition, AccountScope(rows))).fill_null(True)
        state = ibis.cases((applies, state), else_=NOT_APPLICABLE)
        points = ibis.cases((applies, points))
    name = "/".join(path)
    return {f"state/{name}": state, f"points/{name}": points}


def _conditions(scorecard: Scorecard, path: NodePath) -> Iterator[Expression]:
    """The conditions under which a leaf applies: its own, and those of the nodes around it."""
    children = scorecard.components
    for key in path:
        condition = children[key].applies_when
        if condition is not None:
            yield condition
        children = children[key].components or {}


def _judged(
    rows: ir.Table,
    leaf: Component,
    measure: Measure,
    library: Library,
    policy: Points | Hold | None,
) -> tuple[Value, Value]:
    key = measure.metric or leaf.metric
    value, named = rows[f"metric/{key}"], rows[f"named/{key}"]
    stale, age = rows[f"stale/{key}"], rows[f"age/{key}"]
    points = judge(measure, value) * 100.0 / measure.out_of
    holds = (age <= policy.hold) if isinstance(policy, Hold) else ibis.literal(False)
    state = ibis.cases(
        (value.notnull() & points.isnull(), UNRECOGNISED),
        (value.notnull() & ~stale, KNOWN),
        (value.notnull() & holds, HELD),
        (value.notnull(), STALE),
        (named.notnull(), named),
        else_=MISSING,
    )
    given = [(named == s, p * 100.0 / measure.out_of) for s, p in leaf.states.items()]
    no_value = ibis.cases(*given, else_=ibis.null("float64")) if given else ibis.null("float64")
    no_value = ibis.cases((value.isnull(), no_value))
    no_points = ibis.cases((state != NOT_APPLICABLE, _substitute(policy, measure)))
    return state, ibis.coalesce(ibis.cases((state.isin(AVAILABLE), points)), no_value, no_points)


def _substitute(policy: Points | Hold | None, measure: Measure) -> Value:
    """What missing data is worth, on 0-100; the variants of a leaf share one scale."""
    if not isinstance(policy, Points):
        return ibis.null("float64")
    return ibis.literal(policy.points * 100.0 / measure.out_of, "float64")


def judge(measure: Measure, value: Value) -> Value:
    """The points of a value on the measure's own scale; null for what it has no points for."""
    if measure.bands is not None:
        compare = {">=": value.__ge__, ">": value.__gt__, "<=": value.__le__, "<": value.__lt__}
        steps = [(compare[b.op](b.limit), b.points) for b in measure.bands.bands]
        steps.insert(0, (value.isnull(), ibis.null("float64")))
        return ibis.cases(*steps, else_=measure.bands.otherwise).cast("float64")
    if measure.ranges is not None:
        return _ramped(measure, value)
    choices = [(value == choice, p) for choice, p in (measure.choices or {}).items()]
    return ibis.cases(*choices, else_=ibis.null("float64")).cast("float64")


def _ramped(measure: Measure, value: Value) -> Value:
    ramps = measure.ranges or []
    branches: list[tuple[Value, Value]] = [
        (value.isnull(), ibis.null("float64")),
        (value < ramps[0].from_, ibis.literal(ramps[0].points[0], "float64")),
    ]
    for ramp in ramps:
        low, high = ramp.points
        share = (value - ramp.from_) / (ramp.to - ramp.from_)
        branches.append((value < ramp.to, low + share * (high - low)))
    return ibis.cases(*branches, else_=ibis.literal(ramps[-1].points[1], "float64"))


def is_available(state: Value, leaf: Component) -> Value:
    """Whether the leaf's data counts as there: known, held, or an answer that has points."""
    return state.isin([*AVAILABLE, *leaf.states])
