"""The vocabulary in which the canonical tables are described."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ColumnType = Literal["text", "int", "decimal", "rate", "money", "bool", "date", "timestamp"]


@dataclass(frozen=True)
class Column:
    """One column of a canonical table.

    known_from names the column of the same row that says when this value came to be known; read as
    of an earlier day the value is `before` (a ticket's status is 'open' until it was closed).
    A time that names itself is simply hidden until it has come.
    currency names the column that holds the currency of a money value.
    """

    name: str
    type: ColumnType = "text"
    required: bool = False
    references: str | None = None
    values: tuple[str, ...] = ()
    known_from: str | None = None
    before: str | bool | int | None = None
    currency: str | None = None
    note: str = ""


@dataclass(frozen=True)
class Path:
    """A way to a neighbouring row: `name.column` in an expression. Many rows to one, never back."""

    name: str
    table: str
    column: str


@dataclass(frozen=True)
class Table:
    """One canonical table.

    key: the columns that identify a row. day: when the row happened (windows go by it).
    kind: the column that splits the table into families with a coverage of their own.
    valid: first day and first day no longer (or last day, if valid_to_included) of a state.
    born: the column that dates a row which happened on no particular day.
    fresh_days: how old the last covered day may be before what is counted from it is stale.
    derived: a view made of other tables; it is never imported.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    note: str
    day: str | None = None
    kind: str | None = None
    valid: tuple[str, str] | None = None
    valid_to_included: bool = False
    born: str | None = None
    fresh_days: int = 35
    paths: tuple[Path, ...] = ()
    derived: bool = False
    _by_name: dict[str, Column] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        self._by_name.update({c.name: c for c in self.columns})

    def column(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return self._by_name.get(name)

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(self._by_name)

    @property
    def has_account(self) -> bool:
        return "account_id" in self._by_name

    @property
    def has_days(self) -> bool:
        """Whether every row says when it happened."""
        day = self.column(self.day) if self.day else None
        return day is not None and day.required

    def path(self, name: str) -> Path | None:
        """The path of that name, or None."""
        return next((p for p in self.paths if p.name == name), None)
