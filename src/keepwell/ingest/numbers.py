"""Numbers as people write them: the style is declared by an example, never guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from keepwell.kit.errors import KeepwellError

PLAIN = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?"
"""A number that needs no declaration, as a regular expression."""

LOOKS_WRITTEN = r"[^\d\w]{0,2}\s?[+-]?\d[\d.,'’\s]*\s?([^\d\w]{1,2}|[A-Z]{3})?"
"""A number with separators, a currency or a percent sign."""

_EXAMPLE = re.compile(r"^(?P<before>\D*)1(?P<thousands>\D?)234(?:(?P<point>\D)56)?(?P<after>\D*)$")
_BLANKS = "\u00a0\u202f"


@dataclass(frozen=True)
class NumberStyle:
    """How numbers are written: what stands before and after, between thousands, as the point."""

    before: str = ""
    thousands: str = ""
    point: str = "."
    after: str = ""

    @property
    def percent(self) -> bool:
        return "%" in self.after

    @property
    def pattern(self) -> str:
        """A regular expression that a number of this style matches in full."""
        fraction = rf"({_class(self.point)}\d+)?" if self.point else ""
        whole = r"\d+"
        if self.thousands:
            whole = rf"(\d{{1,3}}({_class(self.thousands)}\d{{3}})+|\d+)"
        return (
            rf"[+-]?\s*{_optional(self.before)}\s*[+-]?{whole}{fraction}\s*{_optional(self.after)}"
        )


def _class(sign: str) -> str:
    return f"[ {_BLANKS}]" if sign.isspace() else re.escape(sign)


def _optional(sign: str) -> str:
    return f"({re.escape(sign.strip())})?" if sign.strip() else ""


def style(example: str) -> NumberStyle:
    """The style of an example: one thousand two hundred thirty-four and 56 hundredths, written as
    the file writes it ('1,234.56', '1.234,56 €', '1234,56', '1234.56%'). Raises ValueError."""
    match = _EXAMPLE.match(example.strip())
    if not match:
        raise ValueError(
            f"{example!r} does not show how numbers are written; expected 1234.56 in the file's"
            " own style, such as '1,234.56', '1.234,56', '1 234,56', '$1,234.56' or '1234.56%'"
        )
    thousands, point = match["thousands"], match["point"] or ""
    if thousands and thousands == point:
        raise ValueError(f"{example!r} has the same sign between thousands and before decimals")
    return NumberStyle(match["before"].strip(), thousands, point, match["after"].strip())


def share(text: str) -> Decimal:
    """A share as a number: '72%' and '0.72' are 0.72, '-5%' is -0.05.

    Raises KeepwellError for a bare number above 1 or below -1, which may mean either: 72 is asked
    back as 72% or 0.72.
    """
    stripped = text.strip()
    percent = stripped.endswith("%")
    body = stripped.removesuffix("%").strip()
    try:
        number = Decimal(body) if re.fullmatch(PLAIN, body) else None
    except InvalidOperation:
        number = None
    if number is None:
        raise KeepwellError(f"{text!r} is not a share", expected="72% or 0.72")
    if percent:
        return number / 100
    if abs(number) > 1:
        raise KeepwellError(
            f"{stripped} is not a share: is {stripped}% or {plain(number / 100)} meant?",
            expected="a number from 0 to 1, or one with a percent sign",
            todo=f"write {stripped}% or {plain(number / 100)}; in a mapping `scale: 0.01` says "
            "that the whole column is in percent",
        )
    return number


def plain(number: Decimal) -> str:
    """A decimal without exponent and trailing zeros."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
