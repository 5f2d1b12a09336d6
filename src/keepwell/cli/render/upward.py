"""What would raise a score: the shortest way to the next tier, and what a change would do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from keepwell.cli.render import format as fmt
from keepwell.cli.render.tiers import Tiers, gain
from keepwell.scoring.explain import next_tier
from keepwell.scoring.levers import Lever, WayUp

if TYPE_CHECKING:
    from keepwell.app.explaining import Explained

MOST = 5
_NUDGE = 1e-5
"""Levers step this little beyond a limit that is not included."""


def upward(
    up: WayUp, tiers: Tiers, width: int, currency: str | None = None, full: bool = False
) -> RenderableType:
    """The fewest changes that reach the next tier, then single ones by what they gain."""
    parts: list[RenderableType] = []
    if up.together:
        reached = fmt.score(up.score, tiers.limits)
        what = "One change" if len(up.together) == 1 else f"{len(up.together)} changes together"
        parts += [
            Text(f"  {what} would bring it to {reached}:"),
            levers(up.together, width, currency),
        ]
    else:
        short = fmt.number(up.short_by)
        parts.append(Text(f"  No few changes make up the {short} points that are missing."))
    others = [x for x in up.single if x not in up.together]
    shown = others if full else others[:MOST]
    if shown:
        more = "" if len(shown) == len(others) else f" (the best {len(shown)} of {len(others)})"
        parts += [Text(f"  Each by itself{more}:"), levers(shown, width, currency)]
    return Group(*parts)


def levers(found: Sequence[Lever], width: int, currency: str | None = None) -> RenderableType:
    """From what to what, what it gains alone, and what to do for it."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold", max_width=max(20, width // 3))
    table.add_column(overflow="fold", max_width=max(16, width // 4))
    table.add_column(overflow="fold", style="dim")
    advised: set[str] = set()
    for lever in found:
        value = _known(fmt.measured(lever.value, lever.unit, currency))
        table.add_row(
            Text.assemble("    ", gain(fmt.signed(lever.gain), lever.gain)),
            lever.label,
            f"{value} → {target(lever, currency)}",
            "" if lever.path in advised else lever.advice,
        )
        advised.add(lever.path)
    return table


def _known(value: str) -> str:
    return "unknown" if value == fmt.UNKNOWN else value


def target(lever: Lever, currency: str | None = None) -> str:
    """The value to reach; 'above 70%' where 70% itself is not enough."""
    goal = lever.target
    if isinstance(goal, str):
        return fmt.words(goal)
    limit = round(goal, 5)
    beyond = "" if abs(goal - limit) < _NUDGE / 100 or abs(goal - limit) > _NUDGE else (
        "above " if goal > limit else "below "
    )  # fmt: skip
    return beyond + fmt.measured(limit, lever.unit, currency)


def attempt(found: Explained, tiers: Tiers, currency: str | None = None) -> RenderableType:
    """What other values would make of the score."""
    now, then = found.explanation, found.whatif
    assert then is not None
    units = {x.metric: x for x in now.leaves}
    tried = []
    for key, value in found.whatif_values.items():
        line = units.get(key)
        name = line.label if line else fmt.words(key)
        unit = line.unit if line else ""
        old = _known(fmt.measured(line.value if line else None, unit, currency))
        tried.append(f"{name} {old} → {fmt.measured(value, unit, currency)}")
    text = Text(f"With {fmt.listed(tried)}: ")
    text.append(f"{fmt.score(now.score, tiers.limits)} → {fmt.score(then.score, tiers.limits)}")
    if now.score is not None and then.score is not None:
        text.append(", ")
        text.append(gain(fmt.signed(then.score - now.score), then.score - now.score))
        text.append(" points")
    old_tier, new_tier = (x.tier.key if x.tier else None for x in (now, then))
    still = "still " if old_tier == new_tier else ""
    text.append(Text.assemble(f"; {still}", tiers.mark(new_tier)))
    above = next_tier(then, tiers.tiers)
    if above is not None:
        text.append(f", {fmt.number(above[1])} points short of {above[0].label}")
    return Padding(text, (0, 0, 0, 2))
