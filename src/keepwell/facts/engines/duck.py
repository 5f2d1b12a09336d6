"""The embedded engine: DuckDB in memory, in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from keepwell.facts.engines.base import Engine
from keepwell.facts.engines.dialects import Dialect
from keepwell.kit.views import quoted

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend


class DuckEngine(Engine):
    """DuckDB by a connection of `engine.connect_ibis`, which its owner closes."""

    dialect: Dialect = "duckdb"

    def __init__(self, con: Backend) -> None:
        self.con = con

    def view(self, name: str, select: str) -> None:
        self.con.raw_sql(" ".join(["CREATE OR REPLACE VIEW", quoted(name), "AS", select]))

    def put(self, name: str, rows: pa.Table) -> None:
        self.con.con.register(name, rows)

    def drop(self, name: str) -> None:
        self.con.con.unregister(name)

    def answer(self, select: str, schema: pa.Schema) -> pa.Table:
        return self.con.con.execute(select).to_arrow_table().cast(schema)

    def rows(self, select: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self.con.con.execute(select).fetchall()
        return found

    def close(self) -> None:
        """Nothing: others may use the connection."""
