"""The portfolio under changed definitions beside the active ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from keepwell.cli.render import format as fmt
from keepwell.cli.render.tables import Cell, Column, grid
from keepwell.cli.render.tiers import Tiers, gain

if TYPE_CHECKING:
    from keepwell.app.simulating import Simulation

_TIERS = (
    Column("tier", "tier"),
    Column("before", "now", right=True),
    Column("after", "then", right=True),
    Column("change", "change", right=True),
)
_MOVES = (
    Column("account", "account", rank=2),
    Column("name", "name", least=14),
    Column("before", "now", right=True),
    Column("after", "then", right=True),
    Column("change", "change", right=True, rank=1),
    Column("tiers", "tier", least=20),
    Column("why", "mostly because of", least=20),
)


def simulation(found: Simulation, tiers: Tiers, width: int, limit: int) -> RenderableType:
    """Who would be in which tier, and the accounts that change, tier changes first."""
    return Group(*_parts(found, tiers, width, limit))


def _parts(found: Simulation, tiers: Tiers, width: int, limit: int) -> Iterator[RenderableType]:
    yield Text(f"{found.scorecard} on {fmt.day(found.day)}, nothing was stored", "bold")
    yield grid(_TIERS, list(_distribution(found, tiers)), width)
    yield Text("")
    moves = found.moves.rows()
    crossing = found.tier_changes
    if not moves:
        yield Text("No account's score would change.")
        return
    yield Text(
        f"{fmt.count(len(moves), 'score')} would change, {len(crossing):,} of them to another tier",
        "bold underline",
    )
    order = [*crossing, *(m for m in moves if m["tier_before"] == m["tier_after"])]
    shown = order[:limit] if limit else order
    yield grid(_MOVES, [_move(m, tiers) for m in shown], width)
    if len(shown) < len(order):
        yield Text(f"{len(shown):,} of {len(order):,}. --limit 0 shows all.", "dim")


def _distribution(found: Simulation, tiers: Tiers) -> Iterator[dict[str, Cell]]:
    keys = dict.fromkeys([*tiers.keys, *found.before, *found.after])
    for key in keys:
        before, after = found.before.get(key, 0), found.after.get(key, 0)
        if not before and not after and tiers.find(key) is None:
            continue
        yield {
            "tier": tiers.mark(key),
            "before": f"{before:,}",
            "after": f"{after:,}",
            "change": fmt.signed(after - before, 0),
        }
    old, new = found.average_before, found.average_after
    moved = new - old if old is not None and new is not None else None
    yield {
        "tier": "average score",
        "before": fmt.score(old),
        "after": fmt.score(new),
        "change": gain(fmt.signed(moved), moved),
    }


def _move(row: dict[str, object], tiers: Tiers) -> dict[str, Cell]:
    before, after, moved = (_number(row[k]) for k in ("before", "after", "change"))
    old, new = (str(row[k]) for k in ("tier_before", "tier_after"))
    mark = tiers.mark(new)
    if old != new:
        mark = Text.assemble(tiers.label(old), " → ", mark)
    return {
        "account": str(row["account"]),
        "name": str(row["name"] or fmt.UNKNOWN),
        "before": fmt.score(before, tiers.limits),
        "after": fmt.score(after, tiers.limits),
        "change": gain(fmt.signed(moved), moved),
        "tiers": mark,
        "why": str(row["why"] or fmt.UNKNOWN),
    }


def _number(value: object) -> float | None:
    return value if isinstance(value, float) else None
