"""Numbers are read in the declared style only; a share is asked back where it may mean two."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keepwell.facts.model import Column
from keepwell.ingest.convert import Written, converted
from keepwell.ingest.numbers import share, style
from keepwell.kit.errors import KeepwellError
from keepwell.kit.views import text


def _read(
    con: duckdb.DuckDBPyConnection,
    value: str,
    example: str | None,
    scale: Decimal | None = None,
) -> object:
    written = Written(number=style(example) if example else None, scale=scale)
    row = con.sql(f"SELECT {text(value)} AS v").project(
        converted("v", "VARCHAR", Column("amount", "money"), written)
    )
    found = row.fetchone()
    return found[0] if found else None


@pytest.mark.parametrize(
    ("example", "value", "expected"),
    [
        (None, "1234.5", "1234.5"),
        (None, "-.5", "-0.5"),
        (None, "1e3", "1000"),
        (None, "1,234", None),
        (None, "1_000", None),
        (None, "0x10", None),
        (None, "nan", None),
        ("1,234.56", "1,234,567.89", "1234567.89"),
        ("1,234.56", "1234", "1234"),
        ("1,234.56", "12,34", None),
        ("1.234,56", "-1.234,5", "-1234.5"),
        ("1.234,56", "1.5", None),
        ("1 234,56", "1\u00a0234,56", "1234.56"),
        ("1'234.56", "1'234'567", "1234567"),
        ("$1,234.56", "$ 5", "5"),
        ("$1,234.56", "-$1,234.50", "-1234.5"),
        ("1.234,56 €", "1.234,56 €", "1234.56"),
        ("1234.56 EUR", "12.5 EUR", "12.5"),
        ("1234.56%", "72%", "0.72"),
        ("1234,56 %", "72,5 %", "0.725"),
        ("1.234", "1.234", "1234"),
    ],
)
def test_a_number_in_its_style(
    example: str | None, value: str, expected: str | None, con: duckdb.DuckDBPyConnection
) -> None:
    assert _read(con, value, example) == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize("example", ["1,234,56", "12,5", "abc", "", "1.234.56"])
def test_an_example_that_shows_nothing_is_refused(example: str) -> None:
    with pytest.raises(ValueError, match=r"1234\.56|same sign"):
        style(example)


@settings(max_examples=30, deadline=None)
@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2))
def test_german_and_american_numbers_are_the_same_number(number: Decimal) -> None:
    american = f"{number:,.2f}"
    german = american.translate(str.maketrans(",.", ".,"))
    with duckdb.connect() as con:
        assert _read(con, american, "1,234.56") == number
        assert _read(con, german, "1.234,56") == number


@settings(max_examples=30, deadline=None)
@given(st.integers(min_value=-(10**13), max_value=10**13))
def test_cents_become_exact_amounts(cents: int) -> None:
    with duckdb.connect() as con:
        found = _read(con, str(cents), None, scale=Decimal("0.01"))
    assert found == Decimal(cents) / 100


@pytest.mark.parametrize(
    ("given", "expected"),
    [("72%", "0.72"), ("0.72", "0.72"), (" 5 % ", "0.05"), ("-12%", "-0.12"), ("1", "1"),
     ("120%", "1.2"), ("0", "0")],
)  # fmt: skip
def test_a_share(given: str, expected: str) -> None:
    assert share(given) == Decimal(expected)


def test_72_where_a_share_is_expected_is_asked_back() -> None:
    with pytest.raises(KeepwellError) as caught:
        share("72")
    assert caught.value.what == "72 is not a share: is 72% or 0.72 meant?"
    with pytest.raises(KeepwellError, match="is not a share"):
        share("most")
