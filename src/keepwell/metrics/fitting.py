"""Whether the parts of expressions fit together, found by compiling them without any rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ibis
import ibis.expr.types as ir

from keepwell.definitions.expressions import Expression
from keepwell.definitions.library import SCORE_NAMES, Library
from keepwell.definitions.metric import Metric
from keepwell.definitions.yaml import FieldPath
from keepwell.facts.arrow import ibis_schema
from keepwell.facts.model import Table
from keepwell.facts.schema import TABLES
from keepwell.kit.errors import KeepwellError
from keepwell.metrics.calendar import ASKED_ON
from keepwell.metrics.compile import compiled, number, truth
from keepwell.metrics.derived import AccountScope, typed, value_type
from keepwell.metrics.rows import RowScope, neighbours

Value = Any
Misfit = tuple[FieldPath, KeepwellError]
CONDITIONS = frozenset({"count", "share", "streak"})
REAL = frozenset({"sum", "mean", "median"})
DAYS = frozenset({"days_since_last", "days_until"})


class Fitting:
    """The names of all accounts' expressions, with the types of their values."""

    def __init__(self, library: Library) -> None:
        attributes = ibis_schema(TABLES["accounts"]).items()
        columns = {f"account/{name}": kind for name, kind in attributes}
        columns |= {f"metric/{key}": value_type(m) for key, m in library.metrics.items()}
        keys = [key.replace("-", "_") for key in library.scorecards]
        scores = [*SCORE_NAMES, *(f"{key}.{name}" for key in keys for name in SCORE_NAMES)]
        self._names = {
            *library.metrics,
            *(f"account.{name}" for name, _ in attributes),
            *scores,
        }
        for name in scores:
            columns[f"score/{name}"] = "string" if name.endswith("tier") else "float64"
        rows = ibis.table({**columns, ASKED_ON: "date"})
        extra = {name: rows[f"score/{name}"] for name in scores if name not in library.metrics}
        self._scope = _AnyDay(rows, extra=extra)

    def condition(self, at: FieldPath, condition: Expression) -> Iterator[Misfit]:
        """What is wrong with a condition over accounts; names that are unknown are not."""
        if condition.names <= self._names:
            yield from _tried(at, lambda: truth(compiled(condition, self._scope)), condition)

    def formula(self, metric: Metric) -> Iterator[Misfit]:
        """What is wrong with the formula of a metric."""
        formula = metric.formula
        if formula is not None and formula.names <= self._names:
            yield from _tried(
                ("formula",), lambda: typed(compiled(formula, self._scope), metric), formula
            )


class _AnyDay(AccountScope):
    """A metric is of the same type on every day."""

    def before(self, name: str, days: int) -> Value:
        return self.name(name)


def counted(metric: Metric) -> Iterator[Misfit]:
    """What is wrong with the expressions of a metric that is counted from facts."""
    table = TABLES[metric.from_ or ""]
    argument = getattr(metric, metric.kind)
    given = [e for e in (argument, metric.where, metric.order_by) if isinstance(e, Expression)]
    scope = RowScope(table, _rows(table, given), ibis.literal(0, "int64"), ibis.literal("UTC"))
    if isinstance(argument, Expression):
        yield from _tried((metric.kind,), lambda: _argument(argument, metric, scope), argument)
    where, order = metric.where, metric.order_by
    if where is not None:
        yield from _tried(("where",), lambda: truth(compiled(where, scope)), where)
    if order is not None:
        yield from _tried(("order_by",), lambda: compiled(order, scope), order)


def _argument(argument: Expression, metric: Metric, scope: RowScope) -> None:
    value, kind = compiled(argument, scope), metric.kind
    if kind in CONDITIONS:
        truth(value)
    elif kind in REAL:
        number(value)
    elif kind in DAYS:
        scope.day(value)
    elif kind in ("min", "max", "latest"):
        # What is latest is a day where it is an instant, in the account's time zone.
        typed(value.date() if value.type().is_timestamp() else value, metric)


def _rows(table: Table, expressions: list[Expression]) -> ir.Table:
    columns = dict(ibis_schema(table).items())
    for path in neighbours(table, expressions):
        near = ibis_schema(TABLES[path.table]).items()
        columns |= {f"{path.name}.{name}": kind for name, kind in near}
    return ibis.table(columns)


def _tried(at: FieldPath, work: Callable[[], Any], expression: Expression) -> Iterator[Misfit]:
    try:
        work()
    except KeepwellError as error:
        yield at, error
    except (TypeError, AttributeError):
        yield (
            at,
            KeepwellError(
                f"{expression.text!r} gives a value of another kind",
                expected="a condition, a number or a day, as the field says",
            ),
        )
