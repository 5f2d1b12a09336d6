"""How a number is judged: stepped bands, or ranges within which points rise evenly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from keepwell.definitions.values import Model, Number, number

_BAND = re.compile(r"^\s*(>=|<=|>|<)?\s*(.+?)\s*$")


@dataclass(frozen=True)
class Band:
    """One band of numbers: `op limit` earns `points`. Bands are tried in order."""

    op: Literal[">=", ">", "<=", "<"]
    limit: float
    points: float


@dataclass(frozen=True)
class Bands:
    """Stepped bands, the first that holds counts; `otherwise` is for all remaining numbers."""

    bands: tuple[Band, ...]
    otherwise: float

    def points(self) -> list[float]:
        return [b.points for b in self.bands] + [self.otherwise]


def _bands(value: Any) -> Bands:
    """Bands from a mapping of limits to points. A bare limit is the least value of its band."""
    if isinstance(value, Bands):
        return value
    if not isinstance(value, dict) or not value:
        raise ValueError("bands are empty; expected for example {70%: 100, 50%: 70, else: 30}")
    if "else" not in value:
        raise ValueError("a band for all other values is missing; add else: 0")
    found: list[Band] = []
    for key, points in value.items():
        if str(key) == "else":
            continue
        match = _BAND.match(str(key))
        op: Any = (match and match[1]) or ">="
        try:
            found.append(Band(op, number(match[2] if match else key), number(points)))
        except ValueError as error:
            raise ValueError(f"band {key!r}: {error}") from None
    rising = {b.op in ("<", "<=") for b in found}
    if len(rising) == 2:
        raise ValueError("bands mix upper limits (<, <=) with lower ones (>, >=); use one kind")
    if not rising:
        raise ValueError("no band but else; expected at least one limit")
    upper = rising.pop()
    # At an equal limit the wider condition would swallow the other one.
    found.sort(key=lambda b: (b.limit, b.op in ("<=", ">")) if upper else (-b.limit, b.op == ">="))
    for one, two in pairwise(found):
        if one.limit == two.limit and one.op == two.op:
            raise ValueError(f"two bands with the limit {one.op} {one.limit:g} overlap")
    return Bands(tuple(found), number(value["else"]))


def _written(bands: Bands) -> dict[str, float]:
    return {f"{b.op}{b.limit!r}": b.points for b in bands.bands} | {"else": bands.otherwise}


BandMapping = Annotated[
    Bands,
    BeforeValidator(_bands),
    PlainSerializer(_written, return_type=dict[str, float]),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {"type": ["number", "string"]},
            "required": ["else"],
            "examples": [{"70%": 100, "50%": 70, "else": 30}],
        }
    ),
]


class Ramp(Model):
    """Points that rise or fall evenly between two values: from included, to not."""

    from_: Number = Field(alias="from")
    to: Number
    points: tuple[Number, Number]


def check_ranges(ranges: list[Ramp]) -> None:
    """Ranges rise and join without overlap or gap. Raises ValueError."""
    if not ranges:
        raise ValueError("ranges are empty")
    for ramp in ranges:
        if not ramp.from_ < ramp.to:
            raise ValueError(f"the range from {ramp.from_:g} to {ramp.to:g} is empty")
    for one, two in pairwise(ranges):
        if one.to != two.from_:
            fault = "overlap" if one.to > two.from_ else "leave a gap"
            low, high = sorted((one.to, two.from_))
            raise ValueError(f"ranges {fault} between {low:g} and {high:g}")
