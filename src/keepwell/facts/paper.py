"""The canonical tables in an engine that is only thought of: to show what would be run there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import pyarrow as pa

from keepwell.facts.arrow import imported_columns
from keepwell.facts.context import Cover, Merge, Period, Rate
from keepwell.facts.engines.base import Columns, Kind
from keepwell.facts.engines.clouds import CloudEngine, Spelling
from keepwell.facts.engines.dialects import CAPITALS, Dialect
from keepwell.facts.model import ColumnType
from keepwell.facts.reading import Facts
from keepwell.facts.schema import IMPORTED, PROVENANCE
from keepwell.facts.warehouse import Warehouse, WarehouseFacts

_KINDS: Mapping[ColumnType, Kind] = {
    "text": "text",
    "int": "int",
    "decimal": "decimal",
    "money": "decimal",
    "rate": "decimal",
    "bool": "bool",
    "date": "date",
    "timestamp": "timestamp",
}


class _NoSession:
    """Nothing is asked."""

    errors: tuple[type[Exception], ...] = ()

    def rows(self, select: str) -> pa.Table:
        # PaperEngine answers for itself: whatever comes here is a mistake of ours.
        raise AssertionError("there is no engine to ask")

    def close(self) -> None:
        """Nothing to end."""


class PaperEngine(CloudEngine):
    """An engine without a connection: with all canonical tables as `keepwell facts ddl` makes them,
    and without rows."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__(dialect, f"{dialect} on paper", "keepwell", _NoSession())

    def answer(self, select: str, schema: pa.Schema) -> pa.Table:
        return schema.empty_table()

    def rows(self, select: str) -> list[tuple[Any, ...]]:
        return []

    def columns(self, places: Sequence[tuple[str, ...]]) -> Mapping[tuple[str, ...], Columns]:
        # They are asked for all at once, in the order of IMPORTED.
        found: dict[tuple[str, ...], Columns] = {}
        for place, table in zip(places, IMPORTED.values(), strict=True):
            columns = (*imported_columns(table), *PROVENANCE)
            found[place] = {column.name: _KINDS[column.type] for column in columns}
            if self.dialect in CAPITALS:
                capitals = {name: name.upper() for name in found[place]}
                self._spelled[place] = Spelling(tuple(p.upper() for p in place), capitals)
        return found


class PaperFacts(WarehouseFacts):
    """Facts as they would be read if their tables were in another engine. What decides how the
    statements are shaped (coverage, merges, closures, zones, rates) is that of `own`, which are
    asked in place of the engine."""

    def __init__(
        self,
        own: Facts,
        dialect: Dialect,
        schema: str | None = None,
        tables: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(
            Warehouse(lambda: PaperEngine(dialect), schema, tables or {}),
            own.known,
            extra=own.entered(),
            project_timezone=own.project_timezone,
            project_currency=own.project_currency,
        )
        self.own = own

    def close(self) -> None:
        super().close()
        self.own.close()

    # Each is asked on paper as well, so that a listing has it.

    @cached_property
    def _coverage(self) -> list[Cover]:
        self.table("coverage")
        return self.own.coverage()

    @cached_property
    def _periods(self) -> list[Period]:
        self.table("account_periods")
        return self.own.periods()

    @cached_property
    def _merges(self) -> list[Merge]:
        self.table("merges")
        self.table("accounts")
        return self.own.merges()

    @cached_property
    def _rates(self) -> list[Rate]:
        self.table("fx_rates")
        return self.own.rates()

    @cached_property
    def _questions(self) -> frozenset[str]:
        return super()._questions | self.own.questions()

    @cached_property
    def _rollups(self) -> dict[str, list[str]]:
        self.table("accounts")
        return self.own.rollups()

    @cached_property
    def _account_zones(self) -> dict[str, str]:
        self.table("accounts")
        return self.own.account_zones()
