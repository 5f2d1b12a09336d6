"""Adjustments and overrides: terms of their own on top of what the tree computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir

from keepwell.definitions.scorecard import Adjustment, NodePath, Scorecard
from keepwell.metrics.compile import compiled, truth
from keepwell.metrics.derived import AccountScope

if TYPE_CHECKING:
    from keepwell.scoring.plan import Node

Value = Any


@dataclass(frozen=True)
class Adjusting:
    """The rules of a scorecard, applied in the order in which they are written.

    Every rule sees the unadjusted score. A rule changes the points of one node by d and so the
    score by effective weight * d; weights stay as they are, so the terms add up exactly.
    """

    scorecard: Scorecard
    nodes: Sequence[Node]

    def columns(self, rows: ir.Table) -> dict[str, Value]:
        """`adjust/<key>`, `override/<path>`, `final/<path>` for nodes that any rule may change, and
        the score."""
        moved: dict[NodePath, list[Value]] = {}  # what was added to the points of a node
        columns: dict[str, Value] = {}
        scope = AccountScope(rows, extra={"score": rows.computed})
        for key, adjustment in self.scorecard.adjustments.items():
            when = truth(compiled(adjustment.when, scope)) & rows.computed.notnull()
            term = self._adjusted(rows, adjustment, when, moved)
            columns[f"adjust/{key}"] = ibis.cases((when, term))
        for path in self._overridden(rows):
            name = "/".join(path)
            columns[f"override/{name}"] = self._override(rows, path, moved)
        for path in self._touched(moved):
            columns[f"final/{'/'.join(path)}"] = self._current(rows, path, moved)
        terms = [
            term.fill_null(0.0)
            for name, term in columns.items()
            if name.startswith(("adjust/", "override/"))
        ]
        score = reduce(lambda a, b: a + b, terms, rows.computed)
        if "set/" in rows.columns:
            # A person's score stands where nothing could be computed.
            score = ibis.coalesce(score, rows["set/"])
        return columns | {"score": score}

    def _adjusted(
        self,
        rows: ir.Table,
        adjustment: Adjustment,
        when: Value,
        moved: dict[NodePath, list[Value]],
    ) -> Value:
        terms: list[Value] = [ibis.literal(0.0)]
        for name, points in (adjustment.set_points or {}).items():
            path = self._path(name)
            leaf = next(n for n in self.nodes if n.path == path)
            wanted = min(max(points * 100.0 / _scale(leaf), 0.0), 100.0)
            change = wanted - self._current(rows, path, moved)
            terms.append(self._move(rows, path, change, when, moved))
        if adjustment.add_points is not None:
            add = adjustment.add_points
            path = self._path(add.path)
            current = self._current(rows, path, moved)
            least, most = add.not_below * 100.0 / add.out_of, 100.0
            wanted = ibis.least(
                ibis.greatest(current + add.points * 100.0 / add.out_of, least), most
            )
            # A node that is already below the floor is not lifted to it.
            change = ibis.least(wanted - current, 0.0) if add.points < 0 else wanted - current
            terms.append(self._move(rows, path, change, when, moved))
        return reduce(lambda a, b: a + b, terms)

    def _move(
        self,
        rows: ir.Table,
        path: NodePath,
        change: Value,
        when: Value,
        moved: dict[NodePath, list[Value]],
    ) -> Value:
        """Note that a node's points change where `when` holds; the change of the score."""
        for around in (path[:n] for n in range(len(path)) if path[:n] in moved):
            # What moved a node around it may have brought that node to the end of the scale.
            share = self._weight(rows, path) / self._weight(rows, around).nullif(0.0)
            current = self._current(rows, around, moved)
            lowest, highest = -current / share.nullif(0.0), (100.0 - current) / share.nullif(0.0)
            change = ibis.least(ibis.greatest(change, lowest), highest)
        change = ibis.cases((when, change), else_=0.0).fill_null(0.0)
        moved.setdefault(path, []).append(change)
        return self._weight(rows, path) * change

    def _weight(self, rows: ir.Table, path: NodePath) -> Value:
        return rows[f"weight/{'/'.join(path)}"] if path else ibis.literal(1.0)

    def _current(self, rows: ir.Table, path: NodePath, moved: dict[NodePath, list[Value]]) -> Value:
        """The points of a node after what has been noted so far, in it and below it."""
        start = rows[f"points/{'/'.join(path)}"] if path else rows.computed
        own = self._weight(rows, path)
        for other, changes in moved.items():
            if other[: len(path)] == path:
                share = self._weight(rows, other) / own.nullif(0.0)
                for change in changes:
                    start = start + (share * change).fill_null(0.0)
        return start

    def _override(
        self, rows: ir.Table, path: NodePath, moved: dict[NodePath, list[Value]]
    ) -> Value:
        name = "/".join(path)
        current = self._current(rows, path, moved)
        wanted = current
        if f"set/{name}" in rows.columns:
            wanted = ibis.coalesce(rows[f"set/{name}"], wanted)
        if f"add/{name}" in rows.columns:
            wanted = wanted + rows[f"add/{name}"].fill_null(0.0)
        wanted = ibis.least(ibis.greatest(wanted, 0.0), 100.0)
        given = [rows[c].notnull() for c in (f"set/{name}", f"add/{name}") if c in rows.columns]
        any_given = reduce(lambda a, b: a | b, given)
        term = self._move(rows, path, wanted - current, any_given, moved)
        return ibis.cases((any_given & rows.computed.notnull(), term))

    def _overridden(self, rows: ir.Table) -> list[NodePath]:
        """Nodes for which some account has an override: leaves first, the whole score last."""
        names = {c.partition("/")[2] for c in rows.columns if c.startswith(("set/", "add/"))}
        paths = [tuple(n.split("/")) if n else () for n in names]
        known = {n.path for n in self.nodes} | {()}
        return sorted((p for p in paths if p in known), key=lambda p: (-len(p), p))

    def _touched(self, moved: dict[NodePath, list[Value]]) -> list[NodePath]:
        around = {p[:n] for p in moved for n in range(1, len(p) + 1)}
        below = {n.path for n in self.nodes} & around
        return sorted(below)

    def _path(self, name: str) -> NodePath:
        path = self.scorecard.path_of(name)
        assert path is not None, name  # the rule adjustments_fit holds
        return path


def _scale(leaf: Node) -> float:
    """What the points of a leaf are printed out of; variants by plan share one scale."""
    variants = leaf.component.variants()
    return variants[0][1].out_of if variants else leaf.component.out_of
