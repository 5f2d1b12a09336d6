"""Metrics that are made of other metrics, by hand."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from keepwell.app.built_in import built_in
from keepwell.app.sheet_cells import Reader, as_text
from tests.golden.reading import Example, examples, rows_of, values_of

EXAMPLES = examples("metrics.yaml", {"values"})


@cache
def computed() -> dict[str, dict[str, Any]]:
    """What follows from every example. Its `states` are results here, not what is given."""
    keys = dict.fromkeys(k for e in EXAMPLES for k in (*e.values["values"], *e.values["metrics"]))
    given = [
        Example(e.file, e.number, {k: v for k, v in e.values.items() if k != "states"})
        for e in EXAMPLES
    ]
    return rows_of(values_of(given, list(keys), computed=True))


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_an_example_comes_out_as_by_hand(example: Example) -> None:
    row = computed()[example.account]
    for key, written in example.values["values"].items():
        wanted = Reader.of(built_in().metric(key), key).read(as_text(written)).value
        found = row[f"metric/{key}"]
        assert found == (pytest.approx(wanted) if isinstance(wanted, float) else wanted), key
    for key, state in example.values.get("states", {}).items():
        assert row[f"named/{key}"] == state
