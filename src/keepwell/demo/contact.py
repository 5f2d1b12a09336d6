"""Conversations: mails and their answers, calls, check-ins, reviews, meetings with executives."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from keepwell.demo.contracts import Contract
from keepwell.demo.frames import Row
from keepwell.demo.people import Person, Roster
from keepwell.demo.team import LEAD, LEFT, LEFT_MONTHS_BEFORE_END, SALES
from keepwell.demo.world import World, add_months, clip, pick, poisson, workday, working_instant

OUTCOMES = {
    "good": ("next step agreed", "new use case found", "plan confirmed"),
    "poor": ("issue: wrong totals; solution: fix promised; commitment: retest by Friday",
             "issue: little use; solution: training offered; commitment: none",
             "concern about the price"),
}  # fmt: skip

RENEWAL_WINDOW_DAYS = 90


@dataclass
class Log:
    """What one account and we said to each other, as rows of two canonical tables."""

    touchpoints: list[Row] = field(default_factory=list)
    people: list[Row] = field(default_factory=list)


class _Talk:
    """Writes the conversations of one account."""

    def __init__(self, world: World, made: Contract, roster: Roster) -> None:
        self.world, self.made, self.roster, self.story = world, made, roster, made.story
        self.chance: Random = world.chance("contact", self.story.account_id)
        self.log = Log()
        self.threads = 0
        self.now = datetime.combine(world.end, time(22), tzinfo=UTC)
        self.handover = add_months(world.end, -LEFT_MONTHS_BEFORE_END)

    def owner(self, day: date) -> str | None:
        """Who looked after the account on that day; before a handover it was somebody else."""
        owner = self.story.owner_user_id
        early = day < self.handover and int(self.story.account_id[3:]) % 2 == 0
        return LEFT[0] if owner == LEFT[1] and early else owner

    def touch(self, kind: str, at: datetime, **more: object) -> str:
        """Adds a touchpoint and returns its id."""
        key = f"TP-{self.story.account_id[3:]}-{len(self.log.touchpoints) + 1:04d}"
        row: Row = {
            "touchpoint_id": key,
            "account_id": self.story.account_id,
            "kind": kind,
            "occurred_at": at,
            "owner_user_id": self.owner(at.date()),
            **more,
        }
        self.log.touchpoints.append(row)
        return key

    def meet(self, key: str, people: list[Person], attending: float, held: bool) -> None:
        """Who was invited to a meeting, and who came. The first one asked is sure to come."""
        for number, person in enumerate(people):
            there = held and (number == 0 or self.chance.random() < attending)
            self.log.people.append(
                {
                    "touchpoint_id": key,
                    "person_id": person.person_id,
                    "part": "invited",
                    "rsvp": "accepted" if there else self.chance.choice(("tentative", "declined")),
                    "attended": there,
                }
            )

    def willing(self, day: date) -> float:
        """Probability that a mail of that day is answered."""
        if self.story.archetype == "quiet":
            return 0.04
        return clip(1.12 * self.story.health(self.world, day) - 0.02, 0.08, 0.96)

    def mail(self, day: date, purpose: str, subject: str, run: str | None = None) -> bool:
        """A mail of ours and, if they answer in time, their reply. True if it was answered."""
        chance, world = self.chance, self.world
        self.threads += 1
        thread = f"TH-{self.story.account_id[3:]}-{self.threads:04d}"
        sent = working_instant(chance, day, self.story.zone)
        person = self._addressee(day)
        key = self.touch("email", sent, direction="out", status="sent", purpose=purpose,
                         thread_key=thread, subject=subject, playbook_run_id=run)  # fmt: skip
        self._address(key, person, "recipient")
        if chance.random() >= self.willing(day):
            return False
        health = self.story.health(world, day)
        median = 7 + 75 * max(0.0, 0.88 - health)
        hours = chance.lognormvariate(math.log(median), 0.7)
        replied = sent + timedelta(minutes=round(60 * hours))
        if replied > self.now:
            return False
        re = f"Re: {subject}"
        reply = self.touch("email", replied, direction="in", status="received", purpose=purpose,
                           in_reply_to=key, thread_key=thread, subject=re)  # fmt: skip
        self._address(reply, person, "sender")
        return True

    def _addressee(self, day: date) -> Person | None:
        return self.roster.holder("champion", day) or next(iter(self.roster.contacts(day)), None)

    def _address(self, key: str, person: Person | None, part: str) -> None:
        if person is not None:
            self.log.people.append(
                {"touchpoint_id": key, "person_id": person.person_id, "part": part}
            )

    def meeting(self, kind: str, day: date, purpose: str, minutes: float, people: list[Person],
                happens: float) -> None:  # fmt: skip
        """A call or meeting: held, cancelled, missed by the customer, or still to come."""
        chance = self.chance
        at = working_instant(chance, day, self.story.zone)
        planned = at > self.now
        held = not planned and chance.random() < happens
        missed = "no_show" if chance.random() < 0.55 else "cancelled"
        status = "planned" if planned else "held" if held else missed
        health = self.story.health(self.world, day)
        outcome = chance.choice(OUTCOMES["good" if health > 0.66 else "poor"]) if held else None
        follow_up = day + timedelta(days=chance.choice((2, 7, 14)))
        direction = "both" if kind != "call" else "out" if chance.random() < 0.85 else "in"
        key = self.touch(
            kind, at, direction=direction, status=status, purpose=purpose,
            duration_min=round(minutes * chance.uniform(0.6, 1.4)) if held else None,
            subject=kind.replace("_", " "), outcome=outcome,
            follow_up_on=follow_up if held and chance.random() < 0.7 else None,
        )  # fmt: skip
        self.meet(key, people, clip(0.25 + 0.7 * health, 0, 1), held)

    def month(self, first: date, days: int) -> None:
        """The ordinary conversations of one month, more of them on larger plans."""
        middle = first + timedelta(days=days // 2)
        story, chance = self.story, self.chance
        health = story.health(self.world, middle)
        rank = int(story.plan_on(middle)[-1])
        pace = (0.9, 1.15, 1.35)[rank - 1]

        def some_day() -> date:
            return workday(first + timedelta(days=chance.randrange(days)))

        self._mails(some_day, health, pace)
        if story.archetype == "quiet":
            return
        contacts = self.roster.contacts(middle)
        if not contacts:
            return
        for _ in range(poisson(chance, 1.0 * pace)):
            self._on(some_day(), "call", "transactional", 22, contacts[:1], 0.55 + 0.4 * health)
        if chance.random() < 0.5 + 0.12 * rank:
            purpose = pick(chance, {"strategic": health, "transactional": 1.15 - health})
            self._on(some_day(), "check_in", purpose, 30, contacts[:2], 0.35 + 0.6 * health)
        if rank > 1 and (first.month + int(story.account_id[3:])) % 3 == 0:
            self._on(some_day(), "qbr", "strategic", 60, contacts[:5], 0.15 + 0.84 * health)
        executives = self.roster.executives(middle)
        if executives and chance.random() < (0.06, 0.42, 0.55)[rank - 1] * health**1.5 + 0.05:
            self._on(some_day(), "meeting", "strategic", 45, executives[:2] + contacts[:1], 0.95)

    def _on(self, day: date, kind: str, purpose: str, minutes: float, people: list[Person],
            happens: float) -> None:  # fmt: skip
        if self._open(day):
            there = list(dict.fromkeys(p for p in people if p.present(day)))
            if there:
                self.meeting(kind, day, purpose, minutes, there, happens)

    def _open(self, day: date) -> bool:
        """One talks to customers only, not while they are closed, and not before the window."""
        story, last = self.story, self.world.end + timedelta(days=21)
        return (
            self.world.start <= day <= last and story.is_customer(day) and not story.is_closed(day)
        )

    def _mails(self, some_day: Callable[[], date], health: float, pace: float) -> None:
        chance, story = self.chance, self.story
        for _ in range(poisson(chance, 1.3 * pace)):
            day = some_day()
            if not self._open(day) or day > self.world.end:
                continue
            purpose = pick(chance, {"transactional": 0.6, "strategic": 0.4 * health})
            run = None
            if health < 0.5:
                run = f"run-at_risk-{story.account_id}-{day:%Y%m}"
            answered = self.mail(day, purpose, "How is it going?", run)
            if not answered and health < 0.7:
                later = workday(day + timedelta(days=3))
                if self._open(later) and later <= self.world.end:
                    self.mail(later, purpose, "Following up", run)
        if story.archetype == "quiet":
            return
        for _ in range(poisson(chance, 0.15 + 0.95 * health)):
            day = some_day()
            if self._open(day) and day <= self.world.end:
                key = self.touch("email", working_instant(chance, day, story.zone), direction="in",
                                 status="received", purpose="transactional",
                                 subject="A question")  # fmt: skip
                self._address(key, self._addressee(day), "sender")

    def renewals(self) -> None:
        """Mails about the coming renewal, in the quarter before a term ends."""
        for term in self.made.main_terms():
            for ahead in (80, 50, 25):
                day = workday(term.end - timedelta(days=ahead))
                if self._open(day) and day <= self.world.end:
                    self.mail(day, "renewal", "Your renewal")

    def escalations(self) -> None:
        """When things have been bad for a while, the head of customer success steps in."""
        story, chance = self.story, self.chance
        for first in self.world.month_starts:
            day = workday(first + timedelta(days=chance.randint(2, 24)))
            bad = 0.56 - story.health(self.world, day)
            if self._open(day) and day <= self.world.end and chance.random() < 1.6 * bad:
                at = working_instant(chance, day, story.zone)
                key = self.touch("escalation", at, direction="in", status="received",
                                 purpose="transactional", subject="Escalation")  # fmt: skip
                self.log.touchpoints[-1]["owner_user_id"] = LEAD
                self._address(key, self._addressee(day), "sender")

    def sold_by_mail(self) -> None:
        """Customers without a success manager: a mail a quarter from sales, nothing more."""
        for first in self.world.month_starts[::3]:
            day = workday(first + timedelta(days=self.chance.randint(3, 20)))
            if self._open(day) and day <= self.world.end and self.chance.random() < 0.7:
                self.mail(day, "transactional", "Quarterly hello")
                for row in self.log.touchpoints[-2:]:
                    row["owner_user_id"] = SALES[self.story.region]


def conversations(world: World, contracts: list[Contract], rosters: list[Roster]) -> Log:
    """The canonical tables touchpoints and touchpoint_people."""
    everything = Log()
    for made, roster in zip(contracts, rosters, strict=True):
        talk = _Talk(world, made, roster)
        if made.story.owner_user_id is None:
            talk.sold_by_mail()
        else:
            for i, first in enumerate(world.month_starts):
                following = world.month_starts[i + 1 : i + 2]
                days = (following[0] - first).days if following else world.end.day + 20
                talk.month(first, days)
            talk.renewals()
            talk.escalations()
        everything.touchpoints += talk.log.touchpoints
        everything.people += talk.log.people
    return everything
