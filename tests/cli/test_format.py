"""Numbers in words: unknown is never zero, rounding never lies about a limit."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from keepwell.cli.render import format as fmt


@pytest.mark.parametrize(
    ("value", "expected"),
    [(64.0, "64.0"), (64.26, "64.3"), (79.96, "79.96"), (79.996, "79.996"), (80.0, "80.0"),
     (0.0, "0.0"), (59.94, "59.9"), (None, "–")],
)  # fmt: skip
def test_a_score_below_a_limit_never_looks_like_the_limit(
    value: float | None, expected: str
) -> None:
    assert fmt.score(value, [80, 60, 0]) == expected


def test_a_score_that_is_the_limit_but_for_a_rounding_error_is_the_limit() -> None:
    assert fmt.score(79.99999999999999, [80]) == "80.0"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(7.04, "+7.0"), (-7.04, "−7.0"), (0.0, "0.0"), (0.04, "+0.04"), (-0.04, "−0.04"),
     (1e-6, "under 0.1"), (None, "–")],
)  # fmt: skip
def test_a_change_has_a_sign_and_is_nothing_only_where_it_is(
    value: float | None, expected: str
) -> None:
    assert fmt.signed(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.72, "72%"), (0.724, "72%"), (1.0, "100%"), (0.999, "99.9%"), (0.001, "0.1%"), (0.0, "0%"),
     (1.04, "104%"), (-0.182, "−18%"), (None, "–")],
)  # fmt: skip
def test_shares_are_percent(value: float | None, expected: str) -> None:
    assert fmt.share(value) == expected


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (None, "count", "–"),
        (0.0, "count", "0"),
        (1234.0, "count", "1,234"),
        (0.25, "count", "0.25"),
        (12.0, "days", "12 d"),
        (6.5, "minutes", "6.5 min"),
        (0.725, "share", "72.5%"),
        (264.0, "GB", "264 GB"),
        (12300.4, "money", "EUR 12,300"),
        ("c_level", "category", "c level"),
        (date(2026, 4, 14), "date", "2026-04-14"),
        (True, "", "yes"),
        (-18.25, "", "−18.2"),
    ],
)
def test_a_value_is_shown_in_its_unit(value: object, unit: str, expected: str) -> None:
    assert fmt.measured(value, unit, "EUR") == expected


def test_money_without_a_known_currency_names_none() -> None:
    assert fmt.money(Decimal("1234.5000"), None) == "1,234"


def test_days_and_instants_are_iso() -> None:
    at = datetime(2026, 4, 14, 8, 40, tzinfo=UTC)
    assert fmt.day(at) == "2026-04-14"
    assert fmt.instant(at) == "2026-04-14 08:40"
    assert fmt.day(None) == fmt.instant(None) == "–"


@pytest.mark.parametrize(
    ("names", "expected"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c"),
     (["a", "b", "c", "d", "e", "f"], "a, b, c, d and 2 more")],
)  # fmt: skip
def test_names_make_a_sentence(names: list[str], expected: str) -> None:
    assert fmt.listed(names) == expected


def test_a_number_agrees_with_its_noun() -> None:
    assert [fmt.count(n, "day") for n in (0, 1, 2000)] == ["0 days", "1 day", "2,000 days"]
