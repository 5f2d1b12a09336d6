"""What was read out of texts: sentiment, and mentions of budget, competitors and leaving."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from keepwell.demo.contracts import Contract
from keepwell.demo.frames import Row
from keepwell.demo.stories import Story
from keepwell.demo.world import World, clip

READ_SHARE = {"tickets": 0.6, "touchpoints": 0.75, "survey_responses": 1.0}

WARNINGS = {"budget_concern": 0.3, "competitor": 0.16, "churn_intent": 0.12}
"""How often a text of a very unhappy customer mentions it; less often when all is well."""

_Text = tuple[datetime, str, str]


def _sentiment(health: float, chance: Random) -> float:
    return round(clip(1.9 * (health - 0.5) + chance.gauss(0, 0.3), -1, 1), 2)


def _texts(
    touchpoints: list[Row], tickets: list[Row], surveys: list[Row]
) -> dict[str, list[_Text]]:
    """(when, table, id) of everything that customers wrote or said, by account."""
    found: dict[str, list[_Text]] = {}
    for row in tickets:
        text = (row["opened_at"], "tickets", row["ticket_id"])
        found.setdefault(row["account_id"], []).append(text)
    for row in touchpoints:
        if row["status"] == "received" or (row["status"] == "held" and row["kind"] != "qbr"):
            text = (row["occurred_at"], "touchpoints", row["touchpoint_id"])
            found.setdefault(row["account_id"], []).append(text)
    for row in surveys:
        if row.get("comment"):
            text = (row["responded_at"], "survey_responses", row["response_id"])
            found.setdefault(row["account_id"], []).append(text)
    return found


def _renewal_near(made: Contract, at: datetime) -> bool:
    return any(0 <= (t.end - at.date()).days <= 90 for t in made.main_terms())


def _mentions(story: Story, health: float, near: bool, chance: Random) -> Iterator[str]:
    worry = clip(1.1 - 1.35 * health, 0.01, 1) * (1.6 if near else 0.8)
    for label, share in WARNINGS.items():
        likely = share * worry
        if story.leave_reason == "budget cut" and label == "budget_concern":
            likely *= 2
        if story.leave_reason == "competitor" and label == "competitor":
            likely *= 2.5
        if chance.random() < likely:
            yield label


def signal_rows(
    world: World,
    contracts: list[Contract],
    touchpoints: list[Row],
    tickets: list[Row],
    surveys: list[Row],
) -> Iterator[Row]:
    """The canonical table text_signals."""
    texts = _texts(touchpoints, tickets, surveys)
    for made in contracts:
        story = made.story
        chance = world.chance("signals", story.account_id)
        number = 0
        for at, table, key in sorted(texts.get(story.account_id, [])):
            health = story.health(world, at.date())
            if chance.random() >= READ_SHARE[table]:
                continue
            labels = ["sentiment", *_mentions(story, health, _renewal_near(made, at), chance)]
            for label in labels:
                number += 1
                value = _sentiment(health, chance) if label == "sentiment" else 1
                yield {
                    "signal_id": f"SG-{story.account_id[3:]}-{number:04d}",
                    "occurred_at": at,
                    "subject_table": table,
                    "subject_id": key,
                    "account_id": story.account_id,
                    "label": label,
                    "value": value,
                    "confidence": round(chance.uniform(0.55, 0.98), 2),
                    "detector": "lexicon-2",
                    "detected_at": at + timedelta(minutes=chance.randint(1, 90)),
                }
