"""People at customers: who they are, when they come and go, and which roles they hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from keepwell.demo.contracts import Contract
from keepwell.demo.frames import Row
from keepwell.demo.names import DEPARTMENTS, TITLES, domain_of, full_name
from keepwell.demo.stories import Story
from keepwell.demo.world import World, clip

ASSIGNED = {"thriving": (0.97, 1.0), "power": (0.98, 1.0), "growing": (0.96, 1.0),
            "steady": (0.9, 1.0), "quiet": (0.95, 1.0), "recovered": (0.92, 1.0)}  # fmt: skip
"""Share of the seats that are given to a person, from and to; others have USUALLY_ASSIGNED."""

USUALLY_ASSIGNED = (0.8, 0.96)

TURNOVER_PER_DAY = 0.09 / 365


@dataclass(eq=False)
class Person:
    """Someone at a customer. keenness scales how often they come, reach says how good things
    must be for them to come at all (0: whatever happens, 1: only when all is well)."""

    person_id: str
    name: str
    seniority: str
    department: str
    licensed: bool
    since: date
    left_on: date | None = None
    keenness: float = 1.0
    reach: float = 0.0
    login_share: float = 0.28
    silent_from: date | None = None

    def present(self, day: date) -> bool:
        return self.since <= day and (self.left_on is None or day < self.left_on)


@dataclass(frozen=True)
class Role:
    person: Person
    role: str
    strength: int
    start: date
    stop: date | None


@dataclass
class Roster:
    """The people of one account, and the roles they hold."""

    story: Story
    people: list[Person] = field(default_factory=list)
    roles: list[Role] = field(default_factory=list)

    def holder(self, role: str, day: date) -> Person | None:
        """Who holds the role on that day and is still there."""
        for r in reversed(self.roles):
            if r.role == role and r.start <= day and (r.stop is None or day < r.stop):
                return r.person if r.person.present(day) else None
        return None

    def contacts(self, day: date) -> list[Person]:
        """The people one talks to on that day: holders of roles, then a few users."""
        named = [r.person for r in self.roles if r.person.present(day)]
        users = [p for p in self.people[:8] if p.present(day) and p not in named]
        return list(dict.fromkeys(named)) + users[: 1 + self.story.seats // 12]

    def executives(self, day: date) -> list[Person]:
        return [p for p in self.contacts(day) if p.seniority in ("c_level", "vp")]


class _Maker:
    """Hands out the account's people with consecutive ids."""

    def __init__(self, story: Story, chance: Random) -> None:
        self.story, self.chance, self.count = story, chance, 0

    def person(self, seniority: str, since: date, licensed: bool = True) -> Person:
        self.count += 1
        chance = self.chance
        return Person(
            person_id=f"P-{self.story.account_id[3:]}-{self.count:04d}",
            name=full_name(self.story.region, chance),
            seniority=seniority,
            department=chance.choice(DEPARTMENTS),
            licensed=licensed,
            since=since,
            keenness=clip(chance.gauss(1.0, 0.2), 0.4, 1.28),
            reach=chance.random(),
        )


def _slot_spans(
    made: Contract, share: float, kept: int, world: World
) -> list[tuple[date, date | None]]:
    """For each seat that is ever given away: from when, and until when if it was cut.

    kept: seats that executives hold.
    """
    steps = [(day, max(1, round(seats * share) - kept)) for day, seats in made.steps()]
    last = made.story.last_day(world) + timedelta(days=1)
    spans = []
    for slot in range(max(count for _, count in steps)):
        start = next(day for day, count in steps if count > slot)
        later = [day for day, count in steps if day > start and count <= slot]
        stop = later[0] if later else last if last <= world.end else None
        spans.append((start, stop))
    return spans


def _seniority(slot: int, seats: int, chance: Random) -> str:
    if slot == 0:
        return chance.choice(("manager", "manager", "director"))
    if slot == 1:
        return "director" if seats > 12 else "manager"
    return chance.choices(("ic", "manager", "director", "unknown"), (0.78, 0.15, 0.04, 0.03))[0]


def _users(made: Contract, maker: _Maker, world: World, share: float, kept: int) -> list[Person]:
    story, chance = made.story, maker.chance
    people = []
    for slot, (start, stop) in enumerate(_slot_spans(made, share, kept, world)):
        joined = start + timedelta(days=chance.randint(0, 12))
        person = maker.person(_seniority(slot, story.seats, chance), joined)
        people.append(person)
        lasting = chance.expovariate(TURNOVER_PER_DAY)
        first = max(world.start, joined)
        leaves = first + timedelta(days=int(min(lasting, 2000)) + 20)
        if slot > 0 and leaves < (stop or world.end) - timedelta(days=15):
            person.left_on = leaves
            people.append(maker.person("ic", leaves + timedelta(days=9)))
            people[-1].left_on = None
        if stop is not None and slot > 2 and stop < story.last_day(world):
            people[-1].left_on = people[-1].left_on or stop
    return people


def roster(world: World, made: Contract) -> Roster:
    """The account's people and roles. Who is cut with a seat stays a person but leaves."""
    story = made.story
    chance = world.chance("people", story.account_id)
    maker = _Maker(story, chance)
    low, high = ASSIGNED.get(story.archetype, USUALLY_ASSIGNED)
    found = Roster(story)
    _above(found, maker)
    kept = sum(p.licensed for p in found.people)
    found.people[:0] = _users(made, maker, world, chance.uniform(low, high), kept)
    champion = found.people[0]
    champion.keenness = max(champion.keenness, 1.15)
    champion.reach = 0.0
    _champion(found, maker, world)
    if story.seats >= 15:
        for department in ("finance", "it"):
            contact = maker.person("manager", story.customer_since, licensed=False)
            contact.department = department
            found.people.append(contact)
    return found


def _champion(found: Roster, maker: _Maker, world: World) -> None:
    story, chance, champion = found.story, maker.chance, found.people[0]
    since = story.customer_since + timedelta(days=chance.randint(0, 40))
    gone = story.champion_left_on
    if story.archetype == "failing" and gone is None:
        return
    champion.silent_from = story.champion_silent_from
    if gone is None:
        found.roles.append(Role(champion, "champion", chance.randint(3, 5), since, None))
        return
    champion.left_on = gone
    # Half of the time nobody tells the CRM: the role stays open although the person has left.
    noticed = gone + timedelta(days=chance.randint(0, 20)) if chance.random() < 0.5 else None
    found.roles.append(
        Role(champion, "champion", 5, min(since, gone - timedelta(days=60)), noticed)
    )
    successor_on = gone + timedelta(days=chance.randint(60, 110))
    heirs = [p for p in found.people[1:] if p.licensed and p.present(successor_on)]
    if noticed and heirs and successor_on <= story.last_day(world) and chance.random() < 0.7:
        found.roles.append(Role(heirs[0], "champion", 3, successor_on, None))


def _above(found: Roster, maker: _Maker) -> None:
    """Decision maker and executive sponsor, where the relationship reaches that high."""
    story, chance = found.story, maker.chance
    shaky = story.archetype in ("failing", "wavering", "lost", "declining")
    since = story.customer_since
    if chance.random() < (0.55 if shaky else 0.94):
        decider = maker.person(chance.choice(("director", "vp")), since, licensed=story.seats >= 8)
        decider.keenness, decider.login_share = 0.4, 0.6
        found.people.append(decider)
        found.roles.append(Role(decider, "decision_maker", 3, since, None))
    if story.sponsor_lost_on is None and chance.random() >= (0.45 if shaky else 0.88):
        return
    sponsor = maker.person("c_level" if chance.random() < 0.68 else "vp", since)
    sponsor.keenness, sponsor.login_share, sponsor.reach = 0.42, 0.75, 0.1
    found.people.append(sponsor)
    lost = story.sponsor_lost_on
    left_too = lost is not None and chance.random() < 0.5
    sponsor.left_on = lost if left_too else None
    start = since + timedelta(days=chance.randint(0, 30))
    if lost is not None:
        start = min(start, lost - timedelta(days=30))
    found.roles.append(Role(sponsor, "executive_sponsor", chance.randint(3, 5), start, lost))
    if story.new_owner_on is not None:
        owner = maker.person("c_level", story.new_owner_on)
        found.people.append(owner)
        found.roles.append(Role(owner, "executive_sponsor", 1, story.new_owner_on, None))
        sponsor.left_on = story.new_owner_on


def people_rows(rosters: list[Roster], world: World) -> Iterator[Row]:
    """The canonical table people. People who will come after the window are not in it."""
    for found in rosters:
        domain = domain_of(found.story.name)
        for p in found.people:
            if p.since > world.end:
                continue
            gone = p.left_on if p.left_on and p.left_on <= world.end else None
            local = p.name.lower().replace(" ", ".")
            titles = TITLES[p.seniority]
            yield {
                "person_id": p.person_id,
                "account_id": found.story.account_id,
                "is_internal": False,
                "full_name": p.name,
                "email": f"{local}.{p.person_id[-4:]}@{domain}",
                "title": titles[int(p.person_id[-4:]) % len(titles)] or None,
                "department": p.department,
                "seniority": p.seniority,
                "is_licensed_user": p.licensed,
                "status": "left" if gone else "active",
                "left_on": gone,
                "timezone": found.story.timezone,
            }


def role_rows(rosters: list[Roster], world: World) -> Iterator[Row]:
    """The canonical table person_roles."""
    for found in rosters:
        for r in found.roles:
            if max(r.start, r.person.since) > world.end:
                continue
            yield {
                "person_id": r.person.person_id,
                "account_id": found.story.account_id,
                "role": r.role,
                "strength": r.strength,
                "valid_from": r.start,
                "valid_to": r.stop if r.stop and r.stop <= world.end else None,
                "set_by": found.story.owner_user_id,
            }
