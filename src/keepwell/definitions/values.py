"""The small values that definitions are made of: keys, shares, lengths of time, expressions."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

from keepwell.definitions.expressions import LONGEST, Expression, parse
from keepwell.kit.errors import KeepwellError

KEY = re.compile(r"^[a-z][a-z0-9_]*$")
NAME = re.compile(r"^[a-z][a-z0-9_-]*$")
_LENGTH = re.compile(r"^(\d{1,6})\s*(day|week|month|year)s?$")
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
_NUMBER = re.compile(r"^([-+]?\d+(?:\.\d+)?)(?:(e[-+]?\d+)|\s*(%))?$")


class Model(BaseModel):
    """The common base: unknown fields are errors, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def number(value: Any) -> float:
    """A number, or a percentage as a share: 70% is 0.7. Raises ValueError."""
    if isinstance(value, bool) or value is None:
        raise ValueError("is not a number")
    match = _NUMBER.match(str(value).strip())
    found = math.nan
    if match:
        # By its exponent, not by a division of floats: 0.7 / 100 is not the float 0.007.
        found = float(match[1] + ("e-2" if match[3] else match[2] or ""))
    if not math.isfinite(found):
        written = str(value)
        shown = repr(written if len(written) <= 40 else written[:37] + "...")
        raise ValueError(f"{shown} is not a number; expected 12, 0.5 or 70%")
    return found


def _share(value: Any) -> float:
    share = number(value)
    if not 0 <= share <= 1:
        meant = (
            f"{share:g}% or {share / 100:g}"
            if 1 < share <= 100 and "%" not in str(value)
            else "0% to 100%"
        )
        raise ValueError(f"{value} is not a share; expected {meant}")
    return share


def _weight(value: Any) -> float:
    text = str(value).strip().removesuffix("%")
    weight = number(text if isinstance(value, str) else value)
    if weight < 0:
        raise ValueError(f"a weight of {value} is below 0; expected 0 or more")
    return weight


def days(value: Any) -> int:
    """Whole days of a length such as '30 days', '2 weeks'. Raises ValueError."""
    length = value if isinstance(value, int) and not isinstance(value, bool) else 0
    match = _LENGTH.match(str(value).strip().lower())
    if match:
        length = int(match[1]) * _DAYS[match[2]]
    if not 0 < length <= LONGEST:
        raise ValueError(f"{value!r} is not a length of time; expected '30 days' or '2 weeks'")
    return length


def _key(value: Any) -> str:
    text = str(value)
    if not KEY.match(text):
        raise ValueError(f"{text!r} is not a key; expected small letters, digits and _: my_metric")
    return text


def _name(value: Any) -> str:
    text = str(value)
    if not NAME.match(text):
        raise ValueError(f"{text!r} is not a key; expected small letters, digits, _ and -")
    return text


def expression(value: Any) -> Expression:
    """A parsed expression. Raises ValueError with the parser's words."""
    if isinstance(value, Expression):
        return value
    if isinstance(value, bool | int | float | str):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        try:
            return parse(text)
        except KeepwellError as error:
            raise ValueError(one_line(error)) from None
    raise ValueError("is not an expression; expected text such as: logins_30d >= 15")


def one_line(error: KeepwellError) -> str:
    """What is wrong, what was expected and what to do, in the one line of a validator's words."""
    expected = f"expected {error.expected}" if error.expected else None
    return "; ".join(part for part in (error.what, expected, error.todo) if part)


def category(value: Any) -> str:
    """A category as text. YAML reads yes and true alike; both are 'yes' here."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        raise ValueError("is not a category; expected one word or number")
    return str(value)


_NUMBERS = WithJsonSchema({"type": ["number", "string"], "examples": [70, 0.7, "70%"]})
Number = Annotated[float, BeforeValidator(number), _NUMBERS]
Share = Annotated[float, BeforeValidator(_share), _NUMBERS]
Weight = Annotated[float, BeforeValidator(_weight), _NUMBERS]
Days = Annotated[
    int,
    BeforeValidator(days),
    PlainSerializer(lambda d: f"{d} days", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d+ (day|week|month|year)s?$"}),
]
Key = Annotated[str, BeforeValidator(_key)]
Name = Annotated[str, BeforeValidator(_name)]
Category = Annotated[
    str, BeforeValidator(category), WithJsonSchema({"type": ["string", "boolean", "number"]})
]
Condition = Annotated[
    Expression,
    BeforeValidator(expression),
    PlainSerializer(lambda e: e.text, return_type=str),
    WithJsonSchema(
        {"type": ["string", "number", "boolean"], "description": "an expression over names"}
    ),
]
