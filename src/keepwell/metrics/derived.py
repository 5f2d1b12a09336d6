"""Metrics that are made of other metrics: formulas, changes, ranks and shares of all accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.types as ir

from keepwell.definitions.metric import Metric
from keepwell.kit.errors import KeepwellError
from keepwell.metrics.calendar import ASKED_ON
from keepwell.metrics.compile import compiled, divided, truth
from keepwell.metrics.instances import Needed
from keepwell.metrics.rows import local_day
from keepwell.metrics.wide import column_of, period_column

Value = Any


class AccountScope:
    """The names of a formula or condition: metrics, and attributes of the account."""

    def __init__(
        self,
        rows: ir.Table,
        offset: int = 0,
        extra: Mapping[str, Value] | None = None,
    ) -> None:
        self.rows = rows
        self.offset = offset
        self.extra = extra or {}

    def name(self, name: str) -> Value:
        if name in self.extra:
            return self.extra[name]
        if name.startswith("account."):
            return self.rows[f"account/{name.removeprefix('account.')}"]
        column = column_of("metric", name, self.offset)
        return self.rows[column if column in self.rows.columns else f"metric/{name}"]

    def day(self, value: Value) -> Value:
        return local_day(value, self.rows["account/timezone"])

    def day_named(self, name: str) -> Value:
        return self.day(self.name(name))

    def today(self) -> Value:
        return self.rows[ASKED_ON].epoch_days().cast("int64") - self.offset

    def before(self, name: str, days: int) -> Value:
        return self.rows[column_of("metric", name, self.offset + days)]

    def period(self, kind: str, what: str) -> Value:
        column = period_column(kind, what, self.offset)
        if column not in self.rows.columns:  # nobody keeps such periods here, as in a sheet
            return ibis.literal(False) if what == "lasts" else ibis.null("int64")
        return self.rows[column]


def derived(rows: ir.Table, node: Needed) -> Value:
    """The value of a metric that is made of others at the same or an earlier day.

    rows hold a column per input, named by column_of(); no metric that is counted from facts.
    """
    metric, offset = node.metric, node.offset
    scope = AccountScope(rows, offset)
    if metric.formula is not None:
        return compiled(metric.formula, scope)
    if metric.change is not None:
        now = rows[column_of("metric", metric.change, offset)]
        then = rows[column_of("metric", metric.change, offset + (metric.since or 0))]
        return divided(now - then, then.abs()) if metric.as_ == "relative" else now - then
    if metric.rank is not None:
        return _rank(rows, metric, offset)
    assert metric.share_of_accounts is not None
    holds = truth(compiled(metric.share_of_accounts, scope))
    that_day = ibis.window(group_by=[rows[ASKED_ON]])
    known = holds.notnull().cast("int64").sum().over(that_day)
    return divided(ibis.cases((holds, 1), else_=0).sum().over(that_day), known)


def value_type(metric: Metric) -> str:
    """The type of a metric's values: float64, string or date."""
    if metric.is_date:
        return "date"
    return "string" if metric.is_text else "float64"


def typed(value: Value, metric: Metric) -> Value:
    """A value in the type of its metric; a truth becomes yes or no.

    Raises KeepwellError where the value is of another kind than the metric's unit says.
    """
    kind, found = value_type(metric), value.type()
    if kind == "string" and found.is_boolean():
        return ibis.cases((value, "yes"), (~value, "no"))
    fits = {
        "date": found.is_date(),
        "float64": found.is_numeric() or found.is_boolean(),
        "string": found.is_string() or found.is_numeric(),
    }[kind]
    if not fits and not found.is_null():
        has = "a text" if found.is_string() else "a day" if found.is_temporal() else "a number"
        raise KeepwellError(
            f"'{metric.label}' gives {has}, which its unit '{metric.unit}' is not",
            expected="unit: category or yes_no for texts, date for days, others for numbers",
        )
    return value if str(found) == kind else value.cast(kind)


def _rank(rows: ir.Table, metric: Metric, offset: int) -> Value:
    """1 for the lowest of `into` equal parts. Equal values share the rank of the first of them."""
    value = rows[column_of("metric", str(metric.rank), offset)]
    groups = [rows[ASKED_ON], *(rows[column_of("metric", w, offset)] for w in metric.within)]
    groups.append(value.notnull())
    below = ibis.rank().over(group_by=groups, order_by=value)
    known = value.count().over(group_by=groups)
    part = (below.cast("float64") * metric.into / known.cast("float64").nullif(0)).floor() + 1
    return ibis.cases((value.notnull(), part))
