"""What really happens to an account: its archetype, and how satisfied it is month by month."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from zoneinfo import ZoneInfo

from keepwell.demo.world import World, clip

ARCHETYPES: dict[str, float] = {
    "thriving": 0.25,
    "steady": 0.26,
    "growing": 0.08,
    "newcomer": 0.06,
    "wavering": 0.09,
    "recovered": 0.05,
    "declining": 0.05,
    "lost": 0.07,
    "sudden": 0.04,
    "failing": 0.03,
    "quiet": 0.03,
}
"""Share of the accounts; what remains are power users, who ask a lot and love the product."""

BASE = {
    "thriving": 0.93,
    "steady": 0.8,
    "growing": 0.74,
    "newcomer": 0.82,
    "wavering": 0.57,
    "recovered": 0.84,
    "declining": 0.78,
    "lost": 0.76,
    "sudden": 0.85,
    "failing": 0.3,
    "quiet": 0.86,
    "power": 0.93,
}

CHURN_REASONS = ("value not seen", "budget cut", "competitor", "champion left", "poor support")
SUDDEN_REASONS = ("acquired", "insolvency", "group-wide tool decision")


@dataclass(eq=False)
class Story:
    """One account's hidden life. Days are local; satisfaction is 0 to 1 per month_starts."""

    account_id: str
    name: str
    archetype: str
    industry: str
    region: str
    timezone: str
    currency: str
    seats: int
    plan_id: str
    customer_since: date
    leaves_on: date | None = None
    leave_reason: str | None = None
    parent_id: str | None = None
    owner_user_id: str | None = None
    sites: int = 1
    closures: tuple[tuple[date, date], ...] = ()
    new_owner_on: date | None = None
    champion_left_on: date | None = None
    champion_silent_from: date | None = None
    sponsor_lost_on: date | None = None
    plan_change: tuple[date, str] | None = None
    currency_change: tuple[date, str] | None = None
    renewal_overdue: bool = False
    merged_into: str | None = None
    merged_on: date | None = None
    surveyed: bool = True
    has_api: bool = True
    has_volume: bool = True
    has_community: bool = True
    integrations: int = 2
    satisfaction: list[float] = field(default_factory=list)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def is_large(self) -> bool:
        return self.seats >= 25

    def churned_on(self, world: World) -> date | None:
        """The planned day of leaving, if it has come by the end of the window."""
        return self.leaves_on if self.leaves_on and self.leaves_on <= world.end else None

    def first_day(self, world: World) -> date:
        """The first day of the window on which it is a customer."""
        return max(world.start, self.customer_since)

    def last_day(self, world: World) -> date:
        """The last day of the window on which it is a customer (and not merged away)."""
        ends = [d for d in (self.leaves_on, self.merged_on) if d is not None]
        return min([world.end, *(d - timedelta(days=1) for d in ends)])

    def is_customer(self, day: date) -> bool:
        ends = [d for d in (self.leaves_on, self.merged_on) if d is not None]
        return self.customer_since <= day and all(day < d for d in ends)

    def is_closed(self, day: date) -> bool:
        """True while the business rests for the season."""
        return any(first <= day <= last for first, last in self.closures)

    def plan_on(self, day: date) -> str:
        changed = self.plan_change is not None and day >= self.plan_change[0]
        return self.plan_change[1] if changed and self.plan_change else self.plan_id

    def currency_on(self, day: date) -> str:
        changed = self.currency_change is not None and day >= self.currency_change[0]
        return self.currency_change[1] if changed and self.currency_change else self.currency

    def health(self, world: World, day: date) -> float:
        """Satisfaction on that day, between the middles of the months around it."""
        position = world.month_index(day) + (day.day - 15) / 30
        low = int(clip(position, 0, len(self.satisfaction) - 1))
        high = min(low + 1, len(self.satisfaction) - 1)
        share = clip(position - low, 0, 1)
        return self.satisfaction[low] * (1 - share) + self.satisfaction[high] * share


def archetypes(count: int, chance: Random) -> list[str]:
    """As many archetypes as accounts, each at least once if there is room, in random order."""
    listed: list[str] = []
    for key, share in ARCHETYPES.items():
        listed += [key] * max(1, round(share * count))
    listed = (listed + ["power"] * max(1, round(0.02 * count)))[-count:]
    listed += ["steady"] * (count - len(listed))
    chance.shuffle(listed)
    return listed


def satisfaction_path(story: Story, world: World, chance: Random) -> list[float]:
    """Satisfaction per month of the window: the archetype's course, and some chance."""
    months = world.month_starts
    base = clip(BASE[story.archetype] + chance.gauss(0, 0.035), 0.12, 0.97)
    last = len(months) - 1
    dip_at = last - chance.randint(5, 9)
    slide = chance.randint(4, 7)
    leave_at = world.month_index(story.leaves_on) if story.leaves_on else None
    path, drift = [], 0.0
    for i in range(len(months)):
        drift = 0.6 * drift + chance.gauss(0, 0.025)
        level = base
        if story.archetype == "growing":
            level = base + 0.2 * i / last
        elif story.archetype == "wavering":
            level = base + 0.09 * (1 if (i // 3) % 2 else -1)
        elif story.archetype == "recovered":
            level = base - 0.42 * max(0.0, 1 - abs(i - dip_at) / 3.5)
        elif story.archetype in ("declining", "lost") and leave_at is not None:
            level = base - 0.62 * clip((i - (leave_at - slide)) / slide, 0, 1)
        path.append(clip(level + drift, 0.05, 0.98))
    return _with_shocks(story, world, path)


def _with_shocks(story: Story, world: World, path: list[float]) -> list[float]:
    """The path, lowered for some months after a new owner, a lost champion or a lost sponsor."""
    shocks = (
        (story.new_owner_on, 0.35, 4),
        (story.champion_left_on, 0.16, 4),
        (story.champion_silent_from, 0.12, 5),
        (story.sponsor_lost_on, 0.1, 4),
    )
    for day, depth, lasting in shocks:
        if day is None:
            continue
        at = world.month_index(day)
        for i in range(max(0, at), min(len(path), at + lasting)):
            path[i] = clip(path[i] - depth * (1 - (i - at) / lasting), 0.05, 0.98)
    return path


def ramp(story: Story, day: date) -> float:
    """Share of its later use that an account has reached: new customers and new owners learn."""
    grown = clip(0.3 + 0.7 * (day - story.customer_since).days / 60, 0.3, 1.0)
    if story.new_owner_on is not None and day >= story.new_owner_on:
        grown *= clip(0.35 + 0.65 * (day - story.new_owner_on).days / 120, 0.35, 1.0)
    return grown
