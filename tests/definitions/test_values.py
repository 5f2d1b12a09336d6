"""Numbers and shares as a definition writes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepwell.definitions.values import number


@given(st.decimals(min_value=-1000, max_value=1000, places=4))
def test_a_percentage_is_the_float_nearest_to_the_share(percent: Decimal) -> None:
    assert number(f"{percent:f}%") == float(percent / 100)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("0.7%", 0.007), ("1.1 %", 0.011), ("70%", 14 / 20), (0.9, 0.9), ("-2", -2), ("1e3", 1000)],
)
def test_a_number_is_read_as_it_is_written(written: Any, meant: float) -> None:
    assert number(written) == meant


@pytest.mark.parametrize(
    "written", ["", "%", "1e999", "1,5", "7 0%", "inf", "nan", "²", True, None]
)
def test_what_is_no_number_is_refused(written: Any) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        number(written)
