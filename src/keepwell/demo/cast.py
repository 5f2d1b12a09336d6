"""Who the customers are: size, place, plan, and when they come and go."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from statistics import NormalDist

from keepwell.demo import events
from keepwell.demo.names import TRADES, company_names
from keepwell.demo.stories import (
    CHURN_REASONS,
    SUDDEN_REASONS,
    Story,
    archetypes,
    satisfaction_path,
)
from keepwell.demo.team import owner_for
from keepwell.demo.world import World, add_months, clip, pick

ZONES: dict[str, tuple[tuple[str, str], ...]] = {
    "UK": (("Europe/London", "GBP"),),
    "DACH": (("Europe/Berlin", "EUR"), ("Europe/Vienna", "EUR"), ("Europe/Zurich", "EUR")),
    "Nordics": (("Europe/Stockholm", "EUR"), ("Europe/Helsinki", "EUR")),
    "US": (("America/New_York", "USD"), ("America/Chicago", "USD"),
           ("America/Los_Angeles", "USD")),
    "APAC": (("Asia/Jakarta", "IDR"), ("Asia/Singapore", "USD"), ("Australia/Sydney", "USD")),
}  # fmt: skip

REGION_SHARE = {"UK": 0.28, "DACH": 0.24, "Nordics": 0.14, "US": 0.24, "APAC": 0.1}

LARGEST = (900, 420, 260, 180, 150, 120)
"""Seats of the few large customers. They came late: the company moved upmarket."""

LARGE_ARCHETYPES = ("thriving", "steady", "growing", "wavering")


def _usual_seats(count: int) -> list[int]:
    """Log-normal sizes by rank, so that every size of company has small and middling customers."""
    sizes = NormalDist(2.15, 0.72)
    return [
        int(clip(round(2.718281828 ** sizes.inv_cdf((i + 0.5) / count)), 5, 90))
        for i in range(count)
    ]


def _seats(kinds: list[str], chance: Random) -> list[int]:
    seats = _usual_seats(len(kinds))
    chance.shuffle(seats)
    large = LARGEST[: max(1, len(kinds) // 33)]
    hosts = [i for i, kind in enumerate(kinds) if kind in LARGE_ARCHETYPES]
    for size, host in zip(large, chance.sample(hosts, min(len(large), len(hosts))), strict=False):
        seats[host] = size
    return seats


def _dates(world: World, kind: str, seats: int, chance: Random) -> tuple[date, date | None]:
    """First day as a customer, and the planned day of leaving."""
    leaves = None
    length = (world.end - world.start).days
    if kind == "lost" or (kind == "sudden" and chance.random() < 0.6):
        leaves = world.start + timedelta(days=chance.randint(length * 2 // 5, length - 8))
    elif kind == "declining":
        leaves = world.end + timedelta(days=chance.randint(5, 80))
    elif kind == "sudden":
        leaves = world.end + timedelta(days=chance.randint(20, 100))
    if leaves is not None:
        since = add_months(leaves, -12 * chance.randint(1, 4))
        if kind == "sudden" and chance.random() < 0.5:
            since -= timedelta(days=chance.randint(30, 300))
        return since, leaves
    if kind == "newcomer":
        return world.end - timedelta(days=chance.randint(12, 85)), None
    if seats > 90:
        return world.end - timedelta(days=min(length, chance.randint(130, 240))), None
    if chance.random() < 0.52:
        return world.start - timedelta(days=chance.randint(20, 1700)), None
    return world.start + timedelta(days=chance.randint(0, max(1, length - 110))), None


def _plan(seats: int, chance: Random) -> str:
    if seats <= 7:
        weights = {"tier_1": 0.75, "tier_2": 0.23, "tier_3": 0.02}
    elif seats <= 20:
        weights = {"tier_1": 0.25, "tier_2": 0.6, "tier_3": 0.15}
    else:
        weights = {"tier_1": 0.02, "tier_2": 0.4, "tier_3": 0.58}
    return pick(chance, weights)


def _sites(industry: str, seats: int, chance: Random) -> int:
    if industry in ("retail", "hospitality", "healthcare", "education"):
        return max(1, round(seats * chance.uniform(0.12, 0.5)))
    return 1 + (chance.random() < 0.25) + seats // 90


def _story(
    world: World, number: int, kind: str, seats: int, industry: str, name: str, chance: Random
) -> Story:
    region = pick(chance, REGION_SHARE)
    timezone, currency = chance.choice(ZONES[region])
    since, leaves = _dates(world, kind, seats, chance)
    reason = None
    if leaves is not None:
        reason = chance.choice(SUDDEN_REASONS if kind == "sudden" else CHURN_REASONS)
    plan = _plan(seats, chance)
    rank = int(plan[-1])
    return Story(
        account_id=f"QS-{1001 + number}",
        name=name,
        archetype=kind,
        industry=industry,
        region=region,
        timezone=timezone,
        currency=currency,
        seats=seats,
        plan_id=plan,
        customer_since=since,
        leaves_on=leaves,
        leave_reason=reason,
        sites=_sites(industry, seats, chance),
        surveyed=chance.random() < (0.74, 0.92, 1.0)[rank - 1],
        has_api=chance.random() < (0.3, 0.68, 0.95)[rank - 1],
        has_volume=chance.random() < (0.35, 0.75, 0.95)[rank - 1],
        has_community=chance.random() < 0.75,
        integrations=min(rank + 2, chance.choice((0, 1, 2, 3, 3, 4, 5))),
        owner_user_id=owner_for(region, rank, seats, chance),
    )


def cast(world: World) -> list[Story]:
    """All accounts with everything that will happen to them, in the order of their ids."""
    chance = world.chance("cast")
    kinds = archetypes(world.accounts, chance)
    seats = _seats(kinds, chance)
    industries = [chance.choice(tuple(TRADES)) for _ in kinds]
    names = company_names(world.accounts, industries, chance)
    stories = [
        _story(world, i, kinds[i], seats[i], industries[i], names[i],
               world.chance("account", f"{i}"))
        for i in range(world.accounts)
    ]  # fmt: skip
    events.happen(world, stories)
    events.name_apart(stories)
    for story in stories:
        path_chance = world.chance("satisfaction", story.account_id)
        story.satisfaction = satisfaction_path(story, world, path_chance)
    return stories
