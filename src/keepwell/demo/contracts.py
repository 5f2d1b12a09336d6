"""Contracts: yearly terms with seats, plan and price, and the add-ons beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from keepwell.demo.frames import Row
from keepwell.demo.offer import ADDONS, PRICE_LEVEL, SEAT_PRICE
from keepwell.demo.stories import Story
from keepwell.demo.world import World, add_months

GROWTH = {"growing": 1.32, "thriving": 1.08, "steady": 1.02, "power": 1.1, "quiet": 1.0,
          "recovered": 1.0, "wavering": 0.94, "declining": 0.9, "lost": 0.92,
          "failing": 0.85}  # fmt: skip
"""What seats are multiplied by at a renewal."""

ADDON_SHARE = {"tier_1": 0.06, "tier_2": 0.3, "tier_3": 0.55}
ADDON_LAPSES = 0.12


@dataclass(frozen=True)
class Value:
    """What a term is worth from one day to another (the last day is not included)."""

    start: date
    stop: date | None
    plan_id: str
    seats: int
    mrr: float
    currency: str


@dataclass(frozen=True)
class Term:
    """One contract: a year, or less where the customer left."""

    subscription_id: str
    start: date
    end: date
    values: tuple[Value, ...]
    previous_id: str | None
    cancelled_on: date | None
    renewed: bool
    addon: str | None = None


@dataclass
class Contract:
    """All terms of one account, and how it is billed."""

    story: Story
    period_months: int
    discount: float
    terms: list[Term] = field(default_factory=list)

    def seats_on(self, day: date) -> int:
        """Seats of the plan on that day; 0 outside all terms."""
        value = self.value_on(day)
        return value.seats if value else 0

    def value_on(self, day: date) -> Value | None:
        """The plan's value on that day (add-ons left out)."""
        for term in self.terms:
            if term.addon is None and term.start <= day <= term.end:
                return next(v for v in term.values if v.stop is None or day < v.stop)
        return None

    def steps(self) -> list[tuple[date, int]]:
        """(day, seats) for every day on which the number of seats is set."""
        return [(v.start, v.seats) for t in self.terms if t.addon is None for v in t.values]

    def main_terms(self) -> list[Term]:
        return [t for t in self.terms if t.addon is None]


def price(plan_id: str, seats: int, currency: str, discount: float) -> float:
    """Money per month for a plan with seats."""
    return round(seats * SEAT_PRICE[plan_id] * PRICE_LEVEL[currency] * (1 - discount), 2)


def _anniversaries(story: Story, world: World) -> Iterator[tuple[date, date]]:
    stop = story.leaves_on or story.merged_on
    limit = world.end if stop is None else min(world.end, stop - timedelta(days=1))
    number = 0
    start = story.customer_since
    while start <= limit:
        number += 1
        following = add_months(story.customer_since, 12 * number)
        yield start, following - timedelta(days=1)
        if story.renewal_overdue and following <= world.end < add_months(following, 12):
            return
        start = following


def _values(story: Story, start: date, end: date, seats: int, world: World, discount: float,
            chance: Random) -> tuple[Value, ...]:  # fmt: skip
    """The term's values: a change of plan, or more seats bought midway, begins a new one."""
    marks = [(start, seats)]
    if story.archetype == "growing" or (story.archetype == "thriving" and chance.random() < 0.3):
        midway = (start + timedelta(days=chance.randint(90, 240))).replace(day=1)
        if start < midway < end:
            marks.append((midway, seats + max(1, round(seats * chance.uniform(0.05, 0.15)))))
    changed = story.plan_change[0] if story.plan_change else None
    if changed and start < changed <= end and all(changed != day for day, _ in marks):
        marks = sorted([*marks, (changed, max(s for d, s in marks if d < changed))])
    stops: list[date | None] = [day for day, _ in marks[1:]]
    is_over = end < world.end or story.leaves_on is not None or story.merged_on is not None
    stops.append(end + timedelta(days=1) if is_over else None)
    currency = story.currency_on(start)
    values = []
    for (day, count), stop in zip(marks, stops, strict=True):
        plan = story.plan_on(day)
        mrr = price(plan, count, currency, discount)
        values.append(Value(day, stop, plan, count, mrr, currency))
    return tuple(values)


def _cut(story: Story, world: World, end: date, chance: Random) -> tuple[date, date | None]:
    """Last day of a term, and the day of its cancellation if it is the last one of all."""
    stop = story.leaves_on or story.merged_on
    if stop is None or stop > end + timedelta(days=1):
        return end, None
    if stop == end + timedelta(days=1) and story.leaves_on:
        notice = stop - timedelta(days=chance.randint(14, 50))
        return end, notice if notice <= world.end else None
    return stop - timedelta(days=1), stop if stop <= world.end else None


def _addon_term(story: Story, world: World, chance: Random) -> Term | None:
    if chance.random() >= ADDON_SHARE[story.plan_on(world.end)]:
        return None
    plan = "addon_multi_site" if story.sites > 1 else chance.choice(tuple(ADDONS)[1:])
    first, last = story.first_day(world), story.last_day(world)
    start = first + timedelta(days=chance.randint(10, max(11, (last - first).days // 2)))
    if start >= last:
        return None
    lapses = chance.random() < ADDON_LAPSES and (last - start).days > 120
    end = last - timedelta(days=chance.randint(8, 70)) if lapses else add_months(start, 24)
    is_over = end < world.end
    currency = story.currency_on(start)
    mrr = round(ADDONS[plan] * PRICE_LEVEL[currency], 2)
    stop = end + timedelta(days=1) if is_over else None
    value = Value(start, stop, plan, 0, mrr, currency)
    key = f"SUB-{story.account_id[3:]}-A"
    return Term(key, start, end, (value,), None, None, not is_over, plan)


def contract(world: World, story: Story) -> Contract:
    """The account's contracts from its first day on, also from before the window."""
    chance = world.chance("contract", story.account_id)
    period = chance.choice((3, 12, 12) if story.seats >= 25 else (1, 1, 1, 3, 12))
    made = Contract(story, period, chance.choice((0.0, 0.0, 0.0, 0.05, 0.1, 0.15)))
    spans = list(_anniversaries(story, world))
    growth = GROWTH.get(story.archetype, 1.0)
    previous = None
    for number, (start, full_end) in enumerate(spans):
        end, cancelled = _cut(story, world, full_end, chance)
        factor = growth ** (number - len(spans) + 1) * (chance.uniform(0.97, 1.03) if number else 1)
        seats = max(5, round(story.seats * factor))
        key = f"SUB-{story.account_id[3:]}-{number + 1}"
        values = _values(story, start, end, seats, world, made.discount, chance)
        renewed = number + 1 < len(spans)
        made.terms.append(Term(key, start, end, values, previous, cancelled, renewed))
        previous = key
    addon = _addon_term(story, world, chance)
    if addon is not None:
        made.terms.append(addon)
    return made


def subscription_rows(contracts: list[Contract]) -> Iterator[Row]:
    """The canonical table subscriptions: a row per term and value."""
    for made in contracts:
        for term in made.terms:
            for value in term.values:
                yield {
                    "subscription_id": term.subscription_id,
                    "account_id": made.story.account_id,
                    "plan_id": value.plan_id,
                    "status": "cancelled" if term.cancelled_on else "active",
                    "value_from": value.start,
                    "value_to": value.stop,
                    "start_on": term.start,
                    "end_on": term.end,
                    "renews_on": None if term.cancelled_on else term.end + timedelta(days=1),
                    "cancelled_on": term.cancelled_on,
                    "auto_renew": made.period_months == 1 and term.cancelled_on is None,
                    "seats": value.seats or None,
                    "units": value.seats or None,
                    "unit_name": "seat" if value.seats else None,
                    "mrr": value.mrr,
                    "acv": round(value.mrr * 12, 2),
                    "currency": value.currency,
                    "bill_period_months": made.period_months,
                    "discount": made.discount,
                    "previous_subscription_id": term.previous_id,
                }
