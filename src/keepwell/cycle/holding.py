"""Accounts whose score is held: on a closed day they keep the score of their last open day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce

import ibis
import pyarrow as pa
import pyarrow.compute as pc
from ibis.backends.duckdb import Backend

from keepwell.definitions.expressions import Expression
from keepwell.definitions.scorecard import Adjustment
from keepwell.facts.context import Period
from keepwell.metrics.calendar import ASKED_ON, occurrences
from keepwell.metrics.compile import compiled, truth
from keepwell.metrics.derived import AccountScope
from keepwell.metrics.evaluate import period_kinds_of
from keepwell.metrics.wide import row_keys
from keepwell.scoring.plan import Plan

PARTS_HELD = ("metric", "age", "stale", "named", "period")


@dataclass(frozen=True)
class Held:
    """An account whose score of a day is that of an earlier day."""

    account_id: str
    day: date
    of: date


def held(con: Backend, plan: Plan, values: pa.Table, periods: Sequence[Period]) -> list[Held]:
    """Which of the accounts and days of `values` are held, and at which day.

    A rule with `hold: score` holds the accounts for which it is true, at the last day before the
    period that it asks for: by in_period('kind') itself, or by a metric that is made of it.
    """
    rules = _rules(plan)
    kinds = {kind for rule in rules for kind in _kinds(plan, rule)}
    of_account: dict[str, list[Period]] = {}
    for period in periods:
        if period.kind in kinds:
            of_account.setdefault(period.account_id, []).append(period)
    found = [
        Held(account, day, of)
        for account, day in pairs(values)
        if account in of_account
        for of in [_last_open_day(of_account[account], day)]
        if of is not None
    ]
    true = _holding(con, rules, values, found) if found else frozenset()
    return [h for h in found if (h.account_id, h.day) in true]


def _rules(plan: Plan) -> list[Adjustment]:
    return [a for a in plan.scorecard.adjustments.values() if a.hold]


def _kinds(plan: Plan, rule: Adjustment) -> list[str]:
    """The kinds of periods that a rule asks for, itself or through metrics."""
    named = plan.library.named_in([rule.when])
    return period_kinds_of([rule.when, *_made_of(plan, named)])


def _made_of(plan: Plan, metrics: Iterable[str]) -> list[Expression]:
    """The expressions of which those metrics are made, all levels down."""
    every = plan.library.closure(metrics).values()
    given = (c for metric in every for c in (metric.formula, *metric.states.values()))
    return [c for c in given if c is not None]


def _last_open_day(periods: Iterable[Period], day: date) -> date | None:
    """The last day before the period that lasts on `day`, none of which lasts; None where none
    lasts on `day`."""
    spans = [span for p in periods for span in occurrences(p, day)]
    open_ = day
    while around := [start for start, end in spans if start <= open_ <= end]:
        open_ = min(around) - timedelta(days=1)
    return None if open_ == day else open_


def _holding(
    con: Backend, rules: Sequence[Adjustment], values: pa.Table, candidates: Sequence[Held]
) -> frozenset[tuple[str, date]]:
    """The accounts and days among the candidates for which one of the rules is true."""
    wanted = {(h.account_id, h.day) for h in candidates}
    rows = values.filter(pa.array([pair in wanted for pair in pairs(values)], pa.bool_()))
    table = ibis.memtable(rows)
    scope = AccountScope(table, extra={"score": ibis.null("float64")})
    true = reduce(lambda a, b: a | b, (_true(rule.when, scope) for rule in rules))
    return frozenset(pairs(con.to_pyarrow(table.filter(true).select("account_id", ASKED_ON))))


def _true(when: Expression, scope: AccountScope) -> ibis.Value:
    return truth(compiled(when, scope)).fill_null(False)


def pairs(table: pa.Table) -> Iterator[tuple[str, date]]:
    """The account and the asked day of every row."""
    return zip(table["account_id"].to_pylist(), table[ASKED_ON].to_pylist(), strict=True)


def with_held(
    plan: Plan, values: pa.Table, earlier: pa.Table | None, holds: Sequence[Held]
) -> pa.Table:
    """The values, those of held accounts replaced by the values of the day at which they are held.

    held_from says which day that is. What only the rules that hold ask for stays that of the day
    itself: it says that the account is closed.
    """
    values = values.append_column("held_from", pa.nulls(values.num_rows, pa.date32()))
    if earlier is None or not holds:
        return values
    at = {(h.account_id, h.day): h.of for h in holds}
    days = [at.get(pair) for pair in pairs(values)]
    taken = pc.index_in(
        row_keys(_on(values, days)).combine_chunks(), row_keys(earlier).combine_chunks()
    )
    known = pc.is_valid(taken)
    columns = {"held_from": pc.if_else(known, pa.array(days, pa.date32()), None)}
    own = _own(plan, _rules(plan))
    for name in earlier.column_names:
        part, _, rest = name.partition("/")
        if part in PARTS_HELD and rest not in own and f"{part}/{rest.partition('/')[0]}" not in own:
            then = earlier[name].combine_chunks().take(taken)
            columns[name] = pc.if_else(known, then, values[name].combine_chunks())
    for name, column in columns.items():
        values = values.set_column(values.schema.get_field_index(name), name, column)
    return values


def _own(plan: Plan, rules: Sequence[Adjustment]) -> set[str]:
    """What says that an account is closed: the periods that the rules ask for, as `period/<kind>`,
    and metrics that are made of them and are not judged."""
    card = plan.scorecard
    judged = {*card.metrics(), *(leaf.by_metric for _, leaf in card.leaves())}
    named = plan.library.named_in([rule.when for rule in rules])
    metrics = {m for m in named if period_kinds_of(_made_of(plan, [m]))}
    kinds = {f"period/{kind}" for rule in rules for kind in _kinds(plan, rule)}
    return (metrics - judged) | kinds


def _on(values: pa.Table, days: Sequence[date | None]) -> pa.Table:
    """The rows as those of other days; a day before all others where there is none."""
    asked = pa.array([d or date.min for d in days], pa.date32())
    return pa.table({"account_id": values["account_id"], ASKED_ON: asked})
