"""A small company for tests of the daily pass: a project of its own, and facts day by day.

Twelve accounts, two scorecards and a handful of metrics over five tables, so that a score can be
worked out by hand. Facts are put into the store with the instant of their arrival, as an import
would do; rows of a family cover the days that `cover` says.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from keepwell.app.project import Project, open
from keepwell.cycle.night import Night, Outcome
from keepwell.cycle.scoring import PORTFOLIO
from keepwell.facts.arrow import conform, incoming_schema
from keepwell.facts.schema import TABLES
from keepwell.facts.store import FactStore
from keepwell.history import History
from keepwell.kit import clock

ACCOUNTS = tuple(f"a{n:02d}" for n in range(1, 13))
START = date(2026, 1, 1)
LAST = date(2026, 3, 10)
FAMILIES = ("accounts", "subscriptions", "usage_daily.login", "tickets", "survey_responses.nps")

SETTINGS = """\
name: Small
timezone: {timezone}
currency: EUR
scorecards:
{cards}
segmentations: []
peers:
  by: []
  at_least: 2
"""

METRICS = """\
metrics:
  weekly_logins:
    label: Logins a week
    sum: value
    from: usage_daily
    where: metric = 'login'
    over: 7 days
    unit: count
    good: high
  weekly_people:
    label: People a week
    count_distinct: person_id
    from: usage_daily
    where: metric = 'login'
    over: 7 days
    unit: people
    good: high
  seats:
    label: Seats
    sum: seats
    from: subscriptions
    unit: people
  people_share:
    label: Share of seats in use
    formula: weekly_people / seats
    unit: share
    good: high
  monthly_tickets:
    label: Tickets in 30 days
    count: rows
    from: tickets
    over: 30 days
    unit: count
    good: low
  asked:
    label: Asked for an NPS in 60 days
    count: rows
    from: survey_responses
    where: kind = 'nps'
    over: 60 days
    unit: count
  last_nps:
    label: Last NPS
    latest: score
    from: survey_responses
    where: kind = 'nps'
    over: 60 days
    unit: points
    good: high
    fresh_for: 5 days
    states: {no_response: asked > 0}
  resting:
    label: Closed for the season
    formula: in_period('seasonal_closure')
    unit: yes_no
  bond:
    label: Relationship
    assessed: [strong, fair, weak]
    expires: 20 days
    unit: category
  trust:
    label: Trust
    assessed: {from: 0, to: 10}
    expires: 20 days
    unit: points
    good: high
"""

CARE = """\
scorecard: care
label: Care
tiers:
  - {key: good, label: Good, from: 75, colour: green}
  - {key: fair, label: Fair, from: 50, colour: yellow}
  - {key: poor, label: Poor, from: 0, colour: red}
minimum_coverage: 40%
components:
  usage:
    weight: 50
    components:
      logins:
        weight: 60
        metric: weekly_logins
        bands: {20: 100, 10: 60, else: 20}
      share:
        weight: 40
        metric: people_share
        ranges:
          - {from: 0%, to: 50%, points: [0, 50]}
          - {from: 50%, to: 100%, points: [60, 100]}
  support:
    weight: 20
    metric: monthly_tickets
    bands: {"<=1": 100, "<=3": 60, else: 10}
  voice:
    weight: 15
    metric: last_nps
    bands: {9: 100, 7: 60, else: 0}
    states: {no_response: 20}
    missing: {hold: 30 days}
  bond:
    weight: 15
    metric: bond
    choices: {strong: 100, fair: 60, weak: 10}
adjustments:
  busy_and_happy:
    when: monthly_tickets >= 4 and last_nps >= 9
    set_points: {support: 60}
    because: Many questions and a promoter
  silent:
    when: monthly_tickets = 0 and weekly_logins < 10
    add_points: {usage: -5, out_of: 50, not_below: 0}
    because: Hardly used, and not a word
  closed:
    when: in_period('seasonal_closure')
    hold: score
    mute: alerts
    because: Closed for the season
"""

STARTERS = """\
scorecard: starters
label: Starters
applies_to: account.segment = 'small'
tiers:
  - {key: good, label: Good, from: 50, colour: green}
  - {key: poor, label: Poor, from: 0, colour: red}
components:
  logins: {weight: 2, metric: weekly_logins, bands: {20: 100, 10: 50, else: 0}}
  trust: {weight: 1, metric: trust, bands: {8: 100, 5: 50, else: 0}}
adjustments:
  resting:
    when: resting = 'yes'
    hold: score
    because: Resting
"""


def write_project(
    folder: Path, *, cards: Iterable[str] = ("care", "starters"), timezone: str = "UTC"
) -> Path:
    """The project folder with its definitions, without facts."""
    texts = {
        "keepwell.yaml": settings(cards, timezone),
        "metrics/small.yaml": METRICS,
        "scorecards/care.yaml": CARE,
        "scorecards/starters.yaml": STARTERS,
    }
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def settings(cards: Iterable[str] = ("care", "starters"), timezone: str = "UTC") -> str:
    """The text of keepwell.yaml."""
    return SETTINGS.format(timezone=timezone, cards="\n".join(f"  - {c}" for c in cards))


class Company:
    """A project under test, with a clock of its own."""

    def __init__(self, folder: Path, clock: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._clock = clock

    @property
    def store(self) -> FactStore:
        """The facts of the project."""
        return FactStore(self.folder / "data" / "facts")

    @property
    def project(self) -> Project:
        """The project, opened anew as every command opens it."""
        return open(self.folder)

    def at(self, when: date | datetime, hour: int = 6) -> datetime:
        """Set the clock, to that hour of a day; the instant."""
        instant = when if isinstance(when, datetime) else at(when, hour)
        self._clock.setenv("KEEPWELL_NOW", instant.isoformat())
        return instant

    def put(self, table: str, *rows: dict[str, Any]) -> None:
        """Store rows that arrive now."""
        put(self.store, {table: rows})

    def cover(self, first: date, last: date, *families: str) -> None:
        """Record what days the source has covered, of all families if none is named."""
        put(self.store, {}, dict.fromkeys(families or FAMILIES, (first, last)))

    def run(self, *days: date) -> Outcome:
        """Score any days at once."""
        p = self.project
        return Night(p.judge, p.store, p.history, p.workspace).run(days)

    def row(self, card: str, day: date, account: str) -> dict[str, Any]:
        """One stored row."""
        history = History(self.folder / "data" / "history")
        [row] = history.read(card, days=[day], accounts=[account]).to_pylist()
        return dict(row)

    def tables(self, day: date, revision: int | None = None) -> dict[str, pa.Table]:
        """All that is stored of a day."""
        project = self.project
        names = (*project.settings.scorecards, PORTFOLIO)
        return {n: project.history.read(n, days=[day], revision=revision) for n in names}

    def forget_scores(self) -> None:
        """Remove the history, as if nothing had been scored."""
        shutil.rmtree(self.folder / "data" / "history")

    def edit(self, file: str, old: str, new: str) -> None:
        """Change a definition; what is replaced must be there exactly once."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, (old, text)
        path.write_text(text.replace(old, new), encoding="utf-8")


@cache
def template(folder: Path) -> Path:
    """A project in that folder with the facts up to LAST, which arrived on the next morning, and
    the last 31 days scored then."""
    with pytest.MonkeyPatch.context() as patch:
        company = Company(write_project(folder), patch)
        company.at(LAST + timedelta(days=1))
        put(company.store, facts(), dict.fromkeys(FAMILIES, (START, LAST)))
        company.project.score(first=LAST - timedelta(days=30), last=LAST)
    return folder


def at(day: date, hour: int = 6) -> datetime:
    """An instant of that day, UTC."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def put(
    store: FactStore,
    tables: Mapping[str, Iterable[dict[str, Any]]],
    covered: Mapping[str, tuple[date, date]] | None = None,
) -> None:
    """Store rows of several tables, and what days they cover, in one import that arrives now."""
    with store.writer("import") as writer:
        arrived = clock.now()
        for table, rows in tables.items():
            found = conform(table, list(rows), incoming_schema(TABLES[table]))
            writer.put(table, found, source_id="files", arrived_at=arrived)
        writer.cover("files", covered or {}, arrived_at=arrived)


def logins(
    account: str, first: date, last: date, *, people: int, each: int
) -> list[dict[str, Any]]:
    """So many people who log in so often on every day."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [
        {"account_id": account, "person_id": f"{account}-p{p}", "day": day, "metric": "login",
         "value": each}
        for day in days
        for p in range(people)
    ]  # fmt: skip


def facts(first: date = START, last: date = LAST) -> dict[str, list[dict[str, Any]]]:
    """The facts of all accounts up to `last`: the better, the higher the account's number."""
    accounts, contracts, usage, tickets, surveys = [], [], [], [], []
    for n, account in enumerate(ACCOUNTS, start=1):
        accounts.append(
            {"account_id": account, "name": f"Account {n}", "status": "active",
             "segment": "small" if n % 3 == 0 else "large", "customer_since": first}
        )  # fmt: skip
        contracts.append(
            {"subscription_id": f"s{n}", "account_id": account, "status": "active",
             "value_from": first, "start_on": first, "seats": 8, "mrr": 100, "currency": "EUR"}
        )  # fmt: skip
        usage += logins(account, first, last, people=1 + n % 8, each=1 + n % 2)
        for k in range(n % 6):
            opened = at(first + timedelta(days=42 + 5 * k), 9 + k)
            if opened.date() <= last:
                tickets.append({"ticket_id": f"t{n}-{k}", "account_id": account,
                                "opened_at": opened, "status": "open"})  # fmt: skip
        if n % 4:
            sent = at(first + timedelta(days=20 + n), 8)
            surveys.append({"response_id": f"r{n}", "survey_key": "q1", "kind": "nps",
                            "account_id": account, "sent_at": sent,
                            "responded_at": sent + timedelta(hours=30) if n % 4 < 3 else None,
                            "score": n - 1 if n % 4 < 3 else None})  # fmt: skip
    return {"accounts": accounts, "subscriptions": contracts, "usage_daily": usage,
            "tickets": tickets, "survey_responses": surveys}  # fmt: skip


def same(one: Mapping[str, pa.Table], other: Mapping[str, pa.Table]) -> bool:
    """Whether the tables hold the same, bit for bit. A column that only one has must be empty; the
    points after overrides are there for all days of a range on which anybody overrides."""
    return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)


def _same(one: pa.Table, other: pa.Table) -> bool:
    names = [c for c in one.column_names if c in other.column_names]
    alone = [t[c] for t in (one, other) for c in t.column_names
             if c not in names and not c.startswith("final/")]  # fmt: skip
    return bool(one.select(names).equals(other.select(names))) and all(
        column.null_count == len(column) for column in alone
    )
