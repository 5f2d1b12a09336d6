"""Metric definitions and facts to the values of metrics on the asked days.

Every metric has four columns: its value, how many days old the newest day behind it is, whether
that is older than it may be, and, where there is no value, a name for why. So unknown, stale and
zero stay apart all the way to the screen.

The work is done in stages. Each canonical table is counted where it lies, by one statement for all
metrics that need it, and gives one row per account and day. What is made of these counts is small,
and is computed level by level over one wide table; a single expression for everything would take
the engine longer to plan than to run. A statement depends on definitions only, not on the days nor
on the facts, so it is written once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from keepwell.definitions.expressions import PERIOD_FUNCTIONS, Expression
from keepwell.definitions.library import Library
from keepwell.facts.context import Cover
from keepwell.facts.engines.dialects import Dialect
from keepwell.facts.reading import Facts
from keepwell.facts.schema import TABLES
from keepwell.metrics.adding import Added
from keepwell.metrics.calendar import ASKED_ON, Days, covered_on, in_periods, number_of
from keepwell.metrics.columns import Counted, Task, closed_columns
from keepwell.metrics.families import Need, fresh_days, needs
from keepwell.metrics.given import ASSESSMENTS, given_values
from keepwell.metrics.instance import Instance
from keepwell.metrics.instances import Needed, Ref, needed
from keepwell.metrics.passes import Pass
from keepwell.metrics.prepare import ACCOUNTS, Setting, portfolio, scan
from keepwell.metrics.scans import ACCOUNT
from keepwell.metrics.statements import Statement, written_once
from keepwell.metrics.ways import Way, ways
from keepwell.metrics.wide import Wide, wide_table

VAST = 1_000_000
"""From so many rows on, what the newest rows decide is first looked for among those of the last
RECENT days. Of fewer it takes longer to ask twice than to read all."""
RECENT = 64


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
    evaluation = Evaluation(library, facts, Days(tuple(days)), freshness)
    return evaluation.table(list(dict.fromkeys(keys)), list(dict.fromkeys(period_kinds)))


@dataclass
class Evaluation:
    """The facts on some days, of which metrics are made."""

    library: Library
    facts: Facts
    days: Days
    freshness: Freshness

    def table(self, keys: list[str], period_kinds: list[str]) -> pa.Table:
        """The values as evaluate() gives them."""
        nodes = needed(self.library, keys)
        counted = self.counted(nodes)
        around = Pass(self.facts, self.days)
        try:
            wide = self.count(around, nodes, counted)
            self._add_periods(wide, nodes, period_kinds)
            self._add_closed(wide, around, counted)
            self._compute(wide, nodes, counted)
        finally:
            around.close()
        return wide.selected(keys, period_kinds)

    def counted(self, nodes: Iterable[Needed]) -> dict[Ref, Counted]:
        """How each metric that is made of rows is to be counted; it names the numbers of the days,
        so that it comes before count()."""
        return {n.ref: self._counted(n) for n in nodes if n.metric.is_aggregate}

    def count(self, around: Pass, nodes: Sequence[Needed], counted: Mapping[Ref, Counted]) -> Wide:
        """Who is a customer on which day, with all that is counted where the tables lie."""
        around.open_days()
        accounts = around.answer(_portfolio(tuple(self.days.columns), self.facts.engine.dialect))
        wide = Wide(around.without_merged(accounts))
        around.open(wide.data)
        for found in self._counts(around, counted, wide.data):
            wide.add(found)
        for found in self._given(around, nodes):
            wide.add(found)
        return wide

    def _counted(self, node: Needed) -> Counted:
        covers, metric = self.facts.coverage(), node.metric
        read = [(need, need.covers(covers)) for need in needs(metric, covers)]
        spans = [self._span(day, read) for day in self.days.days]
        lags = zip(self.days.days, spans, strict=True)
        end = self.days.named("end", [s[1] if s else None for s in spans])
        instance = Instance(node, end)
        table = TABLES[metric.from_ or ""]
        every = {f for need, _ in read if not need.is_neighbour for f in need.families}
        return Counted(
            instance,
            self.days.named("start", [s[0] if s else None for s in spans]),
            self.days.named("lag", [number_of(d) - s[1] if s else None for d, s in lags]),
            fresh_days(metric, table, dict(self.freshness.fresh_for), every),
        )

    def _span(
        self, day: date, read: Sequence[tuple[Need, Sequence[Cover]]]
    ) -> tuple[int, int] | None:
        """The first and the last day on which all that is needed was covered."""
        if not all(covers for _, covers in read):
            return None
        retired = self.freshness.retired
        found = [covered_on(day, c, n.families, retired) for n, c in read if not n.is_neighbour]
        known = [c for c in found if c is not None]
        if len(known) < len(found):
            return None
        return max(c.start for c in known), min(c.end for c in known)

    def _counts(
        self, around: Pass, counted: Mapping[Ref, Counted], accounts: pa.Table
    ) -> Iterator[pa.Table]:
        by_table: dict[str, list[Instance]] = {}
        for instance in (c.instance for c in counted.values()):
            covered = any(e is not None for e in self.days.columns[instance.end])
            if covered and instance.metric.from_ is not None:
                by_table.setdefault(instance.metric.from_, []).append(instance)
        for name, members in by_table.items():
            for way in ways(members):
                added = self._added(around, name, way)
                if way.newest_decides and len(self.days.days) == 1 and self._is_vast(name):
                    yield self._newest(around, name, way, added, accounts)
                else:
                    lookback = around.lookback(way.instances)
                    counting = _counting(around.setting, name, way, lookback, added)
                    yield around.count(counting, name, way.nodes)

    def _is_vast(self, table: str) -> bool:
        return self.facts.stored_rows(table) > VAST

    def _added(self, around: Pass, name: str, way: Way) -> str:
        """The name of what rows are added up to from night to night; none where that is not so."""
        keeps = self.facts.keeps(name) and self._is_vast(name) and way.adds_up(TABLES[name])
        return around.know(Added.of(name, way)) if keeps else ""

    def _newest(
        self, around: Pass, name: str, way: Way, added: str, accounts: pa.Table
    ) -> pa.Table:
        """What the newest rows say, and only of accounts of which they do not say all, all rows."""
        lookback = RECENT + max(i.offset for i in way.instances)
        counting = _counting(around.setting, name, way, lookback, added)
        recent = around.count(counting, name, way.nodes)
        told = reduce(pc.and_, (recent[i.column].is_valid() for i in way.instances))
        recent = recent.filter(told)
        asked = accounts["account_id"]
        open_ = asked.filter(pc.invert(pc.is_in(asked, recent["account_id"].combine_chunks())))
        if not len(open_):
            return recent
        around.put_open(frozenset(open_.to_pylist()))
        counting = _counting(around.setting, name, way, None, added, of_open=True)
        rest = around.count(counting, name, way.nodes)
        rest = rest.filter(pc.is_in(rest["account_id"], open_.combine_chunks()))
        return pa.concat_tables([recent, rest])

    def _given(self, around: Pass, nodes: Sequence[Needed]) -> Iterator[pa.Table]:
        questions = self.facts.questions()
        by_offset: dict[int, list[Needed]] = {}
        for node in nodes:
            if node.key in questions:
                by_offset.setdefault(node.offset, []).append(node)
        for offset, told in by_offset.items():
            giving = _giving(around.setting, offset, tuple(told))
            yield around.count(giving, ASSESSMENTS.table, told)

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

    def _add_closed(self, wide: Wide, around: Pass, counted: Mapping[Ref, Counted]) -> None:
        """Of the covered days, and of those since the account came, how many were closed: windows
        and ages count open days, so fewer of the covered ones stand behind them."""
        if around.closures.closed:
            for start, end in dict.fromkeys((c.start, c.instance.end) for c in counted.values()):
                wide.add_closed(start, end, around.closures, closed_columns(start, end))

    def _compute(self, wide: Wide, nodes: Sequence[Needed], counted: Mapping[Ref, Counted]) -> None:
        questions = self.facts.questions()
        for level in range(max((n.level for n in nodes), default=0) + 1):
            tasks = tuple(
                Task(n, counted.get(n.ref), n.key in questions) for n in nodes if n.level == level
            )
            if tasks:
                wide.add_computed(self.facts.con, _computing(tasks, wide.data.schema))


@written_once
def _portfolio(numbers: tuple[str, ...], dialect: Dialect) -> Statement:
    return Statement.of(portfolio(numbers), [ACCOUNTS], dialect)


@written_once
def _counting(
    setting: Setting,
    table: str,
    way: Way,
    lookback: int | None,
    added: str,
    *,
    of_open: bool = False,
) -> Statement:
    scanned = scan(setting, TABLES[table], way, lookback, added, of_open=of_open)
    counted = way.counted(scanned).rename(account_id=ACCOUNT)
    return Statement.of(counted, scanned.reads, setting.dialect)


@written_once
def _giving(setting: Setting, offset: int, nodes: tuple[Needed, ...]) -> Statement:
    given = given_values(setting, offset, nodes).rename(account_id=ACCOUNT)
    return Statement.of(given, [ASSESSMENTS], setting.dialect)


@written_once
def _computing(tasks: tuple[Task, ...], schema: pa.Schema) -> Statement:
    rows = wide_table(schema)
    columns = {name: value for task in tasks for name, value in task.columns(rows).items()}
    return Statement.of(rows.select("account_id", ASKED_ON, **columns))


def period_kinds_of(conditions: Iterable[Expression]) -> list[str]:
    """The kinds of periods that conditions ask for, each once."""
    calls = [c.calls(f) for c in conditions for f in sorted(PERIOD_FUNCTIONS)]
    return list(dict.fromkeys(args[0].name for found in calls for args in found))
