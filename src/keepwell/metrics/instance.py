"""A metric at an offset: what a scan of a table has to count."""

from __future__ import annotations

from dataclasses import dataclass

from keepwell.definitions.expressions import Expression
from keepwell.definitions.metric import Metric
from keepwell.facts.model import Table
from keepwell.metrics.instances import Needed


@dataclass(frozen=True)
class Instance:
    """A metric at an offset. end: the name in Days of the last day that its facts cover."""

    node: Needed
    end: str

    @property
    def key(self) -> str:
        return self.node.key

    @property
    def metric(self) -> Metric:
        return self.node.metric

    @property
    def offset(self) -> int:
        return self.node.offset

    @property
    def window(self) -> int | None:
        """How many days back it looks; None: any. Of a first time the metric's own window says how
        much must be covered, not how far back it may lie."""
        metric = self.node.metric
        return None if metric.kind == "days_since_first" else metric.over

    @property
    def column(self) -> str:
        """Its name in results."""
        return f"counted {self.key} {self.offset}"

    @property
    def unconverted(self) -> str:
        """The name in results of the number of amounts that could not be converted."""
        return f"{self.column} unconverted"


def expressions_of(metric: Metric) -> list[Expression]:
    """Every expression over rows that a metric uses."""
    parts = (getattr(metric, metric.kind), metric.where, metric.order_by)
    return [part for part in parts if isinstance(part, Expression)]


def is_money(table: Table, expression: Expression) -> bool:
    """Whether an expression over a table's rows is an amount of money, to be converted."""
    columns = [table.column(n) for n in expression.names]
    return any(c is not None and c.currency is not None for c in columns)


def argument_of(metric: Metric) -> Expression:
    """The expression that an aggregate is over."""
    value = getattr(metric, metric.kind)
    assert isinstance(value, Expression), metric.kind
    return value
