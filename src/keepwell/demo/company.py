"""The whole company in one pass: stories first, then everything that they leave in systems."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from keepwell.demo.accounts import account_rows, merge_rows, period_rows
from keepwell.demo.assessments import advocacy_rows, assessment_rows
from keepwell.demo.cast import cast
from keepwell.demo.contact import conversations
from keepwell.demo.contracts import Contract, contract, subscription_rows
from keepwell.demo.flaws import flaw_tables
from keepwell.demo.frames import Row, frame
from keepwell.demo.money import invoice_rows, rate_rows
from keepwell.demo.offer import plan_feature_rows, plan_rows
from keepwell.demo.people import Roster, people_rows, role_rows, roster
from keepwell.demo.sales import opportunity_rows
from keepwell.demo.signals import signal_rows
from keepwell.demo.sources import coverage_rows, source_rows
from keepwell.demo.stories import Story
from keepwell.demo.success import outcome_rows, training_rows
from keepwell.demo.support import csat_rows, ticket_rows
from keepwell.demo.surveys import survey_rows
from keepwell.demo.team import LEFT_MONTHS_BEFORE_END, staff_rows
from keepwell.demo.truth import truth_tables
from keepwell.demo.usage import event_rows, usage_table
from keepwell.demo.world import World, add_months
from keepwell.kit.errors import KeepwellError

NAME = "Quayside"

FEWEST_ACCOUNTS = 30
FEWEST_MONTHS = 6


@dataclass(frozen=True)
class Company:
    """A simulated company.

    tables: every canonical table that is imported, by name, as it is at the end of the window.
    truth: what no system of the company knows, by name; see demo.truth and demo.flaws.
    """

    name: str
    seed: int
    start: date
    end: date
    tables: dict[str, pa.Table]
    truth: dict[str, pa.Table]


def simulate(
    seed: int = 7, accounts: int = 200, months: int = 18, end: date = date(2026, 4, 14)
) -> Company:
    """A B2B software company with that many accounts over the months that end on `end`.

    The same arguments give the same tables, whatever the machine. Raises KeepwellError where the
    company would be too small to hold one of everything.
    """
    if accounts < FEWEST_ACCOUNTS or months < FEWEST_MONTHS:
        raise KeepwellError(
            f"{accounts} accounts over {months} months are too few to show everything",
            expected=f"at least {FEWEST_ACCOUNTS} accounts and {FEWEST_MONTHS} months",
        )
    world = World(seed, accounts, months, end)
    stories = cast(world)
    contracts = [contract(world, story) for story in stories]
    rosters = [roster(world, made) for made in contracts]
    tables = _tables(world, stories, contracts, rosters)
    truth = truth_tables(world, stories, rosters) | flaw_tables(world, tables)
    return Company(NAME, seed, world.start, end, tables, truth)


def _tables(
    world: World, stories: list[Story], contracts: list[Contract], rosters: list[Roster]
) -> dict[str, pa.Table]:
    tickets = ticket_rows(world, rosters)
    by_id = {s.account_id: s for s in stories}
    surveys = [*survey_rows(world, rosters), *csat_rows(world, tickets, by_id)]
    log = conversations(world, contracts, rosters)
    rows: dict[str, list[Row]] = {
        "accounts": list(account_rows(world, contracts)),
        "account_periods": list(period_rows(world, stories)),
        "people": list(people_rows(rosters, world)),
        "person_roles": list(role_rows(rosters, world)),
        "plans": plan_rows(),
        "plan_features": plan_feature_rows(),
        "staff": staff_rows(add_months(world.end, -LEFT_MONTHS_BEFORE_END)),
        "subscriptions": list(subscription_rows(contracts)),
        "usage_events": list(event_rows(world, stories)),
        "tickets": tickets,
        "touchpoints": log.touchpoints,
        "touchpoint_people": log.people,
        "survey_responses": surveys,
        "invoices": invoice_rows(world, contracts),
        "opportunities": list(opportunity_rows(world, contracts)),
        "outcomes": list(outcome_rows(world, contracts)),
        "training": list(training_rows(world, rosters)),
        "assessments": list(assessment_rows(world, stories)),
        "advocacy": list(advocacy_rows(world, rosters)),
        "text_signals": list(signal_rows(world, contracts, log.touchpoints, tickets, surveys)),
        "sources": list(source_rows()),
        "merges": list(merge_rows(stories)),
        "fx_rates": list(rate_rows(world)),
    }
    tables = {name: frame(name, found) for name, found in rows.items()}
    tables["usage_daily"] = usage_table(world, contracts, rosters)
    tables["coverage"] = frame("coverage", coverage_rows(world, tables))
    return tables
