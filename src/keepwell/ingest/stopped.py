"""Families of facts that have stopped while their source goes on.

No rows inside of what is covered are a zero. Where something came on most days and then nothing
comes at all, from nobody, a feed has ended; its customers have not all fallen silent at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta

import duckdb

from keepwell.facts.model import Table
from keepwell.facts.schema import family
from keepwell.facts.sql import days_of, fill
from keepwell.kit.views import quoted, text

LEAST_GAPS = 20
"""Fewer gaps between days with rows say nothing. Of rows that come at random, the next gap is
longer than LONGER times the longest of 20 in one case of 1,800."""

LONGER = 3


def quiet(table: Table, lasts: Mapping[str, date | None], until: date) -> frozenset[str]:
    """The families of a table, given with their last days, of which nothing came for longer than
    they may be late."""
    late = until - timedelta(days=table.fresh_days)
    return frozenset(name for name, last in lasts.items() if last is None or last < late)


def last_days(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    rows: str,
    zone: str,
    quiet: Collection[str],
    until: date,
) -> dict[str, date]:
    """The last day of each of the quiet families that has stopped before `until`.

    `rows` is a SELECT of all rows of the table that the source has brought. A family has stopped
    where nothing came for longer than it may be late, and than LONGER times its longest earlier
    gap. What came to be known of an older row counts too: a goal that is measured goes on.
    """
    among = "true"
    if table.name not in quiet:
        # Of a table that goes on only the quiet kinds are looked at, which are few rows.
        kinds = ", ".join(text(name.removeprefix(f"{table.name}.")) for name in sorted(quiet))
        among = f"kind IN ({kinds})"
    found = con.execute(
        fill(
            """
            WITH happened AS (
                SELECT DISTINCT $kind AS kind, unnest($days) AS day FROM ($rows)
            ), days AS (
                SELECT DISTINCT unnest([NULL, kind]) AS kind, day
                FROM happened WHERE day <= $until AND $among
            ), gaps AS (
                SELECT *, day - lag(day) OVER (PARTITION BY kind ORDER BY day) AS gap FROM days
            )
            SELECT kind, max(day) FROM gaps GROUP BY kind
            HAVING count(gap) >= $least
            AND $until - max(day) > greatest($late, $longer * max(gap))
            """,
            kind=quoted(table.kind) if table.kind else "NULL::VARCHAR",
            days=days_of(table, zone),
            rows=rows,
            until=f"DATE {text(until.isoformat())}",
            among=among,
            least=str(LEAST_GAPS),
            late=str(table.fresh_days),
            longer=str(LONGER),
        )
    ).fetchall()
    stopped = {family(table.name, kind): day for kind, day in found}
    return {name: day for name, day in sorted(stopped.items()) if name in quiet}


def silent_until(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    rows: str,
    zone: str,
    name: str,
    hole: tuple[date, date],
) -> date | None:
    """The last day of the silence with which a hole in the days of a family begins, if the family
    had stopped then, seen from before it came again; None for a quiet period. `rows`: as above."""
    first, last = hole
    kind = text(name.removeprefix(f"{table.name}."))
    found = con.execute(
        fill(
            """
            SELECT min(day) FROM (SELECT $kind AS kind, unnest($days) AS day FROM ($rows))
            WHERE day BETWEEN $first AND $last AND $among
            """,
            kind=quoted(table.kind) if table.kind else "NULL::VARCHAR",
            days=days_of(table, zone),
            rows=rows,
            first=f"DATE {text(first.isoformat())}",
            last=f"DATE {text(last.isoformat())}",
            among="true" if name == table.name else f"kind = {kind}",
        )
    ).fetchone()
    back = found[0] if found else None
    until = last if back is None else back - timedelta(days=1)
    return until if name in last_days(con, table, rows, zone, {name}, until) else None
