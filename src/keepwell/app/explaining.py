"""One account's score, taken apart, with what moved it and what would bring it further."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from keepwell.app.days_scored import card_key, plan_of, scored_day
from keepwell.app.quality import why_missing
from keepwell.app.values import metric_value
from keepwell.cycle.scoring import PORTFOLIO
from keepwell.facts.engine import connect_ibis
from keepwell.facts.known import Known
from keepwell.history import DayInfo
from keepwell.kit.errors import KeepwellError, did_you_mean
from keepwell.scoring.change import Change, change
from keepwell.scoring.explain import Explanation, explained
from keepwell.scoring.leaves import MISSING
from keepwell.scoring.levers import WayUp, way_up, with_values
from keepwell.scoring.plan import Plan
from keepwell.scoring.redefined import redefined
from keepwell.segments.peers import Standing, group_of
from keepwell.workspace import Assessment, Override

if TYPE_CHECKING:
    from keepwell.app.project import Project


@dataclass(frozen=True)
class Explained:
    """Everything that `keepwell explain` shows of one account and day."""

    account: str
    name: str
    day: date
    info: DayInfo
    explanation: Explanation
    since: date | None = None
    change: Change | None = None
    way_up: WayUp | None = None
    whatif: Explanation | None = None
    whatif_values: Mapping[str, float | str] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    segments: Mapping[str, str | None] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    peer_group: tuple[tuple[str, Any], ...] = ()
    standings: Mapping[str, Standing] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()
    assessments: tuple[Assessment, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The whole as plain values, for JSON."""
        from keepwell.app.plain import plain

        found: dict[str, Any] = plain(self)
        return found


def explain(
    project: Project,
    account: str,
    *,
    as_of: date | None,
    since: date | None,
    scorecard: str | None,
    whatif: Mapping[str, str | float] | None,
) -> Explained:
    """Explain a stored score. `since`: by default the scored day nearest to 30 days before."""
    key = card_key(project, scorecard)
    info = scored_day(project, key, as_of)
    con = connect_ibis()
    plan = plan_of(project, key, info)
    portfolio = project.history.read(PORTFOLIO, days=[info.day])
    found = find_account(portfolio.to_pylist(), account)
    row = project.history.read(key, days=[info.day], accounts=[found["account_id"]])
    if row.num_rows == 0:
        raise KeepwellError(
            f"the scorecard '{key}' does not apply to {found['account/name']}",
            todo="name another one with --scorecard",
        )
    current = _with_reasons(project, plan, info, explained(con, plan, row)[0])
    before_info = _before(project, key, info, since)
    moved = None
    if before_info is not None:
        earlier = project.history.read(key, days=[before_info.day], accounts=[found["account_id"]])
        if earlier.num_rows:
            old_plan = plan_of(project, key, before_info)
            old = explained(con, old_plan, earlier)[0]
            same = info.definition == before_info.definition
            anew = {} if same else redefined(con, old_plan, plan, earlier, row)
            moved = change(old, current, same, anew.get(found["account_id"]))
        elif since is not None:
            raise KeepwellError(f"{found['account/name']} was no customer on {since}")
    _looked_at(project, plan, whatif or {})
    values = {k: metric_value(plan.library, k, v) for k, v in (whatif or {}).items()}
    tried = explained(con, plan, with_values(row, values))[0] if values else None
    if tried is not None:
        tried = _with_reasons(project, plan, info, tried)
    rows = project.history.read(key, days=[info.day])
    group, standings = _standings(project, portfolio, rows, found["account_id"], plan)
    workspace = project.workspace
    return Explained(
        account=found["account_id"],
        name=found["account/name"],
        day=info.day,
        info=info,
        explanation=current,
        since=before_info.day if before_info and moved else None,
        change=moved,
        way_up=way_up(con, plan, row),
        whatif=tried,
        whatif_values=values,
        attributes={
            k.partition("/")[2]: v for k, v in found.items() if k.startswith(("account/",
                                                                              "metric/"))
        },
        segments={k: found.get(f"segment/{k}") for k in project.judge.segmentations},
        flags=tuple(k for k in project.judge.segments if found.get(f"flag/{k}")),
        peer_group=group,
        standings=standings,
        overrides=tuple(
            o for o in workspace.overrides(on=info.day, known=info.known_at)
            if o.account_id == found["account_id"] and o.scorecard == key
        ),
        assessments=tuple(
            a for a in workspace.assessments(info.known_at)
            if a.account_id == found["account_id"]
        ),
    )  # fmt: skip


def _with_reasons(
    project: Project, plan: Plan, info: DayInfo, explanation: Explanation
) -> Explanation:
    """The same, its missing measures with what no source had given by then."""
    missing = {x.metric: "" for x in explanation.leaves if x.state == MISSING and x.metric}
    if not missing:
        return explanation
    facts = project.facts(Known(info.known_at, info.arrived_by))
    covers, questions = facts.coverage(), facts.questions()
    for key in missing:
        missing[key] = why_missing(plan.library, key, covers, questions)
    lines = (
        replace(x, why=missing[x.metric]) if x.state == MISSING and x.metric else x
        for x in explanation.lines
    )
    return replace(explanation, lines=tuple(lines))


def find_account(rows: list[dict[str, Any]], wanted: str) -> dict[str, Any]:
    """The account of that id or name, or the only one whose name holds the words.

    Raises KeepwellError that names the ones it could be.
    """
    text = wanted.strip().casefold()
    names = {str(r.get("account/name") or ""): r for r in rows}
    ways: tuple[Callable[[dict[str, Any]], bool], ...] = (
        lambda r: str(r["account_id"]) == wanted,
        lambda r: str(r.get("account/name") or "").casefold() == text,
        lambda r: str(r.get("account/name") or "").casefold().startswith(text),
        lambda r: text in str(r.get("account/name") or "").casefold(),
    )
    for match in ways:
        found = [r for r in rows if match(r)]
        if len(found) == 1:
            return found[0]
        if found:
            some = ", ".join(f"{r['account/name']} ({r['account_id']})" for r in found[:5])
            raise KeepwellError(f"'{wanted}' could be {len(found)} accounts: {some}")
    raise KeepwellError(
        f"no customer of that day is called '{wanted}'",
        todo=did_you_mean(wanted, [*names, *(r["account_id"] for r in rows)]),
    )


def _before(project: Project, key: str, info: DayInfo, since: date | None) -> DayInfo | None:
    if since is not None:
        if since >= info.day:
            raise KeepwellError(f"since {since}", expected=f"a day before {info.day}")
        return scored_day(project, key, since)
    snapshot = project.history.snapshot()
    days = [d for d in snapshot.scored_days(key)["date"].to_pylist() if d < info.day]
    if not days:
        return None
    nearest = min(days, key=lambda d: (abs((info.day - d).days - 30), d))
    return snapshot.day_info(nearest, key)


def _looked_at(project: Project, plan: Plan, keys: Iterable[str]) -> None:
    for key in keys:
        if key in plan.metrics:
            continue
        known = key in project.library.metrics
        card = plan.scorecard.scorecard
        raise KeepwellError(
            f"the scorecard '{card}' does not look at '{key}'"
            if known
            else f"no metric is called '{key}'",
            todo=did_you_mean(key, plan.metrics),
        )


def _standings(
    project: Project, portfolio: pa.Table, rows: pa.Table, account: str, plan: Plan
) -> tuple[tuple[tuple[str, Any], ...], dict[str, Standing]]:
    by = project.settings.peers.by
    attributes = {
        r["account_id"]: {k: r.get(f"metric/{k}") for k in by} for r in portfolio.to_pylist()
    }
    columns = ["score", *(f"points/{n.name}" for n in plan.nodes)]
    scored = rows.select(["account_id", *(c for c in columns if c in rows.column_names)])
    people = [{**r, **attributes.get(r["account_id"], {})} for r in scored.to_pylist()]
    own = next(r for r in people if r["account_id"] == account)
    group = group_of(own, people, project.settings.peers)
    found = {c.removeprefix("points/"): group.standing(own, c) for c in columns}
    return group.by, {k: s for k, s in found.items() if s is not None}
