"""What an import did, and what it could not take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

MOST_EXAMPLES = 3


@dataclass(frozen=True)
class Example:
    """A rejected row: its number in the file and the value that was wrong."""

    row: int
    value: str | None


@dataclass(frozen=True)
class Rejection:
    """Rows that were set aside for one reason, with up to three examples."""

    field: str
    reason: str
    count: int
    examples: tuple[Example, ...]

    def text(self) -> str:
        shown = ", ".join(
            f"row {e.row}" + (f" {e.value!r}" if e.value is not None else "") for e in self.examples
        )
        more = ", …" if self.count > len(self.examples) else ""
        return f"{self.field}: {self.reason} ({self.count:,}: {shown}{more})"


@dataclass(frozen=True)
class TableReport:
    """What became of the rows of one file for one table.

    read: rows (or cells, where columns become rows). left_out: by the mapping's `where`.
    joined: rows that were added into others by `group`, or repeat an earlier row word for word.
    new, changed and unchanged count keys; outdated: the source has replaced them since.
    """

    file: str
    table: str
    read: int
    left_out: int
    joined: int
    new: int
    changed: int
    unchanged: int
    outdated: int
    rejections: tuple[Rejection, ...] = ()

    @property
    def rejected(self) -> int:
        return sum(r.count for r in self.rejections)


@dataclass(frozen=True)
class ImportReport:
    """What an import did, or would do. covered: the days that each family is now complete for."""

    source: str
    dry_run: bool
    tables: tuple[TableReport, ...]
    covered: Mapping[str, tuple[date, date]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def rejected(self) -> int:
        return sum(t.rejected for t in self.tables)

    @property
    def stored(self) -> int:
        """Rows that are new or changed."""
        return sum(t.new + t.changed for t in self.tables)
