"""Fewer rows before anything is joined to them: one per account and day where that is enough.

What a row counts for can depend on the asked day only through its own day, unless a condition looks
at something that became known later. Where none does, a table of daily rows is first added up to
account-days (or, for distinct counts, to the days of each distinct value). So a window of 90 days
over 30 asked days multiplies days, not rows.

Three kinds of values need even less. Of a first time only the first day of each value matters. Rows
that are grouped by their own day are grouped once, since an asked day sees all of a group or none.
And a value is in a window for the last time on a day that no later one in the window follows: where
each day knows the next one, distinct values are counted like rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, Literal

import ibis
import ibis.expr.types as ir

from keepwell.definitions.expressions import Expression
from keepwell.definitions.metric import Metric
from keepwell.facts.model import Table
from keepwell.metrics.compile import compiled, truth
from keepwell.metrics.instance import Instance, argument_of, is_money
from keepwell.metrics.rows import RowScope, column_of, local_day

Value = Any
Form = Literal["rows", "added up", "grouped", "knowing next"]
"""In which rows come to the asked days: as they are, or as one of these functions leaves them."""

DAILY = frozenset({"count", "sum", "mean", "share", "min", "max", "days_since_last"})
DISTINCT = frozenset({"count_distinct", "days_since_first"})
COUNTED = frozenset({"count", "count_distinct"})
"""What is 0 where there is nothing, and so says of a group that it has no rows that count."""


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
    return rows.filter(any_of(conditions.values()))


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
    day = str(table.day)
    if all(metric.kind == "days_since_first" for metric in metrics.values()):
        counted = any_of(_all(_conditions(metric), scope) for metric in metrics.values())
        columns[day] = rows[day].min(where=counted)
        return rows.group_by("account_id", *keys).agg(**columns)
    return rows.group_by("account_id", day, *keys).agg(**columns)


def first_of_parts(
    table: Table, rows: ir.Table, instance: Instance, keys: Iterable[str]
) -> ir.Table:
    """Rows of which parts were added up for a first time, with one row for each value."""
    number = f"n {instance.key}"
    rows = rows.filter(rows[number] > 0)
    day = rows[str(table.day)].min()
    return rows.group_by("account_id", *keys).agg(
        **{str(table.day): day, number: rows[number].sum()}
    )


def grouped_by_day(table: Table, rows: ir.Table, instances: Sequence[Instance]) -> ir.Table:
    """Rows that were added up, with one row per account and day: for each metric `of day <key>`,
    its value over the rows of that day; null where none counts."""
    columns: dict[str, Value] = {}
    for instance in {i.key: i for i in instances}.values():
        name, kind = of_day(instance), instance.metric.kind
        if kind == "count_distinct":
            columns[name] = rows.count(where=rows[f"n {instance.key}"] > 0).cast("float64")
        else:
            columns[name] = of_parts(rows, instance, ibis.literal(True), ibis.null("int64"))
        if kind in COUNTED:
            columns[name] = columns[name].nullif(0)
    return rows.group_by("account_id", str(table.day)).agg(**columns)


def of_day(instance: Instance) -> str:
    """The column of grouped_by_day() for a metric."""
    return f"of day {instance.key}"


def knowing_next(
    table: Table, rows: ir.Table, instances: Sequence[Instance], keys: Iterable[str]
) -> ir.Table:
    """Rows that were added up by keys, with `next <key>` for each metric: the next day on which
    rows of the same account and keys count for it, as a number; null where none follows."""
    day = rows[str(table.day)]
    alike = [rows.account_id, *(rows[key] for key in keys)]
    later = ibis.window(group_by=alike, order_by=day, rows=(1, None))
    nexts: dict[str, Value] = {}
    for key in dict.fromkeys(i.key for i in instances):
        follows = ibis.cases((rows[f"n {key}"] > 0, day)).min().over(later)
        nexts[f"next {key}"] = local_day(follows, None)
    return rows.mutate(**nexts)


def is_last(rows: ir.Table, instance: Instance, as_of: Value) -> Value:
    """Of rows that came from knowing_next(), whether one counts and none that follows does up to a
    day."""
    follows = rows[f"next {instance.key}"]
    return (rows[f"n {instance.key}"] > 0) & (follows.isnull() | (follows > as_of))


def not_over(rows: ir.Table, instances: Sequence[Instance], days: ir.Table) -> ir.Table:
    """Rows that came from knowing_next() without those that are the last ones on none of the days:
    the next one has come by the first of them."""
    opens = [
        rows[f"next {i.key}"].isnull()
        | (rows[f"next {i.key}"] > days[i.end].min().as_scalar() - i.offset)
        for i in instances
    ]
    return rows.filter(any_of(opens))


def _conditions(metric: Metric) -> list[Expression]:
    """What a row must satisfy to be counted."""
    return [e for e in (metric.where, metric.count) if isinstance(e, Expression)]


def any_of(conditions: Iterable[Value]) -> Value:
    """Whether one of the conditions is true."""
    return reduce(lambda a, b: a | b, conditions)


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
