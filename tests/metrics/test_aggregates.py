"""Every kind of aggregate against plain Python over generated rows, on days that are hard.

The reference below knows nothing of the implementation: it walks over dicts. The rows lie in six
time zones, from eleven hours behind UTC to fourteen ahead, and the asked days are around a leap
day, a month's end and both changes of daylight saving.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from keepwell.facts.memory import MemoryFacts
from tests.metrics.measuring import Row, Values, account, given, measured, metrics

ZONES = {
    "utc": "UTC",
    "tokyo": "Asia/Tokyo",
    "la": "America/Los_Angeles",
    "london": "Europe/London",
    "first": "Pacific/Kiritimati",
    "last": "Pacific/Pago_Pago",
}
DAYS = [
    date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 10), date(2024, 3, 11),
    date(2024, 3, 31), date(2024, 4, 30), date(2024, 10, 27), date(2024, 11, 3),
]  # fmt: skip
Part = Callable[[Row], Any]


# --- rows -----------------------------------------------------------------------------------------


def _instant(rng: random.Random, zone: str) -> datetime:
    day = rng.choice([*DAYS, *DAYS, *(d - timedelta(days=rng.randrange(70)) for d in DAYS)])
    # Near midnight of the account more often than at noon.
    hour, minute = rng.choice([(0, 0), (0, 5), (23, 30), (23, 59), (12, 0), (rng.randrange(24), 7)])
    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone))
    return local.astimezone(UTC)


def _later(rng: random.Random, start: datetime, most_hours: int) -> datetime | None:
    if rng.random() < 0.3:
        return None
    return start + timedelta(hours=rng.randrange(most_hours), seconds=rng.randrange(3600))


def _ticket(rng: random.Random, number: int) -> Row:
    name = rng.choice(list(ZONES))
    opened = _instant(rng, ZONES[name])
    closed = _later(rng, opened, 400)
    return {
        "ticket_id": f"t{number:04}",
        "account_id": name,
        "requester_id": rng.choice([None, "p1", "p2", "p3"]),
        "category": rng.choice(["bug", "how_to", "setup", None]),
        "problem_key": rng.choice(["login", "export", "billing", None]),
        "severity": rng.choice(["low", "high", "critical"]),
        "status": "closed" if closed else "open",
        "opened_at": opened,
        "first_reply_at": _later(rng, opened, 90),
        "closed_at": closed,
        "reopen_count": rng.choice([0, 0, 1, 2, None]),
    }


def _usage(rng: random.Random, number: int) -> Row:
    day = rng.choice(DAYS) - timedelta(days=rng.choice([0, 1, 6, 7, 29, 30, rng.randrange(90)]))
    return {
        "account_id": rng.choice(list(ZONES)),
        "person_id": rng.choice(["p1", "p2", "p3", "p4", None]),
        "day": day,
        "metric": rng.choice(["login", "login", "minutes"]),
        "feature_key": rng.choice(["f1", "f2", "f3", None]),
        "value": Decimal(rng.randrange(1, 200_000)) / 10_000,
    }


def _survey(rng: random.Random, number: int) -> Row:
    name = rng.choice(list(ZONES))
    sent = _instant(rng, ZONES[name])
    answered = _later(rng, sent, 200)
    return {
        "response_id": f"r{number:04}",
        "survey_key": "nps",
        "kind": rng.choice(["nps", "csat"]),
        "account_id": name,
        "person_id": rng.choice(["p1", "p2", None]),
        "sent_at": sent,
        "responded_at": answered,
        "score": None if answered is None else rng.randrange(11),
    }


@cache
def tables() -> dict[str, list[Row]]:
    rng = random.Random(2024)
    usage = {}
    for i in range(900):
        row = _usage(rng, i)
        key = (row["account_id"], row["person_id"], row["day"], row["metric"], row["feature_key"])
        usage[key] = row
    return {
        "accounts": [account(name, timezone=zone) for name, zone in ZONES.items()],
        "people": [
            {"person_id": f"p{i}", "account_id": "utc", "seniority": rank}
            for i, rank in enumerate(["c_level", "vp", "manager", "ic"], 1)
        ],
        "tickets": [_ticket(rng, i) for i in range(400)],
        "usage_daily": list(usage.values()),
        "survey_responses": [_survey(rng, i) for i in range(250)],
    }


SENIORITY = {"p1": "c_level", "p2": "vp", "p3": "manager", "p4": "ic"}


# --- the reference --------------------------------------------------------------------------------


def local(moment: Any, row: Row) -> date | None:
    if isinstance(moment, datetime):
        return moment.astimezone(ZoneInfo(ZONES[row["account_id"]])).date()
    assert moment is None or isinstance(moment, date)
    return moment


def as_known(table: str, row: Row, day: date) -> Row:
    """The row as it was seen on that day."""
    found = dict(row)

    def is_later(name: str) -> bool:
        at = local(row[name], row)
        return at is not None and at > day

    if table == "tickets":
        if is_later("closed_at"):
            found["status"] = "open"
        for name in ("first_reply_at", "closed_at"):
            if is_later(name):
                found[name] = None
    if table == "survey_responses" and is_later("responded_at"):
        found["responded_at"] = found["score"] = None
    return found


DAY_OF = {"tickets": "opened_at", "usage_daily": "day", "survey_responses": "sent_at"}
KEY_OF = {
    "tickets": ("ticket_id",),
    "usage_daily": ("account_id", "person_id", "day", "metric", "feature_key"),
    "survey_responses": ("response_id",),
}


@dataclass(frozen=True)
class Case:
    """A metric, as it is written and as Python would count it."""

    written: str
    table: str
    kind: str
    of: Part = lambda row: True
    where: Part = lambda row: True
    over: int | None = None
    per: str | None = None
    then: str = "max"
    order: Part | None = None
    nothing: float | None = None

    def value(self, name: str, day: date) -> Any:
        rows = [
            as_known(self.table, row, day)
            for row in tables()[self.table]
            if row["account_id"] == name
        ]
        happened = DAY_OF[self.table]
        seen = []
        for row in rows:
            own = local(row[happened], row)
            assert own is not None
            within = own <= day and (self.over is None or own > day - timedelta(days=self.over))
            if within and self.where(row):
                seen.append(row)
        if self.per is None:
            found = self.aggregate(seen, day)
            return self.nothing if found is None else found
        groups: dict[Any, list[Row]] = {}
        for row in seen:
            if row[self.per] is not None:
                groups.setdefault(row[self.per], []).append(row)
        inner = [self.aggregate(g, day) for g in groups.values()]
        return _over_groups([v for v in inner if v], self.then, self.nothing)

    def aggregate(self, rows: list[Row], day: date) -> Any:
        known = [(self.of(row), row) for row in rows if self.of(row) is not None]
        values = [value for value, _ in known]
        if self.kind == "count":
            return float(sum(bool(v) for v in values))
        if self.kind == "count_distinct":
            return float(len(set(values)))
        if self.kind == "streak":
            return self.streak(known)
        if not values:
            return None
        if self.kind in PLAIN:
            return float(PLAIN[self.kind](values))
        if self.kind == "latest":
            return self.latest(known)
        ages = [(day - value).days for value in values]
        if self.kind == "days_until":
            return float(min(-age for age in ages))
        past = [age for age in ages if age >= 0]
        return float(min(past)) if past else None

    def streak(self, known: list[tuple[Any, Row]]) -> float:
        happened = DAY_OF[self.table]
        breaks = [row[happened] for holds, row in known if not holds]
        return float(
            sum(bool(holds) and all(row[happened] > b for b in breaks) for holds, row in known)
        )

    def latest(self, known: list[tuple[Any, Row]]) -> Any:
        order = self.order or (lambda row: row[DAY_OF[self.table]])
        keys = KEY_OF[self.table]

        def place(item: tuple[Any, Row]) -> tuple[Any, ...]:
            row = item[1]
            return order(row), *((row[k] is not None, row[k] or "") for k in keys)

        ordered = [item for item in known if order(item[1]) is not None]
        if not ordered:
            return None
        value = max(ordered, key=place)[0]
        return value if isinstance(value, str) else float(value)


PLAIN: dict[str, Callable[[list[Any]], Any]] = {
    "sum": sum,
    "mean": lambda v: float(sum(v)) / len(v),
    "median": lambda v: median([float(x) for x in v]),
    "min": min,
    "max": max,
    "share": lambda v: sum(map(bool, v)) / len(v),
}


def _over_groups(values: list[float], then: str, nothing: float | None) -> float | None:
    if not values:
        return nothing
    if then == "count":
        return float(len(values))
    return float(PLAIN[then](values))


def _hours(row: Row, start: str, end: str) -> float | None:
    if row[start] is None or row[end] is None:
        return None
    return int((row[end] - row[start]).total_seconds()) / 3600


def _is(column: str, *values: Any) -> Part:
    return lambda row: row[column] in values


def _get(column: str) -> Part:
    return lambda row: row[column]


def _on(column: str) -> Part:
    return lambda row: local(row[column], row)


LOGIN = _is("metric", "login")
CASES = {
    # tickets: instants in the account's time zone, columns that become known later
    "tickets_7d": Case("count: rows, from: tickets, over: 7 days", "tickets", "count", over=7,
                       nothing=0),
    "tickets_ever": Case("count: rows, from: tickets", "tickets", "count", nothing=0),
    "bugs_30d": Case("count: category = 'bug', from: tickets, over: 30 days", "tickets", "count",
                     of=lambda r: None if r["category"] is None else r["category"] == "bug",
                     over=30, nothing=0),
    "open_tickets": Case("count: rows, from: tickets, where: status <> 'closed'", "tickets",
                         "count", where=lambda r: r["status"] != "closed", nothing=0),
    "grave_or_old": Case(
        "count: rows, from: tickets, over: 30 days, where: "
        "\"severity in ('high', 'critical') and not (category = 'how_to') or reopen_count > 1\"",
        "tickets", "count", over=30, nothing=0,
        where=lambda r: (r["severity"] in ("high", "critical") and r["category"] is not None
                         and r["category"] != "how_to") or (r["reopen_count"] or 0) > 1),
    "requesters_30d": Case("count_distinct: requester_id, from: tickets, over: 30 days", "tickets",
                           "count_distinct", of=_get("requester_id"), over=30, nothing=0),
    "problems_7d": Case("count_distinct: problem_key, from: tickets, over: 7 days, "
                        "where: severity <> 'low'", "tickets", "count_distinct",
                        of=_get("problem_key"), where=lambda r: r["severity"] != "low", over=7,
                        nothing=0),
    "reopened_90d": Case("sum: reopen_count, from: tickets, over: 90 days", "tickets", "sum",
                         of=_get("reopen_count"), over=90, nothing=0),
    "reopened_unknown": Case("sum: reopen_count, from: tickets, over: 3 days, none_means: unknown",
                             "tickets", "sum", of=_get("reopen_count"), over=3),
    "reply_hours": Case("mean: 'hours_between(opened_at, first_reply_at)', from: tickets, "
                        "over: 60 days", "tickets", "mean", over=60,
                        of=lambda r: _hours(r, "opened_at", "first_reply_at")),
    "median_hours": Case("median: 'hours_between(opened_at, closed_at)', from: tickets, "
                         "over: 90 days", "tickets", "median", over=90,
                         of=lambda r: _hours(r, "opened_at", "closed_at")),
    "longest_hours": Case("max: 'hours_between(opened_at, closed_at)', from: tickets", "tickets",
                          "max", of=lambda r: _hours(r, "opened_at", "closed_at")),
    "shortest_hours": Case("min: 'hours_between(opened_at, closed_at)', from: tickets", "tickets",
                           "min", of=lambda r: _hours(r, "opened_at", "closed_at")),
    "closed_share": Case("share: status = 'closed', from: tickets, over: 30 days", "tickets",
                         "share", of=lambda r: r["status"] == "closed", over=30),
    "replied_share": Case("share: first_reply_at is not null, from: tickets, over: 14 days",
                          "tickets", "share", of=lambda r: r["first_reply_at"] is not None,
                          over=14),
    "not_reopened": Case("share: not (reopen_count > 0), from: tickets, over: 30 days", "tickets",
                         "share", over=30,
                         of=lambda r: None if r["reopen_count"] is None
                         else not r["reopen_count"] > 0),
    "latest_category": Case("latest: category, from: tickets, unit: category", "tickets", "latest",
                            of=_get("category")),
    "latest_severity_7d": Case("latest: severity, from: tickets, over: 7 days, unit: category",
                               "tickets", "latest", of=_get("severity"), over=7),
    "latest_reopened": Case("latest: reopen_count, from: tickets", "tickets", "latest",
                            of=_get("reopen_count")),
    "latest_closed": Case("latest: severity, from: tickets, order_by: closed_at, unit: category",
                          "tickets", "latest", of=_get("severity"), order=_get("closed_at")),
    "since_ticket": Case("days_since_last: opened_at, from: tickets", "tickets",
                         "days_since_last", of=_on("opened_at")),
    "since_closed": Case("days_since_last: closed_at, from: tickets, over: 90 days", "tickets",
                         "days_since_last", of=_on("closed_at"), over=90),
    "since_critical": Case("days_since_last: opened_at, from: tickets, "
                           "where: severity = 'critical'", "tickets", "days_since_last",
                           of=_on("opened_at"), where=_is("severity", "critical")),
    "open_streak": Case("streak: status <> 'closed', from: tickets", "tickets", "streak",
                        of=lambda r: r["status"] != "closed", nothing=0),
    "calm_streak_30d": Case("streak: reopen_count = 0, from: tickets, over: 30 days", "tickets",
                            "streak", over=30, nothing=0,
                            of=lambda r: None if r["reopen_count"] is None
                            else r["reopen_count"] == 0),
    "worst_problem": Case("count: rows, from: tickets, over: 60 days, per: problem_key, then: max",
                          "tickets", "count", over=60, per="problem_key", nothing=0),
    "problems_with_bugs": Case("count: category = 'bug', from: tickets, over: 60 days, "
                               "per: problem_key, then: count", "tickets", "count", over=60,
                               of=lambda r: r["category"] == "bug", per="problem_key",
                               then="count", nothing=0),
    "slowest_problem": Case("mean: 'hours_between(opened_at, closed_at)', from: tickets, "
                            "per: problem_key, then: max", "tickets", "mean", per="problem_key",
                            of=lambda r: _hours(r, "opened_at", "closed_at")),
    "people_per_problem": Case("count_distinct: requester_id, from: tickets, per: problem_key, "
                               "then: min, over: 90 days", "tickets", "count_distinct", over=90,
                               of=_get("requester_id"), per="problem_key", then="min", nothing=0),
    "by_leaders": Case("count: rows, from: tickets, where: \"requester.seniority in "
                       "('c_level', 'vp')\"", "tickets", "count", nothing=0,
                       where=lambda r: SENIORITY.get(r["requester_id"] or "") in ("c_level",
                                                                                  "vp")),
    "days_open": Case("max: days_since(opened_at), from: tickets, where: status <> 'closed'",
                      "tickets", "max", where=lambda r: r["status"] != "closed"),
    "answered_fast": Case("share: 'hours_between(opened_at, first_reply_at) <= 24', from: tickets, "
                          "over: 30 days, where: first_reply_at is not null", "tickets", "share",
                          over=30, where=lambda r: r["first_reply_at"] is not None,
                          of=lambda r: (_hours(r, "opened_at", "first_reply_at") or 0) <= 24),
    # usage: local days, decimals, keys with empty parts
    "logins_7d": Case("sum: value, from: usage_daily, where: metric = 'login', over: 7 days",
                      "usage_daily", "sum", of=_get("value"), where=LOGIN, over=7, nothing=0),
    "logins_30d": Case("sum: value, from: usage_daily, where: metric = 'login', over: 30 days",
                       "usage_daily", "sum", of=_get("value"), where=LOGIN, over=30, nothing=0),
    "active_7d": Case("count_distinct: person_id, from: usage_daily, over: 7 days, "
                      "where: metric = 'login'", "usage_daily", "count_distinct",
                      of=_get("person_id"), where=LOGIN, over=7, nothing=0),
    "active_1d": Case("count_distinct: person_id, from: usage_daily, over: 1 day",
                      "usage_daily", "count_distinct", of=_get("person_id"), over=1, nothing=0),
    "active_90d": Case("count_distinct: person_id, from: usage_daily, over: 90 days",
                       "usage_daily", "count_distinct", of=_get("person_id"), over=90, nothing=0),
    "leaders_30d": Case("count_distinct: person_id, from: usage_daily, over: 30 days, "
                        "where: person.seniority <> 'ic'", "usage_daily", "count_distinct",
                        of=_get("person_id"), over=30, nothing=0,
                        where=lambda r: SENIORITY.get(r["person_id"] or "", "ic") != "ic"),
    "mean_value": Case("mean: value, from: usage_daily, over: 30 days", "usage_daily", "mean",
                       of=_get("value"), over=30),
    "median_value": Case("median: value, from: usage_daily, over: 30 days", "usage_daily",
                         "median", of=_get("value"), over=30),
    "greatest_value": Case("max: value, from: usage_daily, over: 7 days", "usage_daily", "max",
                           of=_get("value"), over=7),
    "least_value": Case("min: value, from: usage_daily, over: 7 days", "usage_daily", "min",
                        of=_get("value"), over=7),
    "long_share": Case("share: value > 10, from: usage_daily, over: 30 days", "usage_daily",
                       "share", of=lambda r: r["value"] > 10, over=30),
    "no_feature": Case("share: feature_key is null, from: usage_daily, over: 30 days",
                       "usage_daily", "share", of=lambda r: r["feature_key"] is None, over=30),
    "since_login": Case("days_since_last: day, from: usage_daily, where: metric = 'login'",
                        "usage_daily", "days_since_last", of=_on("day"), where=LOGIN),
    "since_p1": Case("days_since_last: day, from: usage_daily, where: person_id = 'p1', "
                     "over: 30 days", "usage_daily", "days_since_last", of=_on("day"), over=30,
                     where=_is("person_id", "p1")),
    "latest_value": Case("latest: value, from: usage_daily", "usage_daily", "latest",
                         of=_get("value")),
    "latest_feature": Case("latest: feature_key, from: usage_daily, over: 30 days, unit: category",
                           "usage_daily", "latest", of=_get("feature_key"), over=30),
    "best_person": Case("sum: value, from: usage_daily, over: 30 days, per: person_id, then: max",
                        "usage_daily", "sum", of=_get("value"), over=30, per="person_id",
                        nothing=0),
    "usual_person": Case("sum: value, from: usage_daily, over: 30 days, per: person_id, "
                         "then: median, none_means: unknown", "usage_daily", "sum",
                         of=_get("value"), over=30, per="person_id", then="median"),
    "mean_person": Case("sum: value, from: usage_daily, over: 30 days, per: person_id, then: mean",
                        "usage_daily", "sum", of=_get("value"), over=30, per="person_id",
                        then="mean", nothing=0),
    "features_per_person": Case("count_distinct: feature_key, from: usage_daily, over: 30 days, "
                                "per: person_id, then: sum", "usage_daily", "count_distinct",
                                of=_get("feature_key"), over=30, per="person_id", then="sum",
                                nothing=0),
    "busy_days": Case("count: rows, from: usage_daily, over: 30 days, per: day, then: count",
                      "usage_daily", "count", over=30, per="day", then="count", nothing=0),
    "login_streak": Case("streak: metric = 'login', from: usage_daily, over: 30 days",
                         "usage_daily", "streak", of=LOGIN, over=30, nothing=0),
    # surveys: the score is known when it was answered, the row when it was asked
    "asked_30d": Case("count: rows, from: survey_responses, over: 30 days", "survey_responses",
                      "count", over=30, nothing=0),
    "nps_latest": Case("latest: score, from: survey_responses, where: kind = 'nps', "
                       "order_by: responded_at", "survey_responses", "latest", of=_get("score"),
                       where=_is("kind", "nps"), order=_get("responded_at")),
    "nps_mean": Case("mean: score, from: survey_responses, over: 60 days", "survey_responses",
                     "mean", of=_get("score"), over=60),
    "promoters": Case("share: score >= 9, from: survey_responses, over: 90 days",
                      "survey_responses", "share", over=90,
                      of=lambda r: None if r["score"] is None else r["score"] >= 9),
    "unanswered": Case("streak: responded_at is null, from: survey_responses", "survey_responses",
                       "streak", of=lambda r: r["responded_at"] is None, nothing=0),
}  # fmt: skip
WRITTEN = metrics("\n".join(f"{key}: {{{case.written}}}" for key, case in CASES.items()))


@cache
def facts() -> MemoryFacts:
    return given(tables())


@cache
def values() -> Values:
    return measured(WRITTEN, facts(), DAYS)


@pytest.mark.parametrize("key", CASES)
def test_it_is_what_plain_python_counts(key: str) -> None:
    case = CASES[key]
    known = 0
    for name in ZONES:
        for day in DAYS:
            found, expected = values()(key, name, day), _expected(case, name, day)
            assert found == expected or found == pytest.approx(expected, rel=1e-12), (name, day)
            known += found is not None
    assert known > len(ZONES)


def _expected(case: Case, name: str, day: date) -> Any:
    if case.written.startswith("max: days_since"):
        since = Case(case.written, case.table, "count", where=case.where)
        rows = [r for r in tables()[case.table] if r["account_id"] == name]
        ages = [
            (day - own).days
            for r in rows
            for own in [local(r["opened_at"], r)]
            if own is not None and own <= day and since.where(as_known(case.table, r, day))
        ]
        return float(max(ages)) if ages else None
    return case.value(name, day)
