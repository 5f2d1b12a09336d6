"""XLSX: a workbook is checked before it is opened, then one sheet is read as text."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from keepwell.ingest.csvfiles import header_only
from keepwell.ingest.tables import (
    MOST_COLUMNS,
    ROW,
    FileOptions,
    InputFile,
    Opened,
    Shape,
    column_names,
)
from keepwell.kit.errors import KeepwellError, did_you_mean

if TYPE_CHECKING:
    from openpyxl.workbook.workbook import Workbook

BATCH = 20_000
MOST_UNPACKED = 1 << 30
MOST_SHARED_TEXTS = 256 << 20
# A sheet of repeated values shrinks to a thirtieth; a bomb shrinks to a thousandth.
MOST_EXPANSION = 150
FREE_EXPANSION = 64 << 20
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_EXPECTED = "a workbook saved by Excel, LibreOffice or Google Sheets as .xlsx"


def look(file: InputFile, options: FileOptions) -> Shape:
    """The columns of a sheet: the one that is named, else the first that is visible.

    Raises KeepwellError for what is no workbook, is encrypted, or unpacks out of all proportion.
    """
    _check(file)
    with _workbook(file) as book:
        sheet = _sheet(book, file, options.sheet)
        where = f"{file.name}, sheet {sheet}"
        rows = _rows(book, sheet)
        header: tuple[Any, ...] = ()
        for number, cells in rows:
            if number == options.header_row:
                header = cells
                break
        columns = column_names(header, where, options.header_row)
        if next(rows, None) is None:
            raise header_only(where, columns)
    return Shape(file, "xlsx", columns, options, sheet=sheet)


def load(con: duckdb.DuckDBPyConnection, shape: Shape, view: str) -> Opened:
    """Read the sheet into a table called `view`, every cell as text, empty ones as null.

    Days and instants become ISO 8601, whole numbers have no decimal point, a percentage is the
    number that the cell holds: 72% is 0.72.
    """
    schema = pa.schema([*((c, pa.string()) for c in shape.columns), (ROW, pa.int64())])
    with _workbook(shape.file) as book:
        batches = pa.RecordBatchReader.from_batches(schema, _batches(book, shape, schema))
        try:
            con.from_arrow(batches).create(view)
        except (duckdb.Error, pa.ArrowException) as error:
            raise _broken(shape.where, error) from None
    return Opened(shape, view, dict.fromkeys(shape.columns, "VARCHAR"))


def _batches(book: Workbook, shape: Shape, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    width = len(shape.columns)
    pending: list[list[str | None]] = []
    numbers: list[int] = []
    for number, cells in _rows(book, shape.sheet):
        if number <= shape.options.header_row:
            continue
        texts = [_text(c) for c in cells[:width]]
        texts.extend([None] * (width - len(texts)))
        if not any(texts):
            continue
        pending.append(texts)
        numbers.append(number)
        if len(pending) == BATCH:
            yield _batch(pending, numbers, schema)
            pending, numbers = [], []
    if pending:
        yield _batch(pending, numbers, schema)


def _batch(rows: list[list[str | None]], numbers: list[int], schema: pa.Schema) -> pa.RecordBatch:
    columns = [pa.array(c, pa.string()) for c in zip(*rows, strict=True)]
    return pa.record_batch([*columns, pa.array(numbers, pa.int64())], schema=schema)


def _text(cell: object) -> str | None:
    if cell is None or cell == "":
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        # Excel knows no days without a time: midnight is a day.
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell.total_seconds())
    return str(cell).strip() or None


def _rows(book: Workbook, sheet: str) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """The rows that hold something, each with its number."""
    rows = book[sheet].iter_rows(values_only=True, max_col=MOST_COLUMNS + 1)
    for number, cells in enumerate(rows, 1):
        if any(c is not None for c in cells):
            yield number, cells


def _sheet(book: Workbook, file: InputFile, wanted: str | None) -> str:
    readable = [s.title for s in book.worksheets]
    if wanted is not None:
        if wanted not in readable:
            raise KeepwellError(
                f"there is no sheet '{wanted}'",
                where=file.name,
                todo=did_you_mean(wanted, readable),
            )
        return wanted
    visible = [s.title for s in book.worksheets if s.sheet_state == "visible"]
    if not visible:
        raise KeepwellError("the workbook has no visible sheet", where=file.name)
    return visible[0]


@contextmanager
def _workbook(file: InputFile) -> Iterator[Workbook]:
    # Loading it takes longer than importing a small file of another kind.
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    with warnings.catch_warnings():
        # Openpyxl warns of styles and extensions that have nothing to do with the values.
        warnings.simplefilter("ignore")
        book: Workbook | None = None
        try:
            book = openpyxl.load_workbook(
                file.path, read_only=True, data_only=True, keep_links=False
            )
            for sheet in book.worksheets:
                # Some writers state a size that is not true.
                sheet.reset_dimensions()
            yield book
        except KeepwellError:
            raise
        except (
            InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError,
            AttributeError, IndexError, SyntaxError, EOFError, OSError,
        ) as error:  # fmt: skip
            raise _broken(file.name, error) from None
        finally:
            if book is not None:
                book.close()


def _broken(where: str, error: Exception) -> KeepwellError:
    detail = (str(error).splitlines() or [type(error).__name__])[0]
    return KeepwellError(
        f"the workbook is damaged: {detail}",
        where=where,
        expected=_EXPECTED,
        todo="open it in a spreadsheet program and save it again",
    )


def _check(file: InputFile) -> None:
    with file.path.open("rb") as stream:
        head = stream.read(1 << 16)
    if not head:
        raise KeepwellError("the file is empty", where=file.name, expected=_EXPECTED)
    if head.startswith(_OLE):
        encrypted = file.path.suffix.lower() != ".xls"
        what = "the workbook is encrypted" if encrypted else "this is a workbook of before 2007"
        todo = "save it without a password" if encrypted else "save it as .xlsx or CSV"
        raise KeepwellError(what, where=file.name, expected=_EXPECTED, todo=todo)
    try:
        with zipfile.ZipFile(file.path) as archive:
            _check_archive(archive, file)
    except zipfile.BadZipFile as error:
        raise KeepwellError(
            f"this is no XLSX file: {str(error)[:1].lower()}{str(error)[1:]}",
            where=file.name,
            expected=_EXPECTED,
            todo="if it is a text file, name it .csv",
        ) from None


def _check_archive(archive: zipfile.ZipFile, file: InputFile) -> None:
    members = archive.infolist()
    names = {m.filename for m in members}
    if not any(n.startswith("xl/") and n.rpartition("/")[2].startswith("workbook") for n in names):
        raise KeepwellError(
            "this is a zip file, but no workbook is in it",
            where=file.name,
            expected=_EXPECTED,
            todo="unpack it and give the files that are in it",
        )
    if any(m.flag_bits & 1 for m in members):
        raise KeepwellError(
            "the workbook is encrypted",
            where=file.name,
            expected=_EXPECTED,
            todo="save it without a password",
        )
    unpacked = sum(m.file_size for m in members)
    packed = max(1, sum(m.compress_size for m in members))
    texts = max((m.file_size for m in members if "sharedStrings" in m.filename), default=0)
    out_of_proportion = unpacked > FREE_EXPANSION and unpacked > packed * MOST_EXPANSION
    if unpacked > MOST_UNPACKED or texts > MOST_SHARED_TEXTS or out_of_proportion:
        raise KeepwellError(
            f"the workbook unpacks from {packed:,} to {unpacked:,} bytes",
            where=file.name,
            expected=f"at most {MOST_UNPACKED >> 20:,} MB and {MOST_EXPANSION} times its size",
            todo="save the sheet as CSV",
        )
    for member in members:
        if member.filename.endswith((".xml", ".rels")):
            with archive.open(member) as stream:
                if b"<!DOCTYPE" in stream.read(2048):
                    raise KeepwellError(
                        f"{member.filename} declares a document type, which no workbook does",
                        where=file.name,
                        expected=_EXPECTED,
                    )
