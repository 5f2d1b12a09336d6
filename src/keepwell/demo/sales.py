"""Sales: renewals, expansion, first contracts and other opportunities."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from keepwell.demo.contracts import Contract, Term
from keepwell.demo.frames import Row
from keepwell.demo.offer import PRICE_LEVEL
from keepwell.demo.stories import Story
from keepwell.demo.world import World, clip, poisson

OPEN_STAGES = ("discovery", "proposal", "negotiation")
COMPETITORS = ("Tidewise", "Harborline", "own build")
LOST_REASONS = ("price", "no budget", "competitor", "no decision")


class _Pipeline:
    """Makes the opportunities of one account, with consecutive ids."""

    def __init__(self, world: World, made: Contract) -> None:
        self.world, self.made, self.story = world, made, made.story
        self.chance: Random = world.chance("sales", self.story.account_id)
        self.count = 0

    def row(self, kind: str, created: date, close: date, amount: float, won: float,
            term: Term | None = None) -> Row:  # fmt: skip
        """An opportunity that is closed on its close day, if that has come."""
        self.count += 1
        chance, world, story = self.chance, self.world, self.story
        is_closed = close <= world.end
        is_won = chance.random() < won if is_closed else None
        health = story.health(world, min(max(created, world.start), world.end))
        stage = OPEN_STAGES[min(2, (world.end - created).days // 30)]
        if is_closed:
            stage = "closed_won" if is_won else "closed_lost"
        probability = clip(won + chance.gauss(0, 0.06), 0.02, 0.98)
        if is_closed:
            probability = 1.0 if is_won else 0.0
        rival = chance.random() < 0.35 * (1.1 - health) and kind in ("renewal", "expansion")
        lost = is_closed and not is_won
        return {
            "opportunity_id": f"OP-{story.account_id[3:]}-{self.count:03d}",
            "account_id": story.account_id,
            "type": kind,
            "stage": stage,
            "is_closed": is_closed,
            "is_won": is_won,
            "amount": round(amount, 2),
            "currency": story.currency_on(created),
            "probability": round(probability, 2),
            "created_on": created,
            "close_on": close,
            "competitor": chance.choice(COMPETITORS) if rival else None,
            "lost_reason": chance.choice(LOST_REASONS) if lost else None,
            "subscription_id": term.subscription_id if term else None,
        }

    def renewals(self) -> Iterator[Row]:
        """One per term, from 110 days before its end."""
        world, story = self.world, self.story
        for term in self.made.main_terms():
            created = term.end - timedelta(days=self.chance.randint(95, 125))
            if created > world.end or created < world.start - timedelta(days=200):
                continue
            if story.merged_on is not None and not term.renewed:
                continue
            health = story.health(world, min(max(term.end, world.start), world.end))
            won = 1.0 if term.renewed else clip(0.15 + 0.9 * health, 0.1, 0.97)
            close = term.end
            if term.end < world.end and not term.renewed:
                won = 0.0
                if story.leaves_on is None:
                    close, won = world.end + timedelta(days=14), 0.4
            yield self.row("renewal", created, close, term.values[-1].mrr * 12, won, term)

    def expansions(self) -> Iterator[Row]:
        """Chances to sell more; open ones are many at large and happy customers."""
        world, story, chance = self.world, self.story, self.chance
        first, last = story.first_day(world), story.last_day(world)
        months = max(1, (last - first).days // 30)
        health = story.health(world, last)
        past = poisson(chance, months * 0.09 * (0.4 + health))
        for _ in range(past):
            created = first + timedelta(days=chance.randint(0, max(1, (last - first).days)))
            close = created + timedelta(days=chance.randint(20, 100))
            if close <= last:
                yield self.row("expansion", created, close, self._size(), 0.2 + 0.4 * health)
        if last < world.end:
            return
        wanted = 4.4 * max(0.0, health - 0.42) * (1 + story.seats / 32)
        for _ in range(min(18, poisson(chance, wanted))):
            created = max(first, world.end - timedelta(days=chance.randint(3, 120)))
            close = world.end + timedelta(days=chance.randint(10, 120))
            kind = "expansion" if chance.random() < 0.85 else "other"
            yield self.row(kind, created, close, self._size(), clip(0.7 * health, 0.1, 0.8))

    def first_contract(self) -> Iterator[Row]:
        story, world = self.story, self.world
        if world.start <= story.customer_since:
            created = story.customer_since - timedelta(days=self.chance.randint(30, 90))
            amount = self.made.terms[0].values[0].mrr * 12
            yield self.row("new", created, story.customer_since, amount, 1.0)

    def _size(self) -> float:
        level = PRICE_LEVEL[self.story.currency_on(self.world.end)]
        return self.chance.uniform(0.1, 0.5) * max(8, self.story.seats) * 400 * level


def opportunity_rows(world: World, contracts: list[Contract]) -> Iterator[Row]:
    """The canonical table opportunities."""
    for made in contracts:
        pipeline = _Pipeline(world, made)
        yield from pipeline.first_contract()
        yield from pipeline.renewals()
        yield from pipeline.expansions()


def lifecycle_stage(world: World, story: Story, made: Contract) -> str:
    """The stage that the CRM shows at the end of the window."""
    if (world.end - story.customer_since).days < 90:
        return "onboarding"
    if story.health(world, world.end) < 0.5:
        return "at_risk"
    term = made.main_terms()[-1]
    if (term.end - world.end).days <= 90:
        return "renewal"
    return "growth" if story.archetype in ("growing", "thriving") else "mature"
