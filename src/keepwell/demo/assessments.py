"""Ratings that success managers give from time to time, and customers' willingness to speak up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from keepwell.demo.frames import Row
from keepwell.demo.people import Roster
from keepwell.demo.questions import QUESTIONS, QUOTES, Question
from keepwell.demo.stories import Story
from keepwell.demo.world import World, clip, pick, workday, working_instant

NEVER_ASSESSED = 0.08
RENEWAL_OFFSET = 0.12


def _code(question: Question, share: float) -> str:
    """The answer for a share of 0 to 1: the best from about 0.8, the worst below 0.5."""
    place = clip((0.95 - share) / 0.6, 0, 0.999)
    return question.codes[int(place * len(question.codes))]


def _stands(story: Story, question: Question, health: float, chance: Random) -> float:
    """How well the account stands in what is asked: mostly its health, as somebody sees it."""
    if question.key in ("growth_potential", "strategic_value"):
        size = clip(0.3 + story.seats / 120 + int(story.plan_id[-1]) / 9, 0, 1)
        return clip(0.5 * health + 0.5 * size + chance.gauss(0, 0.08), 0, 1)
    if story.archetype == "quiet":
        return clip(0.55 + chance.gauss(0, 0.1), 0, 1)
    return clip(health + chance.gauss(0.02, 0.08), 0, 1)


def _number(question: Question, share: float, chance: Random) -> float:
    if question.key == "budget_utilisation":
        return round(clip(0.3 + 0.72 * share + chance.gauss(0, 0.05), 0.1, 1.1), 2)
    return round(clip(share + RENEWAL_OFFSET, 0.05, 0.98), 2)


def _answers(world: World, story: Story, question: Question, chance: Random) -> Iterator[Row]:
    day = story.first_day(world) + timedelta(days=chance.randint(15, 15 + question.every))
    previous, number = None, 0
    # Some ratings are given up: the last one is left to expire.
    until = story.last_day(world)
    if chance.random() < 0.12:
        until -= timedelta(days=chance.randint(130, 300))
    while day <= until:
        number += 1
        at = working_instant(chance, workday(day) if workday(day) <= until else day, story.zone)
        share = _stands(story, question, story.health(world, day), chance)
        code = _code(question, share) if question.codes else None
        key = f"AS-{story.account_id[3:]}-{question.key}-{number}"
        yield {
            "assessment_id": key,
            "account_id": story.account_id,
            "question_key": question.key,
            "answer_code": code,
            "answer_number": None if question.codes else _number(question, share, chance),
            "quote": QUOTES.get(code or "") if question.key == "stated_outcome" else None,
            "rationale": "from the last call" if chance.random() < 0.6 else "own impression",
            "author_id": story.owner_user_id,
            "assessed_at": at,
            "expires_at": at + timedelta(days=question.holds),
            "supersedes_id": previous,
        }
        previous = key
        day += timedelta(days=question.every + chance.randint(-12, 25))


def assessment_rows(world: World, stories: list[Story]) -> Iterator[Row]:
    """The canonical table assessments. Accounts without a success manager have none."""
    for story in stories:
        if story.owner_user_id is None:
            continue
        chance = world.chance("assessments", story.account_id)
        if chance.random() < NEVER_ASSESSED:
            continue
        for question in QUESTIONS:
            if chance.random() < question.asked:
                yield from _answers(world, story, question, chance)


def _attitude(story: Story, health: float, chance: Random) -> str:
    """given, willing or refused, as an unhappy customer would rather not speak."""
    if story.archetype == "quiet":
        return "refused"
    ease = clip((health - 0.45) / 0.5, 0, 1)
    given, refused = 0.65 * ease**1.5, 0.75 * (1 - ease)
    return pick(chance, {"given": given, "refused": refused, "willing": 1 - given - refused + 0.01})


def _advocacy_of(world: World, roster: Roster, chance: Random) -> Iterator[tuple[str, str, date]]:
    """(kind, status, day) of what one account did for us, or would not do."""
    story = roster.story
    first, last = story.first_day(world), story.last_day(world)
    span = (last - first).days

    def some_day(within: int = 10_000) -> date:
        return last - timedelta(days=chance.randint(1, max(1, min(span, within))))

    health = story.health(world, last)
    yield "reference", _attitude(story, health, chance), some_day(200)
    if chance.random() < 0.8:
        status = _attitude(story, health, chance)
        yield "case_study", {"given": "published"}.get(status, status), some_day(300)
    referred = _attitude(story, health, chance)
    if referred == "given":
        for _ in range(chance.randint(1, 4)):
            day = some_day(150)
            yield "referral", "converted" if chance.random() < 0.25 else "given", day
    elif chance.random() < 0.8:
        yield "referral", referred, some_day(150)
    if chance.random() < 0.22:
        yield "review", "published", some_day()
    if health > 0.75 and chance.random() < 0.25:
        yield "testimonial", chance.choice(("asked", "published")), some_day()
    if chance.random() < 0.3 * health:
        yield "beta", chance.choice(("willing", "given")), some_day()


def advocacy_rows(world: World, rosters: list[Roster]) -> Iterator[Row]:
    """The canonical table advocacy. Nobody is asked in the first two months."""
    for roster in rosters:
        story = roster.story
        chance = world.chance("advocacy", story.account_id)
        asked = story.owner_user_id is not None or chance.random() < 0.35
        if not asked or (story.last_day(world) - story.first_day(world)).days < 60:
            continue
        for number, (kind, status, day) in enumerate(_advocacy_of(world, roster, chance)):
            health = story.health(world, day)
            person = next((p for p in roster.contacts(day)), None)
            key = f"AD-{story.account_id[3:]}-{number + 1:02d}"
            is_public = kind == "review"
            yield {
                "advocacy_id": key,
                "account_id": story.account_id,
                "person_id": person.person_id if person else None,
                "kind": kind,
                "status": status,
                "occurred_at": working_instant(chance, workday(day), story.zone)
                if workday(day) <= world.end
                else working_instant(chance, day, story.zone),
                "rating": round(clip(chance.gauss(1.4 + 3.7 * health, 0.5), 1, 5))
                if is_public
                else None,
                "url": f"https://reviews.example/quayside/{key.lower()}" if is_public else None,
            }
