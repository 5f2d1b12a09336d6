"""The canonical tables of the accounts themselves: accounts, account_periods, merges."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from keepwell.demo.contracts import Contract
from keepwell.demo.frames import Row
from keepwell.demo.names import domain_of
from keepwell.demo.sales import lifecycle_stage
from keepwell.demo.stories import Story
from keepwell.demo.team import LEAD, LEFT, LEFT_MONTHS_BEFORE_END
from keepwell.demo.world import World, add_months

ONBOARDING_DAYS = 60
EXPECTED_BY_RANK = (0.5, 0.6, 0.7)


def _segment(seats: int) -> str:
    return "enterprise" if seats >= 90 else "mid_market" if seats >= 20 else "small_business"


def account_rows(world: World, contracts: list[Contract]) -> Iterator[Row]:
    """The canonical table accounts, as the CRM has it at the end of the window."""
    parents: dict[str, int] = {}
    for made in contracts:
        if made.story.parent_id:
            parents.setdefault(made.story.parent_id, len(parents))
    for made in contracts:
        story = made.story
        chance = world.chance("account details", story.account_id)
        churned_on = story.churned_on(world)
        rank = int(story.plan_on(world.end)[-1])
        expected = EXPECTED_BY_RANK[rank - 1] + chance.choice((-0.1, 0.05, 0.1))
        together = parents.get(story.account_id, 1) % 2 == 0
        yield {
            "account_id": story.account_id,
            "parent_account_id": story.parent_id,
            "name": story.name,
            "domain": domain_of(story.name),
            "status": "churned" if churned_on else "active",
            "lifecycle_stage": None if churned_on else lifecycle_stage(world, story, made),
            "segment": _segment(story.seats),
            "industry": story.industry,
            "region": story.region,
            "employees": round(story.seats * chance.uniform(2.5, 14)),
            "sites_count": story.sites,
            "timezone": story.timezone,
            "currency": story.currency_on(world.end),
            "owner_user_id": story.owner_user_id,
            "customer_since": story.customer_since,
            "churned_on": churned_on,
            "churn_reason": story.leave_reason if churned_on else None,
            "expected_active_ratio": expected if chance.random() < 0.2 else None,
            "rollup_mode": "with_children" if together else "own",
        }
    yield from _not_yet_customers(world)


def _not_yet_customers(world: World) -> Iterator[Row]:
    """What stands in a CRM too: a prospect and a trial."""
    for number, status in enumerate(("prospect", "trial")):
        name = f"Lantern {('Freight', 'Clinics')[number]}"
        yield {
            "account_id": f"QS-{9001 + number}",
            "name": name,
            "domain": domain_of(name),
            "status": status,
            "segment": "small_business",
            "industry": ("logistics", "healthcare")[number],
            "region": "UK",
            "employees": 40,
            "sites_count": 1,
            "timezone": "Europe/London",
            "currency": "GBP",
            "customer_since": None if number == 0 else world.end - timedelta(days=9),
            "rollup_mode": "own",
        }


def _periods(world: World, story: Story) -> Iterator[tuple[str, Row]]:
    start = story.customer_since
    if start >= world.start - timedelta(days=ONBOARDING_DAYS):
        yield "onboarding", {"start_on": start, "end_on": start + timedelta(days=ONBOARDING_DAYS)}
    if story.closures:
        first, last = story.closures[0]
        yield "seasonal_closure", {
            "start_on": first, "end_on": last, "recurs_yearly": True,
            "note": f"closes every year from {first:%d %b} to {last:%d %b}",
        }  # fmt: skip
    if story.new_owner_on:
        yield (
            "ownership_change",
            {
                "start_on": story.new_owner_on,
                "end_on": story.new_owner_on + timedelta(days=ONBOARDING_DAYS),
                "note": "sold to a new owner; onboarding starts again",
            },
        )
    handed_over = add_months(world.end, -LEFT_MONTHS_BEFORE_END)
    inherited = story.owner_user_id == LEFT[1] and int(story.account_id[3:]) % 2 == 0
    if inherited and story.is_customer(handed_over):
        yield "success_manager_change", {"start_on": handed_over, "end_on": handed_over}


def period_rows(world: World, stories: list[Story]) -> Iterator[Row]:
    """The canonical table account_periods. A closure is one row that recurs yearly."""
    for story in stories:
        for number, (kind, more) in enumerate(_periods(world, story)):
            yield {
                "period_id": f"PD-{story.account_id[3:]}-{number + 1}",
                "account_id": story.account_id,
                "kind": kind,
                "recurs_yearly": False,
                "author_id": story.owner_user_id or LEAD,
                **more,
            }


def merge_rows(stories: list[Story]) -> Iterator[Row]:
    """The canonical table merges: accounts that turned out to be part of another."""
    for story in stories:
        if story.merged_into and story.merged_on:
            yield {
                "merge_id": f"MG-{story.account_id[3:]}",
                "entity_type": "account",
                "loser_id": story.account_id,
                "winner_id": story.merged_into,
                "merged_at": datetime.combine(story.merged_on, time(9), tzinfo=UTC),
                "by_id": LEAD,
            }
