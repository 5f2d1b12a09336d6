"""The four columns of a metric, made of what was counted, given and computed before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import ibis
import ibis.expr.types as ir

from keepwell.metrics.compile import compiled, truth
from keepwell.metrics.derived import AccountScope, derived, typed, value_type
from keepwell.metrics.instance import Instance
from keepwell.metrics.instances import Needed
from keepwell.metrics.wide import column_of

Value = Any


@dataclass(frozen=True)
class Counted:
    """How a metric was counted: by which instance, in a column that may be missing since nothing
    is covered; the names of the numbers of its first covered day and of the days since the last;
    and how many of these it may be old."""

    instance: Instance
    start: str
    lag: str
    limit: int


@dataclass(frozen=True)
class Task:
    """One metric at one offset, to be computed."""

    node: Needed
    counted: Counted | None
    is_given: bool

    def columns(self, rows: ir.Table) -> dict[str, Value]:
        """Value, age, staleness and name, under the names of column_of()."""
        node, metric = self.node, self.node.metric
        if self.counted is not None:
            value, age, stale = _of_facts(rows, self.counted)
        elif metric.assessed is not None:
            value, age = ibis.null(value_type(metric)), ibis.null("int64")
            stale = ibis.literal(False)
        else:
            value = derived(rows, node)
            age = _greatest([rows[column_of("age", *r)] for r in node.inputs])
            stale = _any([rows[column_of("stale", *r)] for r in node.inputs])
        named: Value = ibis.null("string")
        if metric.states:
            scope = AccountScope(rows, node.offset)
            branches = [(truth(compiled(c, scope)), s) for s, c in metric.states.items()]
            named = ibis.cases(*branches, else_=named)
        if self.is_given:
            value, age, stale, named = _given(rows, node, value, age, stale, named)
        value = typed(value, metric)
        return {
            column_of("metric", *node.ref): value,
            column_of("age", *node.ref): age.cast("int64"),
            column_of("stale", *node.ref): stale.fill_null(False) & value.notnull(),
            column_of("named", *node.ref): ibis.cases((value.isnull(), named)),
        }


def closed_columns(start: str, end: str) -> tuple[str, str]:
    """The names of the numbers of closed days: of the covered ones, and since the account came."""
    return f"closed of {start} {end}", f"closed since {start} {end}"


def _of_facts(rows: ir.Table, counted: Counted) -> tuple[Value, Value, Value]:
    instance = counted.instance
    metric = instance.metric
    end, start, lag = rows[instance.end], rows[counted.start], rows[counted.lag]
    if instance.column not in rows.columns:
        return ibis.null(value_type(metric)), lag, ibis.literal(False)
    value = rows[instance.column]
    since = rows["account/customer_since"].epoch_days().cast("int64")
    first = ibis.greatest(start, since.fill_null(start))
    opens = end - instance.offset
    # Days on which the account is closed do not count.
    closed_of, closed_since = (
        _closed(rows, n) for n in closed_columns(counted.start, instance.end)
    )
    lasted = ibis.greatest(opens - first - closed_since, 0)
    if metric.no_rows == "zero":
        # Of an account that came later than the window began nothing was missed before.
        whole = (opens - start + 1 - closed_of >= (metric.over or 0)) | (since >= start)
        value = ibis.cases((whole & (start <= opens), ibis.coalesce(value, 0.0)))
    elif metric.no_rows == "since_start":
        value = ibis.coalesce(value, lasted.cast("float64"))
    elif metric.kind in ("count", "count_distinct"):
        # Other rows of the table may have been counted beside these.
        value = value.nullif(0.0)
    if instance.unconverted in rows.columns:
        value = ibis.cases((rows[instance.unconverted].fill_null(0) == 0, value))
    if metric.kind == "days_since_first" and metric.over is not None:
        value = ibis.cases((lasted >= metric.over, value))
    return value, lag, lag > counted.limit


def _closed(rows: ir.Table, name: str) -> Value:
    return rows[name].fill_null(0) if name in rows.columns else ibis.literal(0, "int64")


def _given(
    rows: ir.Table, node: Needed, value: Value, age: Value, stale: Value, named: Value
) -> tuple[Value, Value, Value, Value]:
    """A value given by a person or a sheet wins while it holds; after that it is stale."""
    key, offset = node.ref
    told, told_named, told_age, holds = (
        rows[f"given {what} {key} {offset}"] for what in ("value", "named", "age", "holds")
    )
    told = told.try_cast("date") if node.metric.is_date else typed(told, node.metric)
    value = typed(value, node.metric)
    takes = holds & (told.notnull() | told_named.notnull())
    falls_back = ~takes.fill_null(False) & value.isnull() & told.notnull()
    return (
        ibis.cases((takes | falls_back, told), else_=value),
        ibis.cases((takes | falls_back, told_age), else_=age),
        ibis.cases((takes, ibis.literal(False)), (falls_back, ibis.literal(True)), else_=stale),
        ibis.cases((takes, told_named), else_=named),
    )


def _greatest(values: Sequence[Value]) -> Value:
    """The greatest of the known ones; null where none is known."""
    if not values:
        return ibis.literal(0, "int64")
    if len(values) == 1:
        return values[0]
    known = ibis.greatest(*(v.fill_null(-1) for v in values))
    return known.nullif(-1)


def _any(values: Sequence[Value]) -> Value:
    return reduce(lambda a, b: a | b, values) if values else ibis.literal(False)
