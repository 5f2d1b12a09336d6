"""The data tells the stories of the hidden truth, as noisily as data does."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from keepwell.demo import Company


def _one(sql: duckdb.DuckDBPyConnection, query: str, *values: Any) -> Any:
    found = sql.execute(query, list(values)).fetchone()
    assert found is not None
    return found[0]


def _told(sql: duckdb.DuckDBPyConnection, event: str) -> list[tuple[str, date, str | None]]:
    rows = sql.execute(
        "SELECT account_id, day, detail FROM truth_events WHERE event = ? ORDER BY 1", [event]
    ).fetchall()
    assert rows, f"nobody has the story {event}"
    return rows


def _by_archetype(sql: duckdb.DuckDBPyConnection, query: str) -> dict[str, float]:
    return dict(
        sql.execute(
            f"SELECT archetype, avg(x) FROM ({query}) JOIN truth_accounts USING (account_id) "
            "GROUP BY 1"
        ).fetchall()
    )


def test_sizes_go_from_five_to_nine_hundred_seats(sql: duckdb.DuckDBPyConnection) -> None:
    assert _one(sql, "SELECT min(seats) FROM subscriptions") == 5
    assert _one(sql, "SELECT max(seats) FROM subscriptions") >= 900


def test_there_are_three_plans_with_two_five_and_eight_pages(
    sql: duckdb.DuckDBPyConnection,
) -> None:
    pages = sql.execute(
        "SELECT plan_id, tier_rank, count(*) FROM plans JOIN plan_features USING (plan_id) "
        "WHERE kind = 'page' GROUP BY ALL ORDER BY 1"
    ).fetchall()
    assert pages == [("tier_1", 1, 2), ("tier_2", 2, 5), ("tier_3", 3, 8)]


def test_the_unhappy_differ_from_the_happy(sql: duckdb.DuckDBPyConnection) -> None:
    days = """SELECT account_id, count(*) / any_value(seats) AS x FROM usage_daily
        JOIN (SELECT account_id, max(seats) AS seats FROM subscriptions GROUP BY 1)
        USING (account_id) WHERE metric = 'session' AND day > ends() - 28 GROUP BY account_id"""
    nps = """SELECT account_id, avg(score) AS x FROM survey_responses
        WHERE kind = 'nps' AND sent_at > ends() - 180 GROUP BY 1"""
    sentiment = """SELECT account_id, avg(value) AS x FROM text_signals
        WHERE label = 'sentiment' AND occurred_at > ends() - 180 GROUP BY 1"""
    for query in (days, nps, sentiment):
        found = _by_archetype(sql, query)
        assert found["thriving"] > found["wavering"] > found["failing"], query


def test_power_users_ask_much_and_love_it(sql: duckdb.DuckDBPyConnection) -> None:
    tickets = _by_archetype(
        sql,
        "SELECT account_id, count(*) AS x FROM tickets WHERE opened_at > ends() - 90 GROUP BY 1",
    )
    nps = _by_archetype(
        sql,
        "SELECT account_id, avg(score) AS x FROM survey_responses WHERE kind = 'nps' GROUP BY 1",
    )
    assert tickets["power"] > 3 * tickets["thriving"]
    assert nps["power"] > 8.5


def test_quiet_customers_use_the_product_and_do_not_answer(
    sql: duckdb.DuckDBPyConnection,
) -> None:
    quiet = "(SELECT account_id FROM truth_accounts WHERE archetype = 'quiet')"
    replies = (
        f"SELECT count(*) FROM touchpoints WHERE in_reply_to IS NOT NULL AND account_id IN {quiet}"
    )
    mails = f"SELECT count(*) FROM touchpoints WHERE direction = 'out' AND account_id IN {quiet}"
    recent = f"""SELECT count(DISTINCT account_id) FROM usage_daily
        WHERE day > ends() - 7 AND account_id IN {quiet}"""
    assert _one(sql, replies) < 0.15 * _one(sql, mails)
    assert _one(sql, recent) == _one(sql, f"SELECT count(*) FROM {quiet}")


def test_churned_accounts_are_gone_on_their_day(sql: duckdb.DuckDBPyConnection) -> None:
    wrong = """SELECT count(*) FROM accounts JOIN truth_accounts USING (account_id)
        WHERE churned_on IS DISTINCT FROM CASE WHEN leaves_on <= ends() THEN leaves_on END"""
    assert _one(sql, wrong) == 0
    after = """SELECT count(*) FROM usage_daily JOIN accounts USING (account_id)
        WHERE day >= churned_on"""
    assert _one(sql, after) == 0
    assert _one(sql, "SELECT count(*) FROM accounts WHERE status = 'churned'") >= 10


def test_some_leave_without_warning(sql: duckdb.DuckDBPyConnection) -> None:
    last = """SELECT account_id, avg(satisfaction) AS x FROM truth_satisfaction
        JOIN truth_accounts USING (account_id)
        WHERE leaves_on <= ends() AND month > leaves_on - 90 AND month < leaves_on GROUP BY 1"""
    found = _by_archetype(sql, last)
    assert found["sudden"] > 0.7 > 0.5 > found["lost"]


def test_the_recovered_fell_and_came_back(sql: duckdb.DuckDBPyConnection) -> None:
    fell = """SELECT account_id, min(satisfaction) AS x FROM truth_satisfaction GROUP BY 1"""
    now = """SELECT account_id, arg_max(satisfaction, month) AS x
        FROM truth_satisfaction GROUP BY 1"""
    assert _by_archetype(sql, fell)["recovered"] < 0.55
    assert _by_archetype(sql, now)["recovered"] > 0.7


def test_weekends_and_the_turn_of_the_year_are_quiet(sql: duckdb.DuckDBPyConnection) -> None:
    by_day = """SELECT avg(n) FROM (SELECT day, count(*) AS n FROM usage_daily
        WHERE metric = 'session' GROUP BY 1) WHERE """
    weekday = _one(sql, by_day + "isodow(day) < 6 AND month(day) = 11")
    weekend = _one(sql, by_day + "isodow(day) > 5 AND month(day) = 11")
    christmas = _one(sql, by_day + "isodow(day) < 6 AND month(day) = 12 AND day(day) > 23")
    assert weekend < 0.4 * weekday
    assert christmas < 0.6 * weekday


def test_nearly_nobody_works_during_a_closure(sql: duckdb.DuckDBPyConnection) -> None:
    closed = """SELECT count(day) / (SELECT sum(least(last_day, ends()) - first_day + 1)
            FROM truth_closures)
        FROM usage_daily JOIN truth_closures USING (account_id)
        WHERE metric = 'session' AND day BETWEEN first_day AND last_day"""
    assert _one(sql, closed) < 0.5
    assert _one(sql, "SELECT count(DISTINCT account_id) FROM truth_closures") == 5
    assert _one(sql, "SELECT count(*) FROM truth_closures WHERE last_day > ends()") == 1


def test_champions_who_left_or_fell_silent_are_not_seen_again(
    sql: duckdb.DuckDBPyConnection,
) -> None:
    seen = "SELECT count(*) FROM usage_daily WHERE person_id = ? AND day > ?"
    for event in ("champion_left", "champion_silent"):
        for _, day, person in _told(sql, event):
            assert _one(sql, seen, person, day + timedelta(days=6)) == 0, (event, person)
    for _, _, person in _told(sql, "champion_silent"):
        assert _one(sql, "SELECT left_on IS NULL FROM people WHERE person_id = ?", person)


def test_a_lost_sponsor_holds_the_role_no_longer(sql: duckdb.DuckDBPyConnection) -> None:
    for _, day, person in _told(sql, "sponsor_lost"):
        query = "SELECT max(valid_to) FROM person_roles WHERE person_id = ?"
        assert _one(sql, query, person) == day


def test_a_new_owner_is_written_down(sql: duckdb.DuckDBPyConnection) -> None:
    for account, day, _ in _told(sql, "ownership_change"):
        query = """SELECT count(*) FROM account_periods
            WHERE kind = 'ownership_change' AND account_id = ? AND start_on = ?"""
        assert _one(sql, query, account, day) == 1


def test_plans_and_currencies_change_in_mid_history(sql: duckdb.DuckDBPyConnection) -> None:
    for account, day, plan in _told(sql, "plan_change"):
        query = """SELECT list(DISTINCT plan_id ORDER BY plan_id) FROM subscriptions
            WHERE account_id = ? AND plan_id LIKE 'tier%' AND value_from >= ?"""
        assert _one(sql, query, account, day) == [plan]
    for account, _, _ in _told(sql, "currency_change"):
        query = "SELECT count(DISTINCT currency) FROM subscriptions WHERE account_id = ?"
        assert _one(sql, query, account) == 2


def test_merged_accounts_end_on_their_day(sql: duckdb.DuckDBPyConnection) -> None:
    for account, day, winner in _told(sql, "merged"):
        merge = "SELECT winner_id FROM merges WHERE loser_id = ? AND merged_at::date = ?"
        assert _one(sql, merge, account, day) == winner
        late = "SELECT count(*) FROM usage_daily WHERE account_id = ? AND day >= ?"
        assert _one(sql, late, account, day) == 0


def test_one_feed_stopped_and_the_helpdesk_is_a_day_late(
    company: Company, sql: duckdb.DuckDBPyConnection
) -> None:
    last = company.end - timedelta(days=43)
    assert _one(sql, "SELECT max(day) FROM usage_daily WHERE metric = 'gb_processed'") == last
    covered = "SELECT max(to_day) FROM coverage WHERE family = ?"
    assert _one(sql, covered, "usage_daily.gb_processed") == last
    assert _one(sql, covered, "usage_daily.session") == company.end
    assert _one(sql, covered, "tickets") == company.end - timedelta(days=1)


@pytest.mark.parametrize(("category", "least"), [("bug", 5), ("feature_request", 10)])
def test_customers_share_issues(category: str, least: int, sql: duckdb.DuckDBPyConnection) -> None:
    most = """SELECT max(n) FROM (SELECT issue_key, count(DISTINCT account_id) AS n FROM tickets
        WHERE category = ? AND issue_key IS NOT NULL GROUP BY 1)"""
    assert _one(sql, most, category) >= least


def test_not_every_account_has_everything(sql: duckdb.DuckDBPyConnection) -> None:
    for table in ("assessments", "survey_responses", "outcomes", "advocacy"):
        without = f"SELECT count(*) FROM accounts ANTI JOIN {table} USING (account_id)"
        assert _one(sql, without) >= 3, table
    assert _one(sql, "SELECT count(*) FROM accounts WHERE owner_user_id IS NULL") >= 3
    api = "SELECT count(DISTINCT account_id) FROM usage_daily WHERE metric = 'api_call'"
    assert _one(sql, api) < 0.9 * _one(sql, "SELECT count(*) FROM accounts")


def test_some_ratings_have_expired(sql: duckdb.DuckDBPyConnection) -> None:
    expired = """SELECT count(*) FROM (SELECT account_id, question_key, max(expires_at) AS until
        FROM assessments JOIN accounts USING (account_id) WHERE churned_on IS NULL GROUP BY ALL)
        WHERE until < ends()"""
    assert _one(sql, expired) >= 10


def test_groups_have_parents(sql: duckdb.DuckDBPyConnection) -> None:
    children = "SELECT count(*) FROM accounts WHERE parent_account_id IS NOT NULL"
    assert _one(sql, children) >= 4
    nested = """SELECT count(*) FROM accounts c JOIN accounts p
        ON c.parent_account_id = p.account_id WHERE p.parent_account_id IS NOT NULL"""
    assert _one(sql, nested) == 0
    together = "SELECT count(*) FROM accounts WHERE rollup_mode = 'with_children'"
    assert _one(sql, together) >= 1
