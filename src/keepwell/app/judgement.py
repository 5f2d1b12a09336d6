"""What people decide: ratings and overrides, recorded, listed and withdrawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from keepwell.app.days_scored import card_key, plan_of, scored_day
from keepwell.app.explaining import find_account
from keepwell.app.table import Table
from keepwell.app.values import metric_value
from keepwell.definitions.scorecard import NodePath
from keepwell.facts.engine import connect_ibis
from keepwell.kit.errors import KeepwellError, did_you_mean
from keepwell.scoring.explain import explained

if TYPE_CHECKING:
    from keepwell.app.project import Project
    from keepwell.workspace.store import Kind


def assess(
    project: Project, account: str, metric: str, answer: str | float, *, author: str,
    rationale: str | None, quote: str | None, expires: date | None,
) -> str:  # fmt: skip
    """Record a value for a metric. Without `expires` it holds as long as the metric says."""
    definition = project.library.metric(metric)
    value = metric_value(project.library, metric, answer)
    return project.workspace.record_assessment(
        account_id=account_id(project, account),
        question_key=metric,
        author=author,
        answer_code=value if isinstance(value, str) else None,
        answer_number=value if isinstance(value, float) else None,
        rationale=rationale,
        quote=quote,
        expires_on=expires or project.today() + timedelta(days=definition.given_days),
    )


def override(
    project: Project, account: str, points: float | None, difference: float | None, *,
    path: str, scorecard: str | None, reason: str, author: str, expires: date | None,
    starts: date | None, say: Callable[[str], None],
) -> str:  # fmt: skip
    """Record a number for a score or component, or a difference to it.

    `say` is told where it moves nothing as things are.
    """
    if (points is None) == (difference is None):
        raise KeepwellError(
            "which number?", expected="either a value (64) or a difference (+5, -10)"
        )
    key = card_key(project, scorecard)
    card = project.library.scorecard(key)
    found = card.path_of(path) if path else ()
    if found is None:
        names = ["/".join(p) for p, _ in card.nodes()]
        raise KeepwellError(f"'{key}' has no component '{path}'", todo=did_you_mean(path, names))
    account = account_id(project, account)
    record = project.workspace.record_override(
        account_id=account,
        scorecard=key,
        path="/".join(found),
        kind="value" if points is not None else "difference",
        points=points if points is not None else difference or 0.0,
        reason=reason,
        author=author,
        expires_on=expires,
        starts_on=starts or project.today(),
    )
    _say_if_idle(project, key, account, found, say)
    return record


def _say_if_idle(
    project: Project, key: str, account: str, path: NodePath, say: Callable[[str], None]
) -> None:
    day = project.history.latest_day(key)
    if day is None or not path:
        return
    info = scored_day(project, key, day)
    rows = project.history.read(key, days=[day], accounts=[account])
    for found in explained(connect_ibis(), plan_of(project, key, info), rows):
        why = found.idle(path)
        if why is not None:
            say(
                f"As of {day} it moves nothing: {why}. It counts once that is different; an"
                " override of the whole score, without a path, counts at once."
            )


def account_id(project: Project, wanted: str) -> str:
    """The id of the account that is meant. Raises KeepwellError with near names."""
    facts = project.facts()
    names = facts.con.to_pyarrow(facts.table("accounts", ["account_id", "name"])).to_pylist()
    rows = [{"account_id": r["account_id"], "account/name": r["name"]} for r in names]
    return str(find_account(rows, wanted)["account_id"])


def assessments(project: Project, withdrawn: bool) -> Table:
    """The ratings, newest first."""
    found = project.workspace.assessments(None, include_withdrawn=withdrawn)
    return _table([asdict(a) for a in found], "assessed_at")


def overrides(project: Project, withdrawn: bool) -> Table:
    """The overrides, newest first."""
    found = project.workspace.overrides(on=None, known=None, include_withdrawn=withdrawn)
    return _table([asdict(o) for o in found], "created_at")


def _table(rows: list[dict[str, Any]], order: str) -> Table:
    rows = sorted(rows, key=lambda r: r[order], reverse=True)
    for row in rows:
        for name in ("answer_number", "points"):
            if row.get(name) is not None:
                row[name] = float(row[name])
    return Table(pa.Table.from_pylist(rows))


def withdraw(project: Project, record: str, *, by: str, reason: str | None) -> None:
    """Withdraw a rating (as-…) or an override (ov-…)."""
    kinds: dict[str, Kind] = {"as": "assessment", "ov": "override"}
    kind = kinds.get(record.partition("-")[0])
    if kind is None:
        raise KeepwellError(
            f"'{record}' is no record", expected="an id as `assess list` and `override list` show"
        )
    project.workspace.withdraw(kind, record, by=by, reason=reason)
