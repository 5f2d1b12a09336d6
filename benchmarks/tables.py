"""Every table of a generated company but its usage, as SELECTs in DuckDB's SQL over draws.py."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.company import Company
from benchmarks.draws import FIRST, LAST

MONDAY = "DATE '2025-03-31'"
"""Of the week in which the year begins."""

RATED = {
    "goal_alignment": ("high", "medium", "low"),
    "executive_sponsorship": ("strong", "moderate", "weak"),
    "future_planning": ("clear", "general", "none"),
    "team_relationships": ("strong", "moderate", "limited"),
    "competitive_position": ("prefer", "neutral", "considering"),
    "loyalty_signals": ("committed", "mixed", "churn"),
    "growth_potential": ("high", "medium", "low"),
    "strategic_value": ("high", "medium", "low"),
    "budget_utilisation": (),
}
"""The metrics that people rate, with their answers from best to worst; a share where empty."""


@dataclass(frozen=True)
class Feed:
    """A table of the company.

    flows: its rows happen within the year; otherwise it tells of all the time before, too.
    kinds: what the table is split into, for its coverage.
    """

    table: str
    source: str
    select: str
    kinds: tuple[str, ...] = ()
    flows: bool = True


def feeds(company: Company) -> list[Feed]:
    """Every table but usage_daily, in the order in which they are imported."""
    found = [
        Feed("accounts", "crm", _ACCOUNTS, flows=False),
        Feed("people", "crm", _PEOPLE, flows=False),
        Feed("person_roles", "crm", _ROLES, ("champion", "executive_sponsor"), flows=False),
        Feed("touchpoints", "crm", _TOUCHPOINTS, TOUCH_KINDS),
        Feed("touchpoint_people", "crm", _TOUCHPOINT_PEOPLE),
        Feed("opportunities", "crm", _OPPORTUNITIES, ("expansion", "renewal"), flows=False),
        Feed("advocacy", "crm", _ADVOCACY, ("reference", "case_study", "referral"), flows=False),
        Feed("plans", "billing", _PLANS, flows=False),
        Feed("plan_features", "billing", _PLAN_FEATURES, flows=False),
        Feed("subscriptions", "billing", _SUBSCRIPTIONS, flows=False),
        Feed("invoices", "billing", _INVOICES),
        Feed("fx_rates", "billing", _RATES, flows=False),
        Feed("tickets", "helpdesk", _TICKETS),
        Feed("survey_responses", "surveys", _SURVEYS, ("nps", "csat", "custom")),
        Feed("training", "lms", _TRAINING),
        Feed("outcomes", "success", _OUTCOMES, ("goal", "kpi", "milestone", "roi"), flows=False),
        Feed("assessments", "success", _assessments(), tuple(RATED), flows=False),
    ]
    if company.varied:
        found += [
            Feed("account_periods", "crm", _PERIODS, ("seasonal_closure",), flows=False),
            Feed("merges", "crm", _MERGES),
        ]
    return found


def _without(columns: str, select: str) -> str:
    """The SELECT without columns that only helped to make others."""
    return f"SELECT * EXCLUDE ({columns}) FROM ({select})"


_ACCOUNTS = """
    SELECT account_id, 'Customer ' || a AS name,
        if(churned_on IS NULL, 'active', 'churned') AS status,
        pick('industry', a, 0, ['retail', 'finance', 'health', 'logistics', 'media']) AS industry,
        pick('region', a, 0, ['EMEA', 'AMER', 'APAC']) AS region,
        8 * people + die('employees', a, 0, 400) AS employees, zone AS timezone, currency,
        since AS customer_since, churned_on
    FROM firms
"""

_PEOPLE = f"""
    SELECT person_id, account_id, p % 400 = 0 AS is_internal, 'Person ' || p AS full_name,
        pick('department', p, 0, ['sales', 'finance', 'it', 'operations']) AS department,
        pick('seniority', p, 0, ['c_level', 'vp', 'vp', 'director', 'director', 'manager',
            'manager', 'manager', 'manager', 'ic', 'ic', 'ic', 'ic', 'ic', 'ic', 'ic', 'ic', 'ic',
            'unknown', 'unknown']) AS seniority,
        true AS is_licensed_user, if(left_on <= {LAST}, 'left', 'active') AS status, left_on
    FROM persons
"""

_ROLES = f"""
    SELECT printf('P%07d', first_person + k % people) AS person_id, account_id,
        if(k = 0, 'champion', 'executive_sponsor') AS role, active_from AS valid_from
    FROM firms, range(2) AS t(k) WHERE active_from <= {LAST}
"""

TOUCH_KINDS = ("email", "call", "meeting", "check_in", "qbr", "demo", "training", "escalation")

_SENT = f"""
    SELECT a, w, account_id, zone, health, people, first_person, kind, direction,
        printf('T-%06d-%02d-%s', a, w, kind) AS touchpoint_id,
        {MONDAY} + CAST(7 * w + die('weekday' || kind, a, w, 5) AS INTEGER) AS day,
        moment(day, 8 + 9 * rnd('hour' || kind, a, w), zone) AS occurred_at
    FROM firms, range(53) AS t(w), (VALUES
        ('email', 'out', 0.70), ('call', 'out', 0.15), ('meeting', 'both', 0.08),
        ('check_in', 'both', 0.05), ('qbr', 'both', 0.065), ('demo', 'both', 0.02),
        ('training', 'both', 0.02), ('escalation', 'in', 0.01)
    ) AS v(kind, direction, chance)
    WHERE rnd('touch' || kind, a, w) < chance AND day BETWEEN active_from AND active_to
"""

_REPLIES = f"""
    SELECT *, occurred_at + to_seconds(1800 + die('answer', a, w, 150000)) AS answered_at
    FROM ({_SENT}) WHERE kind = 'email' AND rnd('answers', a, w) < 0.1 + 0.6 * health
"""

_TOUCHPOINTS = f"""
    SELECT touchpoint_id, account_id, kind, direction,
        pick('purpose', a, w, ['strategic', 'transactional', 'transactional']) AS purpose,
        if(kind = 'email', printf('%06d-%02d', a, w), NULL) AS thread_key, NULL AS in_reply_to,
        occurred_at, if(kind = 'email', NULL, 15 + die('lasts', a, w, 60)) AS duration_min,
        CASE WHEN kind = 'email' THEN 'sent' WHEN kind = 'escalation' THEN 'received'
            ELSE pick('held' || kind, a, w, ['held', 'held', 'held', 'held', 'held', 'held',
                'no_show', 'cancelled']) END AS status
    FROM ({_SENT})
    UNION ALL
    SELECT touchpoint_id || '-re', account_id, 'email', 'in', 'transactional',
        printf('%06d-%02d', a, w), touchpoint_id, answered_at, NULL, 'received'
    FROM ({_REPLIES}) WHERE answered_at < moment({LAST} + 1, 0, zone)
"""

_TOUCHPOINT_PEOPLE = f"""
    SELECT touchpoint_id, part AS part, attended,
        printf('P%07d', first_person + (die('who' || kind, a, w, people) + k) % people) AS person_id
    FROM (
        SELECT *, 'attendee' AS part, rnd('came' || kind, a, w * 8 + k) < 0.85 AS attended
        FROM ({_SENT}), range(3) AS t(k)
        WHERE kind NOT IN ('email', 'escalation') AND k <= die('group' || kind, a, w, 3)
            AND k < people
        UNION ALL BY NAME
        SELECT * REPLACE (touchpoint_id || '-re' AS touchpoint_id), 0 AS k, 'sender' AS part
        FROM ({_REPLIES}) WHERE answered_at < moment({LAST} + 1, 0, zone)
    )
"""

_OPPORTUNITIES = f"""
    SELECT printf('O-%06d-%d', a, k) AS opportunity_id, account_id,
        pick('opportunity', a, k, ['expansion', 'renewal']) AS type,
        active_from + die('opened', a, k, greatest(1, active_to - active_from + 1)) AS created_on,
        created_on + 30 + die('closes', a, k, 120) AS close_on, close_on <= {LAST} AS is_closed,
        if(is_closed, rnd('won', a, k) < 0.4, NULL) AS is_won,
        CASE WHEN NOT is_closed THEN 'proposal' WHEN is_won THEN 'won' ELSE 'lost' END AS stage,
        round(mrr * (1 + 5 * rnd('amount', a, k)), 2) AS amount, currency, 0.4 AS probability
    FROM firms, range(3) AS t(k)
    WHERE rnd('opportunities', a, k) < 0.5 AND active_from <= active_to
"""

_ADVOCACY = f"""
    SELECT printf('V-%06d-%d', a, k) AS advocacy_id, account_id,
        ['reference', 'case_study', 'referral'][k + 1] AS kind,
        pick('word', a, k, ['asked', 'willing', 'willing', 'refused', 'given']) AS status,
        moment({FIRST} + die('asked', a, k, 365), 12, zone) AS occurred_at
    FROM firms, range(3) AS t(k)
    WHERE rnd('advocacy', a, k) < 0.4
        AND CAST(occurred_at AS DATE) BETWEEN active_from AND active_to
"""

_PLANS = """
    SELECT 'tier_' || tier AS plan_id, 'Tier ' || tier AS name, tier AS tier_rank,
        tier = 3 AS is_top_tier, 15 + 20 * tier AS list_price, 'EUR' AS currency
    FROM range(1, 4) AS t(tier)
"""

_PLAN_FEATURES = "SELECT 'tier_' || tier AS plan_id, feature_key, kind FROM offered"

_SUBSCRIPTIONS = _without(
    "next_term",
    f"""
    SELECT printf('C-%06d', a) AS subscription_id, account_id, 'tier_' || tier AS plan_id,
        if(churned_on IS NULL, 'active', 'cancelled') AS status,
        CAST(since + to_years(k) AS DATE) AS value_from,
        CAST(since + to_years(k + 1) AS DATE) AS next_term,
        if(next_term <= {LAST}, next_term, NULL) AS value_to,
        value_from AS start_on, next_term - 1 AS end_on, next_term AS renews_on,
        churned_on AS cancelled_on, true AS auto_renew,
        greatest(people, seats - 2 * (5 - k)) AS seats,
        round(mrr * (1 - 0.02 * (5 - k) * (2 * rnd('grows', a, k) - 0.4)), 2) AS mrr, currency,
        12 AS bill_period_months
    FROM firms, range(6) AS t(k)
    WHERE value_from <= {LAST} AND value_from < coalesce(churned_on, {LAST} + 1)
""",
)

_INVOICES = _without(
    "paid_on",
    f"""
    SELECT printf('I-%06d-%02d', a, m) AS invoice_id, account_id,
        printf('C-%06d', a) AS subscription_id,
        CAST({FIRST} + to_months(CAST(m AS INTEGER)) AS DATE) AS issued_on,
        issued_on + 30 AS due_on, round(mrr, 2) AS amount,
        issued_on + 10 + die('pays', a, m, if(health > 0.4, 21, 40)) AS paid_on,
        if(paid_on <= {LAST}, paid_on, NULL) AS settled_on,
        if(settled_on IS NULL, 0, amount) AS amount_paid, currency,
        if(settled_on IS NULL, 'open', 'paid') AS status
    FROM firms, range(12) AS t(m) WHERE issued_on BETWEEN active_from AND active_to
""",
)

_RATES = f"""
    SELECT {FIRST} + CAST(d AS INTEGER) AS day, from_ccy, to_ccy,
        rate * (0.97 + 0.06 * rnd('rate', hash(from_ccy, to_ccy), d)) AS rate
    FROM range(-800, 365) AS t(d), (VALUES ('USD', 'EUR', 0.91), ('EUR', 'USD', 1.1),
        ('GBP', 'EUR', 1.17), ('EUR', 'GBP', 0.855)) AS v(from_ccy, to_ccy, rate)
"""

_OPENED = f"""
    SELECT *, {FIRST} + CAST(30 * m + die('opened', p, m, 30) AS INTEGER) AS day,
        moment(day, 7 + 12 * rnd('at', p, m), zone) AS opened_at,
        opened_at + to_seconds(CAST(3600 + 400000 * pow(rnd('solved', p, m), 3) AS BIGINT)) AS done,
        if(done < moment({LAST} + 1, 0, zone), done, NULL) AS first_resolved_at,
        printf('K-%07d-%02d', p, m) AS ticket_id
    FROM persons, range(13) AS t(m)
    WHERE rnd('ticket', p, m) < 0.085 AND day BETWEEN active_from AND active_to
"""

_TICKETS = f"""
    SELECT ticket_id, account_id, person_id AS requester_id,
        pick('category', p, m, ['bug', 'how_to', 'setup', 'feature_request']) AS category,
        'problem-' || die('problem', p, m, 40) AS problem_key,
        pick('severity', p, m, ['low', 'low', 'medium', 'medium', 'high', 'critical', 'unknown'])
            AS severity,
        if(first_resolved_at IS NULL, 'open', 'closed') AS status, opened_at,
        first_resolved_at, first_resolved_at AS closed_at,
        if(rnd('merged', p, m) < 0.02, 'another', NULL) AS merged_into
    FROM ({_OPENED})
"""

_SURVEYS = _without(
    "day",
    f"""
    SELECT printf('N-%07d-%d', p, k) AS response_id, 'nps' AS survey_key, 'nps' AS kind, account_id,
        person_id, NULL AS ticket_id,
        {FIRST} + CAST(182 * k + die('asked', p, k, 180) AS INTEGER) AS day,
        moment(day, 9, zone) AS sent_at,
        if(rnd('responds', p, k) < 0.5 AND day < {LAST}, moment(day, 11, zone), NULL)
            AS responded_at,
        if(responded_at IS NULL, NULL,
            least(10, 4 + CAST(floor(6 * health + 3 * rnd('nps', p, k)) AS INTEGER))) AS score,
        0 AS scale_min, 10 AS scale_max
    FROM persons, range(2) AS t(k)
    WHERE rnd('survey', p, k) < 0.35 AND day BETWEEN active_from AND active_to
    UNION ALL
    SELECT 'R-' || ticket_id, 'after_ticket', 'csat', account_id, person_id, ticket_id, day,
        first_resolved_at, first_resolved_at,
        1 + CAST(floor(2 * health + 3 * rnd('csat', p, m)) AS INTEGER), 1, 5
    FROM ({_OPENED}) WHERE first_resolved_at IS NOT NULL AND rnd('rates', p, m) < 0.35
""",
)

_TRAINING = _without(
    "day, done",
    f"""
    SELECT printf('E-%07d', p) AS enrolment_id, account_id, person_id,
        pick('course', p, 0, ['onboarding', 'reporting', 'administration']) AS course_key,
        {FIRST} + die('assigned', p, 0, 365) AS day, moment(day, 10, zone) AS assigned_at,
        moment(day + die('learns', p, 0, 60), 15, zone) AS done,
        if(rnd('completes', p, 0) < 0.4 + 0.6 * health AND done < moment({LAST} + 1, 0, zone),
            done, NULL) AS completed_at,
        if(completed_at IS NULL, 'assigned', 'completed') AS status
    FROM persons WHERE day BETWEEN active_from AND active_to
""",
)

_OUTCOMES = _without(
    "reached_on, looked_on",
    f"""
    SELECT printf('G-%06d-%d', a, k) AS outcome_id, account_id,
        ['goal', 'goal', 'goal', 'kpi', 'kpi', 'milestone', 'roi'][k + 1] AS kind,
        'Outcome ' || k AS title, 100 AS baseline,
        CASE kind WHEN 'kpi' THEN 70 + 60 * die('direction', a, k, 2) ELSE 120 END AS target,
        since + die('set', a, k, greatest(1, {LAST} - since)) AS set_on,
        set_on + 60 + die('due', a, k, 200) AS due_on,
        set_on + 20 + die('achieved', a, k, 300) AS reached_on,
        if(rnd('reaches', a, k) < 0.3 + 0.6 * health AND reached_on <= {LAST}, reached_on, NULL)
            AS achieved_on,
        set_on + 30 + die('measured', a, k, 300) AS looked_on,
        if(kind IN ('kpi', 'roi') AND looked_on <= {LAST}, looked_on, NULL) AS measured_on,
        if(measured_on IS NULL, NULL, 80 + die('actual', a, k, 60)) AS actual,
        if(achieved_on IS NULL, 'open', 'achieved') AS status
    FROM firms, range(7) AS t(k) WHERE rnd('outcome', a, k) < 0.85
""",
)

_PERIODS = """
    SELECT printf('Z-%06d', a) AS period_id, account_id, 'seasonal_closure' AS kind,
        DATE '2024-08-01' AS start_on, DATE '2024-08-21' AS end_on, true AS recurs_yearly
    FROM firms WHERE rnd('closes', a, 0) < 0.02
"""

_MERGES = f"""
    SELECT printf('Y-%06d', a) AS merge_id, 'account' AS entity_type, account_id AS loser_id,
        printf('A%06d', a + 1) AS winner_id, moment({LAST} - 60, 12, 'UTC') AS merged_at
    FROM firms WHERE a % 200 = 17
"""


def _assessments() -> str:
    """A rating of each question about every four months, by most success managers."""
    questions = ", ".join(f"('{key}', {list(codes)}::VARCHAR[])" for key, codes in RATED.items())
    return _without(
        "day",
        f"""
        SELECT printf('S-%06d-%d-%s', a, k, question_key) AS assessment_id, account_id,
            question_key,
            codes[1 + CAST(floor(len(codes) * least(0.999, greatest(0, 1.1 - health
                * (0.5 + rnd('answer', a, hash(k, question_key)))))) AS INTEGER)] AS answer_code,
            if(len(codes) = 0, round(0.4 + 0.6 * rnd('share', a, k), 2), NULL) AS answer_number,
            'manager-' || a % 50 AS author_id,
            {FIRST} + CAST(122 * k + die('rated' || question_key, a, k, 100) AS INTEGER) AS day,
            moment(day, 16, zone) AS assessed_at
        FROM firms, range(3) AS t(k), (VALUES {questions}) AS v(question_key, codes)
        WHERE rnd('asked', a, hash(question_key)) < 0.85 AND day BETWEEN active_from AND active_to
        """,
    )
