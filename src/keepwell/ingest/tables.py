"""What a file looks like once it is opened: columns, and a relation of its rows in DuckDB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from keepwell.kit.errors import KeepwellError

ROW = "__row"
"""The column of a relation that holds the row's number in its file, as a person would count it."""

MOST_COLUMNS = 2_000

FileKind = Literal["csv", "xlsx", "parquet"]


@dataclass(frozen=True)
class FileOptions:
    """How a file is to be read where it cannot be seen from the file itself.

    header_row is the line or sheet row that names the columns, counting from 1.
    """

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    header_row: int = 1


@dataclass(frozen=True)
class InputFile:
    """A file to import and the name by which mappings and reports call it: relative to the PATH."""

    path: Path
    name: str


@dataclass(frozen=True)
class Unreadable:
    """A row that could not even be split into columns."""

    row: int
    reason: str
    raw: str


@dataclass(frozen=True)
class Shape:
    """What is known of a file after looking at its beginning.

    skip_rows and width are of a CSV: the lines up to the header, and the header's cells with those
    that have no name.
    """

    file: InputFile
    kind: FileKind
    columns: tuple[str, ...]
    options: FileOptions
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    skip_rows: int = 0
    width: int = 0

    @property
    def where(self) -> str:
        return f"{self.file.name}, sheet {self.sheet}" if self.sheet else self.file.name


@dataclass(frozen=True)
class Opened:
    """A file as a relation: `view` has its columns (types as in DuckDB) and the column ROW."""

    shape: Shape
    view: str
    types: dict[str, str]
    unreadable: list[Unreadable] = field(default_factory=list)

    @property
    def native_dates(self) -> bool:
        """Whether text columns may hold dates that were dates in the file (cells of a workbook)."""
        return self.shape.kind == "xlsx"


def column_names(cells: Sequence[object], where: str, row: int) -> tuple[str, ...]:
    """The names in a header row, trimmed; a nameless column is called by its position.

    Raises KeepwellError for an empty header, for names that stand twice, and for far too many.
    """
    names = ["" if c is None else str(c).strip().lstrip("\ufeff") for c in cells]
    while names and not names[-1]:
        names.pop()
    if not any(names):
        raise KeepwellError(
            f"row {row} has no column names",
            where=where,
            expected="a first row with the names of the columns",
            todo="if the names stand further down, say `header_row:` for the file in the mapping",
        )
    if len(names) > MOST_COLUMNS:
        raise KeepwellError(
            f"row {row} has {len(names):,} columns",
            where=where,
            expected=f"a table of at most {MOST_COLUMNS:,} columns",
            todo="give a file with a header row and one row per record",
        )
    names = [name or f"column {i}" for i, name in enumerate(names, 1)]
    seen: dict[str, str] = {}
    twice = []
    for name in names:
        if name.casefold() in seen and seen[name.casefold()] == name:
            twice.append(name)
        elif name.casefold() in seen:
            twice.append(f"{seen[name.casefold()]} and {name}")
        seen.setdefault(name.casefold(), name)
    if twice or ROW in names:
        raise KeepwellError(
            "these column names stand twice: " + ", ".join(sorted(set(twice) or {ROW})),
            where=f"{where}, row {row}",
            expected="every column with a name of its own",
            todo="rename one of each in the file",
        )
    return tuple(names)
