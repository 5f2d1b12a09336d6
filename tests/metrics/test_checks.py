"""Definitions against the canonical tables: tables, columns, paths and types, before any run."""

from __future__ import annotations

import pytest

from keepwell.definitions.library import Library
from keepwell.definitions.loading import load
from keepwell.kit.errors import DefinitionErrors
from keepwell.metrics.checks import check_rows, row_problems
from tests.metrics.measuring import metrics

SOUND = metrics("""
    tickets_30d: {count: rows, from: tickets, over: 30 days}
    reply_share: {share: first_reply_at is not null, from: tickets, unit: share}
    plan: {latest: plan_id, from: subscriptions, unit: category}
    renews_on: {latest: renews_on, from: subscriptions, unit: date}
    trained: {formula: tickets_30d > 3, unit: yes_no}
    """)


def problems(text: str, built_in: Library = SOUND) -> list[str]:
    found = load([("metrics.yaml", "metrics:\n  m: {label: M, " + text + "}")], built_in)
    return [p.text() for p in row_problems(found, [("metric", "m")])]


def test_sound_definitions_have_no_problems() -> None:
    check_rows(SOUND)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("count: rows, from: ticket", "2:30: metrics.m.from: no table is called 'ticket'; "),
        ("count: rows, from: staff",
         "2:30: metrics.m.from: the rows of staff belong to no account"),
        ("count: rows, from: subscriptions, over: 3 days",
         "2:51: metrics.m.over: the rows of subscriptions have no day to go by"),
        ("streak: seats > 1, from: subscriptions",
         "2:17: metrics.m.streak: the rows of subscriptions have no order in time"),
        ("sum: valu, from: usage_daily",
         ("2:17: metrics.m.sum: usage_daily has no column 'valu'; expected a column of "
         "usage_daily; did you mean 'value'?")),
        ("count: rows, from: usage_daily, where: persn.seniority = 'vp'",
         ("2:49: metrics.m.where: usage_daily has no path 'persn'; expected a column of "
         "usage_daily; did you mean 'person'?")),
        ("count: rows, from: usage_daily, where: person.senority = 'vp'",
         ("2:49: metrics.m.where: people has no column 'senority'; expected a column of "
         "usage_daily; did you mean 'seniority'?")),
        ("latest: status, from: tickets, order_by: opend_at, unit: category",
         "2:48: metrics.m.order_by: tickets has no column 'opend_at'; "),
        ("count: rows, from: tickets, per: problem, then: max",
         "2:45: metrics.m.per: tickets has no column 'problem'; "),
        ("formula: account.regoin = 'north'",
         ("2:17: metrics.m.formula: accounts has no column 'regoin'; expected a column of "
         "accounts; did you mean 'region'?")),
        ("formula: tickets_30d, states: {s: account.regoin = 'north'}",
         "2:48: metrics.m.states.s: accounts has no column 'regoin'; "),
        ("share_of_accounts: account.regoin = 'north'",
         "2:17: metrics.m.share_of_accounts: accounts has no column 'regoin'; "),
    ],
)  # fmt: skip
def test_tables_columns_and_paths_exist(text: str, found: str) -> None:
    (line,) = problems(text)
    assert line.removeprefix("metrics.yaml:").startswith(found)


@pytest.mark.parametrize(
    "text",
    [
        # formulas
        "formula: tickets_30d + plan",
        "formula: plan = 5",
        "formula: tickets_30d = 'many'",
        "formula: 'plan in (1, 2)'",
        "formula: 'round(plan, 1)'",
        "formula: -plan",
        "formula: trained + 1",
        "formula: lower(tickets_30d), unit: category",
        "formula: \"coalesce(tickets_30d, 'none')\", unit: category",
        "formula: \"case when trained then 'a' else 1 end\", unit: category",
        "formula: renews_on > 5",
        "formula: days_since(plan)",
        "formula: days_since(tickets_30d)",
        "formula: 'days_between(renews_on, plan)'",
        "formula: not renews_on",
        "formula: renews_on and trained",
        # what a formula gives and what its unit says
        "formula: plan, unit: days",
        "formula: renews_on, unit: days",
        "formula: renews_on, unit: category",
        "formula: tickets_30d, unit: date",
        "formula: plan, unit: date",
        # conditions
        "formula: tickets_30d, states: {s: plan > 3}",
        "formula: tickets_30d, states: {s: renews_on}",
        "share_of_accounts: plan > 3",
        "share_of_accounts: renews_on",
        # rows
        "sum: status, from: tickets",
        "mean: opened_at, from: tickets",
        "median: status = 'open', from: tickets",
        "sum: status + 1, from: tickets",
        "share: opened_at, from: tickets",
        "share: status > 5, from: tickets",
        "streak: opened_at, from: tickets",
        "count: opened_at, from: tickets",
        "count: rows, from: tickets, where: opened_at",
        "count: rows, from: tickets, where: status = 5",
        "count: rows, from: tickets, where: reopen_count = 'often'",
        "count: rows, from: usage_daily, where: person.seniority > 3",
        "days_since_last: status, from: tickets",
        "days_until: seats, from: subscriptions",
        "max: opened_at, from: tickets, unit: days",
        "latest: status, from: tickets, unit: days",
        "latest: opened_at > '2026-01-01' and severity, from: tickets, order_by: status + 1",
        # an instant's day depends on the time zone, so it is not compared with a day
        "count: rows, from: outcomes, where: account.churned_on > 5",
    ],
)
def test_parts_that_do_not_fit_are_found_before_any_run(text: str) -> None:
    found = problems(text)
    assert len(found) == 1, found
    assert "metrics.m." in found[0]
    assert "; expected " in found[0]
    assert "\n" not in found[0]


@pytest.mark.parametrize(
    "text",
    [
        "formula: trained = true, unit: yes_no",
        "formula: trained and not trained, unit: yes_no",
        "formula: trained, unit: category",
        "formula: tickets_30d > 2",
        "formula: \"renews_on >= '2026-01-01'\", unit: yes_no",
        "formula: 'days_between(account.customer_since, renews_on)', unit: days",
        "formula: renews_on, unit: date",
        "formula: 'coalesce(tickets_30d, 0) + before(tickets_30d, 30 days) / 2'",
        "formula: \"case plan when 'a' then 1 when 'b' then 2 end\"",
        "formula: 'nullif(tickets_30d, 0) + null'",
        "formula: 'greatest(tickets_30d, 1, reply_share)'",
        "formula: \"in_period('closed') or days_in_period('closed') < 5\", unit: yes_no",
        "max: opened_at, from: tickets, unit: date",
        "latest: closed_at, from: tickets, unit: date",
        "latest: reopen_count > 1, from: tickets, unit: yes_no",
        "share: account.region = 'north' and requester.seniority = 'vp', from: tickets",
        "sum: case when status = 'open' then 1 else 0 end, from: tickets",
        "mean: 'hours_between(opened_at, closed_at)', from: tickets, unit: hours",
        "days_until: 'coalesce(renews_on, end_on)', from: subscriptions, unit: days",
        "sum: mrr * 12, from: subscriptions, unit: money",
        "count: rows, from: tickets, where: days_since(opened_at) > 5 and closed_at is null",
    ],
)
def test_parts_that_fit_are_accepted(text: str) -> None:
    assert problems(text) == []


def test_conditions_of_scorecards_and_segments_are_held_against_the_tables_too() -> None:
    files = [
        ("card.yaml", """\
scorecard: card-one
label: Card
applies_to: account.regoin = 'x'
tiers: [{key: all, label: All, from: 0}]
components:
  a: {metric: tickets_30d, bands: {1: 0, else: 100}, applies_when: plan > 5}
  b: {metric: tickets_30d, bands: {1: 0, else: 100}, applies_when: plan = 'x'}
adjustments:
  c: {when: score = 'high', because: X, set_points: {a: 5}}
  d: {when: score > 5 and plan = 'x', because: X, set_points: {a: 5}}
"""),
        ("segments.yaml", """\
segmentation: mine
label: Mine
segments:
  a: {label: A, when: tier > 5}
  b: {label: B, when: card_one.score > 5 and card_one.tier = 'all' and coverage < 50%}
  c: {label: C}
"""),
        ("flags.yaml", """\
segments:
  a: {label: A, when: account.regin = 'x'}
  b: {label: B, when: plan / 2 > 1}
  c: {label: C, when: trained}
"""),
    ]  # fmt: skip
    with pytest.raises(DefinitionErrors) as caught:
        check_rows(load(files, SOUND))
    assert [(p.file, p.line, p.field) for p in caught.value.problems] == [
        ("card.yaml", 3, "applies_to"),
        ("flags.yaml", 2, "segments.a.when"),
        ("flags.yaml", 3, "segments.b.when"),
        ("segments.yaml", 4, "segments.a.when"),
    ]
    sound = files[0][1].replace("applies_to: account.regoin", "applies_to: account.region")
    with pytest.raises(DefinitionErrors) as caught:
        check_rows(load([("card.yaml", sound)], SOUND))
    assert [(p.line, p.field) for p in caught.value.problems] == [
        (6, "components.a.applies_when"),
        (9, "adjustments.c.when"),
    ]


def test_problems_of_the_tables_come_together_with_all_others() -> None:
    text = "metrics:\n  a: {label: A, sum: valu, from: usage_daily}\n  b: {label: B, formula: c}\n"
    with pytest.raises(DefinitionErrors) as caught:
        load([("m.yaml", text)], SOUND, row_problems)
    assert [p.field for p in caught.value.problems] == ["metrics.a.sum", "metrics.b.formula"]
