"""CSV: delimiter and encoding are found out, rows that do not fit the header are set aside."""

from __future__ import annotations

import csv
import gzip
import io
import re
from codecs import BOM_UTF16_LE
from collections.abc import Iterator
from contextlib import closing
from functools import reduce
from typing import BinaryIO, cast

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from keepwell.ingest.encoding import detect
from keepwell.ingest.tables import (
    ROW,
    FileOptions,
    InputFile,
    Opened,
    Shape,
    Unreadable,
    column_names,
)
from keepwell.kit.errors import KeepwellError

DELIMITERS = (",", ";", "\t", "|")
HEAD = 1 << 20
BLOCK = 8 << 20
MOST_UNREADABLE = 10_000
# Text shrinks to a tenth, seldom to a thirtieth; a gzip file of zeros shrinks to a thousandth.
MOST_EXPANSION = 200
FREE_EXPANSION = 256 << 20


def open_bytes(file: InputFile) -> BinaryIO:
    """The file's bytes, uncompressed."""
    if file.path.suffix.lower() == ".gz":
        return cast(BinaryIO, _Bounded(file))
    return file.path.open("rb")


class _Bounded(io.RawIOBase):
    """A gzip stream that gives up when it grows out of all proportion."""

    def __init__(self, file: InputFile) -> None:
        super().__init__()
        self._file = file
        self._stream = gzip.GzipFile(file.path, "rb")
        self._limit = max(FREE_EXPANSION, file.path.stat().st_size * MOST_EXPANSION)
        self._count = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._stream.read(size)
        except (OSError, EOFError) as error:
            raise KeepwellError(
                f"the compressed file cannot be read: {error}",
                where=self._file.name,
                expected="a complete gzip file",
                todo="copy or export it again",
            ) from None
        self._count += len(data)
        if self._count > self._limit:
            raise KeepwellError(
                f"the compressed file holds more than {self._limit >> 20:,} MB",
                where=self._file.name,
                expected=f"text that shrinks to no less than 1/{MOST_EXPANSION}",
                todo="unpack it and look what is in it",
            )
        return data

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def look(file: InputFile, options: FileOptions) -> Shape:
    """Columns, encoding and delimiter of a CSV file. Raises KeepwellError where there are none."""

    def opener() -> BinaryIO:
        return open_bytes(file)

    with closing(opener()) as stream:
        if not stream.read(1):
            raise _empty(file.name)
    encoding = detect(opener, file.name, options.encoding)
    with closing(opener()) as stream:
        raw = stream.read(HEAD)
    # A letter may be cut in two at the end of what was read.
    text = raw.decode(encoding, errors="ignore").lstrip("\ufeff")
    if not text.strip():
        raise _empty(file.name)
    if len(raw) == HEAD and "\n" not in text and "\r" not in text:
        raise KeepwellError(
            "the first megabyte has no end of a line",
            where=file.name,
            expected="a table: one row per line, the first row with the names of the columns",
            todo="give the file in CSV, XLSX or Parquet",
        )
    lines = re.split(r"\r\n|\r|\n", text)
    above = options.header_row - 1
    body = "\n".join(lines[above : above + 200])
    if not body.strip():
        raise _empty(file.name)
    delimiter = options.delimiter or _delimiter(body)
    reader = csv.reader(io.StringIO(body), delimiter=delimiter)
    header = next(reader)
    columns = column_names(header, file.name, options.header_row)
    skip = above + reader.line_num
    if not any(line.strip() for line in lines[skip:]) and len(raw) < HEAD:
        raise header_only(file.name, columns)
    return Shape(
        file, "csv", columns, options, encoding=encoding, delimiter=delimiter,
        skip_rows=skip, width=len(header),
    )  # fmt: skip


def _empty(where: str) -> KeepwellError:
    return KeepwellError(
        "the file is empty",
        where=where,
        expected="a first row with the names of the columns, then one row per record",
        todo="export it again",
    )


def header_only(where: str, columns: tuple[str, ...]) -> KeepwellError:
    """A file with names and nothing below them."""
    shown = ", ".join(columns[:6]) + (", …" if len(columns) > 6 else "")
    return KeepwellError(
        f"the file has a header ({shown}) and no rows",
        where=where,
        expected="at least one row below the header",
        todo="check the filter of the export",
    )


def _delimiter(body: str) -> str:
    """The sign that splits the first rows into the most columns, all rows alike if possible."""
    best, rank = ",", (0, 0.0)
    for sign in DELIMITERS:
        try:
            rows = [r for r in csv.reader(io.StringIO(body), delimiter=sign) if r][:100]
        except csv.Error:
            continue
        if not rows or len(rows[0]) < 2:
            continue
        alike = sum(len(r) == len(rows[0]) for r in rows) / len(rows)
        if (round(alike * 10), len(rows[0])) > rank:
            best, rank = sign, (round(alike * 10), len(rows[0]))
    return best


def load(con: duckdb.DuckDBPyConnection, shape: Shape, view: str) -> Opened:
    """Read the rows into a table called `view`: trimmed text, empty cells as null."""
    unreadable: list[Unreadable] = []
    unreadable_rows: list[int] = []
    names = [*shape.columns, *(f"__{i}" for i in range(shape.width - len(shape.columns)))]

    def set_aside(row: pacsv.InvalidRow) -> str:
        number = row.number or 0
        unreadable_rows.append(number)
        if row.text.strip():
            why = f"columns: {row.actual_columns}, in the header: {row.expected_columns}"
            unreadable.append(Unreadable(number, why, row.text[:2000]))
        return "skip" if len(unreadable) <= MOST_UNREADABLE else "error"

    text = pa.string()
    schema = pa.schema([*((c, text) for c in shape.columns), (ROW, pa.int64())])
    try:
        with closing(open_bytes(shape.file)) as stream:
            reader = pacsv.open_csv(
                stream,
                read_options=pacsv.ReadOptions(
                    use_threads=False,
                    block_size=BLOCK,
                    skip_rows=shape.skip_rows,
                    column_names=names,
                    encoding=shape.encoding.replace("utf-8-sig", "utf-8"),
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=shape.delimiter,
                    newlines_in_values=True,
                    ignore_empty_lines=False,
                    invalid_row_handler=set_aside,
                ),
                convert_options=pacsv.ConvertOptions(
                    include_columns=list(shape.columns),
                    column_types=dict.fromkeys(shape.columns, text),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                ),
            )
            rows = pa.RecordBatchReader.from_batches(
                schema, _numbered(reader, schema, unreadable_rows, shape.skip_rows + 1)
            )
            con.from_arrow(rows).create(view)
    except (pa.ArrowException, duckdb.Error, UnicodeError) as error:
        if len(unreadable) > MOST_UNREADABLE:
            raise KeepwellError(
                f"more than {MOST_UNREADABLE:,} rows do not have the {len(shape.columns)} columns"
                " of the header",
                where=shape.where,
                expected=f"columns separated by {shape.delimiter!r}",
                todo="say `delimiter:` or `header_row:` for this file in the mapping",
            ) from None
        raise KeepwellError(
            f"the rows cannot be read: {str(error).splitlines()[0]}",
            where=shape.where,
            expected=f"CSV in {shape.encoding}, columns separated by {shape.delimiter!r}",
            todo="look for a quotation mark that is never closed",
        ) from None
    _refuse_open_quotation(con, shape, view)
    return Opened(shape, view, dict.fromkeys(shape.columns, "VARCHAR"), unreadable)


def _refuse_open_quotation(con: duckdb.DuckDBPyConnection, shape: Shape, view: str) -> None:
    """A quotation mark that is never closed takes all that follows for one value."""
    last = con.table(view).order(f"{ROW} DESC").limit(1).fetchone() or ()
    if not any(isinstance(v, str) and "\n" in v for v in last):
        return
    mark = '"'.encode(shape.encoding.replace("utf-8-sig", "utf-8")).removeprefix(BOM_UTF16_LE)
    count = 0
    with closing(open_bytes(shape.file)) as stream:
        while chunk := stream.read(HEAD):
            count += chunk.count(mark)
    if count % 2:
        raise KeepwellError(
            f"a quotation mark is opened in row {last[-1]} and never closed",
            where=shape.where,
            expected="as many opening as closing quotation marks; one inside a value is doubled",
            todo="correct the row in the file",
        )


def _numbered(
    reader: pacsv.CSVStreamingReader, schema: pa.Schema, skipped: list[int], first: int
) -> Iterator[pa.RecordBatch]:
    """The batches with the number of every row; the rows that were set aside are counted too."""
    number, passed = first, 0
    for batch in reader:
        numbers: list[int] = []
        while len(numbers) < batch.num_rows:
            if passed < len(skipped) and skipped[passed] <= number:
                passed += 1
                number += 1
                continue
            upto = skipped[passed] if passed < len(skipped) else number + batch.num_rows
            step = min(batch.num_rows - len(numbers), upto - number)
            numbers.extend(range(number, number + step))
            number += step
        columns = [pc.utf8_trim_whitespace(c) for c in batch.columns]
        whole = pa.record_batch([*columns, pa.array(numbers, pa.int64())], schema=schema)
        yield whole.filter(_filled(columns)) if columns[0].null_count else whole


def _filled(columns: list[pa.Array]) -> pa.Array:
    """Which rows have anything in them."""
    return reduce(pc.or_, (pc.fill_null(pc.not_equal(c, ""), False) for c in columns))
