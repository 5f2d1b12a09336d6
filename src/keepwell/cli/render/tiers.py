"""Tiers by shape, word and colour: never by colour alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from keepwell.cli.render.format import words
from keepwell.definitions.scorecard import Tier
from keepwell.scoring.plan import NOT_ENOUGH

GLYPHS = {"green": "●", "yellow": "▲", "red": "◆", "blue": "■", "grey": "○"}
STYLES = {"green": "green", "yellow": "yellow", "red": "red", "blue": "blue", "grey": "dim"}
NO_TIER = "◌"
NO_TIER_WORDS = "not enough data"
GAIN, LOSS = "green", "red"


@dataclass(frozen=True)
class Tiers:
    """The tiers of a scorecard, by key."""

    tiers: tuple[Tier, ...]

    @classmethod
    def of(cls, tiers: Sequence[Tier]) -> Tiers:
        return cls(tuple(tiers))

    @property
    def keys(self) -> list[str]:
        """The keys, the best first, then that of no tier."""
        return [*(t.key for t in self.tiers), NOT_ENOUGH]

    @property
    def limits(self) -> list[float]:
        return [t.limit for t in self.tiers]

    def find(self, key: str | None) -> Tier | None:
        return next((t for t in self.tiers if t.key == key), None)

    def label(self, key: str | None) -> str:
        """The tier's name; of a key that is none of them (any more) the key as words."""
        if key is None or key == NOT_ENOUGH:
            return NO_TIER_WORDS
        tier = self.find(key)
        return tier.label if tier else words(key)

    def mark(self, key: str | None) -> Text:
        """Glyph and word, coloured."""
        tier = self.find(key)
        if tier is None:
            return Text(f"{NO_TIER} {self.label(key)}", "dim")
        return Text(f"{GLYPHS[tier.colour]} {tier.label}", STYLES[tier.colour])


def glyph(colour: str | None) -> Text:
    """The shape of a colour by itself, where the word stands beside it."""
    if colour is None:
        return Text(" ")
    return Text(GLYPHS[colour], STYLES[colour])


def gain(text: str, value: float | None) -> Text:
    """A change in the colour of its direction; its sign says the same."""
    if not value:
        return Text(text, "dim")
    return Text(text, GAIN if value > 0 else LOSS)
