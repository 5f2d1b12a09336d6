"""Fewer rows before anything is joined to them: one per account and day where that is enough.

What a row counts for can depend on the asked day only through its own day, unless a condition looks
at something that became known later. Where none does, a table of daily rows is first added up to
account-days (or, for distinct counts, to the days of each distinct value). So a window of 90 days
over 30 asked days multiplies days, not rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import ibis
import ibis.expr.types as ir

from keepwell.definitions.expressions import Expression
from keepwell.definitions.metric import Metric
from keepwell.facts.model import Table
from keepwell.metrics.compile import compiled, truth
from keepwell.metrics.instance import Instance, argument_of, is_money
from keepwell.metrics.rows import RowScope, column_of

Value = Any
DAILY = frozenset({"count", "sum", "mean", "share", "min", "max", "days_since_last"})
DISTINCT = frozenset({"count_distinct", "days_since_first"})


def is_reducible(table: Table, instances: Sequence[Instance]) -> bool:
    """Whether the rows can be added up before the asked days are known."""
    day = table.column(table.day) if table.day else None
    if day is None or day.type != "date" or day.known_from or table.valid is not None:
        return False
    return all(_is_timeless(table, i) for i in instances)


def _is_timeless(table: Table, instance: Instance) -> bool:
    metric = instance.metric
    argument = getattr(metric, metric.kind)
    if isinstance(argument, Expression) and is_money(table, argument):
        return False
    if metric.kind == "days_since_last" and (
        not isinstance(argument, Expression) or argument.text.strip() != table.day
    ):
        return False
    expressions = [e for e in (argument, metric.where) if isinstance(e, Expression)]
    timeless = all(_shows_always(table, e) for e in expressions)
    return timeless and metric.kind in (DAILY | DISTINCT) and metric.order_by is None


def _shows_always(table: Table, expression: Expression) -> bool:
    """Whether an expression has the same value on every asked day."""
    if any(True for _ in expression.calls("days_since")):
        return False
    return not any(column_of(table, name)[1].known_from for name in expression.names)


def counting(table: Table, rows: ir.Table, instances: Sequence[Instance]) -> ir.Table:
    """The rows that any of the instances counts, as far as that is the same on every day."""
    conditions: dict[tuple[str, ...], Value] = {}
    scope = _scope(table, rows)
    for metric in (i.metric for i in instances):
        told = [e for e in _conditions(metric) if _shows_always(table, e)]
        if not told:
            return rows
        conditions[tuple(e.text for e in told)] = _all(told, scope)
    return rows.filter(reduce(lambda a, b: a | b, conditions.values()))


def added_up(
    table: Table, rows: ir.Table, instances: Sequence[Instance], keys: Mapping[str, Expression]
) -> ir.Table:
    """One row per account, day and value of the keys, as far as these have values: for each metric
    `n <key>`, the number of its rows, and where it needs them `sum`, `min`, `max` and `true` (rows
    that satisfy a share's condition)."""
    if keys:
        scope = _scope(table, rows)
        rows = rows.mutate(**{name: compiled(e, scope) for name, e in keys.items()})
        rows = rows.filter(*(rows[name].notnull() for name in keys))
    scope = _scope(table, rows)
    metrics = {i.key: i.metric for i in instances}
    columns: dict[str, Value] = {}
    for key, metric in metrics.items():
        columns |= _partial(key, metric, rows, scope)
    return rows.group_by("account_id", str(table.day), *keys).agg(**columns)


def _conditions(metric: Metric) -> list[Expression]:
    """What a row must satisfy to be counted."""
    return [e for e in (metric.where, metric.count) if isinstance(e, Expression)]


def _all(conditions: Sequence[Expression], scope: RowScope) -> Value:
    true = ibis.literal(True)
    return reduce(lambda a, b: a & b, (truth(compiled(e, scope)) for e in conditions), true)


def _partial(key: str, metric: Metric, rows: ir.Table, scope: RowScope) -> dict[str, Value]:
    where, kind = _all(_conditions(metric), scope), metric.kind
    if kind in ("count", "days_since_last", *DISTINCT):
        return {f"n {key}": rows.count(where=where)}
    value = compiled(argument_of(metric), scope)
    if kind == "share":
        holds = truth(value)
        return {
            f"n {key}": ibis.cases((holds, 1), (~holds, 1)).sum(where=where),
            f"true {key}": ibis.cases((holds, 1), else_=0).sum(where=where),
        }
    if value.type().is_floating():
        value = value.cast("decimal(28, 9)")
    part = "sum" if kind == "mean" else kind
    return {
        f"n {key}": value.count(where=where),
        f"{part} {key}": getattr(value, part)(where=where),
    }


def of_parts(rows: ir.Table, instance: Instance, seen: Value, age: Value) -> Value:
    """The aggregate of an instance over rows that were added up, as a float."""
    kind, key = instance.metric.kind, instance.key
    number = rows[f"n {key}"]
    if kind == "count":
        return number.sum(where=seen).fill_null(0).cast("float64")
    if kind == "days_since_last":
        return (age - instance.offset).min(where=seen & (number > 0)).cast("float64")
    if kind in ("mean", "share"):
        total = rows[f"{'sum' if kind == 'mean' else 'true'} {key}"].sum(where=seen)
        return total.cast("float64") / number.sum(where=seen).cast("float64").nullif(0)
    found = getattr(rows[f"{kind} {key}"], kind)(where=seen)
    return found if found.type().is_date() else found.cast("float64")


def _scope(table: Table, rows: ir.Table) -> RowScope:
    # Nothing here asks for a day or a zone: is_reducible() holds that.
    return RowScope(table, rows, ibis.null("int64"), ibis.null("string"))
