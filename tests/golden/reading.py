"""Golden examples from their files to metric values, read as the cells of a sheet are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from keepwell.app.built_in import built_in
from keepwell.app.sheet_cells import EMPTY, Cell, Reader, as_text
from keepwell.app.sheet_values import Given, metric_values
from keepwell.definitions.scorecard import Scorecard
from keepwell.facts.engine import connect_ibis

HERE = Path(__file__).parent
DAY = date(2026, 3, 1)


@dataclass(frozen=True)
class Example:
    """One example and where it stands."""

    file: str
    number: int
    values: Mapping[str, Any]

    @property
    def account(self) -> str:
        return f"{self.number:04d}"

    @property
    def name(self) -> str:
        return str(self.values["name"])

    def __str__(self) -> str:
        return f"{Path(self.file).stem}: {self.name}"


@cache
def document(file: str) -> dict[str, Any]:
    """A file of examples, relative to this folder."""
    found = yaml.safe_load((HERE / file).read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def examples(file: str, fields: set[str]) -> list[Example]:
    """The examples of a file, in order. Every field of each is one of `fields`."""
    found = [Example(file, i, e) for i, e in enumerate(document(file)["examples"])]
    for example in found:
        assert set(example.values) <= {"name", "metrics", "states", *fields}, str(example)
    return found


def values_of(
    examples: Sequence[Example],
    keys: Sequence[str],
    scorecard: Scorecard | None = None,
    *,
    computed: bool,
) -> pa.Table:
    """The metrics `keys`, an account per example. What an example does not name is computed from
    what it does name, if `computed`, else missing."""
    library = built_in()
    otherwise = None if computed else EMPTY
    cells: dict[str, list[Cell | None]] = {key: [otherwise] * len(examples) for key in keys}
    for at, example in enumerate(examples):
        for key, value in (example.values.get("metrics") or {}).items():
            reader = Reader.of(library.metric(key), key, scorecard)
            cells.setdefault(key, [otherwise] * len(examples))[at] = reader.read(as_text(value))
        for key, state in (example.values.get("states") or {}).items():
            cells.setdefault(key, [otherwise] * len(examples))[at] = Cell(named=state)
    given = Given([e.account for e in examples], cells, {})
    return metric_values(connect_ibis(), library, keys, given, DAY)


def rows_of(table: pa.Table) -> dict[str, dict[str, Any]]:
    """The rows by account."""
    return {row["account_id"]: row for row in table.to_pylist()}
