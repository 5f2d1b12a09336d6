"""Scores and measures of a range of scored days as one table."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from keepwell.app.days_scored import card_key, plan_of, scored_day
from keepwell.app.table import Table
from keepwell.facts.engine import connect_ibis
from keepwell.kit.errors import KeepwellError
from keepwell.scoring.explain import explained

if TYPE_CHECKING:
    from keepwell.app.project import Project

WHAT = ("scores", "measures")
_SCORES = ("account_id", "date", "score", "tier", "coverage", "computed", "held_from")

_MEASURES = pa.schema(
    [("account", pa.string()), ("date", pa.date32()), ("scorecard", pa.string()),
     ("path", pa.string()), ("metric", pa.string()), ("value", pa.float64()),
     ("text", pa.string()), ("state", pa.string()), ("age_days", pa.int64()),
     ("points", pa.float64()), ("weight", pa.float64()), ("contribution", pa.float64()),
     ("definition", pa.string())]
)  # fmt: skip


def export(
    project: Project, first: date | None, last: date | None, what: str, scorecard: str | None
) -> Table:
    """scores: one row per account and day, with a column of points for every component.
    measures: one row per account, day and leaf, with value, state, points and effective weight.
    Without days it is the last scored one."""
    if what not in WHAT:
        raise KeepwellError(f"'{what}' cannot be exported", expected="scores or measures")
    key = card_key(project, scorecard)
    if first is None and last is None:
        first = last = scored_day(project, key, None).day
    elif first is not None and last is not None and first > last:
        raise KeepwellError(f"{first} is after {last}", expected="the first day first")
    days = project.history.scored_days(key)["date"].to_pylist()
    if not any((first or d) <= d <= (last or d) for d in days):
        raise KeepwellError(
            f"no day from {first or 'the first'} to {last or 'the last'} was scored with '{key}'",
            expected=f"days from {min(days)} to {max(days)}" if days else None,
            todo="score them: keepwell score --from DATE --to DATE",
        )
    return Table(_scores(project, key, first, last) if what == "scores"
                 else _measures(project, key, first, last))  # fmt: skip


def _scores(project: Project, key: str, first: date | None, last: date | None) -> pa.Table:
    table = project.history.read(key, first=first, last=last)
    names = [c for c in _SCORES if c in table.column_names]
    terms = ("points/", "adjust/", "override/")
    names += [c for c in table.column_names if c.startswith(terms)]
    table = table.select(names)
    table = table.rename_columns(["account" if c == "account_id" else c for c in names])
    table = table.append_column("scorecard", pa.array([key] * table.num_rows, pa.string()))
    return table.sort_by([("date", "ascending"), ("account", "ascending")])


def _measures(project: Project, key: str, first: date | None, last: date | None) -> pa.Table:
    con = connect_ibis()
    table = project.history.read(key, first=first, last=last)
    parts = []
    for day in sorted(set(table["date"].to_pylist())):
        info = scored_day(project, key, day)
        plan = plan_of(project, key, info)
        rows = table.filter(pc.equal(table["date"], pa.scalar(day, pa.date32())))
        records = [
            {
                "account": one.account_id,
                "date": day,
                "scorecard": key,
                "path": line.name,
                "metric": line.metric,
                "value": line.value if isinstance(line.value, float) else None,
                "text": None if line.value is None or isinstance(line.value, float)
                else str(line.value),
                "state": line.state,
                "age_days": line.age,
                "points": line.points,
                "weight": line.weight,
                "contribution": line.contribution,
                "definition": info.definition,
            }
            for one in explained(con, plan, rows)
            for line in one.leaves
        ]  # fmt: skip
        parts.append(pa.Table.from_pylist(records, schema=_MEASURES))
    return pa.concat_tables(parts) if parts else _MEASURES.empty_table()
