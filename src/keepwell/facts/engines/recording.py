"""An engine that writes down what another one is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from keepwell.facts.engines.base import Engine


@dataclass(frozen=True)
class Viewed:
    """A SELECT that was named."""

    name: str
    select: str


@dataclass(frozen=True)
class Given:
    """Small rows that were put under a name."""

    name: str
    rows: pa.Table


@dataclass(frozen=True)
class Asked:
    """A SELECT that was answered."""

    select: str


class Recording(Engine):
    """Another engine, with each thing that it is told given to `note` before it does it."""

    def __init__(self, engine: Engine, note: Callable[[Viewed | Given | Asked], None]) -> None:
        self.engine = engine
        self.dialect = engine.dialect
        self._note = note

    def said(self, statement: str) -> str:
        return self.engine.said(statement)

    def view(self, name: str, select: str) -> None:
        self._note(Viewed(name, select))
        self.engine.view(name, select)

    def put(self, name: str, rows: pa.Table) -> None:
        self._note(Given(name, rows))
        self.engine.put(name, rows)

    def drop(self, name: str) -> None:
        self.engine.drop(name)

    def answer(self, select: str, schema: pa.Schema) -> pa.Table:
        self._note(Asked(select))
        return self.engine.answer(select, schema)

    def rows(self, select: str) -> list[tuple[Any, ...]]:
        self._note(Asked(select))
        return self.engine.rows(select)

    def close(self) -> None:
        self.engine.close()
