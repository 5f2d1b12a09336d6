"""Tables that fit the width there is: what matters least is left out first, and it is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

Cell = str | Text
Cells = Mapping[str, Cell]
GAP = 2
LUXURY = 6
"""Columns of this rank and above are shown only where no text has to wrap for them."""


@dataclass(frozen=True)
class Column:
    """A column: numbers go right. rank: 0 stays always, the highest goes first where room is
    short. least: text may wrap down to this width; 0 never wraps."""

    key: str
    title: str
    right: bool = False
    rank: int = 0
    least: int = 0


@dataclass(frozen=True)
class Fit:
    """The columns that have room, the width of each, and those that have none."""

    shown: tuple[Column, ...]
    widths: Mapping[str, int]
    dropped: tuple[Column, ...]


def fit(columns: Sequence[Column], rows: Sequence[Cells], width: int) -> Fit:
    """Choose columns and widths for that many characters."""
    natural = {c.key: _natural(c, rows) for c in columns}
    shown = list(columns)

    def least(column: Column) -> int:
        return min(natural[column.key], column.least or natural[column.key])

    def total(widths: Mapping[str, int]) -> int:
        return sum(widths[c.key] for c in shown) + GAP * (len(shown) - 1)

    def too_wide(last: Column) -> bool:
        wraps = last.rank < LUXURY
        return total({c.key: least(c) if wraps else natural[c.key] for c in shown}) > width

    while shown:
        last = max(reversed(shown), key=lambda c: c.rank)
        if last.rank == 0 or not too_wide(last):
            break
        shown.remove(last)
    widths = {c.key: natural[c.key] for c in shown}
    elastic = [c for c in shown if c.least]
    while elastic and total(widths) > width:
        widest = max(elastic, key=lambda c: widths[c.key] - least(c))
        if widths[widest.key] <= least(widest):
            break
        widths[widest.key] -= 1
    return Fit(tuple(shown), widths, tuple(c for c in columns if c not in shown))


def grid(columns: Sequence[Column], rows: Sequence[Cells], width: int) -> RenderableType:
    """A table of what fits, and below it what was left out."""
    chosen = fit(columns, rows, width)
    table = Table(
        box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 0), header_style="bold"
    )
    for column in chosen.shown:
        table.add_column(
            column.title,
            justify="right" if column.right else "left",
            width=chosen.widths[column.key],
            no_wrap=not column.least,
            overflow="fold" if column.least else "ellipsis",
        )
    # The box's own divider is one blank; the second one is part of each cell.
    table.padding = (0, GAP - 1, 0, 0)
    for row in rows:
        table.add_row(*(row.get(c.key, "") for c in chosen.shown))
    if not chosen.dropped:
        return table
    return Group(table, left_out(chosen.dropped))


def left_out(dropped: Sequence[Column]) -> Text:
    """Which columns have no room, and where they are."""
    names = ", ".join(c.title for c in dropped)
    return Text(f"No room for: {names}. --format csv has every column.", "dim")


def _natural(column: Column, rows: Sequence[Cells]) -> int:
    cells = (row.get(column.key, "") for row in rows)
    lengths = [max(map(cell_len, str(c).splitlines()), default=0) for c in cells]
    return max([cell_len(column.title), *lengths])
