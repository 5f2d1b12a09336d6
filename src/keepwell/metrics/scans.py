"""Aggregates counted from facts. Every table is read once for all plain aggregates over it.

A scan takes the rows of one table on the asked days and gives one row per account and asked day,
with a column for each metric instance: a metric at an offset, the number of days by which it looks
further back (`before(logins_7d, 7 days)` is logins_7d at offset 7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ibis
import ibis.expr.types as ir
from sqlglot import exp

from keepwell.definitions.expressions import Expression, arguments, function_name
from keepwell.definitions.metric import Metric
from keepwell.facts.model import Table
from keepwell.metrics.calendar import ASKED_ON
from keepwell.metrics.compile import compiled, hours_between, truth
from keepwell.metrics.instance import Instance, argument_of, is_money
from keepwell.metrics.money import RATE_TYPE
from keepwell.metrics.reduce import COUNTED, Form, any_of, is_last, of_day, of_parts
from keepwell.metrics.rows import RowScope, local_date
from keepwell.metrics.statements import Reading

Value = Any
ROW_DAY = "row_day"
ROW_SHIFT = "row_shift"
ROW_CLOSED = "row_closed"
ZONE = "row_zone"
ACCOUNT = "for_account"
RATE = "row_rate"
GROUP = (ACCOUNT, ASKED_ON)
VALUE = "distinct_value"
BY = "group_value"
SECONDS_IN_HOUR = 3600
MONEY = frozenset({"sum", "mean", "median", "min", "max"})


def shift_of(end: str) -> str:
    """The name of the number of days, up to that end, on which an account was closed."""
    return f"shift {end}"


@dataclass(frozen=True)
class Scan:
    """The rows of one table, ready to be counted on the asked days."""

    table: Table
    rows: ir.Table
    has_closures: bool
    form: Form  # what became of the rows, see reduce.py
    same_zone: str | None  # the time zone of all accounts; None where they differ
    reads: tuple[Reading, ...]  # what must be ready before they can be read

    @property
    def reduced(self) -> bool:
        """Whether there are fewer rows than in the table."""
        return self.form != "rows"

    def as_of(self, instance: Instance) -> Value:
        """The last day that the instance sees."""
        return self.rows[instance.end] - instance.offset

    def scope(self, instance: Instance) -> RowScope:
        """What names mean for the instance."""
        return RowScope(self.table, self.rows, self.as_of(instance), self.zone)

    @property
    def zone(self) -> Value:
        """The time zone of the row's account; rows that hold no instant need none."""
        if self.same_zone is not None:
            return ibis.literal(self.same_zone)
        return self.rows[ZONE] if ZONE in self.rows.columns else None

    def age(self, instance: Instance) -> Value:
        """Open days from the row's day to the last covered day."""
        age = self.rows[instance.end] - self.rows[ROW_DAY]
        if self.has_closures:
            age = age - (self.rows[shift_of(instance.end)] - self.rows[ROW_SHIFT])
        return age

    def seen(self, instance: Instance) -> Value:
        """Whether the row counts: happened, in the window, valid, and as `where` says."""
        if self.table.day is None:
            return self.counts(instance)
        age = self.age(instance)
        happened = self.happened(instance)
        if instance.window is not None:
            happened = happened & (age < instance.offset + instance.window)
        else:
            # A row without a day has happened, though nobody knows when.
            happened = happened | self.rows[ROW_DAY].isnull()
        return happened & self.counts(instance)

    def happened(self, instance: Instance) -> Value:
        """Whether the row's day is over; of a window, too, whether it was an open day."""
        happened = self.age(instance) >= instance.offset
        if instance.window is not None and self.has_closures:
            happened = happened & (self.rows[ROW_CLOSED] == 0)
        return happened

    def counts(self, instance: Instance) -> Value:
        """Whether the row counts where it has happened in time: it is valid, and as `where` says.
        Rows that were added up say so themselves."""
        if self.reduced:
            return ibis.literal(True)
        scope = self.scope(instance)
        where, valid = instance.metric.where, scope.is_valid()
        counts = ibis.literal(True) if where is None else truth(compiled(where, scope))
        return counts if valid is None else valid & counts

    def is_last(self, instance: Instance) -> Value:
        """Of rows that know the next one, whether none that follows is seen."""
        return self.seen(instance) & is_last(self.rows, instance, self.as_of(instance))

    def of_last(self, instances: Sequence[Instance]) -> Scan:
        """The rows that are the last ones for any of the instances."""
        lasts = [self.is_last(i) for i in instances]
        return replace(self, rows=self.rows.filter(any_of(lasts)))

    def keyed(self, **columns: Value) -> Scan:
        """The rows with further columns, as far as these have values."""
        rows = self.rows.mutate(**columns)
        rows = rows.filter(*(rows[c].notnull() for c in columns))
        return replace(self, rows=rows)

    def argument(self, instance: Instance) -> tuple[Value, int]:
        """What is aggregated, as a number that adds up exactly, and what to divide the result by.

        Hours are counted in whole seconds, floats as decimals: the order of rows cannot matter.
        """
        expression = argument_of(instance.metric)
        scope = self.scope(instance)
        tree = expression.tree
        if isinstance(tree, exp.Anonymous) and function_name(tree) == "hours_between":
            return hours_between(arguments(tree), scope), SECONDS_IN_HOUR
        value = compiled(expression, scope)
        if value.type().is_floating():
            value = value.cast("decimal(28, 9)")
        if is_money(self.table, expression):
            value = in_currency(value, self.rows, instance.metric)
        return value, 1


def in_currency(amount: Value, rows: ir.Table, metric: Metric) -> Value:
    """An amount in the metric's currency, as an exact decimal."""
    # With more digits Spark would keep six places only; of 18 by 18 DuckDB would overflow.
    rate = rows[f"{RATE} {metric.currency}"]
    return amount.cast("decimal(18, 4)") * rate.cast(RATE_TYPE)


# --- one row per account and day for plain aggregates ---------------------------------------------


def _exact(value: Value) -> Value:
    return value.cast("float64")


def aggregate(scan: Scan, instance: Instance, kind: str, seen: Value) -> Value:
    """The aggregate of that kind over the rows that are seen, as a float."""
    rows = scan.rows
    if kind == "count":
        if isinstance(instance.metric.count, Expression):
            seen = seen & truth(compiled(instance.metric.count, scan.scope(instance)))
        return _exact(rows.count(where=seen))
    if kind == "share":
        holds = truth(compiled(argument_of(instance.metric), scan.scope(instance)))
        known = _exact(rows.count(where=seen & holds.notnull()))
        return _exact(rows.count(where=seen & holds)) / known.nullif(0)
    if kind in ("days_since_last", "days_until"):
        return _days_aggregate(scan, instance, kind, seen)
    value, divisor = scan.argument(instance)
    if kind in ("min", "max") and (value.type().is_date() or value.type().is_timestamp()):
        day = local_date(value, scan.zone)
        return day.min(where=seen) if kind == "min" else day.max(where=seen)
    if kind == "mean":
        counted = _exact(rows.count(where=seen & value.notnull()))
        return _exact(value.sum(where=seen)) / (counted * divisor).nullif(0)
    if kind == "median":
        # The middle of two decimals may need one more place than they have. Spark takes no filter.
        return ibis.cases((seen, _exact(value))).median() / divisor
    total = getattr(value, kind)(where=seen)
    return _exact(total) / divisor if divisor != 1 else _exact(total)


def _unconverted(scan: Scan, instance: Instance) -> dict[str, Value]:
    """The number of amounts for which there is no rate: one of them makes the whole unknown."""
    if scan.reduced or instance.metric.kind not in MONEY:
        return {}
    expression = argument_of(instance.metric)
    if not is_money(scan.table, expression):
        return {}
    amount = compiled(expression, scan.scope(instance))
    missing = scan.rows[f"{RATE} {instance.metric.currency}"].isnull()
    lost = scan.rows.count(where=scan.seen(instance) & amount.notnull() & missing)
    return {instance.unconverted: lost}


def _days_aggregate(scan: Scan, instance: Instance, kind: str, seen: Value) -> Value:
    expression = argument_of(instance.metric)
    if kind == "days_since_last" and expression.text.strip() == scan.table.day:
        return _exact((scan.age(instance) - instance.offset).min(where=seen))
    scope = scan.scope(instance)
    day = scope.day(compiled(expression, scope))
    if kind == "days_until":
        return _exact((day - scope.today()).min(where=seen))
    past = seen & (day <= scope.today())
    return _exact((scope.today() - day).min(where=past))


def plain(scan: Scan, instances: Sequence[Instance]) -> ir.Table:
    """All plain aggregates over the table in one group-by."""
    if scan.form == "knowing next":
        scan = scan.of_last(instances)
    columns: dict[str, Value] = {}
    for i in instances:
        columns |= {i.column: _aggregated(scan, i), **_unconverted(scan, i)}
    return scan.rows.group_by(*GROUP).agg(**columns)


def _aggregated(scan: Scan, instance: Instance) -> Value:
    seen = scan.seen(instance)
    if scan.reduced:
        return of_parts(scan.rows, instance, seen, scan.age(instance))
    return aggregate(scan, instance, instance.metric.kind, seen)


def distinct(scan: Scan, instances: Sequence[Instance]) -> ir.Table:
    """Distinct counts of one column: which values were seen, for any windows in one pass."""
    found = _distinct(scan, instances)
    return found.mutate(**{i.column: _exact(found[i.column]) for i in instances})


def per_group(scan: Scan, instances: Sequence[Instance]) -> ir.Table:
    """Aggregates per value of a column, then over the values."""
    name = instances[0].metric.per
    assert name is not None
    if scan.form == "grouped":
        seen = {i.column: ibis.cases((scan.seen(i), scan.rows[of_day(i)])) for i in instances}
        return scan.rows.group_by(*GROUP).agg(**_over_groups(seen, instances))
    if not scan.reduced:
        scan = scan.keyed(**{BY: scan.scope(instances[0]).name(name)})
    lost: dict[str, Value] = {}
    if instances[0].metric.kind == "count_distinct":
        groups = _distinct(scan, instances, BY)
    else:
        inner = {i.column: _aggregated(scan, i) for i in instances}
        lost = {name: count for i in instances for name, count in _unconverted(scan, i).items()}
        groups = scan.rows.group_by(*GROUP, BY).agg(**inner, **lost)
    outer = _over_groups({i.column: _of_group(groups, i) for i in instances}, instances)
    outer |= {name: groups[name].sum() for name in lost}
    return groups.group_by(*GROUP).agg(**outer)


def _over_groups(values: Mapping[str, Value], instances: Sequence[Instance]) -> dict[str, Value]:
    return {i.column: _outer(values[i.column], i.metric.then or "max") for i in instances}


def _distinct(scan: Scan, instances: Sequence[Instance], *by: str) -> ir.Table:
    """How many values of a column each instance has seen, per account and day, and `by`."""
    if scan.form == "knowing next":
        scan = scan.of_last(instances)
        counted = {i.column: scan.rows.count(where=scan.is_last(i)) for i in instances}
        return scan.rows.group_by(*GROUP, *by).agg(**counted)
    if not scan.reduced:
        value = compiled(argument_of(instances[0].metric), scan.scope(instances[0]))
        scan = scan.keyed(**{VALUE: value})
    found = {_trace(i): _traced(scan, i) for i in instances}
    values = scan.rows.group_by(*GROUP, *by, VALUE).agg(**found)
    counts = {
        i.column: values.count(where=_has_seen(values[_trace(i)], i, scan.table)) for i in instances
    }
    return values.group_by(*GROUP, *by).agg(**counts)


def _trace(instance: Instance) -> str:
    """The name of what is kept of a value: windows with the same end and condition share it."""
    where = instance.metric.where
    if instance.window is None:
        return f"{instance.column} at any time"
    return f"{instance.end} {instance.offset} {where.text if where else ''}"


def _traced(scan: Scan, instance: Instance) -> Value:
    """Of a window how long ago a value was last seen, else how many of its rows count."""
    many = scan.rows[f"n {instance.key}"] if scan.reduced else None
    if instance.window is None or scan.table.day is None:
        seen = scan.seen(instance)
        return scan.rows.count(where=seen) if many is None else many.sum(where=seen).fill_null(0)
    counts = scan.counts(instance) if many is None else many > 0
    return scan.age(instance).min(where=scan.happened(instance) & counts)


def _has_seen(trace: Value, instance: Instance, table: Table) -> Value:
    if instance.window is None or table.day is None:
        return trace > 0
    return trace < instance.offset + instance.window


def _of_group(groups: ir.Table, instance: Instance) -> Value:
    """The aggregate of one group; null where the group has no rows that count."""
    counted = instance.metric.kind in COUNTED
    return groups[instance.column].nullif(0) if counted else groups[instance.column]


def _outer(column: Value, then: str) -> Value:
    if then == "count":
        return _exact(column.count())
    if then in ("sum", "mean"):
        total = _exact(column.cast("decimal(28, 9)").sum())
        return total if then == "sum" else total / _exact(column.count()).nullif(0)
    return _exact(getattr(column, then)())


def latest(scan: Scan, instance: Instance) -> ir.Table:
    """The value of the newest row that has one. Rows of one instant are ordered by their key."""
    scope = scan.scope(instance)
    value = compiled(argument_of(instance.metric), scope)
    has_value = value.notnull()
    if is_money(scan.table, argument_of(instance.metric)):
        value = in_currency(value, scan.rows, instance.metric)
    if instance.metric.order_by is not None:
        order = compiled(instance.metric.order_by, scope)
    elif scan.table.day is not None:
        order = scan.rows[scan.table.day]
    else:
        order = scan.rows[scan.table.valid[0]] if scan.table.valid else ibis.literal(0)
    if value.type().is_timestamp():
        value = local_date(value, scan.zone)
    seen = scan.seen(instance) & has_value
    rows = scan.rows.mutate(latest_value=value, latest_order=order, latest_seen=seen)
    rows = rows.filter(rows.latest_seen, rows.latest_order.notnull())
    by = [rows.latest_order.desc(), *(rows[k].desc() for k in scan.table.key)]
    rows = rows.mutate(
        latest_rank=ibis.row_number().over(group_by=[rows[g] for g in GROUP], order_by=by)
    )
    rows = rows.filter(rows.latest_rank == 0)
    result = rows.latest_value
    if not (result.type().is_string() or result.type().is_date() or result.type().is_boolean()):
        result = _exact(result)
    return rows.select(*GROUP, **{instance.column: result})


def streak(scan: Scan, instance: Instance) -> ir.Table:
    """How many of the newest rows satisfy the condition, up to the first that does not."""
    day = scan.table.day
    assert day is not None
    holds = truth(compiled(argument_of(instance.metric), scan.scope(instance)))
    rows = scan.rows.mutate(holds=holds, counted=scan.seen(instance), happened=scan.rows[day])
    rows = rows.filter(rows.counted, rows.holds.notnull())
    broken = rows.group_by(*GROUP).agg(last_break=rows.happened.max(where=~rows.holds))
    names = {f"{g}_b": broken[g] for g in GROUP}
    broken = broken.select(last_break=broken.last_break, **names)
    rows = rows.left_join(broken, [rows[g] == broken[f"{g}_b"] for g in GROUP])
    since = rows.holds & (rows.last_break.isnull() | (rows.happened > rows.last_break))
    return rows.group_by(*GROUP).agg(**{instance.column: _exact(rows.count(where=since))})


def first_seen(scan: Scan, instance: Instance) -> ir.Table:
    """Days since a value of the column was last seen for the first time."""
    if not scan.reduced:
        scan = scan.keyed(**{VALUE: compiled(argument_of(instance.metric), scan.scope(instance))})
    seen = scan.seen(instance)
    if scan.reduced:
        seen = seen & (scan.rows[f"n {instance.key}"] > 0)
    rows = scan.rows.mutate(counted=seen, value_age=scan.age(instance) - instance.offset)
    rows = rows.filter(rows.counted)
    firsts = rows.group_by(*GROUP, VALUE).agg(first_age=rows.value_age.max())
    return firsts.group_by(*GROUP).agg(**{instance.column: _exact(firsts.first_age.min())})
