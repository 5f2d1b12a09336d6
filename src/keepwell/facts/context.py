"""The few facts that Python itself needs to know before it builds an expression."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import duckdb

CoverState = Literal["complete", "retired"]


@dataclass(frozen=True)
class Cover:
    """Days, both included, that a source has covered for a family of facts. account_id is None
    where it holds for every account. columns: what it gave of the table; None: every column."""

    source: str
    family: str
    from_day: date
    to_day: date
    state: CoverState = "complete"
    account_id: str | None = None
    columns: frozenset[str] | None = None


@dataclass(frozen=True)
class Period:
    """A stretch of an account's life; end_on is the last day, None while it goes on."""

    account_id: str
    kind: str
    start_on: date
    end_on: date | None
    recurs_yearly: bool


@dataclass(frozen=True)
class Merge:
    """From merged_on, the account's local day, loser_id is part of winner_id."""

    loser_id: str
    winner_id: str
    merged_on: date


@dataclass(frozen=True)
class Rate:
    """On that day one from_ccy was worth `rate` to_ccy."""

    day: date
    from_ccy: str
    to_ccy: str
    rate: Decimal


def coverage(con: duckdb.DuckDBPyConnection) -> list[Cover]:
    """The stretches of the table `coverage`, overlapping and adjacent ones joined."""
    rows = con.execute(
        """
        WITH marked AS (
            SELECT *, coalesce(from_day > max(to_day) OVER earlier + 1, true) AS begins
            FROM coverage WHERE from_day <= to_day
            WINDOW earlier AS (
                PARTITION BY source, family, state, account_id, columns ORDER BY from_day, to_day
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        ), numbered AS (
            SELECT *, sum(begins::int) OVER (
                PARTITION BY source, family, state, account_id, columns ORDER BY from_day, to_day
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS stretch
            FROM marked
        )
        SELECT source, family, min(from_day), max(to_day), state, account_id, columns
        FROM numbered GROUP BY source, family, state, account_id, columns, stretch
        ORDER BY source, family, account_id NULLS FIRST, min(from_day), state, columns
        """
    ).fetchall()
    return [
        Cover(
            source, kind, first, last, state, account, frozenset(given.split()) if given else None
        )
        for source, kind, first, last, state, account, given in rows
    ]


def periods(con: duckdb.DuckDBPyConnection) -> list[Period]:
    """The rows of `account_periods`, by account and start."""
    rows = con.execute(
        """
        SELECT account_id, kind, start_on, end_on, coalesce(recurs_yearly, false)
        FROM account_periods ORDER BY account_id, start_on, kind, period_id
        """
    ).fetchall()
    return [Period(*row) for row in rows]


def merges(con: duckdb.DuckDBPyConnection, project_timezone: str) -> list[Merge]:
    """The merges of accounts that were not undone, by day; a day is local to the losing account."""
    rows = con.execute(
        """
        SELECT m.loser_id, m.winner_id,
               CAST(m.merged_at AT TIME ZONE coalesce(a.timezone, ?) AS DATE) AS merged_on
        FROM merges m LEFT JOIN accounts a ON a.account_id = m.loser_id
        WHERE m.entity_type IN ('account', 'accounts') AND m.undone_at IS NULL
        ORDER BY m.merged_at, m.merge_id
        """,
        [project_timezone],
    ).fetchall()
    return [Merge(*row) for row in rows]


def rates(con: duckdb.DuckDBPyConnection) -> list[Rate]:
    """The rows of `fx_rates`, by pair and day."""
    rows = con.execute(
        "SELECT day, from_ccy, to_ccy, rate FROM fx_rates ORDER BY from_ccy, to_ccy, day"
    ).fetchall()
    return [Rate(*row) for row in rows]


def account_zones(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The time zone of every account, by account_id."""
    return dict(con.execute("SELECT account_id, timezone FROM accounts ORDER BY 1").fetchall())


def rollups(con: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The children of every account whose rollup_mode is with_children, all levels down."""
    rows = con.execute(
        """
        WITH RECURSIVE below(top, account_id) AS (
            SELECT account_id, account_id FROM accounts WHERE rollup_mode = 'with_children'
            UNION
            SELECT below.top, a.account_id
            FROM accounts a JOIN below ON a.parent_account_id = below.account_id
        )
        SELECT top, account_id FROM below WHERE account_id <> top ORDER BY 1, 2
        """
    ).fetchall()
    found: dict[str, list[str]] = {}
    for top, child in rows:
        found.setdefault(top, []).append(child)
    return found
