"""How large the history becomes, how fast it is read, and whether nights become slower."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.figures import GB, Figure, watched
from keepwell.history import History, ScoredDay
from keepwell.history.delta.keeping import DeltaKept
from keepwell.history.delta.reading import DeltaSnapshot
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
    "M": Scale(accounts=10_000, days=365, measures=34, nights=1_826),
}


def year(size: str, scratch: Path) -> Iterator[Figure | str]:
    """Scored days of an enterprise: their size, writing one more night, and reading them."""
    scale, folder = SCALES[size], scratch / "year"
    history = History(folder)
    last = FIRST + timedelta(days=scale.days - 1)
    backfilled = last.replace(day=1) - FIRST
    # The open month comes night by night, so that reading meets as many files as it ever does.
    history.write_days(scored_days(scale.accounts, FIRST, backfilled.days, scale.measures))
    month = list(scored_days(scale.accounts, FIRST + backfilled, last.day, scale.measures))
    writing = [_seconds(partial(history.write_days, [scored])) for scored in month]
    snapshot = history.snapshot()
    assert isinstance(snapshot, DeltaSnapshot)
    disk = sum(f.size for f in snapshot.files(TABLE))
    label = f"history of {scale.accounts:,} accounts, {scale.days} days, {scale.measures} measures"
    yield Figure(label, disk=disk, reach=_m(size, disk=0.3 * GB))
    yield Figure("… write one night, median", seconds=statistics.median(writing))
    yield Figure("… write one night, the slowest (merges files)", seconds=max(writing))
    for name, columns, limit in (("scores", ["score", "tier"], 0.05), ("all measures", None, 0.3)):
        times = [
            _seconds(partial(_fresh_series, folder, account, last, columns))
            for account in [f"acc-{scale.accounts * k // 7:06d}" for k in range(7)]
        ]
        what = f"… read {name} of one account, median"
        yield Figure(what, seconds=statistics.median(times), reach=_m(size, seconds=limit))
    whole_day = _seconds(lambda: history.read(TABLE, days=[last]))
    yield Figure("… read one day of all accounts", seconds=whole_day)


def nights(size: str, scratch: Path) -> Iterator[Figure | str]:
    """Years of nights of a small company: whether writing and reading become slower."""
    scale, folder = SCALES[size], scratch / "nights"
    # Nights of years pass in minutes here, so files that are given up must go at once.
    history = History(DeltaKept(Place(folder, retention=timedelta(0))))
    writing: list[float] = []
    reading: list[float] = []
    for scored in scored_days(50, FIRST, scale.nights, 8):
        writing.append(_seconds(partial(history.write_days, [scored])))
        month_before = scored.day - timedelta(days=29)
        read = partial(history.series, TABLE, "acc-000007", month_before, scored.day, ["score"])
        reading.append(_seconds(read))
    disk = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    yield Figure(f"history of 50 accounts, {scale.nights:,} nights, with all logs", disk=disk)
    for what, times in (("write a night", writing), ("read 30 days", reading)):
        early = f"… {what}, nights 30 to 60"
        yield Figure(early, seconds=statistics.median(times[30:60]))
        late = f"… {what}, the last 30 nights"
        yield Figure(
            late,
            seconds=statistics.median(times[-30:]),
            against=early,
            reach=_m(size, ratio=1.1),
        )


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
    with watched() as watch:
        work()
    return watch.seconds


def _m(size: str, **limits: float) -> Mapping[str, float]:
    """The limits, which are those of M."""
    return limits if size == "M" else {}
