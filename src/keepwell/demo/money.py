"""Money: invoices and how they are paid, exchange rates."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from keepwell.demo.contracts import Contract, Term, Value
from keepwell.demo.frames import Row
from keepwell.demo.stories import Story
from keepwell.demo.world import World, add_months, clip, pick

CURRENCIES = ("EUR", "GBP", "USD", "IDR")

PER_EURO = {"EUR": 1.0, "GBP": 0.856, "USD": 1.09, "IDR": 17_450.0}
SWING = {"EUR": 0.0, "GBP": 0.0022, "USD": 0.0034, "IDR": 0.0038}

DUE_DAYS = 30
REFUND_GUARANTEE_DAYS = 30


class _Payer:
    """How an account pays: mostly a habit, somewhat worse when it is unhappy."""

    def __init__(self, story: Story, chance: Random) -> None:
        self.chance = chance
        shaky = story.archetype in ("failing", "lost", "declining", "wavering")
        self.habit = pick(
            chance,
            {"prompt": 0.55 if shaky else 0.84, "slow": 0.3 if shaky else 0.13,
             "bad": 0.15 if shaky else 0.03},
        )  # fmt: skip

    def days_late(self, health: float) -> int:
        """Days from the due day to the payment; negative before it."""
        chance = self.chance
        trouble = max(0.0, 0.6 - health)
        late = {"prompt": 0.004, "slow": 0.3, "bad": 0.7}[self.habit] + trouble * 0.8
        if chance.random() >= late:
            return -chance.randint(1, 22)
        scale = {"prompt": 4, "slow": 7, "bad": 22}[self.habit] + 40 * trouble
        return 1 + int(min(150, chance.expovariate(1 / scale)))


def _billing_days(term: Term, value: Value, period: int) -> Iterator[date]:
    """The first days of the billing periods of a term that begin under that value."""
    number, day = 0, term.start
    stop = value.stop or term.end + timedelta(days=1)
    while day <= term.end and day < stop:
        if day >= value.start:
            yield day
        number += 1
        day = add_months(term.start, number * period)


def _invoice(world: World, made: Contract, term: Term, value: Value, day: date, months: int,
             number: int, payer: _Payer) -> Row:  # fmt: skip
    story = made.story
    due = day + timedelta(days=DUE_DAYS)
    health = story.health(world, max(world.start, min(due, world.end)))
    late = payer.days_late(health)
    settled = due + timedelta(days=late)
    amount = round(value.mrr * months, 2)
    paid = settled <= world.end
    left = story.leaves_on
    if not paid or (left is not None and settled > left + timedelta(days=60)):
        paid, settled = False, world.end
    written_off = left is not None and not paid and (world.end - due).days > 90
    disputed = health < 0.55 and payer.chance.random() < 0.06
    return {
        "invoice_id": f"INV-{story.account_id[3:]}-{term.subscription_id[-1]}{number:03d}",
        "account_id": story.account_id,
        "subscription_id": term.subscription_id,
        "issued_on": day,
        "due_on": due,
        "amount": amount,
        "amount_paid": amount if paid else 0,
        "amount_refunded": 0,
        "currency": value.currency,
        "status": "paid" if paid else "uncollectible" if written_off else "open",
        "settled_on": settled if paid else None,
        "failed_attempts": payer.chance.randint(1, 3) if late > 20 else 0,
        "is_disputed": disputed,
    }


def _refund(rows: list[Row], world: World) -> None:
    """Two customers ask their money back: one in the first month, one after a dispute."""
    recent = world.end - timedelta(days=120)
    fresh = [r for r in rows if r["status"] == "paid" and r["issued_on"] > recent]
    argued = [r for r in fresh if r["is_disputed"]] or fresh[-1:]
    for row, share in ((fresh[len(fresh) // 2], 0.25), (argued[0], 1.0)):
        row["amount_refunded"] = round(row["amount"] * share, 2)


def invoice_rows(world: World, contracts: list[Contract]) -> list[Row]:
    """The canonical table invoices, with the year before the window for those who came early."""
    rows: list[Row] = []
    since = world.start - timedelta(days=365)
    for made in contracts:
        payer = _Payer(made.story, world.chance("payer", made.story.account_id))
        for term in made.terms:
            number = 0
            for value in term.values:
                for day in _billing_days(term, value, made.period_months):
                    number += 1
                    if since <= day <= world.end:
                        rows.append(_invoice(world, made, term, value, day, made.period_months,
                                             number, payer))  # fmt: skip
    if rows:
        _refund(rows, world)
    for row in rows[:: max(1, len(rows) // 3)][:2]:
        copy = dict(row, invoice_id=row["invoice_id"] + "-V", status="void", amount_paid=0)
        rows.append(copy | {"settled_on": row["issued_on"] + timedelta(days=2)})
    return rows


def rate_rows(world: World) -> Iterator[Row]:
    """The canonical table fx_rates: every pair on every day, weekends repeat the Friday."""
    chance = world.chance("rates")
    logs = {c: math.log(PER_EURO[c]) for c in CURRENCIES}
    day = world.start - timedelta(days=400)
    while day <= world.end:
        if day.weekday() < 5:
            for c in CURRENCIES:
                home = math.log(PER_EURO[c])
                logs[c] += SWING[c] * chance.gauss(0, 1) - 0.01 * clip(logs[c] - home, -1, 1)
        for source in CURRENCIES:
            for target in CURRENCIES:
                if source != target:
                    rate = math.exp(logs[target] - logs[source])
                    yield {"day": day, "from_ccy": source, "to_ccy": target, "rate": rate}
        day += timedelta(days=1)
