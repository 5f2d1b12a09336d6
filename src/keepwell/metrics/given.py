"""Values that a person or a sheet gave for a metric: the latest of each account and day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import ibis.expr.types as ir

from keepwell.facts.arrow import ibis_schema
from keepwell.facts.schema import TABLES
from keepwell.metrics.calendar import ASKED_DAY
from keepwell.metrics.instances import Needed
from keepwell.metrics.prepare import DAYS_TABLE, Setting
from keepwell.metrics.rows import local_day
from keepwell.metrics.scans import GROUP
from keepwell.metrics.statements import Reading

Value = Any
ASSESSMENTS = Reading("assessments", None, pruned=False)
COLUMNS = ("account_id", "assessment_id", "question_key", "answer_number", "answer_code",
           "assessed_at", "expires_at")  # fmt: skip
OWN = "is_own"
"""In asked accounts: 1 where the account is the member itself or what it was merged into."""


def given_values(setting: Setting, offset: int, nodes: Sequence[Needed]) -> ir.Table:
    """For each of the metrics, all at one offset, `given <what> <key> <offset>`: the value, a name
    where there is none, its age in days, and whether it still holds."""
    types = ibis_schema(TABLES["assessments"])
    rows = ibis.table({c: types[c] for c in COLUMNS}, name=ASSESSMENTS.name)
    rows = rows.filter(rows.question_key.isin([n.key for n in nodes]))
    rows = setting.with_zone(rows)
    rows = rows.mutate(
        told_on=local_day(rows.assessed_at, setting.zone_of(rows)),
        ends_on=local_day(rows.expires_at, setting.zone_of(rows)),
    )
    # Each stands until the next one, whichever day is asked for.
    following = rows.told_on.lead().over(
        group_by=[rows.account_id, rows.question_key],
        order_by=[rows.assessed_at, rows.assessment_id],
    )
    rows = rows.mutate(replaced_on=following)
    days = ibis.table({ASKED_DAY: "int64"}, name=DAYS_TABLE)
    first = days[ASKED_DAY].min().as_scalar() - offset
    rows = rows.filter(rows.replaced_on.isnull() | (rows.replaced_on > first))
    rows = setting.on_days(rows, None, [OWN] if setting.by_account else [], None)
    today = rows[ASKED_DAY] - offset
    rows = rows.filter(
        rows.told_on <= today, rows.replaced_on.isnull() | (rows.replaced_on > today)
    )
    if setting.by_account:
        rows = _of_merged(rows)
    today = rows[ASKED_DAY] - offset
    columns: dict[str, Value] = {}
    for node in nodes:
        columns |= _columns(rows, node, today)
    return rows.group_by(*GROUP).agg(**columns)


def _of_merged(rows: ir.Table) -> ir.Table:
    """Of all that accounts which were merged into one were told, the newest."""
    # What was said of a child says nothing of its parent.
    rows = rows.filter(rows[OWN] == 1)
    newest = ibis.row_number().over(
        group_by=[*(rows[g] for g in GROUP), rows.question_key],
        order_by=[rows.assessed_at.desc(), rows.assessment_id.desc()],
    )
    rows = rows.mutate(told_rank=newest)
    return rows.filter(rows.told_rank == 0)


def _columns(rows: ir.Table, node: Needed, today: Value) -> dict[str, Value]:
    metric, key = node.metric, node.key
    mine = rows.question_key == key
    names = ["not_applicable", *metric.states]
    is_name = rows.answer_code.isin(names)
    if metric.is_text or metric.is_date:
        # Not every engine lets one try whether a text is a day.
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
