"""Product use: who came when, what they used, and what the account moved through the product."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

import pyarrow as pa

from keepwell.demo.adoption import adopted_features
from keepwell.demo.contracts import Contract
from keepwell.demo.frames import Row, arrow_schema, looked_up, scaled_decimals
from keepwell.demo.offer import PAGES_OF
from keepwell.demo.people import Person, Roster
from keepwell.demo.seasons import activity
from keepwell.demo.stories import Story, ramp
from keepwell.demo.world import World, clip, instant, poisson

PER_PERSON = ("session", "login", "feature_use")
"""Metrics of single people; all others are counted for the account as a whole."""

STOPPED_FEED = ("gb_processed", 43)
"""A metric whose feed broke down, and how many days before the end of the window."""

FINAL_AFTER_DAYS = 2

SESSIONS_PER_DAY = (1, 1, 1, 1, 1, 2, 1, 1, 2, 1, 1, 3, 1, 2, 1, 1)
"""How many sessions people have on a day on which they come, dealt round."""

CLOSED_SHARE = 0.015


class Buffer:
    """Columns of usage_daily while they grow. Values are counted in ten-thousandths."""

    def __init__(self) -> None:
        self.accounts: list[int] = []
        self.people: list[int] = []
        self.days: list[int] = []
        self.metrics: list[int] = []
        self.features: list[int] = []
        self.values: list[int] = []
        self.names: dict[str, dict[str | None, int]] = {
            "account": {}, "person": {None: 0}, "metric": {}, "feature": {None: 0},
        }  # fmt: skip

    def code(self, kind: str, name: str | None) -> int:
        codes = self.names[kind]
        return codes.setdefault(name, len(codes))

    def add(self, account: int, day: int, metric: int, people: list[int], features: list[int],
            values: list[int]) -> None:  # fmt: skip
        """Appends rows of one account, day and metric."""
        count = len(people)
        self.accounts += [account] * count
        self.days += [day] * count
        self.metrics += [metric] * count
        self.people += people
        self.features += features
        self.values += values

    def one(self, account: int, day: int, metric: int, feature: int, value: int) -> None:
        """Appends the row of a whole account."""
        self.accounts.append(account)
        self.days.append(day)
        self.metrics.append(metric)
        self.people.append(0)
        self.features.append(feature)
        self.values.append(value)

    def table(self, world: World) -> pa.Table:
        """The canonical table usage_daily."""
        epoch = (world.start - date(1970, 1, 1)).days
        final = len(world.days) - FINAL_AFTER_DAYS
        columns = {
            "account_id": looked_up(self.accounts, list(self.names["account"])),
            "person_id": looked_up(self.people, list(self.names["person"])),
            "day": pa.array([epoch + d for d in self.days], type=pa.int32()).cast(pa.date32()),
            "metric": looked_up(self.metrics, list(self.names["metric"])),
            "feature_key": looked_up(self.features, list(self.names["feature"])),
            "value": scaled_decimals(self.values),
            "is_final": pa.array([d < final for d in self.days]),
        }
        schema = arrow_schema("usage_daily")
        return pa.Table.from_arrays([columns[f.name] for f in schema], schema=schema)


def daily_rate(health: float) -> float:
    """Share of the reachable people who come on an ordinary weekday."""
    return 0.1 + 0.8 * math.pow(health, 1.15)


def reached(health: float) -> float:
    """Share of the people who come at all."""
    return clip(0.5 + 0.58 * health, 0.0, 1.0)


def minutes_per_session(health: float) -> float:
    return 2.5 + 16.5 * health


class _AccountUse:
    """Writes the use of one account, day after day, into the shared buffer."""

    def __init__(self, world: World, made: Contract, roster: Roster, buffer: Buffer,
                 shares: tuple[float, ...]) -> None:  # fmt: skip
        self.world, self.made, self.story, self.roster = world, made, made.story, roster
        self.buffer, self.shares = buffer, shares
        self.chance = world.chance("usage", self.story.account_id)
        self.account = buffer.code("account", self.story.account_id)
        self.metric = {m: buffer.code("metric", m) for m in METRICS}
        self.people = [p for p in roster.people if p.licensed]
        self.codes = [buffer.code("person", p.person_id) for p in self.people]
        fashion = world.chance("adoption", self.story.account_id)
        self.adopted = adopted_features(world, self.story, fashion)
        self.level = _Levels(self.story, self.chance)
        self.feeds_until = len(world.days) - STOPPED_FEED[1]

    def run(self) -> None:
        world, story = self.world, self.story
        first, last = world.index(story.first_day(world)), world.index(story.last_day(world))
        for i in range(first, last + 1):
            day = world.days[i]
            if i == first or day.weekday() == 0:
                self._begin_week(i, day)
            share = self.shares[i] * self.grown
            if story.closures and story.is_closed(day):
                share *= CLOSED_SHARE
            self._account(i, share, self._people(i, daily_rate(self.health) * share))

    def _begin_week(self, i: int, day: date) -> None:
        """What holds for a week: how things stand, who may come, and what they use."""
        health = self.story.health(self.world, day) + self.chance.gauss(0, 0.02)
        self.health = health = clip(health, 0.03, 1.0)
        self.grown = ramp(self.story, day)
        limit, midweek = reached(health), day + timedelta(days=3)
        there = [
            (code, person)
            for code, person in zip(self.codes, self.people, strict=True)
            if person.reach <= limit and person.present(midweek) and not _is_silent(person, midweek)
        ]
        self.there = [(code, person.keenness) for code, person in there]
        self.login_share = {code: person.login_share for code, person in there}
        self.features = [self.buffer.code("feature", k) for k in self.adopted.people_use(i)]
        self.links = self.adopted.links(i)
        self.pages = self._pages(day, health)

    def _people(self, i: int, rate: float) -> int:
        """Rows of single people on that day; returns how many sessions they had."""
        dice = self.chance.random
        codes = [code for code, keen in self.there if dice() < keen * rate]
        if not codes:
            return 0
        buffer, metric, share = self.buffer, self.metric, self.login_share
        count, turn = len(codes), int(dice() * 16)
        dealt = (SESSIONS_PER_DAY * (count // 16 + 2))[turn : turn + count]
        buffer.add(self.account, i, metric["session"], codes, [0] * count,
                   [10_000 * n for n in dealt])  # fmt: skip
        logins = [code for code in codes if dice() < share[code]]
        ones = [10_000] * len(logins)
        buffer.add(self.account, i, metric["login"], logins, [0] * len(logins), ones)
        if self.features:
            noted, kinds = self.level.noted, len(self.features)
            users = [code for code in codes if dice() < noted]
            used = [self.features[int(kinds * dice() ** 1.3)] for _ in users]
            times = [10_000 * (1 + int(4 * dice())) for _ in users]
            buffer.add(self.account, i, metric["feature_use"], users, used, times)
        return sum(dealt)

    def _one(self, i: int, metric: str, value: float, feature: str | None = None) -> None:
        code = self.buffer.code("feature", feature) if feature else 0
        self.buffer.one(self.account, i, self.metric[metric], code, round(value * 10_000))

    def _account(self, i: int, share: float, sessions: int) -> None:
        """Rows of the account as a whole on that day."""
        dice, story, health = self.chance.random, self.story, self.health
        if sessions:
            minutes = sessions * minutes_per_session(health) * (0.85 + 0.3 * dice())
            self._one(i, "session_minutes", round(minutes))
            for page in self.pages:
                if dice() < 0.22:
                    self._one(i, "page_view", 1 + int(sessions * (0.4 + dice())), page)
        busy = min(1.0, share * 1.1)
        if dice() < busy * self.level.refresh * clip(0.2 + 0.95 * health, 0, 1):
            self._one(i, "dashboard_refresh", 1 + (dice() < 0.15))
        if story.has_api and share > 0.01:
            calls = self.level.api * share * (0.3 + health) * (0.8 + 0.4 * dice())
            self._one(i, "api_call", int(calls))
        if story.has_volume and i < self.feeds_until and share > 0.01:
            volume = self.level.volume * share * (0.3 + health) * (0.7 + 0.6 * dice())
            self._one(i, "gb_processed", round(volume, 3))
        if dice() < busy * 0.28 * health * self.level.portal:
            self._one(i, "portal_login", 1 + (dice() < 0.25))
        if story.has_community and dice() < busy * 0.17 * health * self.level.portal:
            self._one(i, "community_post", 1 + (dice() < 0.2))
        for link in self.links:
            if dice() < 0.2 and share > 0.01:
                self._one(i, "feature_use", 20 + int(200 * dice()), link)

    def _pages(self, day: date, health: float) -> tuple[str, ...]:
        """The pages that people look at: the better things are, the more."""
        pages = PAGES_OF[self.story.plan_on(day)]
        count = max(1, round(len(pages) * clip(0.1 + 0.95 * health, 0, 1)))
        if len(pages) == 2 and count == 1 and self.level.prefers_items:
            return pages[1:]
        return pages[:count]


class _Levels:
    """How much an account moves on an ordinary day, whatever its health."""

    def __init__(self, story: Story, chance: Random) -> None:
        size = (story.seats / 12) ** 0.45
        self.api = 1150 * size * 2 ** chance.gauss(0, 0.7)
        self.volume = 27 * size * 2 ** chance.gauss(0, 0.8)
        self.refresh = chance.choice((1.0, 1.0, 1.0, 0.8, 0.45))
        # Of every visit one feature at most is noted, in small teams nearly always.
        self.noted = min(0.7, 0.15 + 3.0 / story.seats)
        self.portal = clip(chance.gauss(1.0, 0.35), 0.2, 1.8)
        self.prefers_items = chance.random() < 0.35


METRICS = (
    *PER_PERSON, "session_minutes", "page_view", "dashboard_refresh", "api_call", "gb_processed",
    "portal_login", "community_post",
)  # fmt: skip


def _is_silent(person: Person, day: date) -> bool:
    return person.silent_from is not None and day >= person.silent_from


def usage_table(world: World, contracts: list[Contract], rosters: list[Roster]) -> pa.Table:
    """The canonical table usage_daily, account after account, day after day."""
    buffer = Buffer()
    rhythms: dict[tuple[str, str], tuple[float, ...]] = {}
    for made, roster in zip(contracts, rosters, strict=True):
        place = (made.story.region, made.story.industry)
        if place not in rhythms:
            rhythms[place] = activity(world, *place)
        _AccountUse(world, made, roster, buffer, rhythms[place]).run()
    return buffer.table(world)


def event_rows(world: World, stories: list[Story]) -> Iterator[Row]:
    """The canonical table usage_events: updates of the customers' own data."""
    for story in stories:
        chance = world.chance("events", story.account_id)
        sets = ("sales", "stock", "staff")[: 1 + story.seats // 20]
        day = story.first_day(world) + timedelta(days=1)
        number, last = 0, story.last_day(world)
        while day <= last:
            if not story.is_closed(day):
                number += 1
                yield _update(story, day, f"E-{story.account_id[3:]}-{number:05d}",
                              sets[number % len(sets)], chance)  # fmt: skip
            day += timedelta(days=1 + poisson(chance, _update_gap(story.health(world, day))))


def _update_gap(health: float) -> float:
    """Mean days between two updates, beyond the first: 1 or 2 when all is well, weeks when not."""
    return 1.3 + 34 * math.pow(max(0.0, 0.82 - health), 1.7)


def _update(story: Story, day: date, key: str, dataset: str, chance: Random) -> Row:
    at = instant(day, 5 + 3 * chance.random(), story.zone)
    return {
        "event_id": key,
        "account_id": story.account_id,
        "occurred_at": at,
        "received_at": at + timedelta(seconds=chance.randint(20, 4000)),
        "name": "data_update",
        "feature_key": dataset,
        "quantity": chance.randint(200, 40_000),
        "properties": f'{{"dataset": "{dataset}"}}',
    }
