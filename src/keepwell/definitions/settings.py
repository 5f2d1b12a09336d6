"""keepwell.yaml: a project's name, places, time zone, currency, and what it uses."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

from keepwell.definitions.segment import Peers
from keepwell.definitions.values import Days, Key, Model, Name, one_line
from keepwell.kit import clock
from keepwell.kit.errors import KeepwellError

_CURRENCY = re.compile(r"^[A-Z]{3}$")


def _zone(value: object) -> str:
    try:
        clock.zone(str(value))
    except KeepwellError as error:
        raise ValueError(one_line(error)) from None
    return str(value)


def _currency(value: object) -> str:
    if not _CURRENCY.match(str(value)):
        raise ValueError(f"{value!r} is not a currency; expected three letters such as EUR")
    return str(value)


class Places(Model):
    """Where things are kept, relative to the project folder."""

    facts: str = "data/facts"
    history: str = "data/history"
    workspace: str = "data/workspace.sqlite"


class SourceSettings(Model):
    """What is known of a source beyond its mapping."""

    retired: bool = Field(False, description="it has ended and nothing waits for it")


class Settings(Model):
    """The fields of keepwell.yaml."""

    name: str
    timezone: Annotated[str, BeforeValidator(_zone)] = "UTC"
    currency: Annotated[str, BeforeValidator(_currency)] = Field("EUR", pattern=_CURRENCY.pattern)
    scorecards: list[Name] = Field(min_length=1, description="in order; the first is the primary")
    segmentations: list[Key] | None = Field(None, description="empty: all that are defined")
    places: Places = Places()
    sources: dict[str, SourceSettings] = {}
    fresh_for: dict[str, Days] = Field(
        {}, description="how old the last covered day of a table or family may be"
    )
    peers: Peers = Peers()
