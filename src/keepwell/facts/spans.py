"""From when to when rows lie: what stands for coverage where nobody says it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from keepwell.facts import sql
from keepwell.facts.model import Table
from keepwell.kit.views import quoted

if TYPE_CHECKING:
    from keepwell.facts.reading import Facts


@dataclass(frozen=True)
class Span:
    """The first and the last day of the rows of a source and kind; None where they have no day."""

    source: str
    kind: str | None = None
    first: date | None = None
    last: date | None = None


def spans(facts: Facts, table: Table) -> list[Span]:
    """The spans of a table's visible rows by source and kind, one at most for each."""
    select = sql.fill(
        "SELECT source_id, $kind AS kind, min($day), max($day) FROM $rows"
        " GROUP BY source_id, kind ORDER BY source_id, kind NULLS FIRST",
        kind=quoted(table.kind) if table.kind else "NULL::VARCHAR",
        day=sql.day_of(table, facts.project_timezone),
        rows=quoted(facts.visible(table.name)),
    )
    return [Span(*row) for row in facts.query(select)]
