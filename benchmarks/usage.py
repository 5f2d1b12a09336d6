"""Product usage of a year as SELECTs, month by month, so that no size has to fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from benchmarks.company import FIRST_DAY, LAST_DAY

KINDS = ("session", "feature_use", "session_minutes", "api_call", "gb_processed", "portal_login",
         "community_post")  # fmt: skip

WEEKDAY_CHANCE = 0.898
WEEKEND_CHANCE = 0.105
"""Chance that a person of keenness 1 comes; the mean keenness is a half."""


def months() -> Iterator[tuple[date, date]]:
    """First and last day of every month of the year."""
    first = FIRST_DAY
    while first <= LAST_DAY:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield first, min(following - timedelta(days=1), LAST_DAY)
        first = following


def usage_select(first: date, last: date) -> str:
    """The rows of usage_daily from the first to the last day, in any order."""
    return f"""
        WITH days AS (
            SELECT d, DATE '{FIRST_DAY}' + CAST(d AS INTEGER) AS day, isodow(day) <= 5 AS workday
            FROM range({(first - FIRST_DAY).days}, {(last - FIRST_DAY).days + 1}) AS t(d)
        )
        {_PERSON_DAYS} UNION ALL {_FEATURE_DAYS} UNION ALL {_ACCOUNT_DAYS}
    """


_PERSON_DAYS = f"""
    SELECT account_id, person_id, day, 'session' AS metric, NULL AS feature_key,
           1 + die('sessions', p, d, 3) AS value, true AS is_final
    FROM persons, days
    WHERE rnd('comes', p, d) < keen * if(workday, {WEEKDAY_CHANCE}, {WEEKEND_CHANCE})
        AND day BETWEEN active_from AND active_to
"""

_FEATURE_DAYS = """
    SELECT account_id, NULL, day, 'feature_use', feature_key,
           1 + die('uses', a * 32 + f, d, 40), true
    FROM adopted, days
    WHERE rnd('uses feature', a * 32 + f, d) < if(workday, 0.675, 0.166)
        AND day BETWEEN active_from AND active_to
"""

_ACCOUNT_DAYS = """
    SELECT account_id, NULL, day, 'session_minutes', NULL,
           round(people * health * (8 + 15 * rnd('pace', a, 0)) * (0.7 + 0.6 * rnd('time', a, d))),
           true
    FROM firms, days WHERE workday AND day BETWEEN active_from AND active_to
    UNION ALL
    SELECT account_id, NULL, day, m.metric, NULL,
           ceil(m.mean * size * (0.5 + health) * (0.7 + 0.6 * rnd(m.metric, a, d))), true
    FROM firms, days, (VALUES
        ('api_call', 0.6, 1.0, 1.0, 120.0), ('gb_processed', 0.5, 1.0, 1.0, 3.0),
        ('portal_login', 1.0, 0.3, 0.02, 0.2), ('community_post', 0.5, 0.2, 0.02, 0.2)
    ) AS m(metric, share, on_workday, on_weekend, mean)
    WHERE rnd('has', a, hash(m.metric)) < m.share
        AND rnd('counted', a, hash(m.metric, d))
            < if(workday, m.on_workday * if(m.on_workday < 1, 2 * health, 1), m.on_weekend)
        AND day BETWEEN active_from AND active_to
"""
