"""Small scored days for the tests of this room, and processes that write them."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

import keepwell
from keepwell.history import History, ScoredDay

SOURCES = str(Path(keepwell.__file__).parent.parent)
AT = datetime(2026, 3, 1, 6, tzinfo=UTC)
MEASURES = 12


def rows(day: date, accounts: int = 20, offset: float = 0.0, **more: Any) -> pa.Table:
    """A scored table: `value/x` tells the day (plus offset), so that a mix-up is seen."""
    value = float(day.toordinal()) + offset
    columns: dict[str, Any] = {
        "account_id": [f"acc-{i:03d}" for i in reversed(range(accounts))],
        "score": [value % 100] * accounts,
        "tier": ["green"] * accounts,
    }
    for m in range(MEASURES):
        columns[f"value/usage/m{m}"] = [value + m] * accounts
        columns[f"state/usage/m{m}"] = ["measured"] * accounts
        columns[f"age/usage/m{m}"] = [m] * accounts
    return pa.table({**columns, **{k: [v] * accounts for k, v in more.items()}})


def scored(day: date, accounts: int = 20, offset: float = 0.0) -> ScoredDay:
    """A day of one scorecard and the portfolio."""
    tables = {"enterprise": rows(day, accounts, offset), "portfolio": rows(day, accounts, offset)}
    return ScoredDay(day, tables, AT, AT, AT, {"enterprise": "0123456789abcdef"})


def days_from(first: date, count: int, step: int = 1) -> list[date]:
    """That many days, `step` days apart."""
    return [first + timedelta(days=step * i) for i in range(count)]


def problems(history: History, accounts: int = 20) -> list[str]:
    """What is wrong with the visible days: a table that lacks one, a row missing or mixed up."""
    seen = history.snapshot()
    found: list[str] = []
    days = {t: set(seen.scored_days(t)["date"].to_pylist()) for t in ("enterprise", "portfolio")}
    if days["enterprise"] != days["portfolio"]:
        found.append(f"the tables have different days: {days}")
    for table, expected in days.items():
        read = seen.read(table, columns=["value/usage/m0", "value/usage/m11"])
        by_day: dict[date, list[tuple[float, float]]] = {}
        for row in read.to_pylist():
            values = (row["value/usage/m0"], row["value/usage/m11"])
            by_day.setdefault(row["date"], []).append(values)
        if by_day.keys() != expected:
            found.append(f"{table}: rows of {sorted(by_day)}, scored {sorted(expected)}")
        for day, values_of_day in by_day.items():
            if len(values_of_day) != accounts or len(set(values_of_day)) != 1:
                found.append(f"{table} {day}: {len(values_of_day)} rows, {set(values_of_day)}")
    return found


def start(place: Path | str, *arguments: object) -> subprocess.Popen[str]:
    """A process that runs `writer_process` with these arguments."""
    repository = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.history.writer_process", str(place), *map(str, arguments)],
        cwd=repository,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([SOURCES, str(repository)])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
