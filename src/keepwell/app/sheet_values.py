"""What a sheet gives, to metric values as the scoring plan takes them.

A metric that the sheet has a column for is what its cells say, and an empty cell is a missing
value. A metric that it has no column for is computed where all that it is made of is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.duckdb import Backend

from keepwell.app.sheet_cells import Cell
from keepwell.definitions.library import Library
from keepwell.facts.arrow import ARROW_TYPES
from keepwell.facts.schema import TABLES
from keepwell.metrics.calendar import ASKED_ON
from keepwell.metrics.compile import compiled, truth
from keepwell.metrics.derived import AccountScope, derived, typed, value_type
from keepwell.metrics.instances import Needed, Ref, needed
from keepwell.metrics.statements import Statement
from keepwell.metrics.wide import PARTS, Wide, column_of, wide_table

Value = Any
_ARROW = {"float64": pa.float64(), "string": pa.string(), "date": pa.date32()}


@dataclass(frozen=True)
class Given:
    """Accounts with what is known of them, a cell per account in each column.

    metrics: cells by metric key; None where the metric is to be computed instead. attributes:
    values by column of the table accounts.
    """

    accounts: Sequence[str]
    metrics: Mapping[str, Sequence[Cell | None]]
    attributes: Mapping[str, Sequence[Any]]


def metric_values(
    con: Backend, library: Library, keys: Iterable[str], given: Given, day: date
) -> pa.Table:
    """The metrics `keys` of every account as evaluate() names them, in the order of account_id.

    Nothing is known of other days, so that what looks back is unknown; what compares accounts
    compares those that are given. A value that is given is never stale.
    """
    keys = list(dict.fromkeys(keys))
    stages = _stages(library, keys, given)
    told = [n for stage in stages for n in stage if n.offset == 0 and n.key in given.metrics]
    wide = Wide(_accounts(told, given, day))
    for stage in stages:
        rows = wide_table(wide.data.schema)
        columns: dict[str, Value] = {}
        for node in stage:
            columns |= _columns(rows, node, given)
        wide.add_computed(con, Statement.of(rows.select("account_id", ASKED_ON, **columns)))
    return wide.selected(keys, ())


def _stages(library: Library, keys: Sequence[str], given: Given) -> list[list[Needed]]:
    """The asked metrics, and what they are made of where they are not given for all accounts; each
    stage needs those before it only."""
    nodes = {n.ref: n for n in needed(library, keys)}
    stages: dict[Ref, int] = {}

    def visit(ref: Ref) -> int:
        if ref not in stages:
            node = nodes[ref]
            inputs: Sequence[Ref] = node.inputs
            if _is_all_told(node, given):
                names = {n for c in node.metric.states.values() for n in c.names}
                inputs = [i for i in inputs if i[0] in names]
            stages[ref] = 1 + max((visit(i) for i in inputs), default=-1)
        return stages[ref]

    for key in keys:
        visit((key, 0))
    last = max(stages.values(), default=-1)
    return [[nodes[r] for r, at in stages.items() if at == stage] for stage in range(last + 1)]


def _is_all_told(node: Needed, given: Given) -> bool:
    cells = given.metrics.get(node.key) if node.offset == 0 else None
    return cells is not None and None not in cells


def _accounts(told: Sequence[Needed], given: Given, day: date) -> pa.Table:
    """account_id, asked_on, every attribute, and `told <what> <key>` of the given metrics."""
    count = len(given.accounts)
    columns: dict[str, pa.Array] = {
        "account_id": pa.array(given.accounts, pa.string()),
        ASKED_ON: pa.array([day] * count, pa.date32()),
    }
    for column in TABLES["accounts"].columns:
        values = given.attributes.get(column.name)
        if values is None:
            values = ["UTC" if column.name == "timezone" else None] * count
        columns[f"account/{column.name}"] = pa.array(values, ARROW_TYPES[column.type])
    for node in told:
        cells = given.metrics[node.key]
        kind = _ARROW[value_type(node.metric)]
        columns |= {
            f"told value {node.key}": pa.array([c and c.value for c in cells], kind),
            f"told named {node.key}": pa.array([c and c.named for c in cells], pa.string()),
            f"told {node.key}": pa.array([c is not None for c in cells], pa.bool_()),
        }
    return pa.table(columns)


def _columns(rows: ir.Table, node: Needed, given: Given) -> dict[str, Value]:
    """The four columns of one metric at one offset."""
    metric, key = node.metric, node.key
    value: Value = ibis.null(value_type(metric))
    named: Value = ibis.null("string")
    if node.offset == 0:
        if not _is_all_told(node, given) and not metric.is_aggregate and metric.assessed is None:
            value = typed(derived(rows, node), metric)
        if metric.states:
            scope = AccountScope(rows)
            branches = [(truth(compiled(c, scope)), s) for s, c in metric.states.items()]
            named = ibis.cases(*branches, else_=named)
        if key in given.metrics:
            value = ibis.cases((rows[f"told {key}"], rows[f"told value {key}"]), else_=value)
            named = ibis.coalesce(rows[f"told named {key}"], named)
    age: Value = ibis.cases((value.notnull(), ibis.literal(0, "int64")))
    parts = (value, age, ibis.literal(False), ibis.cases((value.isnull(), named)))
    return {column_of(w, *node.ref): p for w, p in zip(PARTS, parts, strict=True)}
