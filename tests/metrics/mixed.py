"""A small company with rows of every kind: closures, mergers, children, currencies, time zones."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from tests.metrics.measuring import account

Row = dict[str, Any]

FIRST, LAST = date(2023, 6, 1), date(2024, 4, 20)
NAMES = [f"a{i:02}" for i in range(14)]
ZONES = ["UTC", "Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati", "Europe/London", None]
CURRENCIES = ["EUR", "USD", "GBP", None]


class Maker:
    """Rows from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.people = {
            name: [f"{name} p{i}" for i in range(self.rng.randrange(2, 5))] for name in NAMES
        }

    def pick(self, *values: Any) -> Any:
        return self.rng.choice(values)

    def name(self) -> str:
        return self.rng.choice(NAMES)

    def person(self, name: str) -> str:
        return self.rng.choice(self.people[name])

    def day(self) -> date:
        return FIRST + timedelta(days=self.rng.randrange((LAST - FIRST).days))

    def at(self) -> datetime:
        seconds = self.rng.randrange(86_400)
        day = self.day()
        return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=seconds)

    def after(self, start: Any, most_days: int) -> Any:
        """A later moment, or none."""
        if self.rng.random() < 0.35:
            return None
        return start + timedelta(days=self.rng.randrange(1, most_days))

    def rows(self, count: int, make: Callable[[int, str], Row]) -> list[Row]:
        return [make(number, self.name()) for number in range(count)]

    def money(self) -> dict[str, Any]:
        return {"amount": self.rng.randrange(1, 10**7) / 100, "currency": self.pick("EUR", "USD")}


@cache
def company() -> Mapping[str, list[Row]]:
    """Rows by table."""
    m = Maker(99)
    return {**_accounts(m), **_contracts(m), **_activity(m), **_care(m), **_judgement(m)}


def _accounts(m: Maker) -> dict[str, list[Row]]:
    accounts = [
        dict(account(
            name, timezone=m.pick(*ZONES), currency=m.pick(*CURRENCIES), segment=m.pick("x", "y"),
            region=m.pick("north", "south"), industry=m.pick("food", "retail"),
            employees=m.rng.randrange(10, 900), sites_count=m.rng.randrange(1, 7),
            customer_since=m.pick(None, "2023-06-10", "2024-03-01", "2020-01-01"),
        ))
        for name in NAMES
    ]  # fmt: skip
    accounts[3] |= {"status": "churned", "churned_on": "2024-03-31"}
    accounts[4] |= {"rollup_mode": "with_children"}
    accounts[5] |= {"parent_account_id": NAMES[4]}
    people = [
        {"person_id": person, "account_id": name, "status": "active", "full_name": person,
         "seniority": m.pick("c_level", "vp", "manager", "ic"), "is_licensed_user": True,
         "left_on": m.pick(None, None, "2024-03-15"), "department": m.pick("it", "sales")}
        for name in NAMES
        for person in m.people[name]
    ]  # fmt: skip
    roles = {
        (person, role): {"person_id": person, "account_id": name, "role": role,
                         "valid_from": m.day(), "valid_to": m.pick(None, "2024-03-20")}
        for name in NAMES
        for person, role in [(m.person(name), "champion"), (m.person(name), "executive_sponsor"),
                             (m.person(name), "decision_maker")]
    }  # fmt: skip
    periods = [
        {"period_id": str(i), "account_id": name, "kind": kind, "start_on": start, "end_on": end,
         "recurs_yearly": yearly}
        for i, (name, kind, start, end, yearly) in enumerate([
            (NAMES[0], "seasonal_closure", "2021-12-20", "2022-01-08", True),
            (NAMES[1], "seasonal_closure", "2024-02-20", "2024-03-10", False),
            (NAMES[2], "seasonal_closure", "2024-03-30", None, False),
            (NAMES[6], "ownership_change", "2024-01-10", "2024-01-10", False),
            (NAMES[7], "onboarding", "2024-02-01", "2024-04-01", False),
        ])
    ]  # fmt: skip
    merges = [
        {"merge_id": "1", "entity_type": "account", "loser_id": NAMES[8], "winner_id": NAMES[9],
         "merged_at": "2024-03-30T20:00:00"},
        {"merge_id": "2", "entity_type": "account", "loser_id": NAMES[10], "winner_id": NAMES[5],
         "merged_at": "2024-01-30T20:00:00"},
    ]  # fmt: skip
    return {"accounts": accounts, "people": people, "person_roles": list(roles.values()),
            "account_periods": periods, "merges": merges}  # fmt: skip


def _contracts(m: Maker) -> dict[str, list[Row]]:
    plans = ["tier_1", "tier_2", "tier_3"]
    kinds = ["core", "advanced", "page", "integration", "addon"]

    def subscription(number: int, name: str) -> Row:
        start = m.day()
        return {
            "subscription_id": f"s{number}", "account_id": name, "plan_id": m.pick(*plans),
            "status": "active", "value_from": start, "value_to": m.after(start, 90),
            "start_on": start, "end_on": m.after(start, 400), "renews_on": m.after(start, 400),
            "cancelled_on": m.pick(None, None, "2024-03-20"), "seats": m.rng.randrange(1, 40),
            "mrr": m.rng.randrange(1000, 10**6) / 100, "currency": m.pick("EUR", "USD"),
            "bill_period_months": 1,
        }  # fmt: skip

    def invoice(number: int, name: str) -> Row:
        issued = m.day()
        return {
            "invoice_id": f"i{number}", "account_id": name, "subscription_id": f"s{number % 40}",
            "issued_on": issued, "due_on": issued + timedelta(days=14),
            "settled_on": m.after(issued, 60), "status": m.pick("paid", "open"),
            "amount_paid": m.rng.randrange(1000), "failed_attempts": m.rng.randrange(3),
            "is_disputed": m.pick(True, False), **m.money(),
        }  # fmt: skip

    def opportunity(number: int, name: str) -> Row:
        created = m.day()
        return {
            "opportunity_id": f"o{number}", "account_id": name, "created_on": created,
            "type": m.pick("expansion", "renewal", "new"), "stage": m.pick("open", "proposal"),
            "is_closed": m.pick(True, False), "is_won": m.pick(True, False),
            "close_on": m.after(created, 90), "probability": m.rng.randrange(101) / 100,
            **m.money(),
        }  # fmt: skip

    rates = [
        {"day": day, "from_ccy": one, "to_ccy": "EUR", "rate": rate}
        for day, one, rate in (
            ("2023-01-01", "USD", "0.912345678"), ("2024-03-31", "USD", "0.9"),
            ("2023-01-01", "GBP", "1.17"),
        )
    ]  # fmt: skip
    return {
        "plans": [
            {"plan_id": plan, "name": plan, "tier_rank": rank, "is_top_tier": rank == 3}
            for rank, plan in enumerate(plans, 1)
        ],
        "plan_features": [
            {"plan_id": plan, "feature_key": f"{kind}_{n}", "kind": kind}
            for rank, plan in enumerate(plans, 1)
            for kind in kinds
            for n in range(rank)
        ],
        "subscriptions": m.rows(40, subscription),
        "invoices": m.rows(80, invoice),
        "opportunities": m.rows(40, opportunity),
        "fx_rates": rates,
    }


def _activity(m: Maker) -> dict[str, list[Row]]:
    metrics = ["session", "login", "session_minutes", "api_call"]
    features = [None, "core_0", "core_1", "advanced_0", "page_0", "integration_0"]

    def usage(number: int, name: str) -> Row:
        return {
            "account_id": name, "person_id": m.pick(None, m.person(name)), "day": m.day(),
            "metric": m.pick(*metrics), "feature_key": m.pick(*features),
            "value": m.rng.randrange(1, 5000) / 100,
        }  # fmt: skip

    def event(number: int, name: str) -> Row:
        return {
            "event_id": f"e{number}", "account_id": name, "person_id": m.person(name),
            "occurred_at": m.at(), "name": m.pick("login", "data_update", "export"),
            "feature_key": m.pick(*features), "quantity": m.rng.randrange(9),
        }  # fmt: skip

    daily = {
        (r["account_id"], r["person_id"], r["day"], r["metric"], r["feature_key"]): r
        for r in m.rows(900, usage)
    }
    return {"usage_daily": list(daily.values()), "usage_events": m.rows(150, event)}


def _care(m: Maker) -> dict[str, list[Row]]:
    def ticket(number: int, name: str) -> Row:
        opened = m.at()
        return {
            "ticket_id": f"t{number}", "account_id": name, "requester_id": m.person(name),
            "category": m.pick("bug", "how_to", "feature_request", "setup"),
            "problem_key": m.pick("p1", "p2", None), "severity": m.pick("low", "high", "critical"),
            "status": m.pick("open", "closed"), "opened_at": opened,
            "first_reply_at": m.after(opened, 4), "first_resolved_at": m.after(opened, 9),
            "last_resolved_at": m.after(opened, 12), "closed_at": m.after(opened, 20),
            "reopen_count": m.rng.randrange(3), "escalated_at": m.after(opened, 9),
        }  # fmt: skip

    def touch(number: int, name: str) -> Row:
        return {
            "touchpoint_id": f"m{number}", "account_id": name, "occurred_at": m.at(),
            "kind": m.pick("email", "call", "meeting", "qbr", "check_in", "training"),
            "direction": m.pick("in", "out", "both"), "thread_key": m.pick(None, name),
            "status": m.pick("held", "sent", "cancelled", "planned"), "purpose": m.pick(None, "x"),
            "duration_min": m.rng.randrange(60), "outcome": m.pick(None, "good"),
        }  # fmt: skip

    touches = m.rows(160, touch)
    attended = {
        (row["touchpoint_id"], person): {
            "touchpoint_id": row["touchpoint_id"], "person_id": person, "part": "attendee",
            "attended": m.pick(True, False),
        }
        for row in touches
        for person in [m.person(row["account_id"])]
    }  # fmt: skip
    return {
        "tickets": m.rows(160, ticket),
        "touchpoints": touches,
        "touchpoint_people": list(attended.values()),
    }


def _judgement(m: Maker) -> dict[str, list[Row]]:
    def survey(number: int, name: str) -> Row:
        sent = m.at()
        return {
            "response_id": f"r{number}", "survey_key": "s", "kind": m.pick("nps", "csat"),
            "account_id": name, "person_id": m.person(name), "sent_at": sent,
            "responded_at": m.after(sent, 9), "score": m.rng.randrange(11),
        }  # fmt: skip

    def outcome(number: int, name: str) -> Row:
        start = m.day()
        return {
            "outcome_id": f"g{number}", "account_id": name, "title": "Goal", "target": 10,
            "kind": m.pick("goal", "milestone", "kpi", "roi"), "actual": m.rng.randrange(15),
            "set_on": start, "measured_on": m.after(start, 60), "due_on": m.after(start, 90),
            "achieved_on": m.after(start, 90), "status": m.pick("achieved", "open"),
        }  # fmt: skip

    def training(number: int, name: str) -> Row:
        start = m.at()
        return {
            "enrolment_id": f"c{number}", "account_id": name, "person_id": m.person(name),
            "course_key": m.pick("basics", "expert"), "assigned_at": start,
            "completed_at": m.after(start, 60), "status": m.pick("completed", "no_show"),
        }  # fmt: skip

    def assessment(number: int, name: str) -> Row:
        return {
            "assessment_id": f"q{number}", "account_id": name, "author_id": "u",
            "question_key": m.pick("executive_relationship", "stated_outcome", "logins_30d"),
            "answer_code": m.pick("vp", "helpful", None), "answer_number": m.rng.randrange(20),
            "assessed_at": m.at(),
        }  # fmt: skip

    def advocacy(number: int, name: str) -> Row:
        return {
            "advocacy_id": f"v{number}", "account_id": name, "person_id": m.person(name),
            "kind": m.pick("referral", "reference", "review"), "occurred_at": m.at(),
            "status": m.pick("asked", "willing", "given", "converted"), "rating": 4,
        }  # fmt: skip

    return {
        "survey_responses": m.rows(120, survey),
        "outcomes": m.rows(50, outcome),
        "training": m.rows(60, training),
        "assessments": m.rows(50, assessment),
        "advocacy": m.rows(30, advocacy),
    }
