"""Distinct people over six windows: where a plan should win most over SQL by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from benchmarks.company import LAST_DAY, SIZES, Company
from benchmarks.figures import Figure, best, figure
from benchmarks.generator import FACTS, company_project
from benchmarks.projects import metric_values, project, timed_values
from benchmarks.reference import differences, opened
from keepwell.facts.store import FactStore

WINDOWS = (3, 7, 14, 30, 60, 90)
SCORECARD = "six-windows"
BY_HAND = "six windows by hand"
TIMES = 5


def reference(size: str, _: Path) -> Iterator[Figure | str]:
    """A count(distinct …) for each of six windows, by hand."""
    with opened(FactStore(company_project(Company(SIZES[size])) / FACTS)) as con:
        yield figure(BY_HAND, best(lambda: by_hand(con, LAST_DAY), TIMES))


def values(size: str, scratch: Path) -> Iterator[Figure | str]:
    """Keepwell's values of the same six metrics, and whether they are the same."""
    with project(Company(SIZES[size]), scratch, files()) as made:
        _, whole, run = timed_values(made, SCORECARD, LAST_DAY, TIMES)
        reach = {"ratio": 0.55} if size == "M" else {}
        yield figure("six windows, planned and run", whole, against=BY_HAND)
        yield figure("six windows, run alone", run, against=BY_HAND, reach=reach)
        with opened(made.store) as con:
            found = differences(by_hand(con, LAST_DAY), metric_values(made, SCORECARD, LAST_DAY))
    yield from (str(d) for d in found)


def by_hand(con: duckdb.DuckDBPyConnection, day: date) -> pa.Table:
    """One row per customer: account_id and a column for each window."""
    counts = ", ".join(
        f"count(DISTINCT person_id) FILTER (WHERE day > DATE '{day}' - {days}) AS {_key(days)}"
        for days in WINDOWS
    )
    columns = ", ".join(f"coalesce({_key(days)}, 0) AS {_key(days)}" for days in WINDOWS)
    return con.sql(
        f"""
        WITH counted AS (
            SELECT account_id, {counts} FROM usage_daily
            WHERE metric = 'session' AND value > 0 AND day <= DATE '{day}'
                AND day > DATE '{day}' - {max(WINDOWS)}
            GROUP BY account_id
        )
        SELECT account_id, {columns} FROM accounts LEFT JOIN counted USING (account_id)
        WHERE status IN ('trial', 'active', 'paused') AND customer_since <= DATE '{day}'
        """
    ).to_arrow_table()


def _key(days: int) -> str:
    return f"people_in_{days}_days"


def files() -> dict[str, str]:
    """The project's own files: six metrics, a scorecard of them, and settings."""
    return {
        "metrics/windows.yaml": _metrics(),
        "scorecards/windows.yaml": _scorecard(),
        "keepwell.yaml": f"name: Benchmark\nscorecards: [{SCORECARD}]\n",
    }


def _metrics() -> str:
    return "metrics:\n" + "".join(
        f"  {_key(days)}:\n"
        f"    label: Active people, {days} days\n"
        "    description: Different people with a session. No sessions are 0.\n"
        "    count_distinct: person_id\n"
        "    from: usage_daily\n"
        "    where: metric = 'session' and value > 0\n"
        f"    over: {days} days\n"
        "    unit: people\n"
        for days in WINDOWS
    )


def _scorecard() -> str:
    return (
        f"scorecard: {SCORECARD}\nlabel: Six windows\ntiers:\n"
        "  - {key: green, label: Healthy, from: 50, colour: green}\n"
        "  - {key: red, label: Critical, from: 0, colour: red}\ncomponents:\n"
    ) + "".join(
        f"  within_{days}:\n    label: Within {days} days\n    metric: {_key(days)}\n"
        "    bands: {1: 100, else: 0}\n"
        for days in WINDOWS
    )
