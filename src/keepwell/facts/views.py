"""Tables and columns that are made when reading, as Ibis expressions over the visible rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import ibis

from keepwell.facts.arrow import ibis_schema, read_schema, visible_schema
from keepwell.facts.engines.dialects import Dialect, compiled
from keepwell.facts.schema import TABLES, visible_name
from keepwell.kit.shelf import kept


@dataclass(frozen=True)
class View:
    """The SQL of a table that is made when reading, and what it is made of: visible rows of
    imported tables, and finished tables."""

    sql: str
    visible: tuple[str, ...]
    tables: tuple[str, ...]

    def packed(self) -> str:
        return json.dumps([self.sql, self.visible, self.tables])

    @classmethod
    def unpacked(cls, text: str) -> View:
        sql, visible, tables = json.loads(text)
        return cls(sql, tuple(visible), tuple(tables))


@dataclass(frozen=True)
class Given:
    """What a view is made of: the visible rows of the imported tables, the finished tables by
    name, and what stands in where an account has no time zone or currency of its own."""

    timezone: str
    currency: str
    seen: dict[str, None] = field(default_factory=dict)
    finished: dict[str, None] = field(default_factory=dict)

    def visible(self, name: str) -> ibis.Table:
        self.seen[name] = None
        schema = ibis.Schema.from_pyarrow(visible_schema(TABLES[name]))
        return ibis.table(schema, name=visible_name(name))

    def table(self, name: str) -> ibis.Table:
        self.finished[name] = None
        return ibis.table(ibis_schema(TABLES[name]), name=name)


def _accounts(given: Given) -> ibis.Table:
    rows = given.visible("accounts")
    return rows.mutate(
        timezone=rows.timezone.nullif("").fill_null(given.timezone),
        currency=rows.currency.nullif("").fill_null(given.currency),
    )


def _survey_responses(given: Given) -> ibis.Table:
    rows = given.visible("survey_responses")
    return rows.mutate(asked_at=ibis.coalesce(rows.sent_at, rows.responded_at))


def _touchpoints(given: Given) -> ibis.Table:
    rows = given.visible("touchpoints")
    named, followed = _first_answers(rows), _first_in_thread(rows)
    joined = rows.left_join(named, rows.touchpoint_id == named.answered_id)
    joined = joined.left_join(followed, rows.touchpoint_id == followed.followed_id)
    # An answer that names the message wins over a later message of the same thread.
    replied_at = ibis.coalesce(joined.answer_came, joined.follower_came)
    return joined.select(*rows.columns, replied_at=replied_at)


def _first_answers(rows: ibis.Table) -> ibis.Table:
    sent = rows.filter(rows.direction == "out").select(
        answered_id=rows.touchpoint_id, sent=rows.occurred_at
    )
    answers = rows.filter(rows.direction == "in", rows.in_reply_to.notnull()).select(
        to_id=rows.in_reply_to, came=rows.occurred_at
    )
    pairs = sent.join(answers, (sent.answered_id == answers.to_id) & (answers.came > sent.sent))
    return pairs.group_by("answered_id").agg(answer_came=pairs.came.min())


def _first_in_thread(rows: ibis.Table) -> ibis.Table:
    thread = rows.filter(rows.thread_key.notnull(), rows.direction.isin(["in", "out"]))
    thread = thread.mutate(came=ibis.cases((thread.direction == "in", thread.occurred_at)))
    following = ibis.window(
        group_by=[thread.account_id, thread.thread_key],
        # 'in' sorts before 'out': what came at the very instant of a message does not follow it.
        order_by=[thread.occurred_at, thread.direction],
        rows=(1, None),
    )
    thread = thread.mutate(follower_came=thread.came.min().over(following))
    found = thread.filter(thread.direction == "out", thread.follower_came.notnull())
    return found.group_by(followed_id=found.touchpoint_id).agg(
        follower_came=found.follower_came.min()
    )


def _features(given: Given) -> ibis.Table:
    rows = given.visible("plan_features")
    return rows.group_by("feature_key").agg(
        kind=rows.kind.min(), label=rows.label.min(), source_id=rows.source_id.min()
    )


def _entitlements(given: Given) -> ibis.Table:
    of_plan = ["account_id", "plan_id", "value_from", "value_to", "start_on", "end_on", "source_id"]
    # Before the features are beside them: a plan has some dozens, each once.
    held = given.visible("subscriptions").select(*of_plan).distinct()
    features = given.visible("plan_features").select("plan_id", "feature_key", "kind", "label")
    return held.join(features, "plan_id")


def _attendances(given: Given) -> ibis.Table:
    took_part, touch = given.visible("touchpoint_people"), given.visible("touchpoints")
    joined = took_part.join(touch, took_part.touchpoint_id == touch.touchpoint_id)
    return joined.select(
        account_id=touch.account_id,
        touchpoint_id=took_part.touchpoint_id,
        person_id=took_part.person_id,
        part=took_part.part,
        rsvp=took_part.rsvp,
        attended=took_part.attended,
        kind=touch.kind,
        direction=touch.direction,
        purpose=touch.purpose,
        status=touch.status,
        occurred_at=touch.occurred_at,
        source_id=took_part.source_id,
    )


def _role_usage(given: Given) -> ibis.Table:
    usage, roles = given.visible("usage_daily"), given.visible("person_roles")
    joined = usage.join(
        roles, (usage.person_id == roles.person_id) & (usage.account_id == roles.account_id)
    )
    return joined.select(
        account_id=usage.account_id,
        person_id=usage.person_id,
        role=roles.role,
        valid_from=roles.valid_from,
        valid_to=roles.valid_to,
        day=usage.day,
        metric=usage.metric,
        feature_key=usage.feature_key,
        value=usage.value,
        source_id=usage.source_id,
    )


def _role_touchpoints(given: Given) -> ibis.Table:
    seen, roles = given.table("attendances"), given.visible("person_roles")
    joined = seen.join(
        roles, (seen.person_id == roles.person_id) & (seen.account_id == roles.account_id)
    )
    return joined.select(
        account_id=seen.account_id,
        person_id=seen.person_id,
        role=roles.role,
        valid_from=roles.valid_from,
        valid_to=roles.valid_to,
        touchpoint_id=seen.touchpoint_id,
        part=seen.part,
        attended=seen.attended,
        kind=seen.kind,
        direction=seen.direction,
        purpose=seen.purpose,
        status=seen.status,
        occurred_at=seen.occurred_at,
        source_id=seen.source_id,
    )


VIEWS: dict[str, Callable[[Given], ibis.Table]] = {
    "accounts": _accounts,
    "survey_responses": _survey_responses,
    "touchpoints": _touchpoints,
    "features": _features,
    "entitlements": _entitlements,
    "attendances": _attendances,
    "role_usage": _role_usage,
    "role_touchpoints": _role_touchpoints,
}
"""The tables that are more than their visible rows; columns in any order."""


@lru_cache
def view_of(name: str, timezone: str, currency: str, dialect: Dialect = "duckdb") -> View:
    """One of VIEWS, with what stands in where an account has no time zone or currency."""

    def write() -> View:
        given = Given(timezone, currency)
        columns = read_schema(TABLES[name]).names
        sql = compiled(VIEWS[name](given).select(*columns), dialect)
        return View(sql, tuple(given.seen), tuple(given.finished))

    return kept(("view", name, timezone, currency, dialect), write, View.packed, View.unpacked)
