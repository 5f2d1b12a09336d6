"""What befalls single accounts: closures, new owners, lost champions, plan changes, merges."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from random import Random

from keepwell.demo.names import LEGAL, TRADES
from keepwell.demo.offer import TIERS
from keepwell.demo.stories import Story
from keepwell.demo.world import World, add_months

CLOSED_SEASONS = (((11, 3), (1, 9)), ((7, 1), (8, 20)), ((1, 12), (2, 25)), ((10, 20), (12, 12)))
"""First and last day (month, day) of seasons in which a business rests."""

CLOSED_AT_THE_END = 58
"""Length in days of the one closure that has begun a week before the window ends."""


class _Deck:
    """Accounts in random order, of which each is dealt at most once."""

    def __init__(self, stories: list[Story], chance: Random) -> None:
        self.left = list(stories)
        chance.shuffle(self.left)

    def deal(self, count: int, fits: Callable[[Story], bool]) -> list[Story]:
        """Up to that many accounts that fit, taken out of the deck."""
        dealt = [s for s in self.left if fits(s)][:count]
        self.left = [s for s in self.left if s not in dealt]
        return dealt


def happen(world: World, stories: list[Story]) -> None:
    """Writes the events into the stories. Each account has at most one of them."""
    chance = world.chance("events")
    deck = _Deck(stories, chance)
    before = world.start - timedelta(days=30)

    def settled(s: Story) -> bool:
        return s.customer_since < before and s.leaves_on is None

    _merge(world, deck, stories, chance)
    _close_for_the_season(world, deck, settled)
    for story in deck.deal(max(2, round(world.accounts * 0.02)), settled):
        story.new_owner_on = world.end - timedelta(days=chance.randint(25, 300))
    for story in deck.deal(2, settled):
        story.currency_change = _at_renewal(world, story)
    for story in deck.deal(world.some(0.05), settled):
        story.plan_change = _plan_change(world, story, chance)
    for story in deck.deal(1, lambda s: s.archetype == "failing"):
        story.renewal_overdue = True
        story.customer_since = add_months(world.end - timedelta(days=12), -24)
    _lose_people(world, deck, chance)
    _form_groups(world, stories, chance)


def _merge(world: World, deck: _Deck, stories: list[Story], chance: Random) -> None:
    losers = deck.deal(2, lambda s: s.archetype == "steady" and s.seats < 30)
    for number, loser in enumerate(losers):
        wanted = [
            s
            for s in stories
            if s.archetype in ("thriving", "steady") and s not in losers and s.seats < 90
        ]
        winner = max(wanted, key=lambda s: (s.region == loser.region, chance.random()))
        loser.merged_into = winner.account_id
        loser.merged_on = world.end - timedelta(days=45 + 80 * number + chance.randint(0, 40))
        loser.name = f"{winner.name} {LEGAL[loser.region]}"
        loser.industry, loser.seats = winner.industry, 5 + number
        loser.customer_since = min(loser.customer_since, loser.merged_on - timedelta(days=200))


def _close_for_the_season(world: World, deck: _Deck, settled: Callable[[Story], bool]) -> None:
    resting = deck.deal(
        max(2, round(world.accounts * 0.025)),
        lambda s: settled(s) and s.archetype in ("thriving", "steady") and s.seats < 60,
    )
    for number, story in enumerate(resting):
        story.industry = "hospitality" if number % 3 else "education"
        story.name = f"{story.name.split()[0]} {TRADES[story.industry][number % 4]}"
        story.closures = _occurrences(world, number)


def _occurrences(world: World, number: int) -> tuple[tuple[date, date], ...]:
    years = range(world.start.year - 1, world.end.year + 1)
    if number == 0:
        first = world.end - timedelta(days=7)
        starts = [add_months(first, 12 * (year - world.end.year)) for year in years]
        return tuple((s, s + timedelta(days=CLOSED_AT_THE_END)) for s in starts)
    (from_month, from_day), (to_month, to_day) = CLOSED_SEASONS[(number - 1) % len(CLOSED_SEASONS)]
    over_new_year = to_month < from_month
    return tuple(
        (date(y, from_month, from_day), date(y + over_new_year, to_month, to_day)) for y in years
    )


def _at_renewal(world: World, story: Story) -> tuple[date, str]:
    """The first yearly renewal inside the window, from which another currency is invoiced."""
    day = story.customer_since
    while day <= world.start + timedelta(days=30):
        day = add_months(day, 12)
    return day, "USD" if story.currency != "USD" else "EUR"


def _plan_change(world: World, story: Story, chance: Random) -> tuple[date, str]:
    """A day in mid-contract on which the plan changes, mostly to a larger one."""
    rank = TIERS.index(story.plan_id)
    up = rank < 2 and (rank == 0 or chance.random() < 0.8)
    day = world.end - timedelta(days=chance.randint(30, (world.end - world.start).days - 60))
    return day.replace(day=1), TIERS[rank + 1 if up else rank - 1]


def _lose_people(world: World, deck: _Deck, chance: Random) -> None:
    def known(s: Story) -> bool:
        return s.customer_since < world.end - timedelta(days=200) and s.merged_on is None

    def within(story: Story, days: int) -> date:
        last = story.last_day(world)
        room = max(8, min(days, (last - story.first_day(world)).days - 40))
        return last - timedelta(days=chance.randint(7, room))

    for story in deck.deal(world.some(0.05), known):
        story.champion_left_on = within(story, 260)
    for story in deck.deal(world.some(0.035), lambda s: known(s) and s.leaves_on is None):
        story.champion_silent_from = within(story, 150)
    for story in deck.deal(world.some(0.04), known):
        story.sponsor_lost_on = within(story, 260)


def _form_groups(world: World, stories: list[Story], chance: Random) -> None:
    """Some larger accounts become parents of two or three smaller ones of their trade."""
    free = [
        s
        for s in stories
        if s.merged_into is None and s.leaves_on is None and not s.closures and s.seats < 60
    ]
    merged = {s.merged_into for s in stories}
    parents = [s for s in stories if s.seats >= 20 and s.leaves_on is None and not s.merged_into]
    for parent in chance.sample(parents, min(len(parents), world.some(0.03))):
        if parent.parent_id:
            continue
        children = [
            s
            for s in free
            if s is not parent and s.parent_id is None and s.account_id not in merged
            and not any(other.parent_id == s.account_id for other in stories)
        ]  # fmt: skip
        for child in chance.sample(children, min(len(children), chance.randint(2, 3))):
            child.parent_id = parent.account_id
            child.industry = parent.industry
            child.name = f"{parent.name} {child.region}"


def name_apart(stories: list[Story]) -> None:
    """Gives accounts that came to bear the same name their region beside it."""
    taken: set[str] = set()
    for story in stories:
        while story.name in taken:
            story.name += f" {story.region}"
        taken.add(story.name)
