"""Numbers, days and money in words. What is unknown is a dash, never a zero."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

UNKNOWN = "–"
MINUS = "−"
_MOST_PLACES = 9
_SHORT = {"days": "d", "hours": "h", "minutes": "min"}


def number(value: float | Decimal | None, places: int = 1) -> str:
    """A number with thousands separators, without zeros at its end, and with a true minus."""
    if value is None:
        return UNKNOWN
    text = f"{abs(value):,.{places}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return MINUS + text if value < 0 and text != "0" else text


def score(value: float | None, limits: Iterable[float] = ()) -> str:
    """Points on 0-100 with one decimal, and with more where rounding would seem to reach one of
    the `limits` that the value does not reach."""
    if value is None:
        return UNKNOWN
    limits = list(limits)
    for places in range(1, _MOST_PLACES):
        if all((round(value, places) < x) == (round(value, _MOST_PLACES) < x) for x in limits):
            return _fixed(value, places)
    return _fixed(value, _MOST_PLACES)


def points(value: float | None) -> str:
    """Points of a component, whole where they are."""
    return number(value, 1)


def part(value: float | None) -> str:
    """Points that a component gives to the score or takes from it: two decimals."""
    return UNKNOWN if value is None else _fixed(value, 2)


def signed(value: float | Decimal | None, places: int = 1) -> str:
    """A change with its sign; a change that rounds to nothing but is something shows more."""
    if value is None:
        return UNKNOWN
    size = abs(float(value))
    text = _fixed(size, places)
    if not text.strip("0.") and value != 0:
        text = _fixed(size, places + 1)
        if not text.strip("0."):
            return f"under {10**-places:g}"
    if not text.strip("0."):
        return text
    return (MINUS if value < 0 else "+") + text


def share(value: float | None, places: int = 0) -> str:
    """0.72 as 72%; 100% and 0% only where it is exactly so."""
    if value is None:
        return UNKNOWN
    percent = 100 * value
    text = number(percent, places)
    if (text == "100" and percent < 100 - 1e-9) or (text == "0" and percent > 1e-9):
        text = number(percent, places + 1)
    return text + "%"


def money(value: float | Decimal | None, currency: str | None) -> str:
    """A whole amount with its currency before it: EUR 12,300."""
    if value is None:
        return UNKNOWN
    amount = number(value, 0)
    return f"{currency} {amount}" if currency else amount


def day(value: date | datetime | None) -> str:
    """ISO 8601."""
    if value is None:
        return UNKNOWN
    return value.date().isoformat() if isinstance(value, datetime) else value.isoformat()


def instant(value: datetime | None) -> str:
    """ISO 8601 to the minute."""
    return UNKNOWN if value is None else f"{value:%Y-%m-%d %H:%M}"


def words(key: str) -> str:
    """A key as words: not_applicable is 'not applicable'."""
    return key.replace("_", " ")


def count(value: int, one: str, many: str | None = None) -> str:
    """A number with its noun: 1 account, 2 accounts."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def listed(names: Sequence[str], most: int = 4) -> str:
    """Names in a sentence: a, b and c; the rest counted."""
    if not names:
        return ""
    if len(names) > most:
        return ", ".join(names[:most]) + f" and {len(names) - most} more"
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def measured(value: Any, unit: str = "", currency: str | None = None) -> str:
    """A metric's value in its unit."""
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return day(value)
    if isinstance(value, str):
        return words(value)
    if unit == "share":
        return share(value, 1)
    if unit == "money":
        return money(value, currency)
    text = number(value, 1 if abs(value) >= 1 else 2)
    if unit in _SHORT:
        return f"{text} {_SHORT[unit]}"
    return f"{text} {unit}" if unit and unit.isupper() else text


def moved(value: float | None, unit: str = "", currency: str | None = None) -> str:
    """A difference of a metric's values, with its sign."""
    if value is None or value == 0:
        return measured(value, unit, currency)
    return ("+" if value > 0 else MINUS) + measured(abs(value), unit, currency)


def _fixed(value: float | Decimal, places: int) -> str:
    text = f"{abs(value):.{places}f}"
    return MINUS + text if value < 0 and text.strip("0.") else text
