-- The 34 metrics of the framework `enterprise` for every customer on one day, as somebody writes
-- them by hand who knows the tables: one GROUP BY per table, a FILTER per window. The definitions
-- are those of the catalogue. It is right for the last day of the data only, for it hides nothing
-- that happened later, and for a company whose accounts live in one time zone, never close and do
-- not merge. $day stands for that day.
WITH customers AS (
    SELECT account_id, CAST($day - customer_since AS INTEGER) AS age_days
    FROM accounts
    WHERE status IN ('trial', 'active', 'paused') AND customer_since <= $day
), features AS (
    SELECT feature_key, min(kind) AS kind FROM plan_features GROUP BY feature_key
), ours AS (
    SELECT person_id FROM people WHERE is_internal
), usage AS (
    SELECT account_id,
        count(DISTINCT person_id) FILTER (
            WHERE metric = 'session' AND value > 0 AND day > $day - 7) AS people_7d,
        count(DISTINCT person_id) FILTER (WHERE metric = 'session' AND value > 0) AS people_30d,
        count(DISTINCT feature_key) FILTER (
            WHERE metric = 'feature_use' AND value > 0 AND kind = 'core') AS core_used,
        count(DISTINCT feature_key) FILTER (
            WHERE metric = 'feature_use' AND value > 0 AND kind = 'advanced') AS advanced_used,
        count(DISTINCT feature_key) FILTER (
            WHERE metric = 'feature_use' AND value > 0 AND kind = 'integration') AS links_used,
        sum(value) FILTER (WHERE metric = 'session') AS sessions,
        sum(value) FILTER (WHERE metric = 'session_minutes') AS minutes,
        sum(value) FILTER (WHERE metric = 'api_call') AS api_calls,
        sum(value) FILTER (WHERE metric = 'gb_processed') AS gigabytes,
        sum(value) FILTER (WHERE metric = 'portal_login') AS portal_logins,
        sum(value) FILTER (WHERE metric = 'community_post') AS posts
    FROM usage_daily ANTI JOIN ours USING (person_id) LEFT JOIN features USING (feature_key)
    WHERE day > $day - 30 AND day <= $day
    GROUP BY account_id
), daily AS (
    SELECT account_id, count(DISTINCT (person_id, day)) AS person_days
    FROM usage_daily ANTI JOIN ours USING (person_id)
    WHERE metric = 'session' AND value > 0 AND person_id <> ''
        AND day > $day - 28 AND day <= $day
    GROUP BY account_id
), contracts AS (
    SELECT account_id,
        sum(seats) FILTER (WHERE value_from <= $day AND (value_to IS NULL OR value_to > $day)
            AND start_on <= $day AND (end_on >= $day OR (end_on IS NULL AND cancelled_on IS NULL))
        ) AS seats,
        sum(coalesce(acv, 12 * mrr)) FILTER (
            WHERE value_from <= $day AND (value_to IS NULL OR value_to > $day)
            AND start_on <= $day AND (end_on >= $day OR (end_on IS NULL AND cancelled_on IS NULL))
        ) AS acv,
        sum(coalesce(acv, 12 * mrr)) FILTER (
            WHERE value_from <= $day - 365 AND (value_to IS NULL OR value_to > $day - 365)
            AND start_on <= $day - 365 AND (end_on >= $day - 365 OR (end_on IS NULL
                AND (cancelled_on IS NULL OR cancelled_on > $day - 365)))
        ) AS acv_before
    FROM subscriptions GROUP BY account_id
), entitled AS (
    SELECT account_id,
        count(DISTINCT feature_key) FILTER (WHERE kind = 'core') AS core,
        count(DISTINCT feature_key) FILTER (WHERE kind = 'advanced') AS advanced,
        count(DISTINCT feature_key) FILTER (WHERE kind = 'integration') AS links
    FROM subscriptions JOIN plan_features USING (plan_id)
    WHERE value_from <= $day AND (value_to IS NULL OR value_to > $day)
        AND start_on <= $day AND (end_on IS NULL OR end_on >= $day)
    GROUP BY account_id
), support AS (
    SELECT account_id,
        count(*) FILTER (WHERE opened_at >= $day - 29) AS opened,
        count(*) FILTER (WHERE opened_at >= $day - 29 AND severity IN ('low', 'medium')) AS mild,
        count(*) FILTER (WHERE opened_at >= $day - 29
            AND severity IN ('low', 'medium', 'high', 'critical')) AS rated,
        sum(epoch(first_resolved_at) - epoch(opened_at))
            FILTER (WHERE first_resolved_at >= $day - 29) AS seconds,
        count(*) FILTER (WHERE first_resolved_at >= $day - 29) AS solved
    FROM tickets WHERE merged_into IS NULL AND opened_at < $day + 1
    GROUP BY account_id
), courses AS (
    SELECT account_id, count(*) FILTER (WHERE status = 'completed') AS completed,
        count(status) AS enrolled
    FROM training WHERE assigned_at >= $day - 364 AND assigned_at < $day + 1
    GROUP BY account_id
), talks AS (
    SELECT account_id, count(DISTINCT coalesce(thread_key, touchpoint_id)) AS interactions
    FROM touchpoints
    WHERE kind IN ('call', 'meeting', 'qbr', 'check_in', 'demo', 'training', 'email', 'chat')
        AND (status = 'held' OR (kind IN ('email', 'chat') AND direction = 'in'))
        AND occurred_at >= $day - 29 AND occurred_at < $day + 1
    GROUP BY account_id
), met AS (
    SELECT touchpoints.account_id,
        count(DISTINCT touchpoint_id) FILTER (WHERE occurred_at >= $day - 89
            AND touchpoints.kind IN ('call', 'meeting', 'qbr', 'check_in', 'demo')
            AND touchpoints.status = 'held' AND attended AND seniority IN ('c_level', 'vp')
            AND NOT coalesce(is_internal, false)) AS executive_90d,
        count(DISTINCT touchpoint_id) FILTER (
            WHERE touchpoints.kind IN ('call', 'meeting', 'qbr', 'check_in', 'demo')
            AND touchpoints.status = 'held' AND attended AND seniority IN ('c_level', 'vp')
            AND NOT coalesce(is_internal, false)) AS executive_180d,
        count(DISTINCT person_id) FILTER (
            WHERE attended AND seniority = 'c_level' AND left_on IS NULL
            AND NOT coalesce(is_internal, false)) AS c_level,
        count(DISTINCT person_id) FILTER (
            WHERE attended AND seniority = 'vp' AND left_on IS NULL
            AND NOT coalesce(is_internal, false)) AS vp
    FROM touchpoint_people
        JOIN touchpoints USING (touchpoint_id)
        LEFT JOIN people USING (person_id)
    WHERE occurred_at >= $day - 179 AND occurred_at < $day + 1
    GROUP BY touchpoints.account_id
), known AS (
    SELECT account_id, count(*) AS contacts FROM people
    WHERE seniority <> 'unknown' AND NOT coalesce(is_internal, false)
    GROUP BY account_id
), gains AS (
    SELECT account_id,
        arg_max(actual / target, (measured_on, outcome_id))
            FILTER (WHERE kind = 'roi' AND target > 0 AND actual IS NOT NULL) AS roi,
        avg(CASE WHEN achieved_on IS NULL THEN 0.0 ELSE 1.0 END) FILTER (
            WHERE kind = 'goal' AND (achieved_on IS NOT NULL OR due_on IS NULL OR due_on < $day)
        ) AS goals,
        avg(CASE WHEN target < baseline THEN (baseline - actual) / abs(baseline)
            ELSE (actual - baseline) / abs(baseline) END) FILTER (
            WHERE kind = 'kpi' AND actual IS NOT NULL
            AND measured_on BETWEEN $day - 364 AND $day) AS efficiency
    FROM outcomes WHERE set_on IS NULL OR set_on <= $day
    GROUP BY account_id
), payments AS (
    SELECT account_id,
        avg(CASE WHEN settled_on <= due_on THEN 1.0 ELSE 0.0 END) AS on_time
    FROM invoices
    WHERE issued_on BETWEEN $day - 364 AND $day AND due_on IS NOT NULL AND amount > 0
        AND coalesce(status, 'open') NOT IN ('void', 'draft')
        AND (settled_on IS NOT NULL OR due_on < $day)
    GROUP BY account_id
), surveys AS (
    SELECT account_id,
        avg((score - coalesce(scale_min, 1)) / (coalesce(scale_max, 5) - coalesce(scale_min, 1)))
            FILTER (WHERE kind = 'csat' OR survey_key = 'product_satisfaction') AS satisfaction,
        avg(score) FILTER (WHERE kind = 'nps') AS nps
    FROM survey_responses
    WHERE coalesce(sent_at, responded_at) >= $day - 179
        AND coalesce(sent_at, responded_at) < $day + 1
    GROUP BY account_id
), words AS (
    SELECT account_id,
        arg_max(word, (occurred_at, advocacy_id))
            FILTER (WHERE kind IN ('reference', 'testimonial')) AS reference_word,
        arg_max(word, (occurred_at, advocacy_id)) FILTER (WHERE kind = 'case_study') AS study_word
    FROM (
        SELECT *, CASE WHEN status IN ('given', 'published', 'converted') THEN 'yes'
            WHEN status = 'willing' THEN 'maybe' WHEN status = 'refused' THEN 'no' END AS word
        FROM advocacy WHERE occurred_at < $day + 1
    ) WHERE word IS NOT NULL
    GROUP BY account_id
), latest_ratings AS (
    SELECT account_id, question_key,
        arg_max(answer_code, (assessed_at, assessment_id)) AS code,
        arg_max(answer_number, (assessed_at, assessment_id)) AS number
    FROM assessments WHERE assessed_at < $day + 1
    GROUP BY account_id, question_key
), ratings AS (
    SELECT account_id,
        max(number) FILTER (WHERE question_key = 'budget_utilisation') AS budget,
        max(code) FILTER (WHERE question_key = 'goal_alignment') AS goal_alignment,
        max(code) FILTER (WHERE question_key = 'executive_sponsorship') AS sponsorship,
        max(code) FILTER (WHERE question_key = 'future_planning') AS future_planning,
        max(code) FILTER (WHERE question_key = 'team_relationships') AS team_relationships,
        max(code) FILTER (WHERE question_key = 'competitive_position') AS competitive_position,
        max(code) FILTER (WHERE question_key = 'loyalty_signals') AS loyalty_signals
    FROM latest_ratings GROUP BY account_id
)
SELECT account_id,
    coalesce(person_days, 0) / nullif(CAST(seats AS DOUBLE)
        * CASE WHEN age_days < 27 THEN (age_days + 1) * 5 / 7 ELSE 20 END, 0) AS daily_active_share,
    coalesce(people_7d, 0) / nullif(CAST(seats AS DOUBLE), 0) AS weekly_active_share,
    coalesce(people_30d, 0) / nullif(CAST(seats AS DOUBLE), 0) AS monthly_active_share,
    coalesce(core_used, 0) / nullif(CAST(core AS DOUBLE), 0) AS core_feature_adoption,
    coalesce(advanced_used, 0) / nullif(CAST(advanced AS DOUBLE), 0) AS advanced_feature_adoption,
    coalesce(links_used, 0) AS active_integrations_30d,
    coalesce(CAST(minutes AS DOUBLE) / CAST(nullif(sessions, 0) AS DOUBLE),
        CASE WHEN coalesce(sessions, 0) = 0 THEN 0 END) AS session_minutes_mean_30d,
    coalesce(CAST(api_calls AS DOUBLE), 0)
        / CASE WHEN age_days < 29 THEN age_days + 1 ELSE 30 END AS api_calls_daily,
    coalesce(gigabytes, 0) AS gb_processed_30d,
    coalesce(opened, 0) AS tickets_30d,
    seconds / nullif(solved, 0) / 3600 AS resolution_hours_mean_30d,
    mild / nullif(rated, 0) AS low_medium_severity_share_30d,
    completed / nullif(enrolled, 0) AS training_completion_share_365d,
    coalesce(portal_logins, 0) AS portal_logins_30d,
    coalesce(posts, 0) AS community_posts_30d,
    coalesce(interactions, 0) AS csm_interactions_30d,
    CASE WHEN executive_90d >= 1 THEN 'quarterly' WHEN executive_180d >= 1 THEN 'half_yearly'
        WHEN contacts >= 1 THEN 'rarer' END AS executive_meeting_rhythm,
    roi AS roi_realised_share,
    goals AS goals_achieved_share,
    efficiency AS efficiency_gain,
    on_time AS on_time_payment_share_12m,
    budget AS budget_utilisation,
    CAST(acv - acv_before AS DOUBLE) / nullif(CAST(acv_before AS DOUBLE), 0)
        AS renewal_value_change,
    goal_alignment,
    sponsorship AS executive_sponsorship,
    future_planning,
    CASE WHEN c_level >= 1 THEN 'c_level' WHEN vp >= 1 THEN 'vp'
        WHEN contacts >= 1 THEN 'manager' END
        AS executive_relationship,
    team_relationships,
    CASE WHEN satisfaction >= 0.75 THEN 'high' WHEN satisfaction >= 0.5 THEN 'moderate'
        WHEN satisfaction < 0.5 THEN 'low' END AS user_satisfaction,
    nps AS nps_mean_180d,
    CASE reference_word WHEN 'yes' THEN 'active' WHEN 'maybe' THEN 'willing'
        WHEN 'no' THEN 'unwilling' END AS reference_willingness,
    CASE study_word WHEN 'yes' THEN 'done' WHEN 'maybe' THEN 'interested'
        WHEN 'no' THEN 'not_interested' END AS case_study,
    competitive_position,
    loyalty_signals
FROM customers
    LEFT JOIN usage USING (account_id)
    LEFT JOIN daily USING (account_id)
    LEFT JOIN contracts USING (account_id)
    LEFT JOIN entitled USING (account_id)
    LEFT JOIN support USING (account_id)
    LEFT JOIN courses USING (account_id)
    LEFT JOIN talks USING (account_id)
    LEFT JOIN met USING (account_id)
    LEFT JOIN known USING (account_id)
    LEFT JOIN gains USING (account_id)
    LEFT JOIN payments USING (account_id)
    LEFT JOIN surveys USING (account_id)
    LEFT JOIN words USING (account_id)
    LEFT JOIN ratings USING (account_id)
