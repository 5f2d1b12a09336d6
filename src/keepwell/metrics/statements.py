"""Expressions as the engine's SQL. To write it takes longer than to run it, so it is kept."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import wraps
from typing import ParamSpec

import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.duckdb import Backend

from keepwell.facts.engines.base import Engine
from keepwell.facts.engines.dialects import Dialect, compiled
from keepwell.facts.engines.duck import DuckEngine
from keepwell.facts.model import Table
from keepwell.facts.schema import DERIVED_COLUMNS
from keepwell.kit.shelf import kept

P = ParamSpec("P")
ADDED_UP = " added up "
"""Stands in the name of what is read in place of rows."""
KEPT = 4096
"""Statements that a process remembers: a company has some hundred."""


@dataclass(frozen=True)
class Reading:
    """Rows of a canonical table that a statement reads: all of them, or only those of the last
    days. derived: the columns that it needs which are worked out when reading. added: the name of
    what the rows are added up to, where that is read in their place."""

    table: str
    lookback: int | None
    pruned: bool
    derived: tuple[str, ...] = ()
    added: str = ""

    @classmethod
    def of(
        cls, table: Table, columns: Sequence[str], lookback: int | None, *, pruned: bool
    ) -> Reading:
        derived = tuple(c for c in columns if (table.name, c) in DERIVED_COLUMNS)
        return cls(table.name, lookback, pruned, derived)

    @property
    def name(self) -> str:
        """What the rows are called in SQL."""
        words = [self.table]
        if not self.pruned:
            words.append("at any time")
        else:
            words.append("to date" if self.lookback is None else f"of {self.lookback} days")
        words += [f"with {c}" for c in self.derived]
        return " ".join(words) + (f"{ADDED_UP}{self.added}" if self.added else "")


@dataclass(frozen=True)
class Statement:
    """SQL over tables that a pass has made ready, with the types of the columns that it gives."""

    sql: str
    schema: pa.Schema
    reads: tuple[Reading, ...] = ()

    @classmethod
    def of(
        cls, expression: ir.Table, reads: Sequence[Reading] = (), dialect: Dialect = "duckdb"
    ) -> Statement:
        """The statement of an expression over tables that are named only."""
        schema = expression.schema().to_pyarrow()
        return cls(compiled(expression, dialect), schema, tuple(reads))

    @classmethod
    def kept(cls, key: Sequence[object], write: Callable[[], Statement]) -> Statement:
        """The statement that `write` gives, or an earlier process with the same key. It must
        follow from the key alone, and repr() must tell keys apart."""
        told = [_named(part) if isinstance(part, pa.Schema) else part for part in key]
        return kept(told, write, cls._packed, cls._unpacked)

    def _packed(self) -> str:
        schema = base64.b64encode(self.schema.serialize().to_pybytes()).decode()
        reads = [asdict(reading) for reading in self.reads]
        return json.dumps({"sql": self.sql, "schema": schema, "reads": reads})

    @classmethod
    def _unpacked(cls, text: str) -> Statement:
        found = json.loads(text)
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(found["schema"])))
        reads = (Reading(**{**r, "derived": tuple(r["derived"])}) for r in found["reads"])
        return cls(found["sql"], schema, tuple(reads))

    def answer(self, engine: Engine) -> pa.Table:
        """The rows that it gives."""
        return engine.answer(self.sql, self.schema)

    def over(self, con: Backend, name: str, rows: pa.Table) -> pa.Table:
        """The rows that it gives, in DuckDB, where that finds `rows` under a name."""
        engine = DuckEngine(con)
        engine.put(name, rows)
        try:
            return self.answer(engine)
        finally:
            engine.drop(name)


def written_once(write: Callable[P, Statement]) -> Callable[P, Statement]:
    """The function, whose statement of the same arguments is remembered, and kept as by
    Statement.kept(): it must follow from them alone."""

    known: dict[tuple[object, ...], Statement] = {}

    @wraps(write)
    def found(*args: P.args, **named: P.kwargs) -> Statement:
        key = *args, *named.items()
        if key not in known:
            if len(known) >= KEPT:
                known.clear()
            told = write.__qualname__, *key
            known[key] = Statement.kept(told, lambda: write(*args, **named))
        return known[key]

    return found


def _named(schema: pa.Schema) -> list[tuple[str, str]]:
    # Its own repr() cuts long names.
    return [(field.name, str(field.type)) for field in schema]
