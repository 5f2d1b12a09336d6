"""Ratings and overrides that people recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from keepwell.cli.render import format as fmt
from keepwell.cli.render.tables import Cell, Column, grid

Row = Mapping[str, Any]

_ASSESSMENTS = (
    Column("id", "id"),
    Column("account", "account"),
    Column("metric", "metric", least=12),
    Column("answer", "answer"),
    Column("author", "by", rank=1),
    Column("made", "on", rank=3),
    Column("until", "holds until"),
    Column("why", "because", rank=4, least=16),
    Column("withdrawn", "withdrawn", rank=2),
)
_OVERRIDES = (
    Column("id", "id"),
    Column("account", "account"),
    Column("scorecard", "scorecard", rank=3),
    Column("path", "of", least=12),
    Column("points", "points", right=True),
    Column("author", "by", rank=1),
    Column("from", "from", rank=2),
    Column("until", "until"),
    Column("why", "because", least=16),
    Column("withdrawn", "withdrawn", rank=2),
)


def assessments(rows: Sequence[Row], width: int) -> RenderableType:
    """The ratings, newest first."""
    if not rows:
        return Text("No rating is recorded: keepwell assess ACCOUNT METRIC ANSWER")
    return _table(_ASSESSMENTS, [_assessment(row) for row in rows], width)


def overrides(rows: Sequence[Row], width: int) -> RenderableType:
    """The overrides, newest first."""
    if not rows:
        return Text("No override is recorded: keepwell override ACCOUNT --to POINTS")
    return _table(_OVERRIDES, [_override(row) for row in rows], width)


def _table(columns: Sequence[Column], cells: list[dict[str, Cell]], width: int) -> RenderableType:
    gone = any(c["withdrawn"] for c in cells)
    return grid([c for c in columns if c.key != "withdrawn" or gone], cells, width)


def _assessment(row: Row) -> dict[str, Cell]:
    code, given = row["answer_code"], row["answer_number"]
    return {
        "id": row["id"],
        "account": row["account_id"],
        "metric": row["question_key"],
        "answer": fmt.words(code) if code is not None else fmt.number(given, 4),
        "author": row["author"],
        "made": fmt.day(row["assessed_at"]),
        "until": fmt.day(row["expires_on"]),
        "why": row["rationale"] or fmt.UNKNOWN,
        "withdrawn": _withdrawn(row),
    }


def _override(row: Row) -> dict[str, Cell]:
    points = row["points"]
    return {
        "id": row["id"],
        "account": row["account_id"],
        "scorecard": row["scorecard"],
        "path": row["path"] or "the score",
        "points": fmt.number(points) if row["kind"] == "value" else fmt.signed(points),
        "author": row["author"],
        "from": fmt.day(row["starts_on"]),
        "until": fmt.day(row["expires_on"]),
        "why": row["reason"],
        "withdrawn": _withdrawn(row),
    }


def _withdrawn(row: Row) -> str:
    if row["withdrawn_at"] is None:
        return ""
    return f"{fmt.day(row['withdrawn_at'])} by {row['withdrawn_by']}"
