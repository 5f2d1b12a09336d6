"""The scoring plan: a table of metric values in, points, weights, score and tier out.

points of a node = sum(a w p) / sum(a w) over its children, a being 1 where the child has points.
The effective weight of a leaf is the product of its normalised weights up to the root, so that
score = sum(effective weight * points) over the leaves. See
docs/explanation/how-a-score-is-computed.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial, reduce
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.duckdb import Backend

from keepwell.definitions.expressions import Expression
from keepwell.definitions.library import Library, context_metrics
from keepwell.definitions.scorecard import Component, NodePath, Scorecard, Tier
from keepwell.definitions.versions import resolved
from keepwell.metrics.compile import compiled, truth
from keepwell.metrics.derived import AccountScope
from keepwell.metrics.statements import Statement
from keepwell.scoring.adjust import Adjusting
from keepwell.scoring.leaves import NOT_APPLICABLE, is_available, leaf_columns

Value = Any
Columns = dict[str, Any]
Stage = Callable[[ir.Table], Columns]
PLACES = 9
_ROW = "row number"
ROWS = "rows to score"
NOT_ENOUGH = "not_enough_data"


@dataclass(frozen=True)
class Node:
    """A node of the tree: its definition, and the share of its parent's printed weight."""

    path: NodePath
    component: Component
    printed_share: float  # of the whole tree

    @cached_property
    def name(self) -> str:
        return "/".join(self.path)

    @property
    def is_leaf(self) -> bool:
        return self.component.components is None


@dataclass(frozen=True)
class Plan:
    """A scorecard, ready to score any table of metric values."""

    scorecard: Scorecard
    library: Library

    @cached_property
    def nodes(self) -> list[Node]:
        """Every node, parents before children, in the order of the file."""
        shares: dict[NodePath, float] = {(): 1.0}
        found: list[Node] = []
        for path, component in self.scorecard.nodes():
            siblings = self.children(path[:-1])
            total = sum(c.weight for _, c in siblings)
            shares[path] = shares[path[:-1]] * (component.weight / total)
            found.append(Node(path, component, shares[path]))
        return found

    @cached_property
    def leaves(self) -> list[Node]:
        return [n for n in self.nodes if n.is_leaf]

    def children(self, path: NodePath) -> list[tuple[NodePath, Component]]:
        """The children of a node; of the whole scorecard for the empty path."""
        components = self.scorecard.components
        for key in path:
            components = components[key].components or {}
        return [((*path, key), component) for key, component in components.items()]

    @cached_property
    def metrics(self) -> list[str]:
        """Every metric that the plan reads: what its leaves judge and what its conditions name."""
        context = context_metrics(self.scorecard, self.library)
        return list(dict.fromkeys([*self.scorecard.metrics(), *context]))

    def applicable(self, con: Backend, rows: pa.Table) -> pa.Table:
        """The rows of the accounts that the scorecard is for."""
        condition = self.scorecard.applies_to
        if condition is None:
            return rows

        def write() -> Statement:
            table = _rows_named(rows.schema)
            return Statement.of(table.filter(truth(compiled(condition, AccountScope(table)))))

        return Statement.kept(("applies", condition, rows.schema), write).over(con, ROWS, rows)

    def score(self, rows: ir.Table) -> ir.Table:
        """The rows with, per leaf, `state/<path>`, and per node `points/<path>` (0-100, null where
        left out) and `weight/<path>` (effective, 0-1); and with coverage, computed (the score
        before adjustments), `adjust/<key>` and `override/<path>` (points that they move the score
        by, null where they do not apply), `final/<path>` (points of nodes that these may move),
        score and tier.

        rows: `metric/`, `age/`, `stale/` and `named/<key>` for every key of `metrics`; overrides as
        `set/<path>` and `add/<path>` columns.
        """
        for stage in self.stages:
            rows = rows.mutate(**stage(rows))
        return rows.drop(*(c for c in rows.columns if _is_scaffold(c)))

    def run(self, con: Backend, rows: pa.Table) -> pa.Table:
        """The same as score() for rows in memory, stage by stage: an engine plans six small
        expressions much faster than one large one."""
        numbers = pa.array(range(rows.num_rows), pa.int64())
        rows = rows.append_column(_ROW, numbers)
        for number in range(len(self.stages)):
            found = self._statement(number, rows.schema).over(con, ROWS, rows).sort_by(_ROW)
            for name in found.column_names:
                if name != _ROW:
                    rows = rows.append_column(name, found[name])
        return rows.drop_columns([c for c in rows.column_names if c == _ROW or _is_scaffold(c)])

    def _statement(self, number: int, schema: pa.Schema) -> Statement:
        """A stage as the engine's SQL."""

        def write() -> Statement:
            table = _rows_named(schema)
            return Statement.of(table.select(_ROW, **self.stages[number](table)))

        key = number, schema
        if key not in self._statements:
            self._statements[key] = Statement.kept(("scoring", self._text, *key), write)
        return self._statements[key]

    @cached_property
    def _statements(self) -> dict[tuple[int, pa.Schema], Statement]:
        return {}

    @cached_property
    def _text(self) -> str:
        return resolved(self.scorecard, self.library)

    @cached_property
    def stages(self) -> list[Stage]:
        """What is computed from what: each takes the table so far and gives further columns."""
        levels: list[Stage] = [partial(self._points, level) for level in reversed(self._levels)]
        return [self._leaves, *levels, self._weights, self._results, self._adjusted, self._tier]

    def _leaves(self, rows: ir.Table) -> Columns:
        columns: Columns = {}
        for leaf in self.leaves:
            columns |= leaf_columns(rows, self.scorecard, self.library, leaf.path, leaf.component)
        return columns

    @cached_property
    def _levels(self) -> list[list[NodePath]]:
        """The inner nodes by depth, the root first."""
        inner: list[NodePath] = [(), *(n.path for n in self.nodes if not n.is_leaf)]
        return [[p for p in inner if len(p) == depth] for depth in range(max(map(len, inner)) + 1)]

    def _points(self, level: Sequence[NodePath], rows: ir.Table) -> Columns:
        columns: Columns = {}
        for path in level:
            name = "/".join(path)
            children = [(rows[f"points/{'/'.join(p)}"], c) for p, c in self.children(path)]
            weighed = [(p, c.weight) for p, c in children if c.weight > 0]
            total = _sum(ibis.cases((p.notnull(), w), else_=0.0) for p, w in weighed)
            earned = _sum(p.fill_null(0.0) * w for p, w in weighed)
            columns[f"total/{name}"] = total
            columns[f"points/{name}"] = earned / total.nullif(0.0)
        return columns

    def _weights(self, rows: ir.Table) -> Columns:
        columns: Columns = {"weight/": ibis.literal(1.0)}
        for node in self.nodes:
            parent = "/".join(node.path[:-1])
            share = node.component.weight / rows[f"total/{parent}"].nullif(0.0)
            has = rows[f"points/{node.name}"].notnull()
            weight = ibis.cases((has, columns[f"weight/{parent}"] * share), else_=0.0)
            columns[f"weight/{node.name}"] = weight.fill_null(0.0)
        return columns

    def _results(self, rows: ir.Table) -> Columns:
        coverage = self._coverage(rows)
        enough = coverage.round(PLACES) >= self.scorecard.minimum_coverage
        return {"coverage": coverage, "computed": ibis.cases((enough, rows["points/"]))}

    def _adjusted(self, rows: ir.Table) -> Columns:
        return Adjusting(self.scorecard, self.nodes).columns(rows)

    def _tier(self, rows: ir.Table) -> Columns:
        return {"tier": tier_of(rows.score, self.scorecard.tiers)}

    def _coverage(self, rows: ir.Table) -> Value:
        weighed = [n for n in self.leaves if n.printed_share > 0]
        there, applicable = [], []
        for leaf in weighed:
            state = rows[f"state/{leaf.name}"]
            share = leaf.printed_share
            there.append(ibis.cases((is_available(state, leaf.component), share), else_=0.0))
            applicable.append(ibis.cases((state == NOT_APPLICABLE, 0.0), else_=share))
        return (_sum(there) / _sum(applicable).nullif(0.0)).fill_null(0.0)


def _rows_named(schema: pa.Schema) -> ir.Table:
    return ibis.table(ibis.Schema.from_pyarrow(schema), name=ROWS)


def _is_scaffold(column: str) -> bool:
    return column in ("points/", "weight/") or column.startswith("total/")


def _sum(values: Iterable[Value]) -> Value:
    """The sum in the given order, so that it is the same on every run and engine."""
    return reduce(lambda a, b: a + b, values, ibis.literal(0.0))


def tier_of(score: Value, tiers: Sequence[Tier]) -> Value:
    """The key of the tier of a score, decided on nine decimals: sums of weights in floating point
    miss 60 and 80 by the last bit."""
    rounded = score.round(PLACES)
    steps = [(rounded >= t.limit if t.above is None else rounded > t.limit, t.key) for t in tiers]
    return ibis.cases((score.isnull(), NOT_ENOUGH), *steps, else_=tiers[-1].key)


def tier_at(points: float | None, tiers: Sequence[Tier]) -> Tier | None:
    """The tier of a number of points, by the same rule; None where there are no points."""
    if points is None:
        return None
    rounded = round(points, PLACES)
    for tier in tiers:
        if rounded > tier.limit or (tier.above is None and rounded == tier.limit):
            return tier
    return tiers[-1]


def conditions_of(plan: Plan) -> list[Expression]:
    """The conditions of the plan's adjustments, in order."""
    return [a.when for a in plan.scorecard.adjustments.values()]
