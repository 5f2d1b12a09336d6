"""All definitions that are known together, and what of them needs what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from keepwell.definitions.expressions import Expression
from keepwell.definitions.metric import Metric
from keepwell.definitions.scorecard import Scorecard
from keepwell.definitions.segment import Segment, Segmentation
from keepwell.definitions.yaml import Document
from keepwell.kit.errors import KeepwellError, did_you_mean

_T = TypeVar("_T")
SCORE_NAMES = ("score", "tier", "coverage")


@dataclass(frozen=True)
class Library:
    """Metrics, scorecards, segmentations and simple segments by key."""

    metrics: Mapping[str, Metric] = field(default_factory=dict)
    scorecards: Mapping[str, Scorecard] = field(default_factory=dict)
    segmentations: Mapping[str, Segmentation] = field(default_factory=dict)
    segments: Mapping[str, Segment] = field(default_factory=dict)
    documents: Mapping[tuple[str, str], Document] = field(default_factory=dict, repr=False)

    def metric(self, key: str) -> Metric:
        """The metric of that key. Raises KeepwellError with near names."""
        return _get(self.metrics, key, "metric")

    def scorecard(self, key: str) -> Scorecard:
        """The scorecard of that key. Raises KeepwellError with near names."""
        return _get(self.scorecards, key, "scorecard")

    def segmentation(self, key: str) -> Segmentation:
        """The segmentation of that key. Raises KeepwellError with near names."""
        return _get(self.segmentations, key, "segmentation")

    @property
    def metric_names(self) -> frozenset[str]:
        """Every metric that is defined somewhere, even if its definition does not hold."""
        written = (key for kind, key in self.documents if kind == "metric")
        return frozenset((*self.metrics, *written))

    def closure(self, keys: Iterable[str]) -> dict[str, Metric]:
        """Those metrics and all that they are made of, what is needed before what needs it."""
        found: dict[str, Metric] = {}

        def visit(key: str, above: tuple[str, ...]) -> None:
            if key in found:
                return
            if key in above:
                chain = " -> ".join((*above[above.index(key) :], key))
                raise KeepwellError(f"these metrics go in a circle: {chain}")
            for name in inputs(self.metric(key)):
                if name in self.metrics:
                    visit(name, (*above, key))
            found[key] = self.metric(key)

        for key in keys:
            visit(key, ())
        return found

    def named_in(self, conditions: Iterable[Expression]) -> list[str]:
        """The metrics that these conditions name, each once."""
        names = {n: None for c in conditions for n in sorted(c.names) if n in self.metrics}
        return list(names)


def _get(known: Mapping[str, _T], key: str, kind: str) -> _T:
    if key not in known:
        raise KeepwellError(f"no {kind} is called '{key}'", todo=did_you_mean(key, known))
    return known[key]


def inputs(metric: Metric) -> Iterator[str]:
    """The names that a metric is made of, where it is not counted from facts."""
    for condition in (metric.formula, metric.share_of_accounts, *metric.states.values()):
        if condition is not None:
            yield from sorted(condition.names)
    for key in (metric.change, metric.rank, *metric.within):
        if key is not None:
            yield key


def conditions(scorecard: Scorecard) -> Iterator[tuple[tuple[str | int, ...], Expression]]:
    """Every condition of a scorecard with the place where it stands."""
    if scorecard.applies_to is not None:
        yield ("applies_to",), scorecard.applies_to
    for path, node in scorecard.nodes():
        if node.applies_when is not None:
            yield (*component_place(path), "applies_when"), node.applies_when
    for key, adjustment in scorecard.adjustments.items():
        yield ("adjustments", key, "when"), adjustment.when


def component_place(path: tuple[str, ...]) -> tuple[str | int, ...]:
    """Where in the file the component of that path stands."""
    return tuple(part for key in path for part in ("components", key))


def context_metrics(scorecard: Scorecard, library: Library) -> list[str]:
    """The metrics that a scorecard reads beside those that its leaves judge."""
    names = library.named_in(condition for _, condition in conditions(scorecard))
    by = [leaf.by_metric for _, leaf in scorecard.leaves() if leaf.by_metric]
    return list(dict.fromkeys([*by, *names]))
