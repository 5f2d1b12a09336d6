"""One cell of a sheet: strict, and what is ambiguous is asked back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from keepwell.app.built_in import built_in
from keepwell.app.sheet_cells import EMPTY, Cell, Reader, as_text, compact, holds_fractions
from keepwell.kit.errors import KeepwellError

CARD = built_in().scorecard("plan-tiered")


def reader(key: str, fractions: bool = False) -> Reader:
    found = Reader.of(built_in().metric(key), key, CARD)
    return Reader(found.metric, found.choices, found.states, fractions)


def refused(key: str, text: str) -> KeepwellError:
    with pytest.raises(KeepwellError) as caught:
        reader(key).read(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "value"),
    [("72%", 0.72), ("0.72", 0.72), ("0", 0.0), ("1", 1.0), ("100%", 1.0), ("140%", 1.4),
     ("-5%", -0.05), ("72 %", 0.72), ("67.5%", 0.675), ("1.05%", 0.0105)],
)  # fmt: skip
def test_a_share_has_a_percent_sign_or_is_a_fraction(text: str, value: float) -> None:
    assert reader("weekly_active_share").read(text) == Cell(value)


@pytest.mark.parametrize(
    ("text", "asked"),
    [("72", "72% or 0.72"), ("-72", "-72% or -0.72"), ("1.05", "105% or 1.05%"), ("2", "200% or")],
)
def test_a_bare_number_is_asked_back_where_a_share_is_expected(text: str, asked: str) -> None:
    error = refused("weekly_active_share", text)
    assert asked in error.what
    assert asked in (error.todo or "")


def test_beside_other_fractions_a_little_more_than_one_is_a_share() -> None:
    assert holds_fractions(["0.72", "1.05", None, "80%"])
    assert not holds_fractions(["1.05", "1", None])
    assert not holds_fractions(["0.72", "72"])
    assert reader("weekly_active_share", fractions=True).read("1.05") == Cell(1.05)
    with pytest.raises(KeepwellError):
        reader("weekly_active_share", fractions=True).read("72")


@pytest.mark.parametrize(
    ("text", "todo"),
    [
        ("1,200", "write 1200 or 1.2"),
        ("1.200", "write 1.2 or 1200"),
        ("1,200.50", "write 1200.5"),
        ("1 200", "write 1200"),
        ("1'200", "write 1200"),
        ("1,200,000", "write 1200000"),
        ("1,5", "write 1.5"),
        ("5/week", "write the number alone: 5"),
        ("2 days ago", "write the number alone: 2"),
        ("none", "write 0, or leave the cell empty where it is not known"),
    ],
)
def test_a_number_that_is_not_plain_comes_with_a_hint(text: str, todo: str) -> None:
    error = refused("logins_30d", text)
    assert error.what == f"'{text}' is not a number"
    assert error.todo == todo


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1.2.3", "0x10", "five", "1_000", "=A1"])
def test_what_only_looks_like_a_number_is_none(text: str) -> None:
    assert "is not a number" in refused("logins_30d", text).what


def test_a_percentage_is_no_count() -> None:
    assert refused("logins_30d", "72%").what == "72% is a percentage, 'Logins, 30 days' is none"


def test_limits_hold() -> None:
    assert reader("nps_latest").read("10") == Cell(10.0)
    assert "11 is more than 10" in refused("nps_latest", "11").what
    assert "-1 is less than 0" in refused("nps_latest", "-1").what


@pytest.mark.parametrize("text", ["Tier 1", "tier_1", "TIER1", " tier-1 "])
def test_a_category_is_written_as_one_likes(text: str) -> None:
    assert reader("plan_tier").read(text) == Cell("tier_1")


def test_an_unknown_category_names_the_nearest() -> None:
    error = refused("upsell_potential", "heavy")
    assert error.what == "'Upsell potential' is never 'heavy'"
    assert "heavy_usage" in (error.expected or "")
    assert error.todo == "did you mean 'heavy usage'?"


@pytest.mark.parametrize(("text", "value"), [("yes", "yes"), ("TRUE", "yes"), ("n", "no"),
                                             ("0", "no")])  # fmt: skip
def test_yes_and_no(text: str, value: str) -> None:
    assert reader("seasonally_closed").read(text) == Cell(value)


def test_none_is_a_category_where_it_is_one() -> None:
    assert reader("upsell_potential").read("None") == Cell("none")


@pytest.mark.parametrize("text", [None, "", "  ", "-", "–", "?", "unknown"])
def test_nothing_is_missing(text: str | None) -> None:
    assert reader("nps_latest").read(text) is EMPTY


@pytest.mark.parametrize("text", ["no response", "No_Response", "NO-RESPONSE"])
def test_a_named_state_is_written_as_its_name(text: str) -> None:
    assert reader("nps_latest").read(text) == Cell(named="no_response")
    assert reader("payback_days").read("not yet") == Cell(named="not_yet")


@pytest.mark.parametrize("text", ["n/a", "N.A.", "not applicable", "not_applicable"])
def test_not_applicable_may_be_said_of_everything(text: str) -> None:
    for key in ("nps_latest", "plan_tier", "weekly_active_share"):
        assert reader(key).read(text) == Cell(named="not_applicable")


def test_a_state_that_is_nearly_right_is_named() -> None:
    assert refused("nps_latest", "no resp").todo == "did you mean 'no response'?"


@pytest.mark.parametrize("text", ["#N/A", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?"])
def test_an_error_of_the_spreadsheet_is_no_value(text: str) -> None:
    for key in ("nps_latest", "plan_tier"):
        assert refused(key, text).what == f"the spreadsheet shows the error {text}"


def test_days_are_written_year_first() -> None:
    assert reader("last_login_on").read("2026-03-14") == Cell(date(2026, 3, 14))
    assert reader("last_login_on").read("2026-03-14 08:30:00") == Cell(date(2026, 3, 14))
    for text in ("03/04/2026", "14.03.2026", "2026-13-14", "20260314"):
        assert "is not a day" in refused("last_login_on", text).what


@pytest.mark.parametrize(
    ("cell", "text"),
    [(18, "18"), (18.0, "18"), (0.72, "0.72"), (float("nan"), None), (True, "yes"),
     (False, "no"), (Decimal("12.50"), "12.5"), (date(2026, 3, 14), "2026-03-14"),
     (datetime(2026, 3, 14, tzinfo=UTC), "2026-03-14"), (" x ", "x"), (None, None), ("", None)],
)  # fmt: skip
def test_typed_cells_read_as_people_would_write_them(cell: Any, text: str | None) -> None:
    assert as_text(cell) == text


def test_names_are_compared_without_case_blanks_and_signs() -> None:
    assert {compact(x) for x in ("Logins, 30 days", "logins_30_DAYS", "Logins 30 days")} == {
        "logins30days"
    }
