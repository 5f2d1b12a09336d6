"""Support: tickets, what was shared between customers, and how satisfied people were after."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from keepwell.demo.frames import Row
from keepwell.demo.people import Roster
from keepwell.demo.stories import Story
from keepwell.demo.world import World, clip, pick, poisson, workday, working_instant

PROBLEMS: dict[str, tuple[str, ...]] = {
    "how_to": ("build_report", "share_page", "filter_dates", "export_format"),
    "bug": ("slow_page", "wrong_total", "missing_rows", "login_loop"),
    "setup": ("connect_source", "map_columns", "invite_users"),
    "billing": ("invoice_copy", "seat_count"),
}

CATEGORY_SHARE = {"how_to": 0.44, "bug": 0.3, "setup": 0.16, "billing": 0.1}

SHARED_BUGS = (("BUG-118", "wrong_total", 0.06, 45), ("BUG-097", "slow_page", 0.045, 230))
"""Bugs that several customers meet: key, problem, share of accounts, days before the end."""

WISHES = (("FR-021", 0.1), ("FR-014", 0.07), ("FR-033", 0.035), ("FR-040", 0.02))
"""Features that customers ask for, and the share of accounts that ask."""

LATE_DAYS = 1
"""The helpdesk delivers a day late: the window's last day is not in yet."""

PRIORITY = {"low": "P4", "medium": "P3", "high": "P2", "critical": "P1", "unknown": None}


def _severity(health: float, chance: Random) -> str:
    bad = clip(0.09 + 0.62 * (0.88 - health), 0.07, 0.55)
    return pick(
        chance,
        {
            "low": (1 - bad) * 0.55,
            "medium": (1 - bad) * 0.45,
            "high": bad * 0.75,
            "critical": bad * 0.25,
            "unknown": 0.012,
        },
    )


def _monthly_rate(story: Story, health: float) -> float:
    if story.archetype == "power":
        return 8.5
    if story.archetype == "quiet":
        return 0.05
    size = 0.35 + 0.3 * math.sqrt(min(story.seats, 300) / 12)
    return size * (0.75 + 3.6 * max(0.0, 0.85 - health))


class _Desk:
    """Makes the tickets of one account, with consecutive ids."""

    def __init__(self, world: World, roster: Roster) -> None:
        self.world, self.roster, self.story = world, roster, roster.story
        self.chance = world.chance("support", self.story.account_id)
        self.rows: list[Row] = []
        self.nagging = self.chance.choice(PROBLEMS["bug"])

    def ticket(self, day: date, category: str, problem: str, issue: str | None = None) -> None:
        """A ticket of that day; days outside the customer's time or not delivered are left out."""
        world, story, chance = self.world, self.story, self.chance
        delivered = world.end - timedelta(days=LATE_DAYS)
        if not story.is_customer(day) or day < world.start or day > delivered:
            return
        health = story.health(world, day)
        opened = working_instant(chance, day, story.zone)
        severity = "low" if category == "feature_request" else _severity(health, chance)
        asking = [p for p in self.roster.people[:40] if p.present(day)]
        row: Row = {
            "ticket_id": f"T-{story.account_id[3:]}-{len(self.rows) + 1:04d}",
            "account_id": story.account_id,
            "requester_id": chance.choice(asking).person_id if asking else None,
            "channel": pick(chance, {"email": 0.5, "portal": 0.35, "chat": 0.15}),
            "category": category,
            "problem_key": problem,
            "severity": severity,
            "priority_raw": PRIORITY[severity],
            "opened_at": opened,
            "issue_key": issue,
            "reopen_count": 0,
            "status": "open",
        }
        self._handle(row, opened, severity, health)
        self.rows.append(row)

    def _handle(self, row: Row, opened: datetime, severity: str, health: float) -> None:
        """Reply, solution, reopening and closing, as far as they have happened by the end."""
        chance = self.chance
        now = datetime.combine(self.world.end, time(), tzinfo=UTC)
        pace = {"low": 1.1, "medium": 1.0, "high": 1.0, "critical": 0.8, "unknown": 1.2}[severity]
        median = 8 * pace * (1 + 3.4 * max(0.0, 0.85 - health))
        hours = chance.lognormvariate(math.log(median), 0.75)
        solved = opened + timedelta(minutes=round(60 * hours))
        replied = opened + (solved - opened) * chance.uniform(0.05, 0.4)
        if severity in ("high", "critical") and chance.random() < 0.45 * (1.15 - health):
            raised = opened + (solved - opened) * chance.uniform(0.3, 0.8)
            row["escalated_at"] = raised.replace(microsecond=0) if raised <= now else None
        if replied <= now:
            row["first_reply_at"] = replied.replace(microsecond=0)
            row["status"] = "pending"
        if solved > now:
            return
        row["first_resolved_at"] = row["last_resolved_at"] = solved
        row["status"] = "solved"
        last = solved
        if chance.random() < 0.05 + 0.15 * (1 - health):
            last = solved + timedelta(hours=chance.randint(10, 90))
            if last <= now:
                row["reopen_count"], row["last_resolved_at"] = 1, last
        closed = last + timedelta(days=3)
        if closed <= now:
            row["closed_at"], row["status"] = closed, "closed"

    def month(self, first: date, days: int) -> None:
        """The ordinary tickets of one month."""
        story, chance = self.story, self.chance
        health = story.health(self.world, first + timedelta(days=days // 2))
        rate = _monthly_rate(story, health)
        if (first - story.customer_since).days < 75:
            rate *= 1.5
        for _ in range(poisson(chance, rate)):
            day = workday(first + timedelta(days=chance.randrange(days)))
            if story.is_closed(day):
                continue
            category = pick(chance, CATEGORY_SHARE)
            problem = chance.choice(PROBLEMS[category])
            if health < 0.6 and chance.random() < 0.5:
                category, problem = "bug", self.nagging
            elif story.archetype == "power" and chance.random() < 0.8:
                category, problem = "how_to", chance.choice(PROBLEMS["how_to"])
            self.ticket(day, category, problem)


def _shared(world: World, desks: list[_Desk]) -> None:
    """Bugs met and features wished for by several customers."""
    chance = world.chance("shared issues")
    alive = [d for d in desks if d.story.is_customer(world.end) and not d.story.closures]
    talking = [d for d in alive if d.story.archetype not in ("quiet", "newcomer")]
    for key, problem, share, ago in SHARED_BUGS:
        met = min(len(talking), max(6, world.some(share)))
        for desk in chance.sample(talking, met):
            day = world.end - timedelta(days=ago - chance.randint(0, 35))
            desk.ticket(workday(day), "bug", problem, key)
    for key, share in WISHES:
        least = 11 if key == WISHES[0][0] else 2
        for desk in chance.sample(talking, min(len(talking), max(least, world.some(share)))):
            day = world.end - timedelta(days=chance.randint(3, 300))
            desk.ticket(workday(day), "feature_request", "missing_feature", key)


def ticket_rows(world: World, rosters: list[Roster]) -> list[Row]:
    """The canonical table tickets."""
    desks = [_Desk(world, roster) for roster in rosters]
    for desk in desks:
        for i, first in enumerate(world.month_starts):
            following = world.month_starts[i + 1] if i + 1 < len(world.month_starts) else None
            days = (following - first).days if following else world.end.day
            desk.month(first, days)
    _shared(world, desks)
    return [row for desk in desks for row in desk.rows]


def csat_rows(world: World, tickets: list[Row], stories: dict[str, Story]) -> Iterator[Row]:
    """Survey rows (kind csat) for a part of the solved tickets; not everybody answers."""
    for ticket in tickets:
        story = stories[ticket["account_id"]]
        solved = ticket.get("first_resolved_at")
        if solved is None or not story.surveyed:
            continue
        chance = world.chance("csat", ticket["ticket_id"])
        if chance.random() >= 0.5:
            continue
        sent = solved + timedelta(hours=2)
        answered = sent + timedelta(minutes=chance.randint(5, 2600))
        heard = chance.random() < 0.55 and answered.date() <= world.end
        hours = (solved - ticket["opened_at"]).total_seconds() / 3600
        mood = 1.7 + 3.6 * story.health(world, solved.date()) - 0.25 * (hours > 36)
        yield {
            "response_id": f"CS-{ticket['ticket_id'][2:]}",
            "survey_key": "ticket_csat",
            "kind": "csat",
            "account_id": story.account_id,
            "person_id": ticket["requester_id"],
            "ticket_id": ticket["ticket_id"],
            "sent_at": sent,
            "responded_at": answered if heard else None,
            "score": round(clip(chance.gauss(mood, 0.7), 1, 5)) if heard else None,
            "scale_min": 1,
            "scale_max": 5,
        }
