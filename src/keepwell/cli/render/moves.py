"""What moved a score between two days: every part with its cause."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from keepwell.cli.render import format as fmt
from keepwell.cli.render.tiers import Tiers, gain
from keepwell.scoring.change import Change, Part
from keepwell.scoring.explain import Line

MOST = 8
_OTHERS = "others' weight changed"


@dataclass(frozen=True)
class _Told:
    points: float
    what: str
    why: str


def moves(
    change: Change, tiers: Tiers, width: int, currency: str | None = None, full: bool = False
) -> RenderableType:
    """From what to what, and the parts, the largest first."""
    before, after = (fmt.score(x, tiers.limits) for x in (change.before, change.after))
    first = Text.assemble(
        f"  {before} → {after}, ", gain(fmt.signed(change.points), change.points), " points"
    )
    if not change.parts:
        return Text(f"  Nothing did: it was {before} then too.")
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold", max_width=max(20, width // 2))
    table.add_column(overflow="fold")
    for told in shown(change.parts, full, currency):
        table.add_row(
            Text.assemble("  ", gain(fmt.signed(told.points, 2), told.points)), told.what, told.why
        )
    return Group(first, table)


def shown(parts: Iterable[Part], full: bool, currency: str | None = None) -> list[_Told]:
    """The parts as lines. Weights that merely gave way to others are one line; so is the rest."""
    own = [p for p in parts if full or p.cause != _OTHERS]
    gave_way = [p for p in parts if not full and p.cause == _OTHERS]
    most = len(own) if full or len(own) <= MOST + 1 else MOST
    lines = [_Told(p.points, p.label, _why(p, currency)) for p in own[:most]]
    if gave_way:
        total = sum(p.points for p in gave_way)
        many = fmt.count(len(gave_way), "measure")
        lines.append(_Told(total, many, "weigh more or less, because others came or went"))
    if rest := own[most:]:
        total = sum(p.points for p in rest)
        lines.append(_Told(total, fmt.count(len(rest), "smaller part"), "--full shows them"))
    return lines


def _why(part: Part, currency: str | None) -> str:
    before, after = part.before, part.after
    if part.cause == "value" and isinstance(before, Line) and isinstance(after, Line):
        return _of_value(before, after, currency)
    if part.cause == "adjustment":
        return _came_or_went(part, "the adjustment")
    if part.cause == "override":
        return _came_or_went(part, "a person's override")
    return part.cause


def _came_or_went(part: Part, what: str) -> str:
    if part.before is None and part.after is not None:
        return f"{what} applies now"
    if part.after is None and part.before is not None:
        return f"{what} applies no more"
    return what


def _of_value(before: Line, after: Line, currency: str | None) -> str:
    old, new = (fmt.measured(x.value, x.unit, currency) for x in (before, after))
    points = f"{fmt.points(before.points)} → {fmt.points(after.points)} points"
    return points if old == new else f"{old} → {new}, {points}"
