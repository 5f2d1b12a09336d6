"""The portfolio of a scored day as a table."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from keepwell.app.project import Project
from keepwell.kit.errors import KeepwellError
from tests.cycle.company import LAST

DAY = timedelta(days=1)
COLUMNS = ["account", "name", "score", "tier", "change_7d", "change_30d", "change_90d", "coverage",
           "reason", "arr", "currency", "renews_on", "owner"]  # fmt: skip


def accounts(project: Project, **arguments: Any) -> list[str]:
    return [r["account"] for r in project.accounts(reasons=False, **arguments)]


def test_every_account_is_there_with_its_score_and_its_changes(scored: Project) -> None:
    table = scored.accounts()
    assert table.columns == COLUMNS
    assert len(table) == 12
    metadata = table.to_arrow().schema.metadata
    assert metadata == {b"as_of": str(LAST).encode(), b"scorecard": b"care"}
    read = scored.history.read
    rows = {r["account_id"]: r for r in read("care", days=[LAST]).to_pylist()}
    then = {r["account_id"]: r for r in read("care", days=[LAST - 30 * DAY]).to_pylist()}
    for row in table:
        kept = rows[row["account"]]
        assert (row["score"], row["tier"], row["coverage"]) == (
            kept["score"], kept["tier"], kept["coverage"],
        )  # fmt: skip
        assert row["change_30d"] == kept["score"] - then[row["account"]]["score"]
        assert row["change_90d"] is None
        assert (row["arr"], row["currency"]) == (1200, "EUR")
    assert [r["score"] for r in table] == sorted(r["score"] for r in table)


def test_a_portfolio_is_filtered_by_any_expression_sorted_and_cut(scored: Project) -> None:
    scores = {r["account"]: r["score"] for r in scored.accounts(reasons=False)}
    assert set(accounts(scored, where="score < 60 or tier = 'good'")) == {
        a for a, s in scores.items() if s < 60 or s >= 75
    }
    assert accounts(scored, where="account.segment = 'small'", sort="account") == [
        "a03", "a06", "a09", "a12",
    ]  # fmt: skip
    assert accounts(scored, where="weekly_logins >= 21 and last_nps >= 9") == ["a10"]
    assert accounts(scored, where="days_since(renews_on) > 0 or score < 0") == []
    assert len(accounts(scored, where="days_since(account.customer_since) >= 68")) == 12
    assert accounts(scored, sort="-score", limit=1) == [max(scores, key=lambda a: scores[a])]
    assert accounts(scored, limit=0) == []


def test_the_first_reason_is_what_moved_the_score_most_or_what_it_loses_most_by(
    scored: Project,
) -> None:
    rows = {r["account"]: r for r in scored.accounts()}
    # Four tickets in the last 30 days, against none before.
    assert rows["a10"]["change_30d"] < -1
    assert rows["a10"]["reason"].startswith("Tickets in 30 days −")
    earlier = {r["account"]: r for r in scored.accounts(LAST - 30 * DAY)}
    assert all(" costs " in str(r["reason"]) for r in earlier.values())


@pytest.mark.parametrize(
    ("arguments", "what", "todo"),
    [
        ({"where": "scor < 60"}, "'scor' is no column of the portfolio", "score"),
        ({"where": "score <"}, "cannot read the expression", ""),
        ({"where": "system('ls') = 1"}, "system", ""),
        ({"where": "name < 5"}, "do not fit together", ""),
        ({"sort": "scoer"}, "cannot sort by 'scoer'", "score"),
        ({"scorecard": "starter"}, "does not use a scorecard 'starter'", "starters"),
        ({"as_of": LAST + DAY}, f"{LAST + DAY} was not scored with 'care'", "--as-of"),
    ],
)
def test_what_cannot_be_shown_says_why(
    scored: Project, arguments: dict[str, Any], what: str, todo: str
) -> None:
    with pytest.raises(KeepwellError) as raised:
        scored.accounts(**arguments)
    assert what in raised.value.what
    assert todo in (raised.value.todo or "")
