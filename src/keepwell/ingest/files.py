"""Files as tables: paths are resolved, formats recognised, rows made a relation in DuckDB."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from keepwell.ingest import csvfiles, expressions, workbooks
from keepwell.ingest.csvfiles import header_only
from keepwell.ingest.tables import (
    ROW,
    FileKind,
    FileOptions,
    InputFile,
    Opened,
    Shape,
    column_names,
)
from keepwell.kit.errors import KeepwellError, nearest
from keepwell.kit.views import quoted, text

SUFFIXES: dict[str, FileKind] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".csv.gz": "csv",
    ".tsv.gz": "csv",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xls": "xlsx",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_KNOWN = "CSV (.csv, .tsv, .txt, .csv.gz), XLSX or Parquet"


def resolve(paths: Iterable[str | Path]) -> list[InputFile]:
    """The files behind these paths: a file, a folder (with all below it) or a glob.

    Sorted by name, each file once. Raises KeepwellError where a path leads to nothing that can be
    read.
    """
    found: dict[Path, InputFile] = {}
    for given in paths:
        for file in _behind(Path(given)):
            found.setdefault(file.path.resolve(), file)
    return sorted(found.values(), key=lambda f: (f.name, str(f.path)))


def _behind(path: Path) -> list[InputFile]:
    if path.is_file():
        return [InputFile(path, path.name)]
    if path.is_dir():
        below = [p for p in path.rglob("*") if p.is_file() and _is_data(p.relative_to(path))]
        if not below:
            raise KeepwellError("no file to import in this folder", where=str(path),
                                expected=_KNOWN)  # fmt: skip
        return [InputFile(p, p.relative_to(path).as_posix()) for p in below]
    if any(c in str(path) for c in "*?["):
        anchor = Path(path.anchor) if path.is_absolute() else Path()
        pattern = str(path.relative_to(path.anchor)) if path.is_absolute() else str(path)
        matches = [p for p in anchor.glob(pattern) if p.is_file() and _is_data(Path(p.name))]
        if not matches:
            raise KeepwellError("no file matches this pattern", where=str(path), expected=_KNOWN)
        return [InputFile(p, p.name) for p in matches]
    folder = path.parent.absolute()
    siblings = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    near = nearest(path.name, siblings)
    raise KeepwellError(
        "there is no such file or folder",
        where=str(path),
        todo=f"did you mean '{near}'?" if near else f"it was looked for in {folder}",
    )


def _is_data(path: Path) -> bool:
    hidden = any(part.startswith((".", "~$", "_")) for part in path.parts)
    return kind_of(path) is not None and not hidden


def kind_of(path: Path) -> FileKind | None:
    """The format that a file's name promises, None for any other."""
    suffixes = [s.lower() for s in path.suffixes[-2:]]
    if len(suffixes) == 2 and "".join(suffixes) in SUFFIXES:
        return SUFFIXES["".join(suffixes)]
    return SUFFIXES.get(suffixes[-1]) if suffixes else None


def look(file: InputFile, options: FileOptions | None = None) -> Shape:
    """The columns of a file, found by reading no more than its beginning (a text file is read
    once for its encoding). Raises KeepwellError that says what is wrong with the file."""
    options = options or FileOptions()
    kind = kind_of(file.path)
    if kind is None:
        raise KeepwellError(
            f"files named *{file.path.suffix or file.path.name} are not read",
            where=file.name,
            expected=_KNOWN,
        )
    try:
        if kind == "csv":
            return csvfiles.look(file, options)
        if kind == "xlsx":
            return workbooks.look(file, options)
        return _look_at_parquet(file, options)
    except OSError as error:
        raise KeepwellError(
            f"the file cannot be opened: {error.strerror or error}", where=file.name
        ) from None


def load(con: duckdb.DuckDBPyConnection, shape: Shape, view: str) -> Opened:
    """The rows of a file as the relation `view`: CSV and XLSX as text, Parquet with its types.

    Raises KeepwellError for a file that turns out damaged.
    """
    if shape.kind == "csv":
        return csvfiles.load(con, shape, view)
    if shape.kind == "xlsx":
        return workbooks.load(con, shape, view)
    return _load_parquet(con, shape, view)


@contextmanager
def kept(
    con: duckdb.DuckDBPyConnection, file: Opened, steps: Sequence[Sequence[str]]
) -> Iterator[str]:
    """The name of a relation of ROW and the columns that each step names, while they are read.

    A Parquet file of several steps is decoded once for them, into a table: most files up to a
    million rows are one row group, which a single thread decodes, and every step would do so again.
    Raises KeepwellError for a file that turns out damaged.
    """
    if file.shape.kind != "parquet" or len(steps) < 2:
        yield file.view
        return
    name = f"kept_{file.view}"
    listed = [quoted(expressions.resolve(c, file.types)) for step in steps for c in step]
    try:
        con.table(file.view).project(", ".join([*dict.fromkeys(listed), ROW])).create(name)
    except duckdb.Error as error:
        raise _damaged(file.shape.file.name, error) from None
    yield name
    con.execute(f"DROP TABLE {name}")


def _look_at_parquet(file: InputFile, options: FileOptions) -> Shape:
    if file.path.stat().st_size == 0:
        raise KeepwellError("the file is empty", where=file.name, expected="a Parquet file")
    try:
        # The file is closed by hand: a reader left open keeps it from being replaced.
        with pq.ParquetFile(file.path) as parquet:
            names, rows = parquet.schema_arrow.names, parquet.metadata.num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(file.name, error) from None
    columns = column_names(names, file.name, 1)
    if list(columns) != names:
        raise KeepwellError(
            "column names begin or end with a blank, or are empty",
            where=file.name,
            todo="write the file with plain column names",
        )
    if rows == 0:
        raise header_only(file.name, columns)
    return Shape(file, "parquet", columns, options)


def _load_parquet(con: duckdb.DuckDBPyConnection, shape: Shape, view: str) -> Opened:
    # DuckDB takes these characters for a pattern.
    path = re.sub(r"([*?[])", r"[\1]", str(shape.file.path.absolute()))
    source = f"read_parquet({text(path)}, file_row_number = true, hive_partitioning = false)"
    columns = ", ".join(quoted(c) for c in shape.columns)
    try:
        rows = con.sql(f"FROM {source}").project(f"{columns}, file_row_number + 1 AS {ROW}")
        rows.create_view(view)
        types = dict(zip(rows.columns, (str(t) for t in rows.types), strict=True))
    except duckdb.Error as error:
        raise _damaged(shape.file.name, error) from None
    types.pop(ROW)
    return Opened(shape, view, types)


def _damaged(where: str, error: Exception) -> KeepwellError:
    detail = (str(error).splitlines() or [type(error).__name__])[0]
    return KeepwellError(
        f"this Parquet file is damaged or is none: {detail}",
        where=where,
        expected="a complete Parquet file",
        todo="copy or write it again",
    )
