"""What moved a score between two days. The parts add up to the change exactly.

Of a leaf with effective weights e0, e1 and points p0, p1, and scores S0, S1:
what its value did is (e0 + e1) / 2 * (p1 - p0); what its weight did is
((p0 + p1) / 2 - (S0 + S1) / 2) * (e1 - e0). A leaf without points on one of the days takes those
of the other. Adjustments and overrides are parts of their own.

Between two definitions a leaf's points have a third value: pm, the old value judged by the new
definition. Then (e0 + e1) / 2 * (pm - p0) is what the definition did, and what the value did is
(e0 + e1) / 2 * (p1 - pm).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keepwell.definitions.scorecard import NodePath
from keepwell.scoring.explain import Explanation, Line, Term
from keepwell.scoring.leaves import AVAILABLE, HELD, NOT_APPLICABLE, STALE
from keepwell.scoring.redefined import Redefined

# The parts that are left out because of this must not add up to anything that counts.
NOBODYS = 1e-12
DEFINITION = "definition changed"


@dataclass(frozen=True)
class Part:
    """One thing that moved the score, in points. cause: value, or what changed a weight."""

    name: str
    label: str
    cause: str
    points: float
    before: Line | Term | None = None
    after: Line | Term | None = None


@dataclass(frozen=True)
class Change:
    """A score before and after, and the parts between, largest first."""

    before: float
    after: float
    parts: tuple[Part, ...]

    @property
    def points(self) -> float:
        return self.after - self.before


def change(
    before: Explanation,
    after: Explanation,
    same_definition: bool = True,
    redefined: Redefined | None = None,
) -> Change | None:
    """What moved the score from one day to another; None where either has no score.

    A score given by a person where none could be computed is one part. `redefined` tells, where
    the definitions differ, what these did from what the values did.
    """
    if before.score is None or after.score is None:
        return None
    if before.computed is None or after.computed is None:
        moved = after.score - before.score
        return Change(before.score, after.score, (Part("", "Judgement", "override", moved),))
    middle = (before.computed + after.computed) / 2
    parts: list[Part] = []
    for path in _paths(before, after):
        leaves = _leaf(before, path), _leaf(after, path)
        parts.extend(_of_leaf(*leaves, middle, same_definition, redefined))
    parts.extend(_of_terms(before.terms, after.terms))
    shown = [p for p in parts if abs(p.points) > NOBODYS]
    shown.sort(key=lambda p: -abs(p.points))
    return Change(before.score, after.score, tuple(shown))


def _paths(before: Explanation, after: Explanation) -> list[NodePath]:
    return list(dict.fromkeys(line.path for line in (*before.leaves, *after.leaves)))


def _leaf(explanation: Explanation, path: NodePath) -> Line | None:
    """The leaf of that path; another definition may have components where this one has a leaf."""
    line = explanation.line(path)
    return line if line is not None and line.is_leaf else None


def _of_leaf(
    before: Line | None,
    after: Line | None,
    middle: float,
    same_definition: bool,
    redefined: Redefined | None,
) -> list[Part]:
    e0, e1 = (line.weight if line else 0.0 for line in (before, after))
    given = [line.points if line else None for line in (before, after)]
    p0, p1 = (own if own is not None else other for own, other in (given, given[::-1]))
    if p0 is None or p1 is None:
        return []
    known = after or before
    assert known is not None
    pm = p0 if same_definition else _judged_anew(before, after, p0, p1, redefined)
    by_definition = (e0 + e1) / 2 * (pm - p0)
    by_value = (e0 + e1) / 2 * (p1 - pm)
    by_weight = ((p0 + p1) / 2 - middle) * (e1 - e0)
    causes = (
        (DEFINITION, by_definition),
        ("value", by_value),
        (_cause(before, after, same_definition), by_weight),
    )
    return [Part(known.name, known.label, cause, p, before, after) for cause, p in causes]


def _judged_anew(
    before: Line | None, after: Line | None, p0: float, p1: float, redefined: Redefined | None
) -> float:
    """The points of the old value by the new definition."""
    if before is None or after is None or before.points is None or after.points is None:
        return p0
    if redefined is None:
        alike = [(x.metric, x.value, x.state) for x in (before, after)]
        return p1 if alike[0] == alike[1] else p0
    return p1 if after.metric in redefined.measured else redefined.judged.get(after.path, p0)


def _cause(before: Line | None, after: Line | None, same_definition: bool) -> str:
    """Why the weight of a leaf changed."""
    if before is None or after is None:
        return DEFINITION
    if not same_definition and before.printed != after.printed:
        return DEFINITION
    had, has = before.points is not None, after.points is not None
    if had and not has:
        if after.state == STALE:
            return "rating expired" if _is_rating(after) else "data went stale"
        return "not applicable any more" if after.state == NOT_APPLICABLE else "data went missing"
    if has and not had:
        return "data arrived"
    if before.state != after.state and HELD in (before.state, after.state):
        return "last known value" if after.state == HELD else "data arrived"
    return "others' weight changed" if before.state in AVAILABLE else "weight changed"


def _is_rating(line: Line) -> bool:
    return line.unit == "category"


def _of_terms(before: Sequence[Term], after: Sequence[Term]) -> list[Part]:
    old = {(t.kind, t.key): t for t in before}
    new = {(t.kind, t.key): t for t in after}
    parts = []
    for kind, key in dict.fromkeys([*old, *new]):
        was, now = old.get((kind, key)), new.get((kind, key))
        moved = (now.points if now else 0.0) - (was.points if was else 0.0)
        known = now or was
        assert known is not None
        parts.append(Part(key, known.because, kind, moved, was, now))
    return parts
