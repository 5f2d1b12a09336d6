"""What is shown of the statements that count is what runs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import pytest
import sqlglot
from sqlglot import exp

from keepwell.definitions.library import Library
from keepwell.facts.engines.dialects import readable
from keepwell.facts.engines.recording import Asked, Given, Recording, Viewed
from keepwell.metrics import evaluate as evaluating
from keepwell.metrics.evaluate import NO_SETTINGS, evaluate
from keepwell.metrics.shown import Counts, Open, Portfolio, Shown, shown
from tests.metrics.measuring import Tables, account, given, metrics

ASKED = date(2026, 3, 31)
METRICS = metrics("""
    logins: {label: Logins, sum: value, from: usage_daily, where: metric = 'login', over: 7 days}
    before: {label: More logins, change: logins, since: 7 days}
    people: {label: People, count_distinct: person_id, from: usage_daily, over: 30 days}
    since: {label: Since a login, days_since_last: day, from: usage_daily}
    spent: {label: Spent, sum: amount, from: invoices, unit: money}
    trust: {label: Trust, assessed: {from: 0, to: 10}}
    """)


def tables() -> Tables:
    used = [
        {"account_id": a, "person_id": f"{a}-{n}", "metric": "login", "value": n,
         "day": ASKED - timedelta(days=3 * n)}
        for a in ("a", "b") for n in range(1, 4)
    ]  # fmt: skip
    rated = {"assessment_id": "r", "account_id": "a", "question_key": "trust",
             "answer_number": 7, "assessed_at": "2026-03-20T12:00:00"}  # fmt: skip
    accounts = [account("a"), account("b", timezone="Asia/Tokyo"), account("never")]
    return {"accounts": accounts, "usage_daily": used, "assessments": [rated]}


def of(*keys: str, library: Library = METRICS) -> Shown:
    return shown(library, keys or library.metrics, given(tables()), ASKED, NO_SETTINGS)


def run() -> list[Viewed | Given | Asked]:
    """What an engine is told when the metrics are counted."""
    facts, told = given(tables()), list[Viewed | Given | Asked]()
    facts.engine = Recording(facts.engine, told.append)
    evaluate(METRICS, METRICS.metrics, facts, [ASKED])
    return told


def texts(steps: Iterable[object]) -> list[str]:
    found = []
    for step in steps:
        if isinstance(step, Viewed):
            found.append(f"{step.name}: {step.select}")
        elif isinstance(step, Asked | Portfolio | Counts):
            found.append(step.select)
    return found


@pytest.mark.parametrize("vast", [0, 10**6], ids=["newest-first", "at-once"])
def test_every_view_and_statement_that_runs_is_shown_and_no_other(
    monkeypatch: pytest.MonkeyPatch, vast: int
) -> None:
    monkeypatch.setattr(evaluating, "VAST", vast)
    found = of()
    assert texts(found.steps) == list(dict.fromkeys(texts(run())))
    assert any(isinstance(s, Open) for s in found.steps) == (vast == 0)
    small = {s.name: s.rows for s in found.steps if isinstance(s, Given)}
    real = {s.name: s.rows for s in run() if isinstance(s, Given)}
    for name, rows in small.items():
        assert rows.equals(real[name])


def test_the_text_is_sql_that_gives_the_same_rows() -> None:
    found, facts = of(), given(tables())
    compared = 0
    for step in found.steps:
        if isinstance(step, Given):
            facts.engine.put(step.name, step.rows)
        elif isinstance(step, Viewed):
            facts.engine.view(step.name, readable(step.select, "duckdb"))
        elif isinstance(step, Counts):
            rows = sorted(facts.engine.rows(step.select))
            assert sorted(facts.engine.rows(readable(step.select, "duckdb"))) == rows
            assert rows
            compared += 1
    assert compared == len(found.counts) >= 4
    text = found.text()
    sent = [s for s in sqlglot.parse(text, read="duckdb") if not isinstance(s, exp.Semicolon)]
    assert len(sent) == len(texts(found.steps))
    for step in found.steps:
        if isinstance(step, Counts | Portfolio | Viewed):
            assert readable(step.select, "duckdb") in text


def test_metrics_are_named_with_their_labels_and_tables() -> None:
    lines = of().text().splitlines()
    at = lines.index("-- counts assessments:")
    assert lines[at + 1] == "--   trust (Trust)"
    at = lines.index("--   logins (Logins)")
    assert lines[at - 1] == "-- counts usage_daily:"
    assert lines[at + 1] == "--   logins 7 days before (Logins)"
    assert any(line.startswith('-- small table "zones", 3 rows (the time zone') for line in lines)
    assert "-- 2. before" in lines


def test_what_no_source_covers_is_told() -> None:
    text = of("spent", "people").text()
    told = text.partition("-- not counted, since no source has covered what they are made of:\n")
    assert told[2].startswith("--   spent (Spent)\n")
    assert "-- counts invoices" not in text


def test_a_statement_that_may_follow_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluating, "VAST", 0)
    text = of("since").text()
    assert text.count("--   since (Since a login)") == 2
    assert text.count("-- runs only if the statement before leaves accounts open") == 1
    assert text.index('small table "accounts still open"') < text.index("runs only if")


def test_only_what_statements_are_over() -> None:
    found = of("people")
    names = [s.name for s in found.of_counts().steps if isinstance(s, Viewed | Given)]
    assert names == ["asked days", "rows_usage_daily", "usage_daily", "usage_daily of 32 days"]
    assert found.of_counts().counts == found.counts


def test_a_label_stays_within_its_comment() -> None:
    library = metrics('odd: {label: "two\\nlines; DROP TABLE x", count: rows, from: usage_daily}')
    assert "--   odd (two lines; DROP TABLE x)\n" in of(library=library).text()


def test_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    facts, told = given(tables()), list[Viewed | Given | Asked]()
    facts.engine = Recording(facts.engine, told.append)
    found = shown(METRICS, METRICS.metrics, facts, ASKED, NO_SETTINGS)
    asked = {step.select for step in told if isinstance(step, Asked)}
    assert asked.isdisjoint(c.select for c in found.counts)
