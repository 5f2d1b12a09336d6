"""The hidden truth of a simulation, as tables that no scoring may see."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from keepwell.demo.frames import Row, plain_frame
from keepwell.demo.people import Roster
from keepwell.demo.sources import last_covered
from keepwell.demo.stories import Story
from keepwell.demo.usage import STOPPED_FEED
from keepwell.demo.world import World

TEXT, DAY, NUMBER, YES_NO = pa.string(), pa.date32(), pa.float64(), pa.bool_()

WARNED = ("lost", "declining")
"""Archetypes whose leaving announces itself in the months before."""


def _accounts(stories: list[Story]) -> pa.Table:
    rows = [
        {
            "account_id": s.account_id,
            "archetype": s.archetype,
            "leaves_on": s.leaves_on,
            "reason": s.leave_reason,
            "with_warning": s.archetype in WARNED if s.leaves_on else None,
        }
        for s in stories
    ]
    return plain_frame(
        rows,
        {"account_id": TEXT, "archetype": TEXT, "leaves_on": DAY, "reason": TEXT,
         "with_warning": YES_NO},
    )  # fmt: skip


def _satisfaction(world: World, stories: list[Story]) -> pa.Table:
    rows = [
        {"account_id": s.account_id, "month": month, "satisfaction": s.satisfaction[i]}
        for s in stories
        for i, month in enumerate(world.month_starts)
        if s.is_customer(month) or month <= s.customer_since <= world.end
    ]
    return plain_frame(rows, {"account_id": TEXT, "month": DAY, "satisfaction": NUMBER})


def _events(world: World, stories: list[Story], rosters: list[Roster]) -> Iterator[Row]:
    """(account, what, day, detail): everything that befell single accounts."""
    people = {r.story.account_id: r for r in rosters}
    for s in stories:
        champion = people[s.account_id].people[0].person_id
        sponsors = [r.person.person_id for r in people[s.account_id].roles
                    if r.role == "executive_sponsor"]  # fmt: skip
        told = (
            ("ownership_change", s.new_owner_on, None),
            ("champion_left", s.champion_left_on, champion),
            ("champion_silent", s.champion_silent_from, champion),
            ("sponsor_lost", s.sponsor_lost_on, sponsors[0] if sponsors else None),
            ("merged", s.merged_on, s.merged_into),
            ("plan_change", *(s.plan_change or (None, None))),
            ("currency_change", *(s.currency_change or (None, None))),
            ("renewal_overdue", world.end if s.renewal_overdue else None, None),
        )
        for event, day, detail in told:
            if day is not None:
                yield {"account_id": s.account_id, "event": event, "day": day, "detail": detail}


def _closures(world: World, stories: list[Story]) -> pa.Table:
    rows = [
        {"account_id": s.account_id, "first_day": first, "last_day": last}
        for s in stories
        for first, last in s.closures
        if last >= world.start and first <= world.end
    ]
    return plain_frame(rows, {"account_id": TEXT, "first_day": DAY, "last_day": DAY})


def truth_tables(world: World, stories: list[Story], rosters: list[Roster]) -> dict[str, pa.Table]:
    """accounts, satisfaction, events, closures and stopped_feeds."""
    stopped = {
        "feed": f"usage_daily.{STOPPED_FEED[0]}",
        "last_day": last_covered(world.end, "metering"),
    }
    return {
        "accounts": _accounts(stories),
        "satisfaction": _satisfaction(world, stories),
        "events": plain_frame(
            list(_events(world, stories, rosters)),
            {"account_id": TEXT, "event": TEXT, "day": DAY, "detail": TEXT},
        ),
        "closures": _closures(world, stories),
        "stopped_feeds": plain_frame([stopped], {"feed": TEXT, "last_day": DAY}),
    }
