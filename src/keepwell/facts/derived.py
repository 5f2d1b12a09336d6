"""The shape of the views that are made of other canonical tables when reading."""

from __future__ import annotations

from keepwell.facts.model import Column, Path, Table

ACCOUNT = Column("account_id", required=True, references="accounts")
TO_ACCOUNT = Path("account", "accounts", "account_id")
TO_PERSON = Path("person", "people", "person_id")

VIEWS: tuple[Table, ...] = (
    Table(
        "features",
        (Column("feature_key", required=True), Column("kind"), Column("label")),
        key=("feature_key",),
        derived=True,
        note="Every feature once, whatever the plan",
    ),
    Table(
        "entitlements",
        (
            ACCOUNT,
            Column("plan_id"),
            Column("feature_key"),
            Column("kind"),
            Column("label"),
            Column("value_from", "date"),
            Column("value_to", "date"),
            Column("start_on", "date"),
            Column("end_on", "date"),
        ),
        key=("account_id", "plan_id", "feature_key", "value_from"),
        derived=True,
        valid=("value_from", "value_to"),
        paths=(TO_ACCOUNT,),
        note="Features that the account's subscriptions entitle to: subscriptions x plan_features",
    ),
    Table(
        "attendances",
        (
            ACCOUNT,
            Column("touchpoint_id"),
            Column("person_id"),
            Column("part"),
            Column("rsvp"),
            Column("attended", "bool"),
            Column("kind"),
            Column("direction"),
            Column("purpose"),
            Column("status"),
            Column("occurred_at", "timestamp"),
        ),
        key=("touchpoint_id", "person_id", "part"),
        derived=True,
        day="occurred_at",
        kind="kind",
        fresh_days=14,
        paths=(TO_ACCOUNT, TO_PERSON),
        note="Who was at which touchpoint: touchpoint_people with the touchpoint's own columns",
    ),
    Table(
        "role_usage",
        (
            ACCOUNT,
            Column("person_id"),
            Column("role"),
            Column("valid_from", "date"),
            Column("valid_to", "date"),
            Column("day", "date"),
            Column("metric"),
            Column("feature_key"),
            Column("value", "decimal"),
        ),
        key=("account_id", "person_id", "role", "valid_from", "day", "metric", "feature_key"),
        derived=True,
        day="day",
        kind="metric",
        valid=("valid_from", "valid_to"),
        fresh_days=7,
        paths=(TO_ACCOUNT, TO_PERSON),
        note="Usage by people who hold a role: usage_daily x person_roles",
    ),
    Table(
        "role_touchpoints",
        (
            ACCOUNT,
            Column("person_id"),
            Column("role"),
            Column("valid_from", "date"),
            Column("valid_to", "date"),
            Column("touchpoint_id"),
            Column("part"),
            Column("attended", "bool"),
            Column("kind"),
            Column("direction"),
            Column("purpose"),
            Column("status"),
            Column("occurred_at", "timestamp"),
        ),
        key=("touchpoint_id", "person_id", "part", "role", "valid_from"),
        derived=True,
        day="occurred_at",
        kind="kind",
        valid=("valid_from", "valid_to"),
        fresh_days=14,
        paths=(TO_ACCOUNT, TO_PERSON),
        note="Touchpoints of people who hold a role: attendances x person_roles",
    ),
)
