"""Which metrics over a table are counted together, in as few statements as their kinds allow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import ibis.expr.types as ir

from keepwell.definitions.expressions import Expression, parse
from keepwell.definitions.metric import Metric
from keepwell.facts.model import Table
from keepwell.facts.schema import TABLES
from keepwell.metrics.excluding import keeping_out
from keepwell.metrics.instance import Instance, argument_of, expressions_of
from keepwell.metrics.instances import Needed
from keepwell.metrics.reduce import Form, is_reducible
from keepwell.metrics.rows import neighbours
from keepwell.metrics.scans import (
    BY,
    VALUE,
    Scan,
    distinct,
    first_seen,
    latest,
    per_group,
    plain,
    streak,
)


@dataclass(frozen=True)
class Way:
    """Instances over one table that one group-by can count, and how."""

    name: str
    instances: tuple[Instance, ...]

    @property
    def nodes(self) -> list[Needed]:
        """The metrics that it counts."""
        return [i.node for i in self.instances]

    @property
    def newest_decides(self) -> bool:
        """Whether a value from the newest rows is that from all of them."""
        return all(_newest_decides(i.metric) for i in self.instances)

    def keys(self, table: Table) -> dict[str, Expression]:
        """What rows are told apart by beside account and day."""
        first = self.instances[0].metric
        found: dict[str, Expression] = {}
        if first.per is not None:
            found[BY] = parse(first.per)
        if first.kind in ("count_distinct", "days_since_first"):
            found[VALUE] = argument_of(first)
        return found

    @property
    def expressions(self) -> list[Expression]:
        """Every expression over rows that its metrics use."""
        return [e for i in self.instances for e in expressions_of(i.metric)]

    def adds_up(self, table: Table) -> bool:
        """Whether its rows add up to few, whichever days are asked for: to one for each account and
        day, or for each value that is ever seen. Of neighbours only those may matter whose rows are
        left out, and of one path."""
        if self.name in ("latest", "streak") or not is_reducible(table, self.instances):
            return False
        paths = neighbours(table, self.expressions)
        if len(paths) > 1 or not all(keeping_out(table, p, self.instances) for p in paths):
            return False
        keys = {e.text.strip() for e in self.keys(table).values()}
        first_time = self.instances[0].metric.kind == "days_since_first"
        return table.has_days and (first_time or keys <= {table.day})

    def form(self, table: Table, *, for_itself: bool) -> Form:
        """In which form its rows are fewest where several days are asked for. for_itself: whether
        every account counts for itself, and always."""
        if self.name in ("latest", "streak") or not is_reducible(table, self.instances):
            return "rows"
        first = self.instances[0].metric
        if for_itself and table.has_days:
            if self.name == "per" and first.per == table.day:
                # How long ago a group was seen is another number on every asked day.
                aging = any(i.metric.kind == "days_since_last" for i in self.instances)
                return "added up" if aging else "grouped"
            if first.kind == "count_distinct" or self._is_newest_day():
                return "knowing next"
        return "added up"

    def _is_newest_day(self) -> bool:
        return all(
            i.metric.kind == "days_since_last" and _newest_decides(i.metric) for i in self.instances
        )

    def counted(self, scan: Scan) -> ir.Table:
        """One row per account and asked day, with a column for each instance."""
        if self.name in _ALONE:
            return _ALONE[self.name](scan, self.instances[0])
        return _TOGETHER[self.name](scan, self.instances)


def ways(instances: Sequence[Instance]) -> list[Way]:
    """The instances over one table, in as few group-bys as their kinds allow.

    What has no window is kept apart, so that the rest need not read all of the past; of that each
    that the newest rows decide, by itself; and what leaves out some neighbours' rows, so that the
    rest needs no join.
    """
    groups: dict[tuple[str, ...], list[Instance]] = {}
    for i in instances:
        metric, table = i.metric, TABLES[i.metric.from_ or ""]
        kept_out = [e.text for path in table.paths for e in keeping_out(table, path, [i])]
        far = "" if metric.over else i.column if _newest_decides(metric) else "endless"
        apart = (far, *kept_out)
        if metric.per is not None:
            # Distinct values of each group are told apart by both columns.
            what = argument_of(metric).text if metric.kind == "count_distinct" else ""
            name: tuple[str, ...] = ("per", metric.per, what, *apart)
        elif metric.kind == "count_distinct":
            name = ("distinct", argument_of(metric).text, *apart)
        elif metric.kind in _ALONE:
            name = (metric.kind, i.column)
        else:
            name = ("plain", *apart)
        groups.setdefault(name, []).append(i)
    return [Way(name[0], tuple(members)) for name, members in groups.items()]


def _newest_decides(metric: Metric) -> bool:
    day = TABLES[metric.from_ or ""].day
    if metric.over is not None or metric.per is not None or day is None:
        return False
    if metric.kind == "latest":
        return metric.order_by is None
    return metric.kind == "days_since_last" and argument_of(metric).text.strip() == day


_ALONE: Mapping[str, Callable[[Scan, Instance], ir.Table]] = {
    "latest": latest,
    "streak": streak,
    "days_since_first": first_seen,
}
_TOGETHER: Mapping[str, Callable[[Scan, Sequence[Instance]], ir.Table]] = {
    "plain": plain,
    "distinct": distinct,
    "per": per_group,
}
