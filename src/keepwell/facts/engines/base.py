"""What every engine can do: name views and small tables, and answer statements over them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from keepwell.facts.engines.dialects import Dialect, translated

Kind = Literal[
    "text", "int", "decimal", "float", "bool", "date", "timestamp", "an instant without a zone"
]  # fmt: skip
"""What a column of a table holds, whatever the engine calls it."""
Columns = Mapping[str, Kind | str]
"""The columns of a table, with their kinds; those of other kinds with the engine's own word."""


class Engine(ABC):
    """A session of an engine. What it is told to name is its own, and is gone when it is closed.

    Raises KeepwellError where the engine is away, or fails.
    """

    dialect: Dialect

    @abstractmethod
    def view(self, name: str, select: str) -> None:
        """Name a SELECT in the engine's own SQL, in place of what had that name."""

    @abstractmethod
    def put(self, name: str, rows: pa.Table) -> None:
        """Give small rows to the engine under a name, in place of those that had it."""

    @abstractmethod
    def drop(self, name: str) -> None:
        """Let go of the rows that were put under a name."""

    @abstractmethod
    def answer(self, select: str, schema: pa.Schema) -> pa.Table:
        """The rows of a SELECT, with the names and types of `schema` by their order."""

    @abstractmethod
    def rows(self, select: str) -> list[tuple[Any, ...]]:
        """The rows of a SELECT as Python values."""

    @abstractmethod
    def close(self) -> None:
        """End the session."""

    def said(self, statement: str) -> str:
        """A statement in DuckDB's SQL in the engine's own."""
        return translated(statement, self.dialect)


class Remote(Engine):
    """An engine whose tables are not Keepwell's own. where: how it is called in messages. schema:
    in which tables are looked for where none is said. They are always named with it, since what
    is temporary has their names, too."""

    where: str
    schema: str
    has_infinity = False
    """Whether a date or an instant can be infinite there."""

    @abstractmethod
    def columns(self, places: Sequence[tuple[str, ...]]) -> Mapping[tuple[str, ...], Columns]:
        """The columns that may be read of those of these tables that are there, each by its names
        from the catalog or schema down. A table of which nothing may be read has none."""


def shaped(found: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows in the names and types of `schema`, by the order of columns."""
    columns = [
        _cast(column, field.type) for column, field in zip(found.columns, schema, strict=True)
    ]
    return pa.table(columns, schema=schema)


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if isinstance(column.type, pa.BaseExtensionType):
        # Of numbers of any length, which travel as texts.
        column = column.cast(column.type.storage_type)
    if pa.types.is_integer(kind) and pa.types.is_string(column.type):
        return pc.cast(column, pa.decimal128(38, 0)).cast(kind)
    return column.cast(kind)
