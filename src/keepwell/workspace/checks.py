"""What may be recorded; each function raises a KeepwellError that names the field."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from keepwell.kit.errors import KeepwellError

KINDS = ("value", "difference")
_PATH = re.compile(r"[A-Za-z0-9_]+(/[A-Za-z0-9_]+)*")
_FULL_SCALE = Decimal(100)


def filled(value: str | None, field: str, why: str) -> str:
    """The text without blanks around it."""
    text = (value or "").strip()
    if not text:
        raise KeepwellError(f"{field} is missing", expected=why, todo=f"give the {field}")
    return text


def instant(value: datetime) -> datetime:
    """The instant; ValueError for one without a time zone."""
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return value


def answer(
    code: str | None, number: Decimal | int | float | None
) -> tuple[str | None, Decimal | None]:
    """The one answer that was given: a code, or a finite number."""
    if (code is None) == (number is None):
        given = "no answer" if code is None else "two answers"
        raise KeepwellError(given, expected="either an answer code or an answer number")
    if code is not None:
        return filled(code, "answer", "one of the codes of the question"), None
    return None, _number(number, "answer")


def points(value: Decimal | int | float | str, kind: str) -> Decimal:
    """The points of an override: 0 to 100 for a value, at most 100 up or down for a difference."""
    if kind not in KINDS:
        raise KeepwellError(f"'{kind}' is no kind of override", expected=" or ".join(KINDS))
    found = _number(value, "points")
    lowest = Decimal(0) if kind == "value" else -_FULL_SCALE
    if not lowest <= found <= _FULL_SCALE:
        raise KeepwellError(
            f"{found} points are off the scale",
            expected=f"{lowest} to {_FULL_SCALE} for a {kind}",
        )
    return found


def component(path: str) -> str:
    """A component's path, or '' for the whole score."""
    if path and not _PATH.fullmatch(path):
        raise KeepwellError(
            f"'{path}' is not the path of a component",
            expected="keys joined by /, such as usage/active_users; nothing for the whole score",
        )
    return path


def period(starts_on: date, expires_on: date | None) -> tuple[date, date]:
    """The first and the last day on which an override holds."""
    if expires_on is None:
        raise KeepwellError(
            "expiry is missing",
            expected="the last day on which the override holds: none may be forgotten",
            todo="give the expiry",
        )
    if expires_on < starts_on:
        raise KeepwellError(
            f"the override ends on {expires_on}, before it starts on {starts_on}",
            expected="an expiry on or after the start",
        )
    return starts_on, expires_on


def _number(value: Decimal | int | float | str | None, field: str) -> Decimal:
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        raise KeepwellError(f"{field} is {value!r}", expected="a number") from None
    if not found.is_finite():
        raise KeepwellError(f"{field} is {value!r}", expected="a finite number")
    return found
