"""Values that a person or a sheet gave for a metric: the latest of each account and day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import ibis.expr.types as ir

from keepwell.facts.reading import Facts
from keepwell.metrics.calendar import (
    ASKED_DAY,
    ASKED_ON,
    Days,
    members_table,
    resolve_members,
)
from keepwell.metrics.instances import Needed
from keepwell.metrics.rows import local_day

Value = Any


def given_values(facts: Facts, days: Days, nodes: Sequence[Needed]) -> list[ir.Table]:
    """For each metric at each offset `given <what> <key> <offset>`: the value, a name where there
    is none, its age in days, and whether it still holds. One table per offset."""
    by_offset: dict[int, list[Needed]] = {}
    for node in nodes:
        by_offset.setdefault(node.offset, []).append(node)
    return [_at(facts, days, offset, members) for offset, members in by_offset.items()]


def _at(facts: Facts, days: Days, offset: int, nodes: Sequence[Needed]) -> ir.Table:
    rows = facts.table("assessments")
    accounts = facts.table("accounts")
    zones = accounts.select(zone_account=accounts.account_id, zone=accounts.timezone)
    rows = rows.filter(rows.question_key.isin([n.key for n in nodes]))
    rows = rows.left_join(zones, rows.account_id == zones.zone_account)
    rows = rows.mutate(zone=rows.zone.fill_null(facts.project_timezone))
    rows = rows.mutate(
        told_on=local_day(rows.assessed_at, rows.zone),
        ends_on=local_day(rows.expires_at, rows.zone),
    )
    rows = _of_winners(facts, days, days.spread(rows))
    today = rows[ASKED_DAY] - offset
    rows = rows.filter(rows.told_on <= today)
    newest = ibis.row_number().over(
        group_by=[rows.account_id, rows[ASKED_ON], rows.question_key],
        order_by=[rows.assessed_at.desc(), rows.assessment_id.desc()],
    )
    rows = rows.mutate(told_rank=newest)
    rows = rows.filter(rows.told_rank == 0)
    today = rows[ASKED_DAY] - offset
    columns: dict[str, Value] = {}
    for node in nodes:
        columns |= _columns(rows, node, today)
    return rows.group_by("account_id", ASKED_ON).agg(**columns)


def _of_winners(facts: Facts, days: Days, rows: ir.Table) -> ir.Table:
    """What was said of an account that was merged holds for the one that it became part of."""
    merges = [(m.loser_id, m.winner_id, m.merged_on) for m in facts.merges()]
    if not merges:
        return rows
    members = members_table(resolve_members(merges, {}, days))
    joined = rows.left_join(
        members, [rows.account_id == members.member, rows[ASKED_ON] == members.member_date]
    )
    return joined.mutate(account_id=ibis.coalesce(joined.member_account, joined.account_id))


def _columns(rows: ir.Table, node: Needed, today: Value) -> dict[str, Value]:
    metric, key = node.metric, node.key
    mine = rows.question_key == key
    names = ["not_applicable", *metric.states]
    is_name = rows.answer_code.isin(names)
    if metric.is_date:
        value = rows.answer_code.try_cast("date")
    elif metric.is_text:
        value = ibis.cases((~is_name, rows.answer_code))
    else:
        value = rows.answer_number.cast("float64")
    ends = ibis.coalesce(rows.ends_on, rows.told_on + metric.given_days + 1)
    parts = {
        "value": value,
        "named": ibis.cases((is_name, rows.answer_code)),
        "age": today - rows.told_on,
        # Whether it holds, as a number: not every engine has a greatest truth.
        "holds": ibis.cases((today < ends, 1), else_=0),
    }
    found = {f"given {w} {key} {node.offset}": p.max(where=mine) for w, p in parts.items()}
    holds = f"given holds {key} {node.offset}"
    found[holds] = found[holds] == 1
    return found
