"""A portfolio: how many accounts in which tier, and the table of accounts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from keepwell.cli.render import format as fmt
from keepwell.cli.render.tables import Cell, Column, grid
from keepwell.cli.render.tiers import Tiers, gain

Row = Mapping[str, Any]

_COLUMNS = (
    Column("account", "account", rank=3),
    Column("name", "name", least=14),
    Column("score", "score", right=True),
    Column("tier", "tier"),
    Column("change_7d", "in 7 d", right=True, rank=4),
    Column("change_30d", "in 30 d", right=True, rank=1),
    Column("change_90d", "in 90 d", right=True, rank=5),
    Column("coverage", "coverage", right=True, rank=2),
    Column("reason", "first reason", least=24),
    Column("arr", "ARR", right=True, rank=1),
    Column("renews_on", "renews", rank=2),
    Column("owner", "owner", rank=7),
)
_NOT_SHOWN = ("currency",)
_SEGMENTS_RANK = 8


def summary(rows: Sequence[Row], tiers: Tiers, title: str, day: str) -> RenderableType:
    """The portfolio in two lines: of when, how many, the average, and how many in each tier."""
    scores = [r["score"] for r in rows if r["score"] is not None]
    average = fmt.score(sum(scores) / len(scores)) if scores else fmt.UNKNOWN
    first = Text.assemble(
        (title, "bold"), f" · {day} · {fmt.count(len(rows), 'account')} · average {average}"
    )
    return Group(first, distribution(Counter(r["tier"] for r in rows), tiers))


def distribution(counts: Mapping[str | None, int], tiers: Tiers) -> Text:
    """How many in each tier, the best first."""
    known = [k for k in tiers.keys if k in counts or tiers.find(k)]
    others = [k for k in counts if k not in tiers.keys]
    text = Text()
    for key in [*known, *others]:
        text.append(tiers.mark(key))
        text.append(f" {counts.get(key, 0):,}   ")
    text.rstrip()
    return text


def accounts(
    rows: Sequence[Row], tiers: Tiers, width: int, chosen: Sequence[str] = ()
) -> RenderableType:
    """The table of accounts; `chosen` columns in their order, all of them, or what fits."""
    if not rows:
        return Text("No account satisfies this.", "dim")
    cells = [account_cells(row, tiers) for row in rows]
    if chosen:
        known = {c.key: c for c in _COLUMNS}
        columns = [known.get(k, Column(k, fmt.words(k))) for k in chosen]
        return grid([Column(c.key, c.title, c.right, 0, c.least) for c in columns], cells, width)
    named = {c.key for c in _COLUMNS} | set(_NOT_SHOWN)
    extra = [
        Column(key, fmt.words(key), rank=_SEGMENTS_RANK + n)
        for n, key in enumerate(k for k in rows[0] if k not in named)
    ]
    return grid([*_COLUMNS, *extra], cells, width)


def account_cells(row: Row, tiers: Tiers) -> dict[str, Cell]:
    """One account's columns as text; unknown is a dash."""
    cells: dict[str, Cell] = {key: fmt.measured(value) for key, value in row.items()}
    cells["account"] = row["account"]
    cells["name"] = row.get("name") or fmt.UNKNOWN
    cells["score"] = fmt.score(row["score"], tiers.limits)
    cells["tier"] = tiers.mark(row["tier"])
    cells["coverage"] = fmt.share(row["coverage"])
    cells["reason"] = row.get("reason") or fmt.UNKNOWN
    cells["arr"] = fmt.money(row.get("arr"), row.get("currency"))
    cells["owner"] = row.get("owner") or fmt.UNKNOWN
    for window in ("change_7d", "change_30d", "change_90d"):
        cells[window] = gain(fmt.signed(row.get(window)), row.get(window))
    return cells


def shown_of(shown: int, found: int, sort: str | None) -> Text | None:
    """Which part of the accounts is shown; None where it is all of them."""
    if shown >= found:
        return None
    order = f"by {sort}" if sort else "the lowest scores first"
    return Text(f"{shown:,} of {found:,}, {order}.", "dim")


def lines(parts: Iterable[RenderableType | None]) -> RenderableType:
    """The parts that are there, one below the other."""
    return Group(*(p for p in parts if p is not None))
