"""Metric definitions and facts to the values of metrics on the asked days.

Every metric has four columns: its value, how many days old the newest day behind it is, whether
that is older than it may be, and, where there is no value, a name for why. So unknown, stale and
zero stay apart all the way to the screen.

The work is done in stages. Each canonical table is counted where it lies, by one expression for all
metrics that need it, and gives one row per account and day. What is made of these counts is small,
and is computed level by level over one wide table; a single expression for everything would take
the engine longer to plan than to run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import reduce
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from keepwell.definitions.expressions import PERIOD_FUNCTIONS, Expression
from keepwell.definitions.library import Library
from keepwell.facts.reading import Facts
from keepwell.facts.schema import TABLES
from keepwell.metrics.calendar import Closures, Days, covered_on, in_periods, number_of
from keepwell.metrics.compile import compiled, truth
from keepwell.metrics.derived import AccountScope, derived, typed, value_type
from keepwell.metrics.families import families, fresh_days
from keepwell.metrics.given import given_values
from keepwell.metrics.instance import Instance
from keepwell.metrics.instances import Needed, needed
from keepwell.metrics.prepare import Surroundings, portfolio, scan
from keepwell.metrics.scans import ACCOUNT, ways
from keepwell.metrics.wide import Wide, column_of

Value = Any


@dataclass(frozen=True)
class Freshness:
    """What keepwell.yaml says of sources: days by table or family, and sources that have ended."""

    fresh_for: Mapping[str, int] = field(default_factory=dict)
    retired: frozenset[str] = frozenset()


NO_SETTINGS = Freshness()


def evaluate(
    library: Library,
    keys: Iterable[str],
    facts: Facts,
    days: Sequence[date],
    freshness: Freshness = NO_SETTINGS,
    period_kinds: Iterable[str] = (),
) -> pa.Table:
    """The values of metrics for every customer on every day of `days`.

    One row per account that is a customer on that day, by day and account: account_id, asked_on,
    `account/<attribute>`, and for each key `metric/<key>` (float, text or date; null where
    unknown), `age/<key>` (whole days since the newest day that its sources have covered),
    `stale/<key>` and `named/<key>` (why there is no value, where a name is known). For each of
    `period_kinds` also `period/<kind>/lasts` and `period/<kind>/since`, days since the latest one
    began. Raises KeepwellError for definitions that do not fit the facts.
    """
    evaluation = _Evaluation(library, facts, Days(tuple(days)), freshness)
    return evaluation.table(list(dict.fromkeys(keys)), list(dict.fromkeys(period_kinds)))


@dataclass
class _Evaluation:
    library: Library
    facts: Facts
    days: Days
    freshness: Freshness
    ends: dict[tuple[frozenset[str], ...], str] = field(default_factory=dict)

    def table(self, keys: list[str], period_kinds: list[str]) -> pa.Table:
        nodes = needed(self.library, keys)
        instances = [self._instance(n) for n in nodes if n.metric.is_aggregate]
        around = Surroundings.of(self.facts, self.days)
        wide = Wide(self.facts.con, portfolio(around))
        if not self.days.single:
            wide.add_by_day(self.days)
        for counted in self._counted(around, instances):
            wide.add_counted(counted)
        questions = self.facts.questions()
        for table in given_values(self.facts, self.days, [n for n in nodes if n.key in questions]):
            wide.add_counted(table)
        self._add_periods(wide, nodes, period_kinds)
        self._add_closed(wide, around.closures)
        by_ref = {(i.key, i.offset): i for i in instances}
        for level in range(max((n.level for n in nodes), default=0) + 1):
            rows = wide.rows()
            columns: dict[str, Value] = {}
            for node in nodes:
                if node.level == level:
                    columns |= self._columns(rows, node, by_ref, node.key in questions)
            wide.add_computed(rows, columns)
        return wide.selected(keys, period_kinds)

    def _instance(self, node: Needed) -> Instance:
        read = families(node.metric, self.facts.coverage())
        return Instance(
            node.key, node.metric, node.offset, f"counted {node.key} {node.offset}", self._end(read)
        )

    def _end(self, read: tuple[frozenset[str], ...]) -> str:
        """The name of the last covered day of those families; 'start' and 'lag' go with it."""
        if read not in self.ends:
            name = f"end {len(self.ends)}"
            self.ends[read] = name
            spans = [self._span(day, read) for day in self.days.days]
            self.days.add(name, [s[1] if s else None for s in spans])
            self.days.add(f"start of {name}", [s[0] if s else None for s in spans])
            lags = zip(self.days.days, spans, strict=True)
            self.days.add(f"lag of {name}", [number_of(d) - s[1] if s else None for d, s in lags])
        return self.ends[read]

    def _span(self, day: date, read: tuple[frozenset[str], ...]) -> tuple[int, int] | None:
        covers = self.facts.coverage()
        found = [covered_on(day, covers, f, self.freshness.retired) for f in read]
        known = [c for c in found if c is not None]
        if len(known) < len(found):
            return None
        return max(c.start for c in known), min(c.end for c in known)

    def _counted(self, around: Surroundings, instances: list[Instance]) -> list[ir.Table]:
        by_table: dict[str, list[Instance]] = {}
        for instance in instances:
            covered = any(e is not None for e in self.days.columns[instance.end])
            if covered and instance.metric.from_ is not None:
                by_table.setdefault(instance.metric.from_, []).append(instance)
        return [
            way.counted(scan(around, TABLES[name], way)).rename(account_id=ACCOUNT)
            for name, members in by_table.items()
            for way in ways(members)
        ]

    def _add_periods(self, wide: Wide, nodes: Sequence[Needed], asked: Sequence[str]) -> None:
        wanted = [(kind, 0) for kind in asked]
        for node in nodes:
            metric = node.metric
            conditions = (metric.formula, metric.share_of_accounts, *metric.states.values())
            kinds = period_kinds_of(c for c in conditions if c is not None)
            wanted.extend((kind, node.offset) for kind in kinds)
        for kind, offset in dict.fromkeys(wanted):
            found = in_periods(self.facts.periods(), kind, self.days.days, offset)
            wide.add_period(kind, found, offset)

    def _add_closed(self, wide: Wide, closures: Closures) -> None:
        """Of the covered days, and of those since the account came, how many were closed: windows
        and ages count open days, so fewer of the covered ones stand behind them."""
        if not closures.closed:
            return
        for end in self.ends.values():
            spans = {
                day: (first, last)
                for day, first, last in zip(
                    self.days.days,
                    self.days.columns[f"start of {end}"],
                    self.days.columns[end],
                    strict=True,
                )
            }
            wide.add_closed(end, spans, closures)

    # --- the four columns of one metric ----------------------------------------------------------

    def _columns(
        self, rows: ir.Table, node: Needed, counted: Mapping[Any, Instance], is_given: bool
    ) -> dict[str, Value]:
        metric = node.metric
        if metric.is_aggregate:
            value, age, stale = self._of_facts(rows, counted[node.ref])
        elif metric.assessed is not None:
            value, age, stale = (
                ibis.null(value_type(metric)),
                ibis.null("int64"),
                ibis.literal(False),
            )
        else:
            value = derived(rows, node, self.library)
            age = _greatest([rows[column_of("age", *r)] for r in node.inputs])
            stale = _any([rows[column_of("stale", *r)] for r in node.inputs])
        named: Value = ibis.null("string")
        if metric.states:
            scope = AccountScope(rows, node.offset, self.library)
            branches = [(truth(compiled(c, scope)), s) for s, c in metric.states.items()]
            named = ibis.cases(*branches, else_=named)
        if is_given:
            value, age, stale, named = self._given(rows, node, value, age, stale, named)
        value = typed(value, metric)
        return {
            column_of("metric", *node.ref): value,
            column_of("age", *node.ref): age.cast("int64"),
            column_of("stale", *node.ref): stale.fill_null(False) & value.notnull(),
            column_of("named", *node.ref): ibis.cases((value.isnull(), named)),
        }

    def _of_facts(self, rows: ir.Table, instance: Instance) -> tuple[Value, Value, Value]:
        metric = instance.metric
        end, lag = (self.days.value(rows, n) for n in (instance.end, f"lag of {instance.end}"))
        start = self.days.value(rows, f"start of {instance.end}")
        if instance.column not in rows.columns:
            return ibis.null(value_type(metric)), lag, ibis.literal(False)
        value = rows[instance.column]
        first = ibis.greatest(start, _customer_since(rows).fill_null(start))
        opens = end - instance.offset
        # Days on which the account is closed do not count.
        lasted = ibis.greatest(opens - first - _closed(rows, "since", instance.end), 0)
        if metric.no_rows == "zero":
            # Of an account that came later than the window began nothing was missed before.
            open_days = opens - start + 1 - _closed(rows, "of", instance.end)
            whole = (open_days >= (metric.over or 0)) | (_customer_since(rows) >= start)
            value = ibis.cases((whole & (start <= opens), ibis.coalesce(value, 0.0)))
        elif metric.no_rows == "since_start":
            value = ibis.coalesce(value, lasted.cast("float64"))
        if instance.unconverted in rows.columns:
            value = ibis.cases((rows[instance.unconverted].fill_null(0) == 0, value))
        if metric.kind == "days_since_first" and metric.over is not None:
            value = ibis.cases((lasted >= metric.over, value))
        table = TABLES[metric.from_ or ""]
        read = {f for part in families(metric, self.facts.coverage()) for f in part}
        limit = fresh_days(metric, table, dict(self.freshness.fresh_for), read)
        return value, lag, lag > limit

    def _given(
        self, rows: ir.Table, node: Needed, value: Value, age: Value, stale: Value, named: Value
    ) -> tuple[Value, Value, Value, Value]:
        """A value given by a person or a sheet wins while it holds; after that it is stale."""
        key, offset = node.ref
        told, told_named, told_age, holds = (
            rows[f"given {what} {key} {offset}"] for what in ("value", "named", "age", "holds")
        )
        told = typed(told, node.metric)
        value = typed(value, node.metric)
        takes = holds & (told.notnull() | told_named.notnull())
        falls_back = ~takes.fill_null(False) & value.isnull() & told.notnull()
        return (
            ibis.cases((takes | falls_back, told), else_=value),
            ibis.cases((takes | falls_back, told_age), else_=age),
            ibis.cases((takes, ibis.literal(False)), (falls_back, ibis.literal(True)), else_=stale),
            ibis.cases((takes, told_named), else_=named),
        )


def period_kinds_of(conditions: Iterable[Expression]) -> list[str]:
    """The kinds of periods that conditions ask for, each once."""
    calls = [c.calls(f) for c in conditions for f in sorted(PERIOD_FUNCTIONS)]
    return list(dict.fromkeys(args[0].name for found in calls for args in found))


def _customer_since(rows: ir.Table) -> Value:
    return rows["account/customer_since"].epoch_days().cast("int64")


def _closed(rows: ir.Table, what: str, end: str) -> Value:
    name = f"closed {what} {end}"
    return rows[name] if name in rows.columns else ibis.literal(0, "int64")


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
