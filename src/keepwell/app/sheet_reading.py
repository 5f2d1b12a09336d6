"""A sheet's file to accounts and cells, with everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl

from keepwell.app.sheet_cells import Cell, Reader, as_text, day, holds_fractions
from keepwell.app.sheet_columns import Columns, Known, resolve
from keepwell.app.sheet_problems import SheetErrors, SheetProblem, place_of, problem
from keepwell.app.sheet_values import Given
from keepwell.definitions.library import Library
from keepwell.facts.engine import connect
from keepwell.facts.schema import TABLES
from keepwell.ingest import files
from keepwell.ingest.numbers import PLAIN, share
from keepwell.ingest.tables import ROW, FileOptions, Shape
from keepwell.kit import clock
from keepwell.kit.errors import KeepwellError, did_you_mean
from keepwell.kit.views import quoted
from keepwell.scoring.plan import Plan

EXAMPLE = "(example)"
"""What the account's cell of a template's example row says; the row is scored only if alone."""

MOST_NAMED = 12
_SHARES = frozenset({"expected_active_ratio"})


@dataclass(frozen=True)
class Sheet:
    """What a sheet says. names: of the accounts, where a column beside the account has them."""

    where: str
    given: Given
    names: Sequence[str | None] | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Rows:
    """The rows of a file: their numbers, and the cells of each column as text."""

    numbers: list[int]
    cells: dict[str, list[str | None]]

    def kept(self, keep: Callable[[int], bool]) -> _Rows:
        at = [i for i in range(len(self.numbers)) if keep(i)]
        cells = {name: [column[i] for i in at] for name, column in self.cells.items()}
        return _Rows([self.numbers[i] for i in at], cells)


def read_sheet(
    path: Path, plan: Plan, library: Library, ignore: Sequence[str], worksheet: str | None
) -> Sheet:
    """The accounts and metrics of a sheet. Raises KeepwellError with all its problems at once."""
    input_files = files.resolve([path])
    if path.is_dir() or len(input_files) != 1:
        raise KeepwellError("a sheet is one file", where=str(path), expected="CSV, XLSX or Parquet")
    shape = files.look(input_files[0], FileOptions(sheet=worksheet))
    known = Known.of(plan, library)
    _any_metric(shape, known, ignore)
    rows, problems = _rows(shape)
    empty = {h for h in shape.columns if not any(rows.cells[h])}
    columns, wrong = resolve(shape.columns, known, ignore, empty)
    problems = wrong + problems
    if not columns.account:
        raise SheetErrors(problems, shape.where)
    rows = rows.kept(lambda i: any(column[i] is not None for column in rows.cells.values()))
    rows, notes = _without_example(rows, columns)
    accounts = _accounts(shape, rows, columns, problems)
    metrics = {
        key: _metric_cells(shape, rows, header, Reader.of(library.metrics[key], key,
                                                          plan.scorecard), problems)
        for key, header in columns.metrics.items()
    }  # fmt: skip
    attributes = {
        name: _attribute_cells(shape, rows, header, name, problems)
        for name, header in columns.attributes.items()
    }
    if problems:
        raise SheetErrors(problems, shape.where)
    names = rows.cells[columns.name] if columns.name else None
    return Sheet(shape.where, Given(accounts, metrics, attributes), names,
                 (*notes, *_left(columns)))  # fmt: skip


def _any_metric(shape: Shape, known: Known, ignore: Sequence[str]) -> None:
    """Say so before all rows are read where no column is a metric: it is another kind of file."""
    columns, problems = resolve(shape.columns, known, ignore)
    if columns.metrics or columns.attributes:
        return
    if any(p.todo and p.todo.startswith("did you mean") for p in problems):
        raise SheetErrors(problems, shape.where)
    card = known.plan.scorecard.scorecard
    raise KeepwellError(
        f"no column is a metric that {card} reads: {_listed(shape.columns)}",
        where=shape.where,
        expected="one row per account and a column per metric: "
        + ", ".join(known.plan.metrics[:3]) + ", …",
        todo=f"keepwell sheet --template {card} FILE.xlsx writes a sheet with all of them",
    )  # fmt: skip


def _rows(shape: Shape) -> tuple[_Rows, list[SheetProblem]]:
    """All rows, and those that could not be split into columns."""
    con = connect(keep_order=True)
    try:
        opened = files.load(con, shape, "sheet")
        names = ", ".join([*map(quoted, shape.columns), ROW])
        table = con.table("sheet").project(names).order(ROW).to_arrow_table()
    finally:
        con.close()
    cells = {c: [as_text(x) for x in table[c].to_pylist()] for c in shape.columns}
    problems = [SheetProblem(f"row {u.row}", u.reason, row=u.row) for u in opened.unreadable]
    return _Rows(table[ROW].to_pylist(), cells), problems


def _without_example(rows: _Rows, columns: Columns) -> tuple[_Rows, list[str]]:
    """The rows without the template's example, unless there is nothing else."""
    said = [(a or "").casefold() == EXAMPLE for a in rows.cells[columns.account]]
    if not any(said):
        return rows, []
    if all(said):
        return rows, ["the template's example is scored, as there is no other row"]
    return rows.kept(lambda i: not said[i]), ["the template's example row was not scored"]


def _accounts(
    shape: Shape, rows: _Rows, columns: Columns, problems: list[SheetProblem]
) -> list[str]:
    found: dict[str, list[int]] = {}
    for number, account in zip(rows.numbers, rows.cells[columns.account], strict=True):
        if account is None:
            place = place_of(shape, columns.account, number)
            problems.append(SheetProblem(place, "the row names no account", "an account's id or "
                                         "name", row=number, column=columns.account))  # fmt: skip
        else:
            found.setdefault(account, []).append(number)
    for account, numbers in found.items():
        if len(numbers) > 1:
            listed = ", ".join(map(str, numbers[:-1])) + f" and {numbers[-1]}"
            problems.append(
                SheetProblem(f"rows {listed}", f"all are about the account '{account}'"
                             if len(numbers) > 2 else f"both are about the account '{account}'",
                             "one row per account", row=numbers[1], column=columns.account)
            )  # fmt: skip
    return [a or "" for a in rows.cells[columns.account]]


def _metric_cells(
    shape: Shape, rows: _Rows, header: str, reader: Reader, problems: list[SheetProblem]
) -> list[Cell | None]:
    texts = rows.cells[header]
    if reader.metric.unit == "share":
        texts = _with_percent_signs(shape, rows, header)
        reader = replace(reader, fractions=holds_fractions(texts))
    return [*_each(shape, rows, header, texts, reader.read, problems)]


def _attribute_cells(
    shape: Shape, rows: _Rows, header: str, name: str, problems: list[SheetProblem]
) -> list[Any]:
    def read(text: str | None) -> Any:
        return None if text is None else attribute(name, text)

    return _each(shape, rows, header, rows.cells[header], read, problems)


def _each(
    shape: Shape,
    rows: _Rows,
    header: str,
    texts: Sequence[str | None],
    read: Callable[[str | None], Any],
    problems: list[SheetProblem],
) -> list[Any]:
    """What every cell of a column says; None where something is wrong with it."""

    @cache
    def outcome(text: str | None) -> Any:
        try:
            return read(text)
        except KeepwellError as error:
            return error

    found = []
    for number, text in zip(rows.numbers, texts, strict=True):
        value = outcome(text)
        if isinstance(value, KeepwellError):
            problems.append(problem(shape, value, header, number))
            value = None
        found.append(value)
    return found


def attribute(name: str, text: str) -> Any:
    """An attribute of an account in the type of its column. Raises KeepwellError."""
    column = TABLES["accounts"].column(name)
    assert column is not None
    if column.type in ("date", "timestamp"):
        return day(text)
    if column.type in ("int", "decimal"):
        return _attribute_number(name, text, whole=column.type == "int")
    if name == "timezone":
        return clock.zone(text).key
    if column.values:
        found = next((v for v in column.values if v == text.casefold().replace(" ", "_")), None)
        if found is None:
            expected = "one of " + ", ".join(column.values)
            raise KeepwellError(f"'{name}' is never '{text}'", expected=expected,
                                todo=did_you_mean(text.casefold(), column.values))  # fmt: skip
        return found
    return text


def _attribute_number(name: str, text: str, whole: bool) -> Any:
    if name in _SHARES:
        return share(text)
    if not re.fullmatch(r"[+-]?\d+" if whole else PLAIN, text):
        kind = "whole number" if whole else "number"
        raise KeepwellError(f"'{text}' is not a {kind}", expected=f"a {kind} without separators")
    return int(text) if whole else share(text)


def _with_percent_signs(shape: Shape, rows: _Rows, header: str) -> list[str | None]:
    """The cells of a share. A workbook holds 105% as 1.05 and shows it by the cell's format, so
    that only the format tells it from 1.05%."""
    texts = rows.cells[header]
    doubtful = {
        n for n, t in zip(rows.numbers, texts, strict=True)
        if t is not None and re.fullmatch(PLAIN, t) and abs(float(t)) > 1
    }  # fmt: skip
    if shape.kind != "xlsx" or not doubtful:
        return texts
    shown = _percent_rows(shape, header, max(doubtful))
    return [
        f"{float(t) * 100:.15g}%" if t is not None and n in doubtful and n in shown else t
        for n, t in zip(rows.numbers, texts, strict=True)
    ]


def _percent_rows(shape: Shape, header: str, last: int) -> set[int]:
    """The rows of a workbook's column whose numbers are shown as percentages."""
    at = shape.columns.index(header) + 1
    book = openpyxl.load_workbook(shape.file.path, read_only=True, data_only=True, keep_links=False)
    try:
        cells = book[shape.sheet].iter_rows(min_col=at, max_col=at, max_row=last)
        return {
            number for number, (cell,) in enumerate(cells, 1)
            if cell.value is not None and "%" in str(cell.number_format)
        }  # fmt: skip
    finally:
        book.close()


def _left(columns: Columns) -> list[str]:
    """A sentence for each reason why columns were not read."""
    by_reason: dict[str, list[str]] = {}
    for header, reason in columns.left.items():
        by_reason.setdefault(reason, []).append(header)
    return [f"not read ({reason}): " + _listed(headers) for reason, headers in by_reason.items()]


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
