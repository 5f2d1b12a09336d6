"""Whom an account belongs to, by hand."""

from __future__ import annotations

from functools import cache
from typing import Any

import ibis
import pyarrow as pa
import pytest

from keepwell.app.built_in import built_in
from keepwell.facts.engine import connect_ibis
from keepwell.segments.assign import assigned, conditions
from tests.golden.reading import Example, examples, rows_of, values_of

FILE = "segments.yaml"
EXAMPLES = examples(FILE, {"score", "tier", "segments", "in", "not_in"})


@cache
def segmented() -> dict[str, dict[str, Any]]:
    """Every example with its segments; metrics that follow from the named ones are computed."""
    library = built_in()
    rules = conditions(library.segmentations.values(), library.segments.values())
    values = values_of(EXAMPLES, library.named_in(rules), computed=True)
    given = [e.values for e in EXAMPLES]  # in the order of the accounts
    scores = [None if e.get("score") is None else float(e["score"]) for e in given]
    values = values.append_column("score/score", pa.array(scores, pa.float64()))
    tiers = pa.array([e.get("tier") for e in given], pa.string())
    values = values.append_column("score/tier", tiers)
    rows = assigned(ibis.memtable(values), library.segmentations, library.segments)
    return rows_of(connect_ibis().to_pyarrow(rows))


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_an_example_belongs_where_it_should(example: Example) -> None:
    row = segmented()[example.account]
    for segmentation, wanted in example.values.get("segments", {}).items():
        assert row[f"segment/{segmentation}"] == wanted
    for segment in example.values.get("in", []):
        assert row[f"flag/{segment}"] is True
    for segment in example.values.get("not_in", []):
        assert row[f"flag/{segment}"] is not True


def test_every_segment_has_an_example() -> None:
    library = built_in()
    named = {pair for e in EXAMPLES for pair in e.values.get("segments", {}).items()}
    every = {(key, s) for key, found in library.segmentations.items() for s in found.segments}
    assert every - named == set()
    assert set(library.segments) == {s for e in EXAMPLES for s in e.values.get("in", [])}
