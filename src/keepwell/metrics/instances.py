"""Which metrics are needed at which offset for the ones that are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from keepwell.definitions.expressions import SHIFTS, Expression, length, name_of
from keepwell.definitions.library import Library
from keepwell.definitions.metric import Metric

Ref = tuple[str, int]  # a metric's key and the offset in days


@dataclass(frozen=True)
class Needed:
    """A metric at an offset, with those that must be there before it."""

    key: str
    metric: Metric = field(compare=False, repr=False)
    definition: str  # the metric as text, which tells metrics apart
    offset: int
    inputs: tuple[Ref, ...]
    level: int  # 0: counted or given; else one more than the highest of its inputs

    @property
    def ref(self) -> Ref:
        return self.key, self.offset


def needed(library: Library, keys: Iterable[str]) -> list[Needed]:
    """All metrics at all offsets that `keys` need, inputs before what is made of them."""
    library.closure(keys := list(keys))  # says so where metrics go in a circle
    found: dict[Ref, Needed] = {}

    def visit(ref: Ref) -> int:
        if ref not in found:
            key, offset = ref
            metric = library.metric(key)
            inputs = tuple(dict.fromkeys(_inputs(metric, offset, library)))
            level = 1 + max((visit(i) for i in inputs), default=0) if inputs else 0
            found[ref] = Needed(key, metric, repr(metric), offset, inputs, level)
        return found[ref].level

    for key in keys:
        visit((key, 0))
    return sorted(found.values(), key=lambda n: n.level)


def _inputs(metric: Metric, offset: int, library: Library) -> Iterator[Ref]:
    if metric.change is not None:
        yield metric.change, offset
        yield metric.change, offset + (metric.since or 0)
    if metric.rank is not None:
        yield metric.rank, offset
        yield from ((w, offset) for w in metric.within)
    for expression in (metric.formula, metric.share_of_accounts, *metric.states.values()):
        if expression is not None:
            yield from _named(expression, offset, library)


def _named(expression: Expression, offset: int, library: Library) -> Iterator[Ref]:
    for name in sorted(expression.names):
        if name in library.metrics:
            yield name, offset
    for function in SHIFTS:
        for first, interval in expression.calls(function):
            if isinstance(first, exp.Column) and isinstance(interval, exp.Interval):
                yield name_of(first), offset + length(interval)
