"""Segments: whom it is about. Rules over attributes, metrics and the primary score."""

from __future__ import annotations

from pydantic import Field

from keepwell.definitions.scorecard import Action
from keepwell.definitions.values import Condition, Key, Model


class Segment(Model):
    """A group of accounts that satisfy a condition."""

    label: str
    when: Condition | None = Field(None, description="empty: all that no segment before it took")
    description: str = ""
    actions: list[Action] = []


class Segmentation(Model):
    """An ordered list of segments; an account belongs to the first whose condition is true.

    A condition that is unknown does not take the account.
    """

    segmentation: Key
    label: str
    description: str = ""
    segments: dict[Key, Segment]


class Peers(Model):
    """Whom an account is compared with: accounts alike in all of `by`.

    Where fewer than `at_least` are alike, the last of `by` is dropped, and so on.
    """

    by: list[Key] = []
    at_least: int = Field(8, ge=2)
