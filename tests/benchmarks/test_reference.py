"""The SQL by hand and Keepwell give the same values."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from benchmarks import nights, reference, windows
from benchmarks.company import LAST_DAY
from benchmarks.projects import metric_values, project, timed_values
from tests.benchmarks.conftest import SMALL


@pytest.mark.usefixtures("_cached")
def test_the_34_metrics_by_hand_are_those_of_keepwell(tmp_path: Path) -> None:
    with project(SMALL, tmp_path) as made, reference.opened(made.store) as con:
        by_hand = reference.by_hand(con, LAST_DAY)
        values = metric_values(made, nights.SCORECARD, LAST_DAY)
    assert by_hand.num_columns == 1 + 34
    assert reference.differences(by_hand, values) == []
    # None of them is the same for everybody.
    assert all(len(by_hand[name].unique()) > 1 for name in by_hand.column_names)


@pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")
@pytest.mark.usefixtures("_cached")
def test_six_windows_by_hand_are_those_of_keepwell(tmp_path: Path) -> None:
    with project(SMALL, tmp_path, windows.files()) as made, reference.opened(made.store) as con:
        by_hand = windows.by_hand(con, LAST_DAY)
        assert by_hand.num_columns == 1 + 6
        values = metric_values(made, windows.SCORECARD, LAST_DAY)
        assert reference.differences(by_hand, values) == []
        first, whole, run = timed_values(made, windows.SCORECARD, LAST_DAY, times=1)
    assert 0 < run.seconds < whole.seconds
    assert first.seconds > 0


def test_a_difference_names_the_metric_and_an_account() -> None:
    by_hand = pa.table({"account_id": ["a", "b"], "x": [1.0, 2.0], "y": ["low", None]})
    values = pa.table(
        {"account_id": ["b", "a"], "metric/x": [2.1, 1.0 + 1e-12], "metric/y": [None, "low"]}
    )
    (found,) = reference.differences(by_hand, values)
    assert (found.metric, found.accounts, found.of, found.account) == ("x", 1, 2, "b")
    with pytest.raises(ValueError, match="2 accounts by hand, 1 in Keepwell"):
        reference.differences(by_hand, values.slice(1))
