"""Every input that the five frameworks read has rows in the example company that feed it.

The ids are those of the list of inputs: U product usage, S support, G contact, V satisfaction,
O outcomes, R relationship, A advocacy, F financial, C lifecycle. A check says which rows feed the
input; they have to be there for several accounts.
"""

from __future__ import annotations

import duckdb
import pytest

VIEWS = {
    "sessions": "FROM usage_daily WHERE metric = 'session' AND person_id IS NOT NULL",
    "logins": """
        FROM usage_daily JOIN people USING (account_id, person_id) WHERE metric = 'login'""",
    "used": """
        SELECT account_id, day, person_id, kind, feature_key FROM usage_daily
        JOIN (SELECT DISTINCT feature_key, kind FROM plan_features) USING (feature_key)
        WHERE metric = 'feature_use'""",
    "first_used": "SELECT account_id, feature_key, min(day) AS day FROM used GROUP BY ALL",
    "newest": "SELECT account_id, max(day) AS day FROM first_used GROUP BY ALL",
    "entitled": "FROM subscriptions JOIN plan_features USING (plan_id)",
    "monthly_tickets": """
        SELECT account_id, problem_key, count(*) AS n FROM tickets
        GROUP BY account_id, date_trunc('month', opened_at), GROUPING SETS ((problem_key), ())""",
    "negative": """
        SELECT account_id, count(DISTINCT subject_id) AS n FROM text_signals
        WHERE label = 'sentiment' AND value <= -0.2 AND occurred_at > ends() - 30 GROUP BY ALL""",
    "met": """
        SELECT t.*, attended, person_id, department, seniority FROM touchpoints t
        JOIN touchpoint_people USING (touchpoint_id)
        JOIN people USING (account_id, person_id) WHERE part = 'invited'""",
    "outreach": """
        SELECT s.*, r.occurred_at AS answered_at FROM touchpoints s
        LEFT JOIN touchpoints r ON r.in_reply_to = s.touchpoint_id WHERE s.direction = 'out'""",
    "holders": "FROM person_roles JOIN people USING (account_id, person_id)",
    "sponsors_met": "FROM met JOIN person_roles USING (account_id, person_id)",
    "role_use": "FROM usage_daily JOIN person_roles USING (account_id, person_id)",
    "renewed": """
        SELECT s.account_id, s.acv, p.acv AS acv_before FROM subscriptions s
        JOIN subscriptions p ON s.previous_subscription_id = p.subscription_id""",
    "open_opportunities": """
        SELECT account_id, count(opportunity_id) AS n FROM accounts
        LEFT JOIN (FROM opportunities WHERE NOT is_closed) USING (account_id) GROUP BY ALL""",
    "ratings": "FROM assessments WHERE expires_at > assessed_at",
    "value": "FROM outcomes JOIN accounts USING (account_id)",
}
"""Names for what the checks speak of."""

SEATS = "subscriptions WHERE seats > 0"


def _rated(question: str) -> str:
    return f"ratings WHERE question_key = '{question}'"


INPUTS: dict[str, tuple[str, ...]] = {
    "U01 daily active users": ("sessions", SEATS),
    "U02 weekly active users": ("sessions WHERE day > ends() - 7", SEATS),
    "U03 monthly active users": ("sessions WHERE day > ends() - 30", SEATS),
    "U04 login count": (
        "logins WHERE day > ends() - 7",
        "logins WHERE day BETWEEN ends() - 13 AND ends() - 7",
    ),
    "U05 executive login recency": ("logins WHERE seniority IN ('c_level', 'vp')",),
    "U06 session length": ("sessions", "usage_daily WHERE metric = 'session_minutes'"),
    "U07 time in platform": ("usage_daily WHERE metric = 'session_minutes' AND value > 0",),
    "U08 feature adoption rate overall": ("used", "entitled WHERE kind IN ('core', 'advanced')"),
    "U09 core feature adoption": ("used WHERE kind = 'core'",),
    "U10 advanced feature adoption": ("used WHERE kind = 'advanced'",),
    "U11 days since a new feature was first used": (
        "newest WHERE day > ends() - 60",
        "newest WHERE day < ends() - 60",
    ),
    "U12 core feature use trend": (
        "used WHERE kind = 'core' AND day > ends() - 30",
        "used WHERE kind = 'core' AND day < ends() - 30",
    ),
    "U13 usage trend": (
        "sessions WHERE day > ends() - 14",
        "sessions WHERE day BETWEEN ends() - 27 AND ends() - 14",
    ),
    "U14 pages used out of pages in tier, and which": (
        "usage_daily WHERE metric = 'page_view' AND feature_key = 'executive'",
        "usage_daily WHERE metric = 'page_view' AND feature_key = 'top_items'",
        "entitled WHERE kind = 'page'",
    ),
    "U15 dashboard refreshes": ("usage_daily WHERE metric = 'dashboard_refresh'",),
    "U16 days since last data update": ("usage_events WHERE name = 'data_update'",),
    "U17 API calls": ("usage_daily WHERE metric = 'api_call'",),
    "U18 data processed": ("usage_daily WHERE metric = 'gb_processed' AND value > 0",),
    "U19 active integrations": ("used WHERE kind = 'integration'",),
    "U20 onboarding completion": (
        "training WHERE course_key = 'onboarding' AND status = 'completed'",
        "outcomes WHERE kind = 'milestone'",
    ),
    "U21 usage depth and breadth": ("used WHERE person_id IS NOT NULL",),
    "U22 last login date": ("logins",),
    "U23 custom metric or feature requests": ("tickets WHERE category = 'feature_request'",),
    "S01 tickets opened": ("tickets WHERE opened_at > ends() - 30",),
    "S02 severity mix": (
        "tickets WHERE severity IN ('low', 'medium')",
        "tickets WHERE severity IN ('high', 'critical')",
    ),
    "S03 resolution time": ("tickets WHERE first_resolved_at > opened_at",),
    "S04 resolution time satisfaction": (
        "survey_responses WHERE kind = 'csat' AND ticket_id IS NOT NULL AND score IS NOT NULL",
    ),
    "S05 ticket sentiment": (
        "text_signals WHERE label = 'sentiment' AND subject_table = 'tickets'",
    ),
    "S06 repeated issues": (
        "monthly_tickets WHERE problem_key IS NOT NULL AND n >= 2",
        "monthly_tickets WHERE problem_key IS NULL AND n >= 7",
    ),
    "S07 escalations": (
        "tickets WHERE escalated_at IS NOT NULL",
        "touchpoints WHERE kind = 'escalation'",
    ),
    "S08 self-service portal logins": ("usage_daily WHERE metric = 'portal_login'",),
    "S09 negative interactions": ("negative WHERE n >= 3",),
    "G01 response rate to outreach": ("outreach WHERE answered_at IS NOT NULL",),
    "G02 response time to mails": ("outreach WHERE answered_at > occurred_at",),
    "G03 unanswered outreach attempts": ("outreach WHERE answered_at IS NULL",),
    "G04 success manager interactions": ("touchpoints WHERE status IN ('held', 'received')",),
    "G05 executive meetings": (
        "met WHERE attended AND seniority IN ('c_level', 'vp') AND status = 'held'",
    ),
    "G06 QBR attendance": (
        "touchpoints WHERE kind = 'qbr' AND status = 'held'",
        "touchpoints WHERE kind = 'qbr' AND status = 'no_show'",
        "met WHERE kind = 'qbr' AND NOT attended",
    ),
    "G07 strategic vs transactional interactions": (
        "touchpoints WHERE purpose = 'strategic'",
        "touchpoints WHERE purpose = 'transactional'",
    ),
    "G08 meeting cadence": ("touchpoints WHERE kind IN ('meeting', 'qbr', 'check_in')",),
    "G09 training completion": ("training WHERE status = 'completed'",),
    "G10 training no-shows": ("training WHERE status = 'no_show'",),
    "G11 community posts and replies": ("usage_daily WHERE metric = 'community_post'",),
    "G12 meeting notes and call log": (
        "touchpoints WHERE kind = 'call' AND duration_min > 0 AND outcome IS NOT NULL",
        "touchpoints WHERE kind = 'call' AND follow_up_on IS NOT NULL",
    ),
    "G13 hours spent": ("touchpoints WHERE duration_min > 0",),
    "V01 NPS response": (
        "survey_responses WHERE kind = 'nps' AND score IS NOT NULL",
        "survey_responses WHERE kind = 'nps' AND responded_at IS NULL",
    ),
    "V02 NPS trend": (
        "survey_responses WHERE kind = 'nps' AND responded_at > ends() - 180",
        "survey_responses WHERE kind = 'nps' AND responded_at < ends() - 180",
    ),
    "V03 CSAT": ("survey_responses WHERE kind = 'csat' AND score IS NOT NULL",),
    "V04 user satisfaction level": (
        "survey_responses WHERE survey_key = 'product_satisfaction' AND score IS NOT NULL",
        _rated("user_satisfaction"),
    ),
    "V05 public reviews": ("advocacy WHERE kind = 'review' AND rating BETWEEN 1 AND 5",),
    "V06 pricing satisfaction": (_rated("pricing_satisfaction"),),
    "O01 ROI realised": ("outcomes WHERE kind = 'roi' AND actual IS NOT NULL AND target > 0",),
    "O02 payback period": (
        "outcomes WHERE kind = 'roi' AND achieved_on IS NOT NULL",
        "outcomes WHERE kind = 'roi' AND achieved_on IS NULL",
        "invoices WHERE status = 'paid'",
    ),
    "O03 goals achieved": (
        "outcomes WHERE kind = 'goal' AND achieved_on IS NOT NULL",
        "outcomes WHERE kind = 'goal' AND achieved_on IS NULL AND due_on < ends()",
    ),
    "O04 KPI, efficiency, productivity gain": (
        "outcomes WHERE kind = 'kpi' AND baseline > 0 AND actual IS NOT NULL",
    ),
    "O05 milestones completed or missed": (
        "outcomes WHERE kind = 'milestone' AND achieved_on IS NOT NULL",
        "outcomes WHERE kind = 'milestone' AND achieved_on > due_on",
    ),
    "O06 time to value": ("value WHERE kind IN ('goal', 'roi') AND achieved_on > customer_since",),
    "O07 stated outcome quote": (
        "ratings WHERE question_key = 'stated_outcome' AND quote IS NOT NULL",
    ),
    "R01 executive sponsor engagement": (
        "sponsors_met WHERE role = 'executive_sponsor' AND attended",
    ),
    "R02 champion present, left or inactive": (
        "holders WHERE role = 'champion' AND valid_to IS NULL",
        "holders WHERE role = 'champion' AND left_on IS NOT NULL",
        "role_use WHERE role = 'champion'",
    ),
    "R03 stakeholder coverage": ("met WHERE department IS NOT NULL",),
    "R04 highest relationship level": (
        "met WHERE seniority = 'c_level' AND attended",
        "met WHERE seniority = 'vp' AND attended",
        _rated("executive_relationship"),
    ),
    "R05 team relationship strength": (_rated("team_relationships"),),
    "R06 executive sponsorship strength": (_rated("executive_sponsorship"),),
    "R07 goal alignment": (_rated("goal_alignment"),),
    "R08 future planning": (_rated("future_planning"),),
    "R09 competitive position": (_rated("competitive_position"),),
    "R10 loyalty signals": (_rated("loyalty_signals"),),
    "R11 decision maker known": ("person_roles WHERE role = 'decision_maker'",),
    "R12 contact frequency and quality": (_rated("contact_quality"),),
    "A01 reference willingness": (
        "advocacy WHERE kind = 'reference' AND status = 'given'",
        "advocacy WHERE kind = 'reference' AND status = 'willing'",
        "advocacy WHERE kind = 'reference' AND status = 'refused'",
    ),
    "A02 case study": (
        "advocacy WHERE kind = 'case_study' AND status = 'published'",
        "advocacy WHERE kind = 'case_study' AND status = 'refused'",
    ),
    "A03 referrals given": (
        "advocacy WHERE kind = 'referral' AND status = 'given' AND occurred_at > ends() - 90",
        "advocacy WHERE kind = 'referral' AND status IN ('willing', 'refused')",
    ),
    "A04 advocacy programme and beta membership": ("advocacy WHERE kind = 'beta'",),
    "F01 payment lateness": (
        "invoices WHERE settled_on > due_on",
        "invoices WHERE status = 'open' AND due_on < ends()",
    ),
    "F02 on-time payment rate": ("invoices WHERE settled_on <= due_on",),
    "F03 contract value": ("subscriptions WHERE acv > 0",),
    "F04 contract value change": (
        "renewed WHERE acv > acv_before",
        "renewed WHERE acv < acv_before",
    ),
    "F05 contract utilisation": ("sessions WHERE day > ends() - 30", SEATS),
    "F06 budget utilisation": (
        "ratings WHERE question_key = 'budget_utilisation' AND answer_number > 0",
    ),
    "F07 budget availability, procurement fit": (
        _rated("budget_availability"),
        _rated("procurement_fit"),
    ),
    "F08 expansion pipeline": ("opportunities WHERE type = 'expansion' AND NOT is_closed",),
    "F09 opportunity count": ("open_opportunities WHERE n >= 5", "open_opportunities WHERE n = 0"),
    "F10 expired products": (
        "subscriptions WHERE end_on < ends() AND plan_id LIKE 'addon%'",
        "subscriptions WHERE end_on BETWEEN ends() AND ends() + 90",
    ),
    "F11 renewal likelihood": (
        "opportunities WHERE type = 'renewal' AND NOT is_closed AND probability > 0",
        _rated("renewal_likelihood"),
    ),
    "F12 renewal conversation delay": (
        "touchpoints WHERE purpose = 'renewal' AND in_reply_to IS NOT NULL",
    ),
    "F13 budget concern raised": ("text_signals WHERE label = 'budget_concern'",),
    "F14 competitor mentioned": ("text_signals WHERE label = 'competitor'",),
    "F15 plan tier and ceiling": ("subscriptions JOIN plans USING (plan_id) WHERE is_top_tier",),
    "F16 outlets": ("accounts WHERE sites_count >= 5", "accounts WHERE sites_count = 1"),
    "F17 add-on modules owned": ("entitled WHERE kind = 'addon'",),
    "F19 growth potential, strategic value": (
        _rated("growth_potential"),
        _rated("strategic_value"),
    ),
    "C01 lifecycle stage": (
        "accounts WHERE lifecycle_stage = 'onboarding'",
        "accounts WHERE lifecycle_stage = 'renewal'",
        "accounts WHERE lifecycle_stage = 'at_risk'",
    ),
    "C02 industry, size, region, portfolio": (
        "accounts WHERE industry IS NOT NULL AND region IS NOT NULL AND employees > 0",
    ),
    "C03 RFM": ("touchpoints", "usage_daily", "invoices WHERE amount > 0"),
    "C04 seasonal closure": (
        "account_periods WHERE kind = 'seasonal_closure' AND recurs_yearly AND end_on > start_on",
    ),
    "C05 ownership change": ("account_periods WHERE kind = 'ownership_change'",),
    "C06 judgement of the success manager": (_rated("csm_sentiment"),),
    "C07 churn, renewal, expansion outcome": (
        "accounts WHERE churned_on IS NOT NULL",
        "opportunities WHERE type = 'renewal' AND is_won",
        "opportunities WHERE type = 'expansion' AND is_won",
    ),
    "C08 interventions and their result": (
        "outreach WHERE playbook_run_id IS NOT NULL",
        "outreach WHERE playbook_run_id IS NOT NULL AND answered_at IS NOT NULL",
    ),
}

RARE: dict[str, str] = {
    "F18 refund guarantee, refunds": "invoices WHERE amount_refunded > 0",
    "F01 disputed": "invoices WHERE is_disputed",
}
"""Inputs of which one account or two are enough."""

ENOUGH = 3


@pytest.fixture(scope="module")
def facts(sql: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    for name, query in VIEWS.items():
        sql.execute(f"CREATE VIEW {name} AS {query}")
    return sql


def _accounts(facts: duckdb.DuckDBPyConnection, rows: str) -> int:
    """How many accounts the rows belong to."""
    found = facts.execute(f"SELECT count(DISTINCT account_id) FROM {rows}").fetchone()
    assert found is not None
    return int(found[0])


@pytest.mark.parametrize("name", INPUTS)
def test_an_input_is_fed(name: str, facts: duckdb.DuckDBPyConnection) -> None:
    fed = {rows: _accounts(facts, rows) for rows in INPUTS[name]}
    assert {rows: n for rows, n in fed.items() if n < ENOUGH} == {}


@pytest.mark.parametrize("name", RARE)
def test_a_rare_input_is_fed(name: str, facts: duckdb.DuckDBPyConnection) -> None:
    assert _accounts(facts, RARE[name]) >= 1


def test_all_101_inputs_are_looked_at() -> None:
    counts = {"U": 23, "S": 9, "G": 13, "V": 6, "O": 7, "R": 12, "A": 4, "F": 19, "C": 8}
    wanted = {f"{letter}{n:02d}" for letter, count in counts.items() for n in range(1, count + 1)}
    assert len(wanted) == 101
    assert {name[:3] for name in (*INPUTS, *RARE)} == wanted
