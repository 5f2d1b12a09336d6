"""What the newest rows decide is the same whether all rows are read or the recent ones first."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

import pytest

from keepwell.facts.memory import MemoryFacts
from keepwell.metrics import evaluate as evaluating
from keepwell.metrics.passes import Pass
from tests.metrics.measuring import Row, Tables, Values, account, given, measured, metrics

ASKED = date(2026, 3, 31)
METRICS = metrics("""
    since_login: {days_since_last: day, from: usage_daily, where: metric = 'login'}
    since_any: {days_since_last: day, from: usage_daily}
    feature: {latest: feature_key, from: usage_daily, unit: category}
    long_ago: {formula: 'before(since_any, 10 days)'}
    logins: {count: rows, from: usage_daily, where: metric = 'login'}
    """)
PARTS = {"recent": 2, "old": 50, "both": 1, "loser": 30, "never": None}


def used(account_id: str, days_ago: int, metric: str = "login", **more: object) -> Row:
    day = (ASKED - timedelta(days=days_ago)).isoformat()
    return {"account_id": account_id, "day": day, "metric": metric, "value": 1, **more}


def tables() -> Tables:
    return {
        "accounts": [account(a) for a in (*PARTS, "winner", "other_kind")],
        "usage_daily": [
            *(used(a, days, feature_key=f"of {a}") for a, days in PARTS.items() if days),
            used("both", 80, feature_key="older"),
            used("winner", 70, feature_key="of winner"),
            used("other_kind", 1, "session"),
            used("other_kind", 60, feature_key="sixty"),
        ],
        "merges": [{"merge_id": "m", "entity_type": "account", "loser_id": "loser",
                    "winner_id": "winner", "merged_at": "2026-03-20T12:00:00"}],
    }  # fmt: skip


def values() -> Values:
    return measured(METRICS, given(tables()), [ASKED])


@pytest.mark.parametrize("recent", [0, 5, 29, 64, 365])
def test_recent_rows_first_is_the_same_as_all(monkeypatch: pytest.MonkeyPatch, recent: int) -> None:
    whole = values()
    assert whole.by_account("since_login") == {
        "recent": 2, "old": 50, "both": 1, "winner": 30, "other_kind": 60, "never": None
    }  # fmt: skip
    monkeypatch.setattr(evaluating, "VAST", 0)
    monkeypatch.setattr(evaluating, "RECENT", recent)
    assert values().rows == whole.rows


def test_accounts_that_recent_rows_tell_all_of_are_not_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Collection[str]] = []
    put_open = Pass.put_open

    def noting(around: Pass, accounts: Collection[str]) -> None:
        asked.append(accounts)
        put_open(around, accounts)

    monkeypatch.setattr(evaluating, "VAST", 0)
    monkeypatch.setattr(Pass, "put_open", noting)
    measured(METRICS, given(tables()), [ASKED], ["since_any"])
    assert asked == [frozenset({"never"})]


def test_a_table_knows_how_many_rows_are_stored() -> None:
    facts = given(tables())
    assert isinstance(facts, MemoryFacts)
    assert facts.stored_rows("usage_daily") == 8
    assert facts.stored_rows("role_usage") == 0
