"""What came to be known later does not show before, neither rows nor values inside a row."""

from __future__ import annotations

from datetime import date

from tests.metrics.measuring import Row, Tables, account, given, measured, metrics


def days(*numbers: int) -> list[date]:
    return [date(2026, 3, n) for n in numbers]


def test_a_ticket_is_open_until_the_day_on_which_it_was_closed() -> None:
    wanted = metrics("""
        open: {count: rows, from: tickets, where: status <> 'closed'}
        closed: {count: status = 'closed', from: tickets}
        waiting: {count: rows, from: tickets, where: first_reply_at is null}
        resolved: {share: first_resolved_at is not null, from: tickets}
        escalated: {count: escalated_at is not null, from: tickets}
        hours: {mean: "hours_between(opened_at, closed_at)", from: tickets}
        oldest: {max: days_since(opened_at), from: tickets, where: closed_at is null}
        """)
    ticket = {
        "ticket_id": "1", "account_id": "a", "status": "closed",
        "opened_at": "2026-03-01T22:00:00", "first_reply_at": "2026-03-02T23:30:00",
        "first_resolved_at": "2026-03-03T10:00:00", "escalated_at": "2026-03-02T10:00:00",
        "closed_at": "2026-03-03T15:30:00",
    }  # fmt: skip
    tables: Tables = {"accounts": [account("a", timezone="Asia/Tokyo")], "tickets": [ticket]}
    found = measured(wanted, given(tables), days(1, 2, 3, 4))
    # Nine hours ahead of UTC it came on the 2nd, was answered on the 3rd and closed on the 4th.
    assert found.by_day("open") == [0, 1, 1, 0]
    assert found.by_day("closed") == [0, 0, 0, 1]
    assert found.by_day("waiting") == [0, 1, 0, 0]
    assert found.by_day("resolved") == [None, 0, 1, 1]
    assert found.by_day("escalated") == [0, 1, 1, 1]
    assert found.by_day("hours") == [None, None, None, 41.5]
    assert found.by_day("oldest") == [None, 0, 1, None]


def test_an_invoice_is_unpaid_until_the_day_on_which_it_was_settled() -> None:
    wanted = metrics("""
        unpaid: {sum: amount - amount_paid, from: invoices, unit: money}
        overdue: {max: "greatest(days_since(due_on), 0)", from: invoices, where: status = 'open'}
        late: {latest: "days_between(due_on, settled_on)", from: invoices, order_by: settled_on}
        settled: {count: settled_on is not null, from: invoices}
        """)
    rows = [
        {"invoice_id": str(n), "account_id": "a", "amount": 100, "amount_paid": 100,
         "currency": "USD", "status": "paid", "issued_on": "2026-03-01", "due_on": "2026-03-05",
         "settled_on": settled}
        for n, settled in enumerate(("2026-03-04", "2026-03-09"))
    ]  # fmt: skip
    found = measured(wanted, given({"invoices": rows}), days(1, 3, 4, 8, 9))
    assert found.by_day("unpaid") == [200, 200, 100, 100, 0]
    assert found.by_day("overdue") == [0, 0, 0, 3, None]
    assert found.by_day("late") == [None, None, -1, -1, 4]
    assert found.by_day("settled") == [0, 0, 1, 1, 2]


def test_an_opportunity_is_open_until_it_was_closed() -> None:
    wanted = metrics("""
        open: {count: rows, from: opportunities, where: not is_closed}
        won: {count: is_won, from: opportunities}
        lost: {latest: lost_reason, from: opportunities, unit: category}
        """)
    rows = [
        {"opportunity_id": name, "account_id": "a", "type": "expansion", "is_closed": True,
         "is_won": won, "created_on": "2026-03-02", "close_on": f"2026-03-0{close}",
         "lost_reason": reason}
        for name, won, close, reason in (("1", True, 4, None), ("2", False, 6, "price"))
    ]  # fmt: skip
    found = measured(wanted, given({"opportunities": rows}), days(1, 2, 3, 4, 6))
    assert found.by_day("open") == [0, 2, 2, 1, 0]
    assert found.by_day("won") == [0, 0, 0, 1, 1]
    assert found.by_day("lost") == [None, None, None, None, "price"]


def test_answers_outcomes_and_courses_show_when_they_came() -> None:
    wanted = metrics("""
        nps: {latest: score, from: survey_responses, where: kind = 'nps', order_by: responded_at}
        unanswered: {count: rows, from: survey_responses, where: responded_at is null}
        progress: {latest: actual / target, from: outcomes}
        achieved: {count: status = 'achieved', from: outcomes}
        trained: {share: status = 'completed', from: training}
        """)
    tables: Tables = {
        "survey_responses": [{
            "response_id": "1", "survey_key": "q", "kind": "nps", "account_id": "a", "score": 9,
            "sent_at": "2026-03-02T10:00:00", "responded_at": "2026-03-04T10:00:00",
        }],
        "outcomes": [{
            "outcome_id": "1", "account_id": "a", "kind": "goal", "title": "Save time",
            "target": 8, "actual": 6, "set_on": "2026-03-01", "measured_on": "2026-03-03",
            "achieved_on": "2026-03-05", "status": "achieved",
        }],
        "training": [{
            "enrolment_id": "1", "account_id": "a", "course_key": "c", "status": "completed",
            "assigned_at": "2026-03-01T10:00:00", "completed_at": "2026-03-03T10:00:00",
        }],
    }  # fmt: skip
    found = measured(wanted, given(tables), days(1, 2, 3, 4, 5))
    assert found.by_day("nps") == [None, None, None, 9, 9]
    assert found.by_day("unanswered") == [0, 1, 1, 0, 0]
    assert found.by_day("progress") == [None, None, 0.75, 0.75, 0.75]
    assert found.by_day("achieved") == [0, 0, 0, 0, 1]
    assert found.by_day("trained") == [0, 0, 1, 1, 1]


def test_a_neighbour_is_seen_as_it_was_on_the_day() -> None:
    wanted = metrics("""
        by_staff: {count: requester.status = 'active', from: tickets}
        left: {count: requester.left_on is not null, from: tickets}
        """)
    tables: Tables = {
        "people": [{"person_id": "p", "account_id": "a", "status": "left",
                    "left_on": "2026-03-05"}],
        "tickets": [{"ticket_id": "1", "account_id": "a", "requester_id": "p",
                     "opened_at": "2026-03-01T10:00:00"}],
    }  # fmt: skip
    found = measured(wanted, given(tables), days(4, 5))
    assert found.by_day("by_staff") == [1, 0]
    assert found.by_day("left") == [0, 1]


def test_a_role_is_held_from_its_first_day_to_the_day_before_its_last() -> None:
    wanted = metrics("""
        champions: {count_distinct: person_id, from: person_roles, where: role = 'champion'}
        champion_use: {sum: value, from: role_usage, where: role = 'champion', over: 30 days}
        champion_days: {days_since_last: day, from: role_usage, where: role = 'champion'}
        """)
    tables: Tables = {
        "person_roles": [
            {"person_id": "p", "account_id": "a", "role": "champion", "valid_from": "2026-03-02",
             "valid_to": "2026-03-05"},
            {"person_id": "q", "account_id": "a", "role": "champion", "valid_from": "2026-03-04"},
        ],
        "usage_daily": [
            {"account_id": "a", "person_id": person, "day": f"2026-03-0{day}", "metric": "m",
             "value": value}
            for person, day, value in (("p", 1, 1), ("p", 3, 10), ("q", 2, 100), ("r", 3, 1000))
        ],
    }  # fmt: skip
    found = measured(wanted, given(tables), days(1, 2, 4, 5))
    assert found.by_day("champions") == [0, 1, 2, 1]
    # What somebody did counts while he holds the role on the asked day, whenever he did it.
    assert found.by_day("champion_use") == [0, 1, 111, 100]
    assert found.by_day("champion_days") == [None, 1, 1, 3]


def test_state_tables_show_the_rows_that_hold_on_the_day() -> None:
    wanted = metrics("""
        seats: {sum: seats, from: subscriptions}
        features: {count_distinct: feature_key, from: entitlements}
        active: {count: status = 'active', from: subscriptions}
        ends_in: {days_until: end_on, from: subscriptions}
        """)

    def value(ident: str, start: str, end: str | None, seats: int) -> Row:
        return {"subscription_id": ident, "account_id": "a", "plan_id": f"plan {seats}",
                "status": "cancelled", "cancelled_on": "2026-03-06", "value_from": start,
                "value_to": end, "start_on": "2026-01-01", "end_on": "2026-03-10", "seats": seats,
                "mrr": 1, "currency": "USD"}  # fmt: skip

    tables: Tables = {
        "plan_features": [
            {"plan_id": plan, "feature_key": key, "kind": "core"}
            for plan, key in (("plan 5", "f"), ("plan 8", "f"), ("plan 8", "g"))
        ],
        "subscriptions": [value("1", "2026-03-01", "2026-03-04", 5), value("1", "2026-03-04", None,
                                                                           8)],
    }  # fmt: skip
    tables = {"accounts": [account("a")], **tables}
    found = measured(wanted, given(tables), [date(2026, 2, 28), *days(3, 4, 6, 12)])
    assert found.by_day("seats") == [0, 5, 8, 8, 8]
    assert found.by_day("features") == [0, 1, 2, 2, 2]
    assert found.by_day("active") == [0, 1, 1, 0, 0]
    assert found.by_day("ends_in") == [None, 7, 6, 4, -2]
