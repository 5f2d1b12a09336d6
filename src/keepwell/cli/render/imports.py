"""What an import did, file by file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from keepwell.cli.render import format as fmt
from keepwell.cli.render.tables import Cell, Column, grid
from keepwell.ingest.report import ImportReport, TableReport

_NUMBERS = ("read", "new", "changed", "unchanged", "rejected", "left_out", "joined", "outdated")
_SELDOM = ("left_out", "joined", "outdated")
_TITLES = {"left_out": "left out", "outdated": "already replaced"}


def report(found: ImportReport, width: int) -> RenderableType:
    """Counts per file and table, then what was rejected with examples, then what to do next."""
    return Group(*_parts(found, width))


def _parts(found: ImportReport, width: int) -> Iterator[RenderableType]:
    yield grid(_columns(found), [_cells(t) for t in found.tables], width)
    for table in found.tables:
        if table.rejections:
            yield Text("")
            what = "would be" if found.dry_run else "is" if table.rejected == 1 else "are"
            yield Text.assemble(
                (f"{table.file} → {table.table}: ", "bold"),
                f"{fmt.count(table.rejected, 'row')} {what} set aside",
            )
            for rejection in table.rejections:
                yield Text(f"  {rejection.text()}", "yellow")
    for note in found.notes:
        yield Text(f"Note: {note}", "yellow")
    yield Text("")
    yield Text(closing(found))


def _columns(found: ImportReport) -> list[Column]:
    seldom = [n for n in _SELDOM if any(getattr(t, n) for t in found.tables)]
    numbers = [n for n in _NUMBERS if n not in _SELDOM or n in seldom]
    return [
        Column("file", "file", least=14),
        Column("table", "table"),
        *(Column(n, _TITLES.get(n, n), right=True, rank=1 if n in _SELDOM else 0) for n in numbers),
    ]


def _cells(table: TableReport) -> dict[str, Cell]:
    cells: dict[str, Cell] = {n: f"{getattr(table, n):,}" for n in _NUMBERS}
    if table.rejected:
        cells["rejected"] = Text(f"{table.rejected:,}", "yellow")
    return cells | {"file": table.file, "table": table.table}


def closing(found: ImportReport) -> str:
    """What was stored, and what to do next."""
    stored = fmt.count(found.stored, "row")
    if found.dry_run:
        is_are = "is" if found.stored == 1 else "are"
        return f"Dry run: nothing was stored. {stored} {is_are} new or changed."
    if not found.stored and not found.rejected:
        return "Nothing new: these rows are stored already."
    told = f"Stored from '{found.source}': {stored} new or changed."
    if found.rejected:
        told += (
            f" {fmt.count(found.rejected, 'row')} in quarantine: keepwell status --quarantine"
            " shows each with its reason."
        )
    return f"{told}\nNext: keepwell status, then keepwell score"


def document(found: ImportReport) -> dict[str, Any]:
    """The report as plain values."""
    return {
        "source": found.source,
        "dry_run": found.dry_run,
        "stored": found.stored,
        "rejected": found.rejected,
        "tables": [
            row | {"rejections": table.rejections}
            for row, table in zip(rows(found), found.tables, strict=True)
        ],
        "covered": {family: list(days) for family, days in found.covered.items()},
        "notes": list(found.notes),
    }


def rows(found: ImportReport) -> list[dict[str, Any]]:
    """One flat row per file and table."""
    return [
        {"file": t.file, "table": t.table} | {n: getattr(t, n) for n in _NUMBERS}
        for t in found.tables
    ]
