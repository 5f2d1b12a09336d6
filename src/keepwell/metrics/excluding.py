"""Rows that nobody counts because of whose they are, such as use by the vendor's own people.

A condition that a row without a neighbour fulfils asks only for the neighbours that it keeps out.
These are few, and to leave out their rows costs less than to put its neighbour beside every row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import and_

import ibis
import ibis.expr.types as ir
from sqlglot import exp

from keepwell.definitions.expressions import Expression, name_of, parse
from keepwell.definitions.metric import Metric
from keepwell.facts.model import Path, Table
from keepwell.metrics.compile import compiled, truth
from keepwell.metrics.instance import Instance, expressions_of
from keepwell.metrics.rows import RowScope, belongs, column_of, named_beside


def keeping_out(table: Table, path: Path, instances: Sequence[Instance]) -> tuple[Expression, ...]:
    """The conditions by which all instances keep out the rows of the same neighbours; none where
    one of them asks for more of its neighbour."""
    found = {_keeping_out(table, path, i.metric) for i in instances}
    return found.pop() if len(found) == 1 else ()


def without(
    rows: ir.Table, table: Table, path: Path, near: ir.Table, kept_out: Sequence[Expression]
) -> ir.Table:
    """The rows whose neighbour is not kept out; what is known of it is beside them as unknown."""
    out = left_out(table, path, near, kept_out)
    rows = rows.anti_join(out, belongs(rows, path, out))
    return rows.mutate(**{c: ibis.null(out[c].type()) for c in out.columns})


def left_out(table: Table, path: Path, near: ir.Table, kept_out: Sequence[Expression]) -> ir.Table:
    """The neighbours that are kept out, with the names that they have beside rows of the table."""
    near = named_beside(path, near)
    scope = RowScope(table, near, ibis.null("int64"), ibis.null("string"))
    met = [truth(compiled(e, scope)) for e in kept_out]
    return near.filter(~reduce(and_, met))


def _keeping_out(table: Table, path: Path, metric: Metric) -> tuple[Expression, ...]:
    where = [] if metric.where is None else list(_all_of(metric.where.tree))
    parts = [c for c in where if _asks_for(path, c)]
    others = [e for e in expressions_of(metric) if e is not metric.where]
    if any(_asks_for(path, e.tree) for e in others) or not all(_lets_pass(table, c) for c in parts):
        return ()
    return tuple(parse(text) for text in sorted({c.sql(dialect="duckdb") for c in parts}))


def _all_of(tree: exp.Expr) -> Iterator[exp.Expr]:
    """The conditions that a tree joins by `and`."""
    if isinstance(tree, exp.And):
        yield from _all_of(tree.left)
        yield from _all_of(tree.right)
    elif isinstance(tree, exp.Paren):
        yield from _all_of(tree.this)
    else:
        yield tree


def _asks_for(path: Path, tree: exp.Expr) -> bool:
    return any(c.table == path.name for c in tree.find_all(exp.Column))


def _lets_pass(table: Table, condition: exp.Expr) -> bool:
    """Whether it is `coalesce(column, x) = x`, which is true of a row without a neighbour, on any
    day."""
    known, same = condition.this, condition.expression
    if not (isinstance(condition, exp.EQ) and isinstance(known, exp.Coalesce)):
        return False
    column, otherwise = known.this, known.expressions
    return (
        isinstance(column, exp.Column)
        and isinstance(same, exp.Boolean | exp.Literal)
        and otherwise == [same]
        and column_of(table, name_of(column))[1].known_from is None
    )
