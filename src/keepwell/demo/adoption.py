"""Which features an account uses, since when, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from keepwell.demo.offer import FEATURES_OF
from keepwell.demo.stories import Story
from keepwell.demo.world import World, clip

LEVEL = {"core": (0.38, 0.68), "advanced": (0.05, 0.72)}
"""Share of the features in use: a constant, and what health adds to it."""


@dataclass(frozen=True)
class Span:
    """A feature in use from one day of the window to another (not included)."""

    feature: str
    start: int
    stop: int


@dataclass(frozen=True)
class Adopted:
    """What people of an account use, and which links to other systems run."""

    features: tuple[Span, ...]
    integrations: tuple[Span, ...]

    def people_use(self, day: int) -> list[str]:
        """Features in use on that day of the window, the most used first."""
        return [s.feature for s in self.features if s.start <= day < s.stop]

    def links(self, day: int) -> list[str]:
        return [s.feature for s in self.integrations if s.start <= day < s.stop]


def _spans(
    world: World, story: Story, kind: str, keys: tuple[str, ...], chance: Random
) -> list[Span]:
    """Each feature begins when health first allows it, and is dropped when it no longer does.

    Rising health adopts late, by up to half a year; a fall drops features at once.
    """
    base, slope = LEVEL[kind]
    size = len(world.days)
    months = [world.index(day) for day in world.month_starts]
    levels = [clip(base + slope * h, 0, 1) for h in story.satisfaction]
    first = max(0, world.index(story.first_day(world)))
    spans = []
    for rank, key in enumerate(keys):
        needed = (rank + 0.5) / len(keys)
        good = [months[i] for i, level in enumerate(levels) if level >= needed]
        good = [m for m in good if m + 30 > first]
        if not good:
            continue
        late = chance.choice((0, 0, 0, 20, 60, 150, 400)) if kind == "advanced" else 0
        start = max(good[0], first) + chance.randint(0, 21) + late
        stop = good[-1] + 45 if good[-1] < months[-1] else size
        if start < stop:
            spans.append(Span(key, start, min(size, stop)))
    return spans


def adopted_features(world: World, story: Story, chance: Random) -> Adopted:
    """The account's features and integrations over the window, by plan and health."""
    offered = FEATURES_OF[story.plan_on(world.end)]
    features = [
        span
        for kind in ("core", "advanced")
        for span in _spans(world, story, kind, offered[kind], chance)
    ]
    first = max(0, world.index(story.first_day(world)))
    count = min(story.integrations, len(offered["integration"]))
    size = len(world.days)
    links = []
    for number, key in enumerate(chance.sample(offered["integration"], count)):
        start = first + chance.randint(5, 40) * (1 if first else 0) + 25 * number * (first > 0)
        dropped = story.archetype in ("lost", "failing", "declining") and chance.random() < 0.5
        stop = size - chance.randint(40, 160) if dropped else size
        links.append(Span(key, start, stop))
    return Adopted(tuple(features), tuple(links))
