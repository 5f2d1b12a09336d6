"""How large the history becomes, how fast it is read, and whether nights become slower."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from keepwell.history import History, ScoredDay
from keepwell.kit.place import Place

FIRST = date(2026, 1, 1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TABLE = "enterprise"
KINDS = ("count", "share", "change", "since", "judged")
"""What the 34 measures are: windows over daily counts, their share of seats, their change against
the week before, days since something, and what people judge every three months."""


@dataclass(frozen=True)
class Scale:
    """accounts × days × measures for size and reading; nights of a small company in a row."""

    accounts: int
    days: int
    measures: int
    nights: int


SCALES = {
    "S": Scale(accounts=1_000, days=90, measures=34, nights=120),
    "L": Scale(accounts=10_000, days=365, measures=34, nights=1_826),
}


def run(scale: str = "S") -> list[dict[str, Any]]:
    """Rows of name, seconds and bytes (None where it does not apply). Scale L takes long."""
    size = SCALES[scale]
    folder = Path(tempfile.mkdtemp(prefix="keepwell-history-"))
    try:
        return [*_year(size, folder / "year"), *_nights(size, folder / "nights")]
    finally:
        shutil.rmtree(folder)


def scored_days(accounts: int, first: date, count: int, measures: int) -> Iterator[ScoredDay]:
    """Believable scored days from a seed: values move slowly, one in twenty is unknown."""
    con = duckdb.connect()
    day, end = first, first + timedelta(days=count)
    while day < end:
        next_month = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        until = min(end, next_month)
        rows = con.execute(_rows_sql(accounts, day, until, measures)).to_arrow_table()
        while day < until:
            of_day = rows.filter(pc.equal(rows["date"], pa.scalar(day))).drop_columns(["date"])
            yield ScoredDay(day, {TABLE: of_day}, NOW, NOW, NOW, {TABLE: "benchmark"})
            day += timedelta(days=1)


def _year(size: Scale, folder: Path) -> Iterator[dict[str, Any]]:
    label = f"{size.accounts:,} accounts, {size.days} days, {size.measures} measures"
    history = History(folder)
    last = FIRST + timedelta(days=size.days - 1)
    backfilled = last.replace(day=1) - FIRST
    # The open month comes night by night, so that reading meets as many files as it ever does.
    history.write_days(scored_days(size.accounts, FIRST, backfilled.days, size.measures))
    month = list(scored_days(size.accounts, FIRST + backfilled, last.day, size.measures))
    nights = [_seconds(partial(history.write_days, [scored])) for scored in month]
    sizes = [f.size for f in history.snapshot().files(TABLE)]
    yield _row(f"history on disk: {label}", size=sum(sizes))
    yield _row("write one night (median)", statistics.median(nights))
    yield _row("write one night (slowest, merges)", max(nights))
    for name, columns in (("scores", ["score", "tier"]), ("all measures", None)):
        times = [
            _seconds(partial(_fresh_series, folder, account, last, columns))
            for account in [f"acc-{size.accounts * k // 7:06d}" for k in range(7)]
        ]
        yield _row(f"one account, {size.days} days, {name} (median)", statistics.median(times))
    yield _row(
        "all accounts, one day, all measures",
        _seconds(lambda: history.read(TABLE, days=[last])),
    )


def _nights(size: Scale, folder: Path) -> Iterator[dict[str, Any]]:
    # Nights of years pass in minutes here, so files that are given up must go at once.
    history = History(Place(folder, retention=timedelta(0)))
    writing: list[float] = []
    reading: list[float] = []
    for scored in scored_days(50, FIRST, size.nights, 8):
        writing.append(_seconds(partial(history.write_days, [scored])))
        month_before = scored.day - timedelta(days=29)
        read = partial(history.series, TABLE, "acc-000007", month_before, scored.day, ["score"])
        reading.append(_seconds(read))
    for what, times in (("write a night", writing), ("read 30 days", reading)):
        yield _row(f"{what}: median of nights 30-60", statistics.median(times[30:60]))
        name = f"{what}: median of the last 30 of {size.nights:,} nights"
        yield _row(name, statistics.median(times[-30:]))
    total = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    yield _row(f"50 accounts, {size.nights:,} nights, 8 measures, with all logs", size=total)


def _fresh_series(folder: Path, account: str, last: date, columns: list[str] | None) -> pa.Table:
    """As a process does that has just started: nothing of the folder is remembered."""
    return History(folder).series(TABLE, account, FIRST, last, columns)


def _rows_sql(accounts: int, first: date, until: date, measures: int) -> str:
    """All rows of these days; windows look back 29 days."""
    counts, values, columns, weighted = [], [], [], []
    for m in range(measures):
        kind = KINDS[m * len(KINDS) // measures]
        path = f"c{m // 6}/m{m}"
        counts.append(f"floor((1 + hash(a, {m}) % 9) * (hash(a, {m}, d) % 1000) / 1000) AS x{m}")
        values.append(f"{_value_sql(kind, m)} AS v{m}")
        known = f"hash(a, {m}, 'known') % 20 > 0 AND v{m} IS NOT NULL"
        age = f"(d + hash(a, {m}) % 90) % 90" if kind == "judged" else "0"
        points = f"CASE WHEN v{m} > 8 THEN 100 WHEN v{m} > 3 THEN 70 WHEN v{m} > 0.5 THEN 50 END"
        columns += [
            f'CASE WHEN {known} THEN v{m} END AS "value/{path}"',
            f"CASE WHEN {known} THEN 'measured' ELSE 'unknown' END AS \"state/{path}\"",
            f'CASE WHEN {known} THEN coalesce({points}, 20.0) END AS "points/{path}"',
            f'CAST({age} AS BIGINT) AS "age/{path}"',
        ]
        weighted.append(f"{1 + m % 7} * coalesce({points}, 20.0)")
    weights = sum(1 + m % 7 for m in range(measures))
    start, stop = (first - FIRST).days, (until - FIRST).days
    return f"""
        WITH daily AS (
            SELECT a, d, {", ".join(counts)}
            FROM range({accounts}) AS t(a), range({start - 29}, {stop}) AS s(d)
        ), windows AS (
            SELECT a, d, {", ".join(values)} FROM daily WINDOW
                w30 AS (PARTITION BY a ORDER BY d ROWS 29 PRECEDING),
                w7 AS (PARTITION BY a ORDER BY d ROWS 6 PRECEDING),
                p7 AS (PARTITION BY a ORDER BY d ROWS BETWEEN 13 PRECEDING AND 7 PRECEDING)
        )
        SELECT printf('acc-%06d', a) AS account_id, DATE '{FIRST}' + CAST(d AS INTEGER) AS date,
            ({" + ".join(weighted)}) / {weights} AS score,
            CASE WHEN score >= 60 THEN 'green' ELSE 'red' END AS tier,
            0.95 AS coverage, {", ".join(columns)}
        FROM windows WHERE d >= {start} ORDER BY date, account_id
    """


def _value_sql(kind: str, m: int) -> str:
    return {
        "count": f"sum(x{m}) OVER w30",
        "share": f"sum(x{m}) OVER w7 / (7 * (2 + hash(a, {m}) % 9 + hash(a) % 5))",
        "change": f"(sum(x{m}) OVER w7) / nullif(sum(x{m}) OVER p7, 0) - 1",
        "since": f"CAST((d + hash(a, {m}) % 37) % (7 + hash(a, {m}) % 60) AS DOUBLE)",
        "judged": f"CAST(hash(a, {m}, (d + hash(a, {m}) % 90) // 90) % 11 AS DOUBLE)",
    }[kind]


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _row(name: str, seconds: float | None = None, size: int | None = None) -> dict[str, Any]:
    return {"name": name, "seconds": seconds, "bytes": size}


if __name__ == "__main__":
    import sys

    for row in run(*sys.argv[1:2]):
        print(row)
