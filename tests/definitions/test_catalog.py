"""The built-in definitions: complete, consistent, and fitting the canonical tables."""

from __future__ import annotations

import pytest

from keepwell.catalog import definitions
from keepwell.definitions.loading import load
from keepwell.definitions.metric import Metric
from keepwell.metrics.checks import check_rows

FILES = list(definitions())
BUILT_IN = load(FILES)


def test_everything_loads_and_fits_the_canonical_tables() -> None:
    check_rows(BUILT_IN)
    assert len(BUILT_IN.documents) == sum(
        len(kind)
        for kind in (
            BUILT_IN.metrics, BUILT_IN.scorecards, BUILT_IN.segmentations, BUILT_IN.segments
        )
    )  # fmt: skip


def test_a_file_is_named_after_what_it_defines() -> None:
    for kind, found in (("scorecards", BUILT_IN.scorecards), ("segments", BUILT_IN.segmentations)):
        names = {name.rpartition("/")[2].removesuffix(".yaml") for name, _ in FILES
                 if f"/{kind}/" in name}  # fmt: skip
        assert set(found) <= names


def test_the_five_frameworks_are_there() -> None:
    assert {"enterprise", "plan-tiered"} <= set(BUILT_IN.scorecards)
    assert len(BUILT_IN.scorecards) >= 5


@pytest.mark.parametrize("key", BUILT_IN.scorecards)
def test_a_scorecard_explains_itself(key: str) -> None:
    scorecard = BUILT_IN.scorecard(key)
    assert scorecard.description
    for path, node in scorecard.nodes():
        assert node.label or node.metric, path
    for path, leaf in scorecard.leaves():
        for _, measure in leaf.variants():
            assert max(measure.all_points()) == pytest.approx(measure.out_of), path


def _said(metric: Metric) -> bool:
    return bool(metric.label and metric.description and metric.unit)


def test_every_metric_has_a_label_a_description_and_a_unit() -> None:
    assert [key for key, metric in BUILT_IN.metrics.items() if not _said(metric)] == []


def test_every_example_is_a_value_that_the_metric_may_have() -> None:
    for key, metric in BUILT_IN.metrics.items():
        if metric.choices is not None and metric.example is not None:
            assert str(metric.example) in metric.choices, key
        if metric.limits is not None and isinstance(metric.example, int | float):
            assert metric.limits.from_ <= metric.example <= metric.limits.to, key


def test_every_metric_is_told_whole_to_whoever_asks_for_it() -> None:
    everything = BUILT_IN.closure(BUILT_IN.metrics)
    assert set(everything) == set(BUILT_IN.metrics)
    order = list(everything)
    for key, metric in BUILT_IN.metrics.items():
        if metric.change is not None:
            assert order.index(metric.change) < order.index(key)
