"""Surveys that are sent by the calendar: NPS every month, satisfaction twice a year."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from keepwell.demo.frames import Row
from keepwell.demo.people import Person, Roster
from keepwell.demo.world import World, clip, workday, working_instant

COMMENTS = {
    "good": (
        "Best investment we made this year.",
        "The forecast page saves us a day every week.",
        "Our managers open it before their first coffee.",
    ),
    "fair": (
        "Does what we need, the exports could be faster.",
        "Helpful, although we still keep some sheets on the side.",
        "Fine so far, the team is still learning.",
    ),
    "poor": (
        "We keep finding wrong totals and nobody tells us why.",
        "Not sure that it is worth what we pay.",
        "Support takes days to come back to us.",
    ),
}

FIXED_SURVEYS = (("relationship_nps", "nps", 0, 10), ("product_satisfaction", "custom", 1, 5))


def comment_for(share: float, chance: Random) -> str | None:
    """Some people say why; share is how good their mark was, 0 to 1."""
    if chance.random() < 0.5:
        return None
    tone = "good" if share > 0.85 else "fair" if share > 0.6 else "poor"
    return chance.choice(COMMENTS[tone])


def _answer(roster: Roster, person: Person, world: World, day: date, kind: str,
            chance: Random) -> Row:  # fmt: skip
    """The row of one survey that was sent to one person."""
    story = roster.story
    survey, _, low, high = next(s for s in FIXED_SURVEYS if s[1] == kind)
    health = story.health(world, day)
    sent = working_instant(chance, day, story.zone)
    answered = sent + timedelta(minutes=chance.randint(4, 6 * 1440))
    willing = 0.06 if story.archetype == "quiet" else 0.28 + 0.5 * health
    heard = chance.random() < willing and answered.date() <= world.end and person.present(day)
    share = clip(0.17 + 0.86 * health + chance.gauss(0, 0.07), 0, 1)
    return {
        "response_id": f"{kind.upper()[:3]}-{person.person_id[2:]}-{day:%y%m%d}",
        "survey_key": survey,
        "kind": kind,
        "account_id": story.account_id,
        "person_id": person.person_id,
        "sent_at": sent,
        "responded_at": answered if heard else None,
        "score": low + round(share * (high - low)) if heard else None,
        "scale_min": low,
        "scale_max": high,
        "comment": comment_for(share, chance) if heard else None,
    }


def survey_rows(world: World, rosters: list[Roster]) -> Iterator[Row]:
    """Survey rows of the kinds nps and custom. Some small accounts are never asked."""
    for roster in rosters:
        story = roster.story
        if not story.surveyed:
            continue
        chance = world.chance("surveys", story.account_id)
        every = 1 if story.seats >= 8 else chance.choice((1, 2, 3))
        turn = chance.randrange(6)
        for number, first in enumerate(world.month_starts):
            day = workday(first + timedelta(days=4 + turn))
            if not story.first_day(world) + timedelta(days=25) <= day <= story.last_day(world):
                continue
            asked = [p for p in roster.contacts(day) if p.licensed]
            if not asked or story.is_closed(day):
                continue
            if number % every == 0:
                for shift in range(1 + story.seats // 60):
                    person = asked[(number + shift) % len(asked)]
                    if shift < len(asked):
                        yield _answer(roster, person, world, day, "nps", chance)
            if (number + turn) % 6 == 0:
                yield _answer(roster, asked[0], world, day, "custom", chance)
