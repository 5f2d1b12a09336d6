"""Canonical tables on the asked days: rows ready to be counted, accounts ready to be scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from keepwell.definitions.expressions import Expression
from keepwell.facts.model import Table
from keepwell.facts.reading import Facts
from keepwell.facts.schema import TABLES
from keepwell.metrics.calendar import (
    ASKED_DAY,
    ASKED_ON,
    Closures,
    Days,
    members_table,
    number_of,
    resolve_members,
)
from keepwell.metrics.instance import Instance, argument_of, is_money
from keepwell.metrics.money import converted, rates_table
from keepwell.metrics.reduce import added_up, is_reducible
from keepwell.metrics.rows import (
    RowScope,
    beside,
    columns_used,
    local_day,
    neighbours,
    with_local_days,
)
from keepwell.metrics.scans import (
    ACCOUNT,
    RATE,
    ROW_CLOSED,
    ROW_DAY,
    ROW_SHIFT,
    ZONE,
    Scan,
    Way,
)

IN_PORTFOLIO = ("trial", "active", "paused")


@dataclass(frozen=True)
class Surroundings:
    """What every scan of a pass shares."""

    facts: Facts
    days: Days
    closures: Closures
    members: list[tuple[date, str, str]]
    merged: frozenset[str]

    @classmethod
    def of(cls, facts: Facts, days: Days) -> Surroundings:
        closures = Closures.of(facts.periods(), max(days.days))
        merges = [(m.loser_id, m.winner_id, m.merged_on) for m in facts.merges()]
        members = resolve_members(merges, facts.rollups(), days)
        return cls(facts, days, closures, members, frozenset(loser for loser, _, _ in merges))

    def zone_of(self, rows: ir.Table) -> ir.Table:
        """The rows with the time zone of their own account beside them, whomever they count for."""
        accounts = self.facts.table("accounts")
        near = accounts.select(zone_account=accounts.account_id, zone_found=accounts.timezone)
        rows = rows.left_join(near, rows.account_id == near.zone_account)
        # An account that was merged may be gone from the list.
        return rows.mutate(**{ZONE: rows.zone_found.fill_null(self.facts.project_timezone)})

    def currency_of(self, rows: ir.Table) -> ir.Table:
        """The rows with the currency of the account that they count for beside them."""
        accounts = self.facts.table("accounts")
        near = accounts.select(
            currency_account=accounts.account_id, account_currency=accounts.currency
        )
        return rows.left_join(near, rows[ACCOUNT] == near.currency_account)


def expressions_of(instances: Sequence[Instance]) -> list[Expression]:
    """Every expression over rows that the instances use."""
    found: list[Expression] = []
    for instance in instances:
        metric = instance.metric
        parts = (getattr(metric, metric.kind), metric.where, metric.order_by)
        found.extend(part for part in parts if isinstance(part, Expression))
    return found


def scan(around: Surroundings, table: Table, way: Way) -> Scan:
    """The rows of one table that the instances of a way can see, on every asked day."""
    facts, days, instances = around.facts, around.days, way.instances
    expressions = expressions_of(instances)
    used = columns_used(table, expressions)
    per = {i.metric.per for i in instances if i.metric.per is not None}
    rows = facts.table(table.name, [c for c in table.column_names if c in used[""] | per])
    rows = rows.filter(rows.account_id.notnull())
    lookback = _lookback(around, instances)
    rows = _pruned(rows, table, days, lookback)
    for path in neighbours(table, expressions):
        near = facts.table(path.table, sorted(used[path.name]))
        rows = beside(rows, path, near)
    reduced = way.name != "latest" and way.name != "streak" and is_reducible(table, instances)
    if reduced:
        rows = added_up(table, rows, instances, way.keys(table))
    if not reduced:
        rows = _with_zone(around, rows)
        rows = with_local_days(table, rows, rows[ZONE])
    if table.day is not None:
        zone = None if reduced else rows[ZONE]
        rows = rows.mutate(**{ROW_DAY: local_day(rows[table.day], zone)})
        rows = days.reaching(rows, ROW_DAY, lookback)
    else:
        rows = days.spread(rows)
    rows = _for_accounts(around, rows)
    if around.closures.closed and table.day is not None:
        rows = _with_shifts(around, rows, sorted({i.end for i in instances}))
    rows = _with_rates(around, rows, table, instances)
    has_closures = bool(around.closures.closed) and table.day is not None
    return Scan(table, rows, days, has_closures, reduced)


def _lookback(around: Surroundings, instances: Sequence[Instance]) -> int | None:
    """The most days that a row may lie before the asked day and still count; None: any."""
    longest = 0
    for instance in instances:
        if instance.metric.over is None or instance.metric.kind == "days_since_first":
            return None
        ends = around.days.columns[instance.end]
        behind = max(
            (
                number_of(d) - e
                for d, e in zip(around.days.days, ends, strict=True)
                if e is not None
            ),
            default=0,
        )
        longest = max(longest, instance.offset + instance.metric.over + behind)
    return longest + around.closures.most


def _pruned(rows: ir.Table, table: Table, days: Days, lookback: int | None) -> ir.Table:
    """Leave out what no asked day can see, by literals, so that files can be skipped."""
    if table.day is None:
        return rows
    column = rows[table.day]
    # Two days more on either side cover every time zone.
    last = max(days.days) + timedelta(days=2)
    keep = column <= _like(column, last)
    if lookback is not None:
        first = min(days.days) - timedelta(days=lookback + 2)
        keep = keep & (column >= _like(column, first))
    return rows.filter(keep | column.isnull())


def _like(column: ir.Value, day: object) -> ir.Value:
    literal = ibis.literal(day, "date")
    return literal.cast("timestamp('UTC')") if column.type().is_timestamp() else literal


def _with_zone(around: Surroundings, rows: ir.Table) -> ir.Table:
    known = around.facts.account_zones()
    zones = {known.get(a, around.facts.project_timezone) for a in {*known, *around.merged}}
    if len(zones) == 1:
        return rows.mutate(**{ZONE: ibis.literal(next(iter(zones)))})
    return around.zone_of(rows)


def _is_money(table: Table, instance: Instance) -> bool:
    value = getattr(instance.metric, instance.metric.kind)
    return isinstance(value, Expression) and is_money(table, argument_of(instance.metric))


def _for_accounts(around: Surroundings, rows: ir.Table) -> ir.Table:
    """Whom the rows count for: merged and rolled-up accounts give theirs to others."""
    if not around.members:
        return rows.mutate(**{ACCOUNT: rows.account_id})
    members = members_table(around.members)
    rows = rows.left_join(
        members,
        [rows.account_id == members.member, rows[ASKED_ON] == members.member_date],
    )
    return rows.mutate(**{ACCOUNT: ibis.coalesce(rows.member_account, rows.account_id)})


def _with_shifts(around: Surroundings, rows: ir.Table, ends: Sequence[str]) -> ir.Table:
    days = around.closures.of_rows(number_of(max(around.days.days)))
    rows = rows.left_join(
        days, [rows[ACCOUNT] == days.closed_account, rows[ROW_DAY] == days.closed_day]
    )
    at_end = around.closures.of_ends(around.days, ends)
    rows = rows.left_join(
        at_end, [rows[ACCOUNT] == at_end.ends_account, rows[ASKED_ON] == at_end.ends_date]
    )
    names = (ROW_SHIFT, ROW_CLOSED, *(f"shift {e}" for e in ends))
    shifts = {name: rows[name].fill_null(0) for name in names}
    return rows.mutate(**shifts)


def _with_rates(
    around: Surroundings, rows: ir.Table, table: Table, instances: Sequence[Instance]
) -> ir.Table:
    targets = {i.metric.currency for i in instances if _is_money(table, i)}
    if not targets:
        return rows
    rates = rates_table(around.days.days, around.facts.rates())
    if "account" in targets:
        rows = around.currency_of(rows)
    for target in sorted(targets):
        project = ibis.literal(around.facts.project_currency)
        to = rows.account_currency if target == "account" else project
        rows = converted(rows, rates, f"{RATE} {target}", to)
    return rows


def portfolio(around: Surroundings) -> ir.Table:
    """The accounts that are customers on each asked day, with `account/<attribute>` as known then.

    A churned account leaves on its churned_on, a merged one on the day of the merger.
    """
    table = TABLES["accounts"]
    days = around.days
    rows = days.spread(around.facts.table("accounts"))
    scope = RowScope(table, rows, rows[ASKED_DAY], rows.timezone)
    columns = {f"account/{c}": scope.name(c) for c in table.column_names}
    rows = rows.select("account_id", ASKED_ON, ASKED_DAY, **columns)
    status, since = rows["account/status"], rows["account/customer_since"]
    churned = rows["account/churned_on"]
    rows = rows.filter(
        status.isin(IN_PORTFOLIO),
        since.isnull() | (since <= rows[ASKED_ON]),
        churned.isnull(),
    )
    stays = {(day, member) for day, member, account in around.members if member == account}
    gone = [(d, m, a) for d, m, a in around.members if (d, m) not in stays]
    if not gone:
        return rows
    left = members_table(gone).distinct()
    return rows.anti_join(
        left, [rows.account_id == left.member, rows[ASKED_ON] == left.member_date]
    )
