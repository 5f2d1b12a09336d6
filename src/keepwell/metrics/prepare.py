"""The rows of a canonical table beside the asked days, ready to be counted, as expressions only.

Nothing here depends on which days are asked for: they are rows of small tables that a pass has made
ready (see passes.py). So a statement is written once for all nights.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from keepwell.definitions.expressions import Expression
from keepwell.facts.arrow import ibis_schema
from keepwell.facts.engines.dialects import Dialect
from keepwell.facts.model import Table
from keepwell.facts.schema import TABLES
from keepwell.metrics.calendar import ASKED_DAY, ASKED_ON
from keepwell.metrics.excluding import keeping_out, left_out, without
from keepwell.metrics.instance import Instance, argument_of, is_money
from keepwell.metrics.money import RATES, converted
from keepwell.metrics.reduce import (
    Form,
    added_up,
    counting,
    first_of_parts,
    grouped_by_day,
    knowing_next,
    not_over,
)
from keepwell.metrics.rows import (
    LOCAL,
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
    shift_of,
)
from keepwell.metrics.statements import Reading
from keepwell.metrics.ways import Way

Value = Any
IN_PORTFOLIO = ("trial", "active", "paused")
DAYS_TABLE, ASKED_TABLE, ZONES_TABLE = "asked days", "asked accounts", "zones"
CLOSED_TABLE, RATES_TABLE = "closed days", "rates"
OPEN_TABLE = "accounts still open"
ACCOUNTS = Reading("accounts", None, pruned=False)


@dataclass(frozen=True)
class Setting:
    """What shapes the expressions of a pass beside the definitions.

    one_day: whether only one day is asked for. by_account: whether accounts count for others, or
    are closed at times. zone: the time zone of all accounts; None where they differ. dialect: of
    the engine that counts.
    """

    one_day: bool
    by_account: bool
    has_closures: bool
    zone: str | None
    project_timezone: str
    project_currency: str
    dialect: Dialect

    def on_days(
        self,
        rows: ir.Table,
        row_day: str | None,
        columns: Sequence[str],
        lookback: int | None,
        *,
        always: bool = False,
    ) -> ir.Table:
        """Every row on each asked day that can see it, for the account that it counts for: with
        ACCOUNT, asked_on, asked_day and the named numbers of the day (and account).

        Rows without a day are seen on every day; there are none where it is `always` given.
        """
        numbers = dict.fromkeys(columns, "int64")
        days = {ASKED_ON: "date", ASKED_DAY: "int64"}
        if self.by_account:
            who = {"member": "string", ACCOUNT: "string"}
            table = ibis.table({**who, **days, **numbers}, name=ASKED_TABLE)
        else:
            table = ibis.table({**days, **numbers}, name=DAYS_TABLE)
        near = [rows.account_id == table.member] if self.by_account else []
        if row_day is not None:
            happened = rows[row_day]
            reaches = happened <= table[ASKED_DAY]
            if lookback is not None:
                reaches = reaches & (happened > table[ASKED_DAY] - lookback)
            near.append(reaches if always else reaches | happened.isnull())
        joined = rows.join(table, near) if near else rows.cross_join(table)
        return joined if self.by_account else joined.mutate(**{ACCOUNT: joined.account_id})

    def zone_of(self, rows: ir.Table) -> Value:
        """The time zone of rows that came from with_zone()."""
        return rows[ZONE] if self.zone is None else ibis.literal(self.zone)

    def with_zone(self, rows: ir.Table) -> ir.Table:
        """The rows with the time zone of their own account beside them, whomever they count for."""
        if self.zone is not None:
            return rows
        near = ibis.table({"zone_account": "string", "zone_found": "string"}, name=ZONES_TABLE)
        rows = rows.left_join(near, rows.account_id == near.zone_account)
        # An account that was merged may be gone from the list.
        return rows.mutate(**{ZONE: rows.zone_found.fill_null(self.project_timezone)})


def scan(
    setting: Setting,
    table: Table,
    way: Way,
    lookback: int | None,
    added: str,
    *,
    of_open: bool = False,
) -> Scan:
    """The rows of one table that the instances of a way can see, on every asked day; with `of_open`
    only those of the accounts that are still open. added: the name of what adding() gives, where
    that is read in place of rows."""
    instances = way.instances
    form: Form = "rows"
    # Where one day is asked for nothing is saved by rows that are added up for it alone.
    if added or not setting.one_day:
        form = way.form(table, for_itself=not setting.by_account)
        if setting.one_day and form == "knowing next":
            form = "added up"
    if added:
        reads = [Reading(table.name, lookback, pruned=True, added=added)]
        rows = ibis.table(adding(table, way)[0].schema(), name=reads[0].name)
        if way.name == "days_since_first" and not setting.one_day:
            rows = first_of_parts(table, rows, instances[0], way.keys(table))
    else:
        rows, reads = _counted(table, way, lookback)
    if of_open:
        few = ibis.table({"open_account": "string"}, name=OPEN_TABLE)
        rows = rows.semi_join(few, rows.account_id == few.open_account)
    if form != "rows":
        rows = _fewer(table, rows if added else _added_up(table, rows, way), way, form)
    elif any(t.is_timestamp() for t in rows.schema().types):
        rows = setting.with_zone(rows)
        rows = with_local_days(table, rows, setting.zone_of(rows))
    if table.day is not None:
        known = f"{LOCAL}{table.day}"
        day = rows[known] if known in rows.columns else local_day(rows[table.day], None)
        rows = rows.mutate(**{ROW_DAY: day})
    ends = sorted({i.end for i in instances})
    closes = setting.has_closures and table.day is not None
    numbers = [*ends, *(shift_of(e) for e in ends if closes)]
    if table.day is None:
        rows = setting.on_days(rows, None, numbers, None)
    else:
        rows = setting.on_days(rows, ROW_DAY, numbers, lookback, always=table.has_days)
    if closes:
        rows = _with_shifts(rows)
    targets = {i.metric.currency for i in instances if _is_money(table, i)}
    if "account" in targets:
        reads.append(ACCOUNTS)
    rows = _with_rates(setting, rows, targets)
    return Scan(table, rows, closes, form, setting.zone, tuple(reads))


def adding(table: Table, way: Way) -> tuple[ir.Table, list[Reading]]:
    """What all rows of a table add up to for a way, whichever days are asked for, and what is read
    for it: first the rows themselves. Parts of the rows may be added up by themselves: what they
    give is counted together."""
    rows, reads = _counted(table, way, None)
    return _added_up(table, rows, way), reads


def leaving_out(table: Table, way: Way) -> list[tuple[ir.Table, Reading]]:
    """The neighbours whose rows adding() leaves out, by path, and what is read for them: in place
    of all neighbours these are enough."""
    used = columns_used(table, way.expressions)
    found = []
    for path in neighbours(table, way.expressions):
        columns = sorted(used[path.name])
        reading = Reading.of(TABLES[path.table], columns, None, pruned=False)
        near = _named(TABLES[path.table], columns, reading)
        kept_out = keeping_out(table, path, way.instances)
        out = left_out(table, path, near, kept_out)
        found.append((out.select(**{c: out[f"{path.name}.{c}"] for c in columns}), reading))
    return found


def own_columns(table: Table, way: Way) -> list[str]:
    """The columns of a table itself that a way reads."""
    used = columns_used(table, way.expressions)[""]
    used |= {i.metric.per for i in way.instances if i.metric.per is not None}
    return [c for c in table.column_names if c in used]


def _counted(table: Table, way: Way, lookback: int | None) -> tuple[ir.Table, list[Reading]]:
    """The rows of a table that a way counts, with what is known of their neighbours."""
    used, own = columns_used(table, way.expressions), own_columns(table, way)
    reads = [Reading.of(table, own, lookback, pruned=True)]
    rows = _named(table, own, reads[0])
    rows = rows.filter(rows.account_id.notnull())
    for path in neighbours(table, way.expressions):
        near = TABLES[path.table]
        reads.append(Reading.of(near, sorted(used[path.name]), None, pruned=False))
        found = _named(near, sorted(used[path.name]), reads[-1])
        kept_out = keeping_out(table, path, way.instances)
        rows = (
            without(rows, table, path, found, kept_out) if kept_out else beside(rows, path, found)
        )
    return counting(table, rows, way.instances), reads


def _added_up(table: Table, rows: ir.Table, way: Way) -> ir.Table:
    return added_up(table, rows, way.instances, way.keys(table))


def _fewer(table: Table, rows: ir.Table, way: Way, form: Form) -> ir.Table:
    """Rows that were added up, as the form says."""
    if form == "grouped":
        return grouped_by_day(table, rows, way.instances)
    if form == "knowing next":
        rows = knowing_next(table, rows, way.instances, way.keys(table))
        days = ibis.table(dict.fromkeys((i.end for i in way.instances), "int64"), name=DAYS_TABLE)
        return not_over(rows, way.instances, days)
    return rows


def _named(table: Table, columns: Sequence[str], reading: Reading) -> ir.Table:
    types = ibis_schema(table)
    return ibis.table({c: types[c] for c in columns}, name=reading.name)


def _is_money(table: Table, instance: Instance) -> bool:
    value = getattr(instance.metric, instance.metric.kind)
    return isinstance(value, Expression) and is_money(table, argument_of(instance.metric))


def _with_shifts(rows: ir.Table) -> ir.Table:
    """With the number of days on which the account was closed up to the row's, and whether it was
    closed on that day."""
    schema = {"closed_account": "string", "closed_day": "int64",
              ROW_SHIFT: "int64", ROW_CLOSED: "int64"}  # fmt: skip
    days = ibis.table(schema, name=CLOSED_TABLE)
    rows = rows.left_join(
        days, [rows[ACCOUNT] == days.closed_account, rows[ROW_DAY] == days.closed_day]
    )
    return rows.mutate(**{name: rows[name].fill_null(0) for name in (ROW_SHIFT, ROW_CLOSED)})


def _with_rates(setting: Setting, rows: ir.Table, targets: Collection[str]) -> ir.Table:
    rates = ibis.table(RATES, name=RATES_TABLE)
    if "account" in targets:
        near = _named(TABLES["accounts"], ("account_id", "currency"), ACCOUNTS)
        near = near.select(currency_account=near.account_id, account_currency=near.currency)
        rows = rows.left_join(near, rows[ACCOUNT] == near.currency_account)
    for target in sorted(targets):
        project = ibis.literal(setting.project_currency)
        to = rows.account_currency if target == "account" else project
        rows = converted(rows, rates, f"{RATE} {target}", to)
    return rows


def portfolio(numbers: Sequence[str]) -> ir.Table:
    """The accounts that are customers on each asked day, with `account/<attribute>` as known then
    and the numbers of the day. A churned account leaves on its churned_on."""
    table = TABLES["accounts"]
    accounts = _named(table, table.column_names, ACCOUNTS)
    schema = {ASKED_ON: "date", ASKED_DAY: "int64", **dict.fromkeys(numbers, "int64")}
    rows = accounts.cross_join(ibis.table(schema, name=DAYS_TABLE))
    scope = RowScope(table, rows, rows[ASKED_DAY], rows.timezone)
    columns = {f"account/{c}": scope.name(c) for c in table.column_names}
    rows = rows.select("account_id", ASKED_ON, *numbers, **columns)
    status, since = rows["account/status"], rows["account/customer_since"]
    churned = rows["account/churned_on"]
    return rows.filter(
        status.isin(IN_PORTFOLIO),
        since.isnull() | (since <= rows[ASKED_ON]),
        churned.isnull(),
    )
