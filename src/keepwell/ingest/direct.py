"""Files that need no mapping: named like a canonical table, with its columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keepwell.definitions.yaml import Document
from keepwell.facts.schema import IMPORTED
from keepwell.ingest.checks import target_columns
from keepwell.ingest.mapping import Loaded, from_document
from keepwell.ingest.tables import Shape
from keepwell.kit.errors import KeepwellError, did_you_mean

SOURCE = "files"


def table_of(name: str) -> str | None:
    """The canonical table that a file's name says: tickets.csv, tickets-2026-03.csv."""
    stem = name.rpartition("/")[2].partition(".")[0].casefold()
    named = [t for t in IMPORTED if stem == t or stem.startswith((t + "-", t + "_", t + " "))]
    return max(named, key=len, default=None)


def mapping_for(
    shapes: Sequence[Shape], source: str | None, timezone: str | None, currency: str | None
) -> Loaded:
    """The mapping that takes every column for the field of its name.

    Raises KeepwellError where a file is not named like a table or has other columns.
    """
    tables: list[dict[str, Any]] = []
    for shape in shapes:
        table = table_of(shape.file.name)
        todo = (
            f"`keepwell import --suggest {shape.file.name}` proposes a mapping; import with --map"
        )
        if table is None:
            raise KeepwellError(
                "it is not said what this file is",
                where=shape.file.name,
                expected="a mapping, or a file named like a canonical table: accounts.csv",
                todo=todo,
            )
        known = target_columns(IMPORTED[table])
        unknown = [c for c in shape.columns if c not in known]
        if unknown:
            raise KeepwellError(
                f"table '{table}' has no column "
                + ", ".join(f"'{c}'" for c in unknown[:5])
                + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""),
                where=shape.file.name,
                expected=did_you_mean(unknown[0], known),
                todo=todo,
            )
        fields = {c: {"column": c} for c in shape.columns}
        tables.append({"from": shape.file.name, "to": table, "fields": fields})
    value: dict[str, Any] = {"source": source or SOURCE, "tables": tables}
    if timezone:
        value["timezone"] = timezone
    if currency:
        value["currency"] = currency
    file = shapes[0].file.name if len(shapes) == 1 else "files"
    return from_document(Document(value, {}, file))
