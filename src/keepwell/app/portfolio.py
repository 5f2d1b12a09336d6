"""The portfolio of a scored day as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from keepwell.app.days_scored import card_key, plan_of, scored_day
from keepwell.app.table import Table
from keepwell.cycle.scoring import PORTFOLIO
from keepwell.definitions.expressions import parse
from keepwell.facts.engine import connect_ibis
from keepwell.kit.errors import KeepwellError, did_you_mean
from keepwell.metrics.calendar import ASKED_ON
from keepwell.metrics.compile import compiled, truth
from keepwell.metrics.derived import AccountScope
from keepwell.scoring.change import Change, change
from keepwell.scoring.explain import Explanation, explained
from keepwell.scoring.redefined import redefined

if TYPE_CHECKING:
    from keepwell.app.project import Project
    from keepwell.history import DayInfo

WINDOWS = (7, 30, 90)
_FIRST = ("account", "name", "score", "tier", "change_7d", "change_30d", "change_90d", "coverage",
          "reason", "arr", "currency", "renews_on", "owner")  # fmt: skip


def accounts(
    project: Project,
    day: date | None,
    *,
    scorecard: str | None = None,
    where: str | None = None,
    sort: str | None = None,
    limit: int | None = None,
    reasons: bool = True,
) -> Table:
    """Every account that the scorecard applies to, on a scored day; the worst score first.

    Columns: account, name, score, tier, change_7d/30d/90d (points), coverage (0-1), reason (the
    first one in words), arr, currency, renews_on, owner, and a segment per segmentation. `where`
    is an expression over these columns, metrics and `account.<attribute>`; `sort` a column, with -
    for falling. Raises KeepwellError for unknown columns and for days that were not scored.
    """
    key = card_key(project, scorecard)
    info = scored_day(project, key, day)
    rows = project.history.read(key, days=[info.day])
    rows = rows.sort_by("account_id")
    table = _columns(project, key, info, rows)
    if where is not None:
        table = _filtered(project, key, table, rows, info.day, where)
    table = _sorted(table, sort)
    if limit is not None:
        table = table.slice(0, limit)
    if reasons and table.num_rows:
        told = _reasons(project, key, info, rows, table["account"].to_pylist())
        at = table.column_names.index("reason")
        table = table.set_column(at, "reason", pa.array(told, pa.string()))
    return Table(table.replace_schema_metadata({"as_of": str(info.day), "scorecard": key}))


def _columns(project: Project, key: str, info: DayInfo, rows: pa.Table) -> pa.Table:
    ids = rows["account_id"].to_pylist()
    shown = _by_account(project.history.read(PORTFOLIO, days=[info.day]))
    portfolio = [shown.get(a, {}) for a in ids]
    scores = rows["score"].to_pylist()
    data: dict[str, Any] = {
        "account": pa.array(ids, pa.string()),
        "name": pa.array([p.get("account/name") for p in portfolio], pa.string()),
        "score": rows["score"],
        "tier": rows["tier"],
    }
    for window in WINDOWS:
        before = _scores_on(project, key, info.day - timedelta(days=window))
        changes = [
            s - before[a] if s is not None and before.get(a) is not None else None
            for a, s in zip(ids, scores, strict=True)
        ]
        data[f"change_{window}d"] = pa.array(changes, pa.float64())
    data["coverage"] = rows["coverage"]
    data["reason"] = pa.nulls(len(ids), pa.string())
    data["arr"] = pa.array([p.get("metric/arr") for p in portfolio], pa.float64())
    data["currency"] = pa.array([_currency(project, p) for p in portfolio], pa.string())
    data["renews_on"] = pa.array([p.get("metric/renews_on") for p in portfolio], pa.date32())
    names = _staff(project)
    owners = [p.get("account/owner_user_id") for p in portfolio]
    data["owner"] = pa.array([names.get(o, o) for o in owners], pa.string())
    for name in project.judge.segmentations:
        data[name] = pa.array([p.get(f"segment/{name}") for p in portfolio], pa.string())
    return pa.table(data)


def _staff(project: Project) -> dict[str | None, str]:
    """The names of our own people by their ids."""
    facts = project.facts()
    table = facts.con.to_pyarrow(facts.table("staff", ["user_id", "name"]))
    return dict(zip(table["user_id"].to_pylist(), table["name"].to_pylist(), strict=True))


def _currency(project: Project, row: Mapping[str, Any]) -> str | None:
    if row.get("metric/arr") is None:
        return None
    metric = project.library.metrics.get("arr")
    if metric is not None and metric.currency == "project":
        return project.settings.currency
    return row.get("account/currency")


def _by_account(table: pa.Table) -> dict[str, dict[str, Any]]:
    return {r["account_id"]: r for r in table.to_pylist()}


def _scores_on(project: Project, key: str, day: date) -> dict[str, float | None]:
    table = project.history.read(key, days=[day], columns=["account_id", "score"])
    return dict(zip(table["account_id"].to_pylist(), table["score"].to_pylist(), strict=True))


def _filtered(
    project: Project, key: str, table: pa.Table, rows: pa.Table, day: date, where: str
) -> pa.Table:
    expression = parse(where)
    everything = table
    portfolio = _by_account(project.history.read(PORTFOLIO, days=[day]))
    ids = table["account"].to_pylist()
    known = set(table.column_names)
    for name in sorted(expression.names):
        if name in known:
            continue
        column = f"account/{name.removeprefix('account.')}" if "." in name else f"metric/{name}"
        if column in rows.column_names:
            values = rows[column]
        elif any(column in p for p in portfolio.values()):
            values = pa.array([portfolio.get(a, {}).get(column) for a in ids])
        else:
            metrics = [c.partition("/")[2] for c in rows.column_names if c.startswith("metric/")]
            options = [*table.column_names, *metrics]
            raise KeepwellError(
                f"'{name}' is no column of the portfolio", where=f"--where {where}",
                todo=did_you_mean(name, options),
            )  # fmt: skip
        everything = everything.append_column(name, values)
    # What a comparison of days needs beside the columns that are named.
    zones = pa.array([portfolio.get(a, {}).get("account/timezone") for a in ids], pa.string())
    today = pa.array([day] * len(ids), pa.date32())
    everything = everything.append_column("account/timezone", zones)
    scope = _ColumnScope(ibis.memtable(everything.append_column(ASKED_ON, today)))
    kept = connect_ibis().to_pyarrow(
        scope.rows.filter(truth(compiled(expression, scope))).select("account")
    )
    return table.filter(pc.is_in(table["account"], kept["account"].combine_chunks()))


class _ColumnScope(AccountScope):
    """The columns of a portfolio by their plain names."""

    def name(self, name: str) -> Any:
        return self.rows[name]


def _sorted(table: pa.Table, sort: str | None) -> pa.Table:
    name, order = (sort or "score").lstrip("-+"), "ascending"
    if (sort or "").startswith("-"):
        order = "descending"
    if name not in table.column_names:
        raise KeepwellError(f"cannot sort by '{name}'", todo=did_you_mean(name, table.column_names))
    at = pc.sort_indices(table, sort_keys=[(name, order), ("account", "ascending")])
    return table.take(at)


def _reasons(
    project: Project, key: str, info: DayInfo, rows: pa.Table, wanted: Sequence[str]
) -> list[str | None]:
    con = connect_ibis()
    plan = plan_of(project, key, info)
    chosen = rows.filter(pc.is_in(rows["account_id"], pa.array(wanted)))
    now = {e.account_id: e for e in explained(con, plan, chosen)}
    day = info.day - timedelta(days=30)
    past = project.history.day_info(day, key)
    earlier = project.history.read(key, days=[day], accounts=list(wanted))
    if past is None or earlier.num_rows == 0:
        return [first_reason(now[a], None) for a in wanted]
    old_plan = plan_of(project, key, past)
    before = {e.account_id: e for e in explained(con, old_plan, earlier)}
    same = past.definition == info.definition
    anew = {} if same else redefined(con, old_plan, plan, earlier, chosen)
    moved = {a: change(before[a], now[a], same, anew.get(a)) for a in wanted if a in before}
    return [first_reason(now[a], moved.get(a)) for a in wanted]


def first_reason(now: Explanation, moved: Change | None) -> str | None:
    """In words: what missing data stands in the way, what moved the score most in 30 days the way
    it went, or what it loses most by."""
    if now.score is None:
        missing = [x for x in now.leaves if x.is_missing]
        return f"only {now.coverage:.0%} of the data is there; {len(missing)} measures have none"
    if moved is not None and abs(moved.points) >= 1:
        same_way = [p for p in moved.parts if p.points * moved.points > 0]
        if same_way:
            part = same_way[0]
            return f"{part.label} {_signed(part.points)} in 30 d" + _cause(part.cause)
    worst = max(now.leaves, key=lambda x: x.lost, default=None)
    if worst is None or worst.lost < 0.05:
        return None
    return f"{worst.label} costs {worst.lost:.1f}"


def _cause(cause: str) -> str:
    return "" if cause in ("value", "adjustment") else f" ({cause})"


def _signed(points: float) -> str:
    sign = "+" if points > 0 else "\N{MINUS SIGN}"
    return f"{sign}{abs(points):.1f}"
