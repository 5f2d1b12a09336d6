"""Everything that is wrong with a sheet, said at once and cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from openpyxl.utils import get_column_letter

from keepwell.ingest.tables import Shape
from keepwell.kit.errors import KeepwellError

MOST_SHOWN = 20


@dataclass(frozen=True)
class SheetProblem:
    """One thing that is wrong. row: as the sheet counts them, None for a whole column or the
    header; column: its name; place: where to look, such as "C5, column 'NPS'"."""

    place: str
    what: str
    expected: str | None = None
    todo: str | None = None
    row: int | None = None
    column: str | None = None

    def text(self) -> str:
        """The problem in one line."""
        parts = [f"{self.place}: {self.what}" if self.place else self.what]
        if self.expected:
            parts.append(f"expected {self.expected}")
        if self.todo:
            parts.append(self.todo)
        return "; ".join(parts)


class SheetErrors(KeepwellError):
    """All problems of a sheet; its text shows the first MOST_SHOWN and counts the rest."""

    def __init__(self, problems: Sequence[SheetProblem], where: str) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        if count == 1:
            only = self.problems[0]
            what = f"{only.place}: {only.what}" if only.place else only.what
            super().__init__(what, where=where, expected=only.expected, todo=only.todo)
            return
        lines = [f"{count} problems in the sheet"]
        lines += ["  " + p.text() for p in self.problems[:MOST_SHOWN]]
        if count > MOST_SHOWN:
            lines.append(f"  and {count - MOST_SHOWN} more")
        super().__init__("\n".join(lines), where=where)


def problem(shape: Shape, error: KeepwellError, column: str, row: int | None) -> SheetProblem:
    """What is wrong with one cell (or, without a row, with a column), and where it stands."""
    return SheetProblem(
        place_of(shape, column, row), error.what, error.expected, error.todo, row, column
    )


def place_of(shape: Shape, column: str, row: int | None) -> str:
    """Where a cell or column is: "C5, column 'NPS'" in a workbook, "row 5, column 'NPS'" else."""
    if row is None:
        return f"column '{column}'"
    if shape.kind == "xlsx":
        letter = get_column_letter(shape.columns.index(column) + 1)
        return f"{letter}{row}, column '{column}'"
    return f"row {row}, column '{column}'"
