"""Whether the parts of an expression fit together: compiled against tables that hold no rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import ibis
import ibis.expr.types as ir

from keepwell.definitions.expressions import Expression
from keepwell.definitions.library import SCORE_NAMES, Library
from keepwell.definitions.metric import Metric
from keepwell.facts.arrow import ibis_schema
from keepwell.facts.model import Table
from keepwell.facts.schema import TABLES
from keepwell.kit.errors import KeepwellError
from keepwell.metrics.calendar import ASKED_ON
from keepwell.metrics.compile import compiled, truth
from keepwell.metrics.derived import AccountScope, typed, value_type
from keepwell.metrics.instance import argument_of
from keepwell.metrics.rows import RowScope

Value = Any
Misfit = tuple[str, KeepwellError]  # the field, and what is wrong with it


class Fitting:
    """Compiles the expressions of a library's definitions without any facts."""

    def __init__(self, library: Library) -> None:
        self.library = library

    def metric(self, metric: Metric) -> Iterator[Misfit]:
        """The fields of a metric whose expressions do not fit."""
        if metric.is_aggregate:
            yield from self._counted(metric)
        if metric.formula is not None:
            yield from _tried("formula", lambda: self._formula(metric))
        for field, condition in (
            ("share_of_accounts", metric.share_of_accounts),
            *((f"states.{name}", when) for name, when in metric.states.items()),
        ):
            if condition is not None:
                yield from self.condition(field, condition)

    def condition(self, field: str, condition: Expression) -> Iterator[Misfit]:
        """The field, if its condition does not fit or is neither true nor false."""
        yield from _tried(field, lambda: _truth(compiled(condition, self._accounts), condition))

    def _formula(self, metric: Metric) -> None:
        assert metric.formula is not None
        typed(compiled(metric.formula, self._accounts), metric)

    @cached_property
    def _accounts(self) -> AccountScope:
        attributes = ibis_schema(TABLES["accounts"])
        columns = {f"account/{name}": kind for name, kind in attributes.items()}
        columns |= {f"metric/{k}": value_type(m) for k, m in self.library.metrics.items()}
        scores = [f"{key.replace('-', '_')}.{n}" for key in self.library.scorecards
                  for n in SCORE_NAMES]  # fmt: skip
        extra = {
            name: ibis.null("string" if name.endswith("tier") else "float64")
            for name in (*SCORE_NAMES, *scores)
            if name not in self.library.metrics
        }
        return _AnyDay(ibis.table({**columns, ASKED_ON: "date"}), extra=extra)

    def _counted(self, metric: Metric) -> Iterator[Misfit]:
        table = TABLES[metric.from_ or ""]
        scope = RowScope(
            table, _rows(table), ibis.literal(0, "int64"), ibis.literal("UTC")
        )  # fmt: skip
        kind = metric.kind
        if isinstance(getattr(metric, kind), Expression):
            yield from _tried(kind, lambda: _argument(metric, scope))
        for field in ("where", "order_by"):
            condition = getattr(metric, field)
            if condition is not None and field == "where":
                yield from _tried(field, lambda: _truth(compiled(metric.where, scope), metric.where))
            elif condition is not None:
                yield from _tried(field, lambda: compiled(metric.order_by, scope))
