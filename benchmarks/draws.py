"""What every table of a generated company is drawn from: chance, firms, their people and features.

Chance is a hash of the seed, a word and the numbers of whom it concerns: any row can be made
without the others, in any order and in any number of threads. `rnd(word, x, y)` is uniform in
[0, 1), `die(word, x, y, n)` a whole number below n, `pick` one of a list, and
`moment(day, hours, zone)` the instant so many hours after a local midnight.
"""

from __future__ import annotations

from benchmarks.company import FIRST_DAY, LAST_DAY, Company

FIRST, LAST = f"DATE '{FIRST_DAY}'", f"DATE '{LAST_DAY}'"


def macros(seed: int) -> str:
    """The functions by which chance is asked."""
    # A second hash, because the first one only xors in its last argument.
    return f"""
        CREATE MACRO rnd(what, x, y) AS
            CAST(hash(hash({seed}, what, x, y)) >> 11 AS DOUBLE) / 9007199254740992.0;
        CREATE MACRO die(what, x, y, n) AS CAST(floor(rnd(what, x, y) * n) AS INTEGER);
        CREATE MACRO pick(what, x, y, options) AS options[1 + die(what, x, y, len(options))];
        CREATE MACRO moment(day, hours, zone) AS
            timezone(zone, CAST(day AS TIMESTAMP) + to_seconds(CAST(hours * 3600 AS BIGINT)));
    """


def basis(company: Company) -> list[str]:
    """Statements that make what all tables are drawn from: firms, persons, offered, adopted.

    Half of the accounts have 3 to 6 people, the largest about 170; all together 12 each.
    """
    n = company.accounts
    zone = "pick('zone', a, 0, ['UTC', 'Europe/Berlin', 'Europe/London', 'America/New_York',"
    zone += " 'America/Los_Angeles', 'Asia/Singapore'])"
    return [
        f"""
        CREATE TABLE firms AS
        WITH sized AS (
            SELECT a, (a * 7919 + 13) % {n} AS place,
                CAST(3 + round({6 * n} * pow((place + 1) / {n}, 4))
                    - round({6 * n} * pow(place / {n}, 4))
                    + round({3 * n} * pow((place + 1) / {n}, 50))
                    - round({3 * n} * pow(place / {n}, 50)) AS INTEGER) AS people
            FROM range({n}) AS t(a)
        ), drawn AS (
            SELECT a, printf('A%06d', a) AS account_id, people,
                CAST(sum(people) OVER (ORDER BY a) - people AS BIGINT) AS first_person,
                0.15 + 0.8 * rnd('health', a, 0) AS health,
                pow(people, 0.6) AS size,
                pick('plan', a, 0, [1, 1, 1, 2, 2, 2, 2, 3, 3, 3]) AS tier,
                {FIRST} - if(rnd('new', a, 0) < 0.1, -1, 1)
                    * die('since', a, 0, if(rnd('new', a, 0) < 0.1, 340, 1800)) AS since,
                if(rnd('churn', a, 0) < 0.04,
                    greatest(since, {FIRST}) + die('churned', a, 0, 365), NULL) AS left_after,
                pick('currency', a, 0, ['EUR', 'EUR', 'USD', 'GBP']) AS currency,
                {zone if company.varied else "'UTC'"} AS zone
            FROM sized
        )
        SELECT * EXCLUDE (left_after), if(left_after < {LAST}, left_after, NULL) AS churned_on,
            greatest(since, {FIRST}) AS active_from, coalesce(churned_on - 1, {LAST}) AS active_to,
            CAST(ceil(people * (1 + 0.4 * rnd('seats', a, 0))) AS INTEGER) AS seats,
            round((15 + 20 * tier) * seats * (0.8 + 0.4 * rnd('price', a, 0)), 2) AS mrr
        FROM drawn
        """,
        f"""
        CREATE TABLE persons AS
        SELECT a, account_id, first_person + k AS p, printf('P%07d', p) AS person_id, health, zone,
            if(rnd('leaves', p, 0) < 0.06, {FIRST} + die('left', p, 0, 365), NULL) AS left_on,
            active_from, least(active_to, coalesce(left_on - 1, active_to)) AS active_to,
            least(1.0, health * 0.8 + 0.6 * rnd('keen', p, 0) - 0.187) AS keen
        FROM firms, range(200) AS t(k) WHERE k < people
        """,
        """
        CREATE TABLE offered AS
        SELECT tier, f, key AS feature_key, kind FROM (VALUES
            (0, 'dashboards', 'core', 1), (1, 'reports', 'core', 1), (2, 'filters', 'core', 1),
            (3, 'sharing', 'core', 1), (4, 'exports', 'core', 1), (5, 'comments', 'core', 1),
            (6, 'alerts', 'advanced', 1), (7, 'custom_metrics', 'advanced', 1),
            (8, 'scheduled_reports', 'advanced', 2), (9, 'cohorts', 'advanced', 2),
            (10, 'sql_access', 'advanced', 3), (11, 'scenarios', 'advanced', 3),
            (12, 'chat_link', 'integration', 1), (13, 'crm_sync', 'integration', 1),
            (14, 'erp_sync', 'integration', 1), (15, 'warehouse_export', 'integration', 2),
            (16, 'till_feed', 'integration', 3)
        ) AS v(f, key, kind, from_tier), range(1, 4) AS t(tier) WHERE tier >= from_tier
        """,
        """
        CREATE TABLE adopted AS
        SELECT a, account_id, f, feature_key, active_from, active_to
        FROM firms JOIN offered USING (tier)
        WHERE rnd('adopts', a, f) < (0.4 + 1.1 * health)
            * CASE kind WHEN 'core' THEN 0.85 WHEN 'advanced' THEN 0.5 ELSE 0.45 END
        """,
    ]
