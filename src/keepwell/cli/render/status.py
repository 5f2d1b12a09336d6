"""What is there, how fresh it is, what was set aside, and what nothing feeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from keepwell.cli.render import format as fmt
from keepwell.cli.render.tables import Cell, Column, grid
from keepwell.facts.quality import Feed, Rejects

if TYPE_CHECKING:
    from keepwell.app.quality import Status, Unfed

_FEEDS = (
    Column("source", "source", least=10),
    Column("table", "table"),
    Column("rows", "rows", right=True),
    Column("first", "first day", rank=2),
    Column("last", "last day", rank=1),
    Column("covered", "covered to", rank=3),
    Column("state", "how fresh", least=22),
)
_REJECTS = (
    Column("source", "source", rank=2),
    Column("file", "file", least=12),
    Column("table", "table", rank=1),
    Column("field", "field"),
    Column("reason", "reason", least=20),
    Column("rows", "rows", right=True),
)
_UNFED = (
    Column("wants", "would be fed by", least=20),
    Column("metrics", "metrics", least=30),
)
_RATING = "a rating"
_GLYPHS = {"fresh": ("●", "green"), "stale": ("▲", "yellow"), "retired": ("■", "dim"),
           "unknown": ("◌", "dim")}  # fmt: skip


def status(found: Status, name: str, width: int) -> RenderableType:
    """The state of a project in four parts."""
    return Group(*_parts(found, name, width))


def _parts(found: Status, name: str, width: int) -> Iterator[RenderableType]:
    yield Text(name, "bold")
    yield Text(_scored(found))
    yield Text("")
    yield Text(_fed(found.feeds), "bold underline")
    if found.feeds:
        yield grid(_FEEDS, [_feed(f) for f in found.feeds], width)
    else:
        yield Text(f"  {found.advice}", "dim")
    if found.known_now:
        names = ", ".join(found.known_now)
        yield Text(f"Read as known now, for lack of known_from: {names}")
        yield Text("A past day is scored with what they hold today.", "dim")
    yield Text("")
    rejected = sum(r.rows for r in found.rejects)
    if found.rejects:
        title = f"{fmt.count(rejected, 'row')} in quarantine, by reason"
        yield Text(title, "bold underline")
        yield grid(_REJECTS, [_reject(r) for r in found.rejects], width)
        yield Text("Each row with its number and content: keepwell status --quarantine", "dim")
    else:
        yield Text("Nothing is in quarantine.")
    yield Text("")
    if found.unfed:
        title = f"{fmt.count(len(found.unfed), 'metric')} of the scorecards that nothing feeds"
        yield Text(title, "bold underline")
        yield grid(_UNFED, list(_unfed(found.unfed)), width)
        yield Text("They count as missing. A sheet with a column of their name feeds them too.",
                   "dim")  # fmt: skip
    else:
        yield Text("Every metric of the scorecards is fed.")


def _scored(found: Status) -> str:
    if found.scored is None:
        return "No day has been scored yet: keepwell score"
    first, last, days = found.scored
    return f"Scored: {fmt.count(days, 'day')} from {fmt.day(first)} to {fmt.day(last)}"


def _fed(feeds: Sequence[Feed]) -> str:
    if not feeds:
        return "There are no facts yet"
    late = sum(f.state == "stale" for f in feeds)
    told = f"{late} late" if late else "none is late"
    return f"{fmt.count(len(feeds), 'feed')}, {told}"


def _feed(feed: Feed) -> dict[str, Cell]:
    glyph, style = _GLYPHS[feed.state]
    return {
        "source": feed.source,
        "table": feed.table,
        "rows": f"{feed.rows:,}",
        "first": fmt.day(feed.first_day),
        "last": fmt.day(feed.last_day),
        "covered": fmt.day(feed.covered_to),
        "state": Text(f"{glyph} {freshness(feed)}", style),
    }


def freshness(feed: Feed) -> str:
    """How old a feed is against how old it may be."""
    if feed.state == "retired":
        return "ended, nothing waits for it"
    if feed.age_days is None:
        return "age unknown"
    age = "today" if feed.age_days == 0 else f"{feed.age_days} d old"
    if feed.state == "stale":
        return f"late: {age}, expected every {feed.expected_days} d"
    return f"fresh: {age}"


def _reject(found: Rejects) -> dict[str, Cell]:
    return {
        "source": found.source,
        "file": found.file,
        "table": found.table,
        "field": found.field or "the row",
        "reason": found.reason,
        "rows": f"{found.rows:,}",
    }


def _unfed(found: Iterable[Unfed]) -> Iterator[dict[str, Cell]]:
    by_want: dict[str, list[Unfed]] = {}
    for metric in found:
        want = "people" if metric.wants.startswith(_RATING) else metric.wants
        by_want.setdefault(want, []).append(metric)
    for want, metrics in sorted(by_want.items()):
        told = "ratings: keepwell assess ACCOUNT METRIC ANSWER" if want == "people" else want
        names = ", ".join(f"{m.label} ({m.metric})" for m in metrics)
        yield {"wants": told, "metrics": names}


_QUARANTINE = (
    Column("source_id", "source", rank=2),
    Column("file", "file", rank=1, least=12),
    Column("table", "table", rank=3),
    Column("row_number", "row", right=True),
    Column("field", "field"),
    Column("reason", "reason", least=20),
    Column("raw", "content", rank=4, least=30),
)


def quarantine(rows: Sequence[Mapping[str, Any]], width: int) -> RenderableType:
    """Every row that was set aside, with its number in the file."""
    if not rows:
        return Text("Nothing is in quarantine.")
    cells = [
        {k: "" if v is None else f"{v:,}" if isinstance(v, int) else str(v) for k, v in r.items()}
        for r in rows
    ]
    return grid(_QUARANTINE, cells, width)


def feed_rows(feeds: Sequence[Feed]) -> list[dict[str, Any]]:
    """One flat row per feed."""
    return [asdict(f) for f in feeds]
