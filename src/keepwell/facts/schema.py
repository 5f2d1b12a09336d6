"""The canonical tables. Ids are text, instants are UTC, names ending in _on are local days."""

from __future__ import annotations

from keepwell.facts.derived import VIEWS
from keepwell.facts.model import Column as C
from keepwell.facts.model import ColumnType, Path, Table

ACCOUNT = C("account_id", required=True, references="accounts")
PERSON = C("person_id", references="people")
CURRENCY = C("currency", required=True, note="ISO 4217")
TO_ACCOUNT = Path("account", "accounts", "account_id")
TO_PERSON = Path("person", "people", "person_id")
TO_FEATURE = Path("feature", "features", "feature_key")

PROVENANCE: tuple[C, ...] = (
    C("source_id", required=True, note="the source that gave the row"),
    C("source_key", note="the source's own id of the row"),
    C("source_updated_at", "timestamp", note="when the source last changed the row"),
    C("ingested_at", "timestamp", required=True, note="when this version was stored"),
    C("known_from", "timestamp", required=True, note="since when this version was held true"),
    C("known_to", "timestamp", note="until when it was held true; empty: it still is"),
    C("known_assumed", "bool", required=True, note="known_from was taken from the row's own time"),
    C("deleted_at", "timestamp", note="when its source was found to have it no longer"),
)


def _seen(name: str, type_: ColumnType = "timestamp", note: str = "") -> C:
    """A time that is hidden until it has come."""
    return C(name, type_, known_from=name, note=note)


SENIORITY = ("c_level", "vp", "director", "manager", "ic", "unknown")
TOUCH_KINDS = ("email", "call", "meeting", "qbr", "check_in", "training", "chat", "note",
               "escalation", "demo", "survey_ask", "other")  # fmt: skip

_TABLES = (
    Table(
        "accounts",
        (
            C("account_id", required=True),
            C("parent_account_id", references="accounts"),
            C("name", required=True),
            C("domain"),
            C("status", required=True, values=("prospect", "trial", "active", "paused", "churned"),
              known_from="churned_on", before="active"),
            C("lifecycle_stage"),
            C("segment"),
            C("industry"),
            C("region"),
            C("employees", "int"),
            C("sites_count", "int", note="outlets or sites"),
            C("timezone", note="IANA name; the project's where empty"),
            C("currency", note="ISO 4217; the project's where empty"),
            C("owner_user_id", references="staff"),
            C("customer_since", "date"),
            _seen("churned_on", "date", "first day on which it is no longer a customer"),
            C("churn_reason", known_from="churned_on"),
            C("expected_active_ratio", "decimal", note="expected usage as a share of seats"),
            C("rollup_mode", values=("own", "with_children"),
              note="with_children: facts of child accounts count for the parent too"),
        ),
        key=("account_id",), born="customer_since",
        paths=(Path("parent", "accounts", "parent_account_id"),
               Path("owner", "staff", "owner_user_id")),
        note="Customers, with hierarchy, owner and lifecycle dates",
    ),
    Table(
        "account_periods",
        (
            C("period_id", required=True), ACCOUNT,
            C("kind", required=True, note="seasonal_closure, ownership_change, onboarding ..."),
            C("start_on", "date", required=True), C("end_on", "date", note="last day, included"),
            C("recurs_yearly", "bool"), C("note"), C("author_id"),
        ),
        key=("period_id",), day="start_on", kind="kind", born=None,
        valid=("start_on", "end_on"), valid_to_included=True, fresh_days=3660,
        paths=(TO_ACCOUNT,), note="Stretches of an account's life: closures, changes of owner",
    ),
    Table(
        "people",
        (
            C("person_id", required=True), ACCOUNT, C("is_internal", "bool"), C("full_name"),
            C("email"), C("email_hash"), C("title"), C("department"),
            C("seniority", values=SENIORITY), C("is_licensed_user", "bool"),
            C("status", known_from="left_on", before="active"), _seen("left_on", "date"),
            C("timezone"), _seen("erased_at"),
        ),
        key=("person_id",), paths=(TO_ACCOUNT,), note="People at customers",
    ),
    Table(
        "person_roles",
        (
            C("person_id", required=True, references="people"), ACCOUNT,
            C("role", required=True, note="champion, executive_sponsor, decision_maker, user ..."),
            C("strength", "int"), C("valid_from", "date", required=True), C("valid_to", "date"),
            C("set_by"),
        ),
        key=("person_id", "account_id", "role", "valid_from"), born="valid_from", kind="role",
        valid=("valid_from", "valid_to"), paths=(TO_ACCOUNT, TO_PERSON),
        note="Who is champion, sponsor or decision maker, and from when to when",
    ),
    Table(
        "plans",
        (
            C("plan_id", required=True), C("name", required=True), C("tier_rank", "int"),
            C("is_top_tier", "bool"), C("list_price", "money", currency="currency"),
            C("currency"), C("limits", note="JSON"),
        ),
        key=("plan_id",), fresh_days=3660, note="What is sold",
    ),
    Table(
        "plan_features",
        (
            C("plan_id", required=True, references="plans"), C("feature_key", required=True),
            C("kind", required=True, values=("core", "advanced", "page", "integration", "addon")),
            C("label"),
        ),
        key=("plan_id", "feature_key"), fresh_days=3660, note="Which features a plan entitles to",
    ),
    Table(
        "staff",
        (
            C("user_id", required=True), C("name", required=True), C("email"), C("team"),
            C("role"), C("skills"), C("territories"), C("minutes_per_week", "int"),
            C("timezone"), C("holidays_country"), C("active_from", "date"),
            C("active_to", "date"),
        ),
        key=("user_id",), born="active_from", fresh_days=3660, note="Our own team",
    ),
    Table(
        "subscriptions",
        (
            C("subscription_id", required=True), ACCOUNT,
            C("plan_id", references="plans"),
            C("status", required=True, known_from="cancelled_on", before="active"),
            C("value_from", "date", required=True, note="from when these values hold"),
            C("value_to", "date", note="first day on which they no longer hold"),
            C("start_on", "date", required=True), C("end_on", "date", note="last paid day"),
            C("renews_on", "date"), _seen("cancelled_on", "date"), C("auto_renew", "bool"),
            C("seats", "int"), C("units", "decimal"), C("unit_name"),
            C("mrr", "money", required=True, currency="currency"),
            C("acv", "money", currency="currency"), CURRENCY, C("bill_period_months", "int"),
            C("discount", "decimal"), C("previous_subscription_id", references="subscriptions"),
        ),
        key=("subscription_id", "value_from"), born="value_from",
        valid=("value_from", "value_to"),
        paths=(TO_ACCOUNT, Path("plan", "plans", "plan_id")),
        note="Contracts and what they are worth, as values with a time span",
    ),
    Table(
        "usage_events",
        (
            C("event_id", required=True), ACCOUNT, PERSON,
            C("occurred_at", "timestamp", required=True), C("received_at", "timestamp"),
            C("name", required=True), C("feature_key"), C("quantity", "decimal"),
            C("session_id"), C("properties", note="JSON"),
        ),
        key=("event_id",), day="occurred_at", kind="name", fresh_days=7,
        paths=(TO_ACCOUNT, TO_PERSON, TO_FEATURE), note="Single product events",
    ),
    Table(
        "usage_daily",
        (
            ACCOUNT, C("person_id", note="empty: of the account as a whole"),
            C("day", "date", required=True),
            C("metric", required=True, note="session, login, session_minutes, api_call ..."),
            C("feature_key", note="empty: of no particular feature"),
            C("value", "decimal", required=True), C("is_final", "bool"),
        ),
        key=("account_id", "person_id", "day", "metric", "feature_key"), day="day", kind="metric",
        fresh_days=7, paths=(TO_ACCOUNT, TO_PERSON, TO_FEATURE),
        note="Product usage per person, day and kind",
    ),
    Table(
        "tickets",
        (
            C("ticket_id", required=True), ACCOUNT,
            C("requester_id", references="people"), C("channel"),
            C("category", note="feature_request, bug, how_to, setup ..."), C("problem_key"),
            C("severity", values=("low", "medium", "high", "critical", "unknown")),
            C("priority_raw"), C("status", known_from="closed_at", before="open"),
            C("opened_at", "timestamp", required=True), _seen("first_reply_at"),
            _seen("first_resolved_at"), _seen("last_resolved_at"), _seen("closed_at"),
            C("reopen_count", "int"), _seen("escalated_at"), C("merged_into"),
            C("issue_key", note="the bug or request that several customers share"),
        ),
        key=("ticket_id",), day="opened_at", fresh_days=7,
        paths=(TO_ACCOUNT, Path("requester", "people", "requester_id")), note="Support tickets",
    ),
    Table(
        "touchpoints",
        (
            C("touchpoint_id", required=True), ACCOUNT,
            C("kind", required=True, note="one of " + ", ".join(TOUCH_KINDS)),
            C("direction", values=("out", "in", "both")), C("purpose"), C("thread_key"),
            C("in_reply_to"), C("occurred_at", "timestamp", required=True),
            C("duration_min", "decimal"),
            C("status", values=("planned", "held", "cancelled", "no_show", "sent", "received")),
            C("subject"), C("body_ref"), C("outcome"), C("follow_up_on", "date"),
            C("owner_user_id", references="staff"), C("playbook_run_id"),
            _seen("replied_at", note="derived: the first answer to an outgoing message"),
        ),
        key=("touchpoint_id",), day="occurred_at", kind="kind", fresh_days=14,
        paths=(TO_ACCOUNT, Path("owner", "staff", "owner_user_id")),
        note="Conversations and meetings: mails, calls, QBRs, check-ins",
    ),
    Table(
        "touchpoint_people",
        (
            C("touchpoint_id", required=True, references="touchpoints"),
            C("person_id", required=True, references="people"),
            C("part", required=True, note="invited, organiser, attendee ..."), C("rsvp"),
            C("attended", "bool"),
        ),
        key=("touchpoint_id", "person_id", "part"), fresh_days=14, paths=(TO_PERSON,),
        note="Who took part in a touchpoint",
    ),
    Table(
        "survey_responses",
        (
            C("response_id", required=True), C("survey_key", required=True),
            C("kind", required=True, values=("nps", "csat", "ces", "custom")), ACCOUNT, PERSON,
            C("ticket_id", references="tickets"),
            C("sent_at", "timestamp", note="asked; empty where unknown"),
            _seen("responded_at"), C("score", "decimal", known_from="responded_at"),
            C("scale_min", "decimal"), C("scale_max", "decimal"),
            C("comment", known_from="responded_at"),
            C("asked_at", "timestamp", note="derived: sent_at, or responded_at where empty"),
        ),
        key=("response_id",), day="asked_at", kind="kind",
        paths=(TO_ACCOUNT, TO_PERSON, Path("ticket", "tickets", "ticket_id")), fresh_days=100,
        note="Surveys asked and answered: NPS, CSAT",
    ),
    Table(
        "invoices",
        (
            C("invoice_id", required=True), ACCOUNT,
            C("subscription_id", references="subscriptions"), C("issued_on", "date"),
            C("due_on", "date"), C("amount", "money", required=True, currency="currency"),
            C("amount_paid", "money", currency="currency", known_from="settled_on", before=0),
            C("amount_refunded", "money", currency="currency"), CURRENCY,
            C("status", values=("draft", "open", "paid", "void", "uncollectible"),
              known_from="settled_on", before="open"),
            _seen("settled_on", "date"), C("failed_attempts", "int"), C("is_disputed", "bool"),
        ),
        key=("invoice_id",), day="issued_on",
        paths=(TO_ACCOUNT, Path("subscription", "subscriptions", "subscription_id")),
        fresh_days=45, note="Invoices and their payment",
    ),
    Table(
        "opportunities",
        (
            C("opportunity_id", required=True), ACCOUNT,
            C("type", values=("new", "expansion", "renewal", "other")), C("stage"),
            C("is_closed", "bool", known_from="close_on", before=False),
            C("is_won", "bool", known_from="close_on"),
            C("amount", "money", currency="currency"), C("currency"),
            C("probability", "decimal", note="0 to 1"), C("created_on", "date"),
            C("close_on", "date", note="expected while open"), C("competitor"),
            C("lost_reason", known_from="close_on"),
            C("subscription_id", references="subscriptions"),
        ),
        key=("opportunity_id",), day="created_on", kind="type", fresh_days=14, paths=(TO_ACCOUNT,),
        note="Sales opportunities: expansion, renewal",
    ),
    Table(
        "outcomes",
        (
            C("outcome_id", required=True), ACCOUNT,
            C("kind", values=("goal", "milestone", "kpi", "roi")), C("title", required=True),
            C("unit"), C("currency"), C("baseline", "decimal"), C("target", "decimal"),
            C("actual", "decimal", known_from="measured_on"), _seen("measured_on", "date"),
            C("due_on", "date"), _seen("achieved_on", "date"),
            C("status", known_from="achieved_on", before="open"), C("evidence"),
            C("evidence_level"), C("author_id"), C("set_on", "date", note="when it was agreed"),
        ),
        key=("outcome_id",), day="set_on", kind="kind", fresh_days=100, paths=(TO_ACCOUNT,),
        note="Goals, milestones, KPIs and return on investment of the customer",
    ),
    Table(
        "training",
        (
            C("enrolment_id", required=True), ACCOUNT, PERSON, C("course_key", required=True),
            C("assigned_at", "timestamp"), C("scheduled_at", "timestamp"), _seen("completed_at"),
            C("status", values=("assigned", "started", "completed", "no_show", "expired"),
              known_from="completed_at", before="assigned"),
            C("score", "decimal", known_from="completed_at"),
        ),
        key=("enrolment_id",), day="assigned_at", paths=(TO_ACCOUNT, TO_PERSON),
        note="Training: enrolments and completion",
    ),
    Table(
        "assessments",
        (
            C("assessment_id", required=True), ACCOUNT,
            C("question_key", required=True, note="the metric that it answers"),
            C("answer_code"), C("answer_number", "rate"), C("quote"), C("rationale"),
            C("author_id", required=True), C("assessed_at", "timestamp", required=True),
            C("expires_at", "timestamp"), C("supersedes_id"),
        ),
        key=("assessment_id",), day="assessed_at", kind="question_key", fresh_days=3660,
        paths=(TO_ACCOUNT,), note="Ratings that a person gives, and values from a sheet",
    ),
    Table(
        "advocacy",
        (
            C("advocacy_id", required=True), ACCOUNT, PERSON,
            C("kind", values=("referral", "reference", "case_study", "review", "testimonial",
                              "beta")),
            C("status", values=("asked", "willing", "refused", "given", "published",
                                "converted")),
            C("occurred_at", "timestamp"), C("rating", "decimal"), C("url"),
            C("referred_account_id"),
        ),
        key=("advocacy_id",), day="occurred_at", kind="kind", fresh_days=100,
        paths=(TO_ACCOUNT, TO_PERSON),
        note="Referrals, references, case studies, public reviews",
    ),
    Table(
        "text_signals",
        (
            C("signal_id", required=True), C("occurred_at", "timestamp", required=True),
            C("subject_table", required=True), C("subject_id", required=True), ACCOUNT,
            C("label", required=True, note="sentiment, budget_concern, competitor ..."),
            C("value", "decimal"), C("confidence", "decimal"), C("detector", required=True),
            C("reviewed_by"), C("detected_at", "timestamp"),
        ),
        key=("signal_id",), day="occurred_at", kind="label", fresh_days=14, paths=(TO_ACCOUNT,),
        note="What was read out of texts: sentiment, budget concern, a competitor's name",
    ),
    Table(
        "sources",
        (
            C("source", required=True), C("kind", required=True), C("config_ref"),
            C("timezone"), C("currency"),
        ),
        key=("source",), fresh_days=3660, note="Where rows come from",
    ),
    Table(
        "coverage",
        (
            C("source", required=True), C("family", required=True), C("account_id"),
            C("from_day", "date", required=True), C("to_day", "date", required=True),
            C("state", required=True, values=("complete", "retired")),
            C("columns", note="those of the table that it gave, with a blank between; empty: all"),
        ),
        key=("source", "family", "account_id", "from_day", "to_day", "columns"), fresh_days=3660,
        note="Which days a source has covered for which family of facts",
    ),
    Table(
        "merges",
        (
            C("merge_id", required=True), C("entity_type", required=True),
            C("loser_id", required=True), C("winner_id", required=True),
            C("merged_at", "timestamp", required=True), C("by_id"), C("undone_at", "timestamp"),
        ),
        key=("merge_id",), born="merged_at", fresh_days=3660,
        note="Accounts or people found to be the same",
    ),
    Table(
        "fx_rates",
        (
            C("day", "date", required=True), C("from_ccy", required=True),
            C("to_ccy", required=True), C("rate", "rate", required=True),
        ),
        key=("day", "from_ccy", "to_ccy"), born="day", note="Exchange rates",
    ),
)  # fmt: skip

IMPORTED: dict[str, Table] = {t.name: t for t in _TABLES}
TABLES: dict[str, Table] = IMPORTED | {t.name: t for t in VIEWS}

DERIVED_COLUMNS: dict[tuple[str, str], frozenset[str]] = {
    ("touchpoints", "replied_at"): frozenset({"in_reply_to", "thread_key"}),
    ("survey_responses", "asked_at"): frozenset({"sent_at", "responded_at"}),
}
"""Columns of imported tables that are computed when reading and never imported, each with those of
which any one is enough to compute it."""


def visible_name(table: str) -> str:
    """The name of the visible rows of an imported table before columns are worked out."""
    return f"visible_{table}"


def family(table: str, kind: str | None) -> str:
    """The name of a family of facts: the table, or table.kind where the table is split."""
    return f"{table}.{kind}" if kind else table
