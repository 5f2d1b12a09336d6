"""What customers reach: goals, milestones, KPIs, return on investment, and training."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from keepwell.demo.contracts import Contract
from keepwell.demo.frames import Row
from keepwell.demo.people import Roster
from keepwell.demo.stories import Story
from keepwell.demo.world import World, add_months, clip, workday, working_instant

MILESTONES = (
    ("Kick-off held", 7),
    ("Data connected", 21),
    ("First value", 45),
    ("Team trained", 60),
    ("Roll-out complete", 90),
)
"""Titles of onboarding milestones, and the day after the start by which they are due."""

GOALS = (
    "Weekly review runs on the product",
    "Stock-outs visible within a day",
    "Reporting effort halved",
    "One set of numbers in all sites",
    "Forecast used in planning",
)

KPIS = (
    ("Reporting hours per month", "hours", 60.0, False),
    ("Share of waste", "percent", 12.0, False),
    ("Orders handled per person", "orders", 40.0, True),
)
"""Title, unit, usual baseline, and whether more is better."""

COURSES = ("onboarding", "reports_basics", "forecasting", "administration", "advanced_analysis")


class _Plan:
    """The success plan of one account, with consecutive ids."""

    def __init__(self, world: World, made: Contract) -> None:
        self.world, self.made, self.story = world, made, made.story
        self.chance: Random = world.chance("success", self.story.account_id)
        self.last = self.story.last_day(world)
        self.count = 0

    def _row(self, kind: str, title: str, set_on: date, **more: object) -> Row:
        self.count += 1
        return {
            "outcome_id": f"OC-{self.story.account_id[3:]}-{self.count:03d}",
            "account_id": self.story.account_id,
            "kind": kind,
            "title": title,
            "set_on": set_on,
            "author_id": self.story.owner_user_id,
            **more,
        }

    def health(self, day: date) -> float:
        return self.story.health(self.world, min(max(day, self.world.start), self.last))

    def milestones(self) -> Iterator[Row]:
        """Onboarding steps after the start, and again after a change of owner."""
        story, chance = self.story, self.chance
        starts = [story.customer_since] + ([story.new_owner_on] if story.new_owner_on else [])
        for start in starts:
            slip = chance.uniform(0.7, 1.05) + 2.6 * max(0.0, 0.72 - self.health(start))
            for title, due_after in MILESTONES:
                done = start + timedelta(days=round(due_after * slip * chance.uniform(0.6, 1.15)))
                due = start + timedelta(days=due_after)
                reached = done <= self.last and chance.random() < 0.99
                overdue = not reached and due < self.world.end
                yield self._row(
                    "milestone", title, start, due_on=due,
                    achieved_on=done if reached else None,
                    status="achieved" if reached else "missed" if overdue else "open",
                )  # fmt: skip

    def goals(self) -> Iterator[Row]:
        """Two to four goals of the last year, reached the sooner the better things are."""
        chance = self.chance
        for title in chance.sample(GOALS, chance.randint(2, 4)):
            set_on = max(
                self.story.customer_since, self.last - timedelta(days=chance.randint(60, 380))
            )
            due = set_on + timedelta(days=chance.choice((90, 120, 180)))
            health = self.health(due)
            done = set_on + timedelta(days=round((due - set_on).days * chance.uniform(0.5, 1.05)))
            reached = done <= self.last and chance.random() < clip(1.5 * health - 0.36, 0, 1)
            overdue = not reached and due < self.world.end
            measured = min(self.last, done + timedelta(days=1))
            yield self._row(
                "goal", title, set_on, unit="percent", target=100,
                actual=100 if reached else round(95 * health * chance.uniform(0.5, 1)),
                measured_on=measured, due_on=due, achieved_on=done if reached else None,
                status="achieved" if reached else "missed" if overdue else "open",
            )  # fmt: skip

    def _reviews(self) -> Iterator[tuple[int, date]]:
        """(number, day) of the half-yearly reviews at which KPIs and return are measured."""
        number, day = 1, add_months(self.story.customer_since, 6)
        while day <= self.last:
            if day > self.world.start - timedelta(days=370):
                yield number, workday(day)
            number += 1
            day = add_months(self.story.customer_since, 6 * number)

    def kpis(self) -> Iterator[Row]:
        chance = self.chance
        title, unit, usual, more_is_better = chance.choice(KPIS)
        baseline = round(usual * chance.uniform(0.7, 1.4), 1)
        sign = 1 if more_is_better else -1
        for number, day in self._reviews():
            if day > self.last:
                continue
            gain = clip(0.5 * self.health(day) - 0.16 + chance.gauss(0, 0.04), -0.1, 0.5)
            actual = round(baseline * (1 + sign * gain), 1)
            aimed = round(baseline * (1 + sign * 0.2), 1)
            yield self._row(
                "kpi", f"{title}, review {number}", day - timedelta(days=180), unit=unit,
                baseline=baseline, target=aimed, actual=actual, measured_on=day, due_on=day,
                achieved_on=day if gain >= 0.2 else None,
                status="achieved" if gain >= 0.2 else "missed",
            )  # fmt: skip

    def returns(self) -> Iterator[Row]:
        """Gains in money against what the first year costs; the day on which they reached it."""
        chance, story = self.chance, self.story
        if chance.random() < 0.12:
            return
        start = story.customer_since
        value = self.made.terms[0].values[0]
        paid = value.mrr * 12
        target = paid * 1.5
        payback = round(24 + 22 * 2.718 ** (4.2 * (0.85 - self.health(start + timedelta(days=60))))
                        * chance.uniform(0.4, 1.3))  # fmt: skip
        reviews = list(self._reviews())
        checks = [(0, workday(start + timedelta(days=max(30, min(payback, 100))))), *reviews]
        for number, day in checks:
            if day > self.last or day < self.world.start - timedelta(days=370):
                continue
            health = self.health(day)
            share = clip(1.45 * health - 0.16 + chance.gauss(0, 0.07), 0.02, 1.6)
            back_on = start + timedelta(days=payback)
            is_back = back_on <= day and health > 0.45
            yield self._row(
                "roi", f"Return on investment, review {number}", start, unit="money",
                currency=value.currency, baseline=round(paid, 2), target=round(target, 2),
                actual=round(target * share, 2), measured_on=day, due_on=add_months(start, 12),
                achieved_on=back_on if is_back else None,
                status="achieved" if is_back else "open",
                evidence="named savings in a call" if chance.random() < 0.6 else "own estimate",
                evidence_level=chance.choice(("reported", "verified")),
            )  # fmt: skip


def outcome_rows(world: World, contracts: list[Contract]) -> Iterator[Row]:
    """The canonical table outcomes. Small customers without a success manager have few of them."""
    for made in contracts:
        plan = _Plan(world, made)
        looked_after = made.story.owner_user_id is not None
        if not looked_after and plan.chance.random() < 0.3:
            continue
        yield from plan.milestones()
        if not looked_after and plan.chance.random() < 0.6:
            continue
        yield from plan.goals()
        yield from plan.kpis()
        yield from plan.returns()


def _enrolment(world: World, story: Story, person_id: str, course: str, assigned: date,
               chance: Random, key: str) -> Row:  # fmt: skip
    health = story.health(world, assigned)
    at = working_instant(chance, assigned, story.zone)
    slot = workday(assigned + timedelta(days=chance.randint(4, 20)))
    scheduled = working_instant(chance, slot, story.zone)
    row: Row = {
        "enrolment_id": key,
        "account_id": story.account_id,
        "person_id": person_id,
        "course_key": course,
        "assigned_at": at,
        "scheduled_at": scheduled,
        "status": "assigned",
    }
    if slot > story.last_day(world):
        return row
    good = clip(0.28 + 0.8 * health, 0.2, 0.985)
    if chance.random() < good:
        row["completed_at"] = scheduled + timedelta(minutes=chance.randint(40, 150))
        row["status"] = "completed"
        row["score"] = round(clip(chance.gauss(58 + 36 * health, 8), 20, 100))
    elif chance.random() < 0.6:
        row["status"] = "no_show"
    elif (world.end - slot).days > 60:
        row["status"] = "expired"
    else:
        row["status"] = "started"
    return row


def training_rows(world: World, rosters: list[Roster]) -> Iterator[Row]:
    """The canonical table training: new people learn the basics, some learn more each year."""
    for roster in rosters:
        story = roster.story
        chance = world.chance("training", story.account_id)
        number = 0
        keen = 0.25 if story.owner_user_id is None else 0.6
        for person in roster.people[:60]:
            courses = ["onboarding"] if person.since >= world.start else []
            if story.new_owner_on and person.present(story.new_owner_on) and not courses:
                courses = ["onboarding"]
            courses += [c for c in COURSES[1:] if chance.random() < keen * 0.5]
            for course in courses if person.licensed else []:
                day = max(world.start, person.since) + timedelta(days=chance.randint(1, 14))
                if course != "onboarding":
                    span = max(2, (story.last_day(world) - day).days)
                    day += timedelta(days=chance.randrange(span))
                elif story.new_owner_on and person.since < world.start:
                    day = story.new_owner_on + timedelta(days=chance.randint(3, 25))
                day = workday(day)
                if person.present(day) and day <= story.last_day(world):
                    number += 1
                    key = f"EN-{story.account_id[3:]}-{number:04d}"
                    yield _enrolment(world, story, person.person_id, course, day, chance, key)
