"""Accounts alike: whom an account is compared with, and where it stands among them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from keepwell.definitions.segment import Peers

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Standing:
    """Where a number stands among its peers.

    percentile: the share of peers (0-1) that it is above, half of the equal ones included.
    gap: the number less the median of the peers.
    """

    value: float
    percentile: float
    median: float
    gap: float
    peers: int


@dataclass(frozen=True)
class Group:
    """An account's peers: the attributes in which they are alike, and who they are."""

    by: tuple[tuple[str, Any], ...]
    members: tuple[Row, ...]

    def standing(self, own: Row, column: str) -> Standing | None:
        """Where the account stands in that column; None where it has no value or no peers."""
        value = own.get(column)
        others = sorted(float(m[column]) for m in self.members if m.get(column) is not None)
        if value is None or not others:
            return None
        below = bisect_left(others, value)
        equal = bisect_right(others, value) - below
        middle = median(others)
        share = (below + equal / 2) / len(others)
        return Standing(float(value), share, middle, float(value) - middle, len(others))


def group_of(own: Row, rows: Sequence[Row], peers: Peers) -> Group:
    """The peers of one account among all accounts of its day, itself not counted.

    rows: one per account, with `account_id` and a column for each of `peers.by`. Attributes are
    dropped from the last on until enough accounts are alike; unknown is alike to nothing.
    """
    by = [k for k in peers.by if own.get(k) is not None]
    others = [r for r in rows if r["account_id"] != own["account_id"]]
    while True:
        alike = [r for r in others if all(r.get(k) == own[k] for k in by)]
        if len(alike) >= peers.at_least or not by:
            return Group(tuple((k, own[k]) for k in by), tuple(alike))
        by = by[:-1]
