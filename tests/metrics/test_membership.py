"""Who is a customer on which day, and whose facts count for whom."""

from __future__ import annotations

from datetime import date
from typing import Any

from tests.metrics.measuring import Row, Tables, account, given, measured, metrics

METRICS = metrics("""
    tickets: {count: rows, from: tickets, over: 30 days}
    people: {count_distinct: requester_id, from: tickets, over: 30 days}
    paid: {sum: amount, from: invoices, unit: money}
    rating: {assessed: {from: 0, to: 10}}
    plan: {latest: plan_id, from: subscriptions, unit: category}
    rank: {max: plan.tier_rank, from: subscriptions}
    status: {formula: account.status, unit: category}
    """)


def ticket(account_id: str, day: str, person: str = "p") -> Row:
    return {"ticket_id": f"{account_id} {day} {person}", "account_id": account_id,
            "requester_id": person, "opened_at": f"{day}T12:00:00"}  # fmt: skip


def merge(loser: str, winner: str, at: str, **more: Any) -> Row:
    return {"merge_id": f"{loser} {winner}", "entity_type": "account", "loser_id": loser,
            "winner_id": winner, "merged_at": at, **more}  # fmt: skip


def days(*texts: str) -> list[date]:
    return [date.fromisoformat(text) for text in texts]


def there(found: Any) -> dict[str, list[str]]:
    """The accounts on each day."""
    result: dict[str, list[str]] = {}
    for name, day in found.rows:
        result.setdefault(str(day), []).append(name)
    return result


def test_an_account_is_there_from_its_first_day_to_the_day_before_it_churned() -> None:
    accounts = [
        account("always"),
        account("since", customer_since="2026-03-02"),
        account("gone", status="churned", churned_on="2026-03-03"),
        account("later", status="churned", churned_on="2026-04-01", churn_reason="price"),
        account("trial", status="trial"),
        account("paused", status="paused"),
        account("prospect", status="prospect"),
        account("unknown_end", status="churned"),
    ]
    asked = days("2026-03-01", "2026-03-02", "2026-03-03", "2026-04-01")
    found = measured(METRICS, given({"accounts": accounts}), asked, ["status"])
    stay = ["always", "paused", "trial"]
    assert {d: sorted(names) for d, names in there(found).items()} == {
        "2026-03-01": sorted([*stay, "gone", "later"]),
        "2026-03-02": sorted([*stay, "gone", "later", "since"]),
        "2026-03-03": sorted([*stay, "later", "since"]),
        "2026-04-01": sorted([*stay, "since"]),
    }
    # Nobody knew then that they would leave, nor why.
    assert found("status", "gone", asked[0]) == "active"
    assert found.rows["later", asked[2]]["account/churn_reason"] is None
    assert found.rows["later", asked[2]]["account/churned_on"] is None


def test_rows_come_by_day_and_account() -> None:
    accounts = [account(name) for name in ("c", "a", "b", "A", "ä")]
    asked = days("2026-03-02", "2026-03-01")
    found = measured(METRICS, given({"accounts": accounts}), asked, ["status"])
    order = list(zip(found.table["asked_on"].to_pylist(), found.table["account_id"].to_pylist(),
                     strict=True))  # fmt: skip
    assert order == sorted(order)
    assert len(order) == 10


def test_nobody_is_a_customer_where_there_are_none() -> None:
    for asked in (days("2026-03-01"), days("2026-03-01", "2026-03-02")):
        found = measured(METRICS, given({"accounts": [], "tickets": [ticket("x", "2026-02-28")]}),
                         asked)  # fmt: skip
        assert found.table.num_rows == 0
        assert "metric/tickets" in found.table.column_names


def test_a_merged_account_leaves_on_that_day_and_the_winner_has_its_facts() -> None:
    tables: Tables = {
        "accounts": [account("a"), account("b"), account("c")],
        "tickets": [
            ticket("a", "2026-03-01"), ticket("a", "2026-03-01", "q"), ticket("b", "2026-03-02"),
            ticket("c", "2026-03-02", "r"), ticket("a", "2026-03-12", "s"),
        ],
        "merges": [merge("a", "b", "2026-03-10T12:00:00"), merge("b", "c", "2026-03-20T12:00:00")],
    }  # fmt: skip
    asked = days("2026-03-09", "2026-03-10", "2026-03-15", "2026-03-20")
    found = measured(METRICS, given(tables), asked, ["tickets", "people"])
    assert there(found) == {
        "2026-03-09": ["a", "b", "c"], "2026-03-10": ["b", "c"], "2026-03-15": ["b", "c"],
        "2026-03-20": ["c"],
    }  # fmt: skip
    assert found.by_account("tickets", asked[0]) == {"a": 2, "b": 1, "c": 1}
    assert found.by_account("tickets", asked[1]) == {"b": 3, "c": 1}
    # A person of both is one person; what comes in under the old name counts for the new one.
    assert found.by_account("people", asked[1]) == {"b": 2, "c": 1}
    assert found.by_account("tickets", asked[2]) == {"b": 4, "c": 1}
    assert found.by_account("tickets", asked[3]) == {"c": 5}
    assert found.by_account("people", asked[3]) == {"c": 4}


def test_a_merger_takes_place_on_the_day_of_the_account_that_goes() -> None:
    tables: Tables = {
        "accounts": [account("a", timezone="Pacific/Kiritimati"), account("b")],
        "merges": [merge("a", "b", "2026-03-10T12:00:00")],
    }
    asked = days("2026-03-10", "2026-03-11")
    found = there(measured(METRICS, given(tables), asked, ["status"]))
    assert found == {"2026-03-10": ["a", "b"], "2026-03-11": ["b"]}


def test_a_merger_that_was_undone_or_is_of_people_changes_nothing() -> None:
    tables: Tables = {
        "accounts": [account("a"), account("b")],
        "tickets": [ticket("a", "2026-03-01")],
        "merges": [
            merge("a", "b", "2026-03-01T12:00:00", undone_at="2026-03-02T00:00:00"),
            merge("a", "b", "2026-03-01T12:00:00", merge_id="2", entity_type="person"),
        ],
    }
    found = measured(METRICS, given(tables), date(2026, 3, 10), ["tickets"])
    assert found.by_account("tickets") == {"a": 1, "b": 0}


def test_what_came_under_the_name_of_an_account_that_is_gone_keeps_its_day() -> None:
    tables: Tables = {
        "accounts": [account("b", timezone="America/Los_Angeles"), account("c", timezone="UTC")],
        "tickets": [ticket("gone", "2026-03-09"), ticket("gone", "2026-01-01")],
        "merges": [merge("gone", "b", "2026-03-01T12:00:00")],
    }
    found = measured(METRICS, given(tables), date(2026, 3, 10), ["tickets"])
    assert found.by_account("tickets") == {"b": 1, "c": 0}


def test_a_rating_of_a_merged_account_holds_for_the_winner_unless_there_is_a_newer_one() -> None:
    def rating(ident: str, account_id: str, day: str, number: int) -> Row:
        return {"assessment_id": ident, "account_id": account_id, "question_key": "rating",
                "answer_number": number, "author_id": "u", "assessed_at": day}  # fmt: skip

    tables: Tables = {
        "accounts": [account(name) for name in "abcd"],
        "assessments": [
            rating("1", "a", "2026-03-01", 3), rating("2", "b", "2026-03-02", 8),
            rating("3", "c", "2026-03-01", 5),
        ],
        "merges": [
            merge("a", "b", "2026-03-05T12:00:00"), merge("c", "d", "2026-03-05T12:00:00"),
        ],
    }  # fmt: skip
    found = measured(METRICS, given(tables), days("2026-03-04", "2026-03-05"), ["rating"])
    assert found.by_account("rating", date(2026, 3, 4)) == {"a": 3, "b": 8, "c": 5, "d": None}
    assert found.by_account("rating", date(2026, 3, 5)) == {"b": 8, "d": 5}


def test_children_count_for_a_parent_that_is_rolled_up_and_for_themselves() -> None:
    tables: Tables = {
        "accounts": [
            account("top", rollup_mode="with_children"),
            account("mid", parent_account_id="top"),
            account("leaf", parent_account_id="mid"),
            account("own", rollup_mode="own"),
            account("child", parent_account_id="own"),
        ],
        "tickets": [
            ticket(name, "2026-03-01", person)
            for name, person in (("top", "p"), ("mid", "p"), ("leaf", "q"), ("child", "p"),
                                 ("own", "p"))
        ],
    }  # fmt: skip
    found = measured(METRICS, given(tables), date(2026, 3, 10), ["tickets", "people"])
    assert found.by_account("tickets") == {"top": 3, "mid": 1, "leaf": 1, "own": 1, "child": 1}
    assert found("people", "top") == 2


def test_money_of_a_child_or_a_merged_account_is_converted_for_whom_it_counts() -> None:
    def invoice(account_id: str, amount: int, currency: str) -> Row:
        return {"invoice_id": account_id, "account_id": account_id, "amount": amount,
                "currency": currency, "issued_on": "2026-01-01"}  # fmt: skip

    tables: Tables = {
        "accounts": [
            account("top", currency="USD", rollup_mode="with_children"),
            account("child", currency="EUR", parent_account_id="top"),
            account("loser", currency="EUR"),
            account("winner", currency="USD"),
        ],
        "invoices": [
            invoice("top", 10, "USD"), invoice("child", 100, "EUR"), invoice("loser", 100, "EUR"),
            invoice("winner", 10, "USD"),
        ],
        "merges": [merge("loser", "winner", "2026-03-01T12:00:00")],
        "fx_rates": [{"day": "2026-01-01", "from_ccy": "EUR", "to_ccy": "USD", "rate": 2}],
    }  # fmt: skip
    found = measured(METRICS, given(tables), date(2026, 3, 10), ["paid"])
    assert found.by_account("paid") == {"top": 210, "child": 100, "winner": 210}


def test_an_account_that_moves_between_plans_has_on_each_day_the_plan_of_that_day() -> None:
    def value(start: str, end: str | None, plan: str) -> Row:
        return {"subscription_id": "s", "account_id": "a", "plan_id": plan, "status": "active",
                "value_from": start, "value_to": end, "start_on": "2026-01-01", "mrr": 10,
                "currency": "USD"}  # fmt: skip

    tables: Tables = {
        "plans": [{"plan_id": "small", "name": "S", "tier_rank": 1},
                  {"plan_id": "large", "name": "L", "tier_rank": 3}],
        "subscriptions": [
            value("2026-01-01", "2026-02-28", "small"),
            value("2026-02-28", "2026-03-31", "large"),
            value("2026-03-31", None, "small"),
        ],
    }  # fmt: skip
    asked = days("2025-12-31", "2026-01-01", "2026-02-27", "2026-02-28", "2026-03-30", "2026-03-31")
    found = measured(METRICS, given(tables), asked, ["plan", "rank"])
    assert found.by_day("plan") == [None, "small", "small", "large", "large", "small"]
    assert found.by_day("rank") == [None, 1, 1, 3, 3, 1]
