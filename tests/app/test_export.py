"""What is exported is what explain shows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from keepwell.app.project import Project
from keepwell.kit.errors import KeepwellError
from tests.cycle.company import LAST

DAY = timedelta(days=1)


def test_exported_measures_are_the_explained_ones(scored: Project) -> None:
    table = scored.export(LAST - DAY, LAST, what="measures")
    assert len(table) == 2 * 12 * 5
    rows = table.rows()
    for account in ("a03", "a10"):
        found = scored.explain(account)
        mine = {r["path"]: r for r in rows if (r["account"], r["date"]) == (account, LAST)}
        assert len(mine) == 5
        for line in found.explanation.leaves:
            row = mine[line.name]
            shown = row["text"] if isinstance(line.value, str) else row["value"]
            assert shown == line.value
            assert row["scorecard"] == "care"
            names = ("metric", "state", "points", "weight", "contribution")
            assert {n: row[n] for n in names} == {n: getattr(line, n) for n in names}
            assert (row["age_days"], row["definition"]) == (line.age, found.info.definition)
        terms = sum(t.points for t in found.explanation.terms)
        total = sum(r["contribution"] for r in mine.values()) + terms
        assert total == pytest.approx(found.explanation.score, abs=1e-9)


def test_exported_scores_are_those_of_the_portfolio(scored: Project) -> None:
    table = scored.export(LAST - 6 * DAY, LAST)
    assert len(table) == 7 * 12
    scores = {r["account"]: r["score"] for r in scored.accounts(reasons=False)}
    last = {r["account"]: r for r in table if r["date"] == LAST}
    assert {a: r["score"] for a, r in last.items()} == scores
    found = scored.explain("a10")
    points = {n.removeprefix("points/"): v for n, v in last["a10"].items() if "points/" in n}
    assert points == {x.name: x.points for x in found.explanation.lines}
    assert last["a10"]["adjust/busy_and_happy"] == found.explanation.terms[0].points
    starters = scored.export(scorecard="starters")
    assert {r["date"] for r in starters} == {LAST}
    assert len(starters) == 4


def test_what_cannot_be_exported_says_why(scored: Project) -> None:
    with pytest.raises(KeepwellError) as raised:
        scored.export(what="everything")
    assert raised.value.expected == "scores or measures"
    with pytest.raises(KeepwellError) as raised:
        scored.export(LAST - 60 * DAY, LAST - 50 * DAY)
    assert "no day from" in raised.value.what
    with pytest.raises(KeepwellError) as raised:
        scored.export(LAST, LAST - DAY)
    assert raised.value.expected == "the first day first"
