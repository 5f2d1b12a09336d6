"""Files of every make become relations, and every wrong one gets one clear message."""

from __future__ import annotations

import gzip
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from keepwell.ingest import files
from keepwell.ingest.tables import ROW
from keepwell.kit.errors import DefinitionErrors, KeepwellError
from tests.ingest.conftest import ACCOUNTS, Desk, opened


def _read(
    con: duckdb.DuckDBPyConnection, path: Path, **options: object
) -> list[tuple[object, ...]]:
    found = opened(con, path, **options)
    return con.table(found.view).order(ROW).fetchall()


def _refused(path: Path, con: duckdb.DuckDBPyConnection) -> KeepwellError:
    with pytest.raises(KeepwellError) as caught:
        _read(con, path)
    assert path.name in str(caught.value.where)
    assert caught.value.expected or caught.value.todo
    return caught.value


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str, desk: Desk, con: duckdb.DuckDBPyConnection) -> None:
    lines = [["id", "name", "note"], ["1", "A", "x,y;z"], ["2", "B", "plain"]]
    quoted = [[f'"{c}"' if "x" in c else c for c in line] for line in lines]
    path = desk.file("a.csv", "\n".join(delimiter.join(line) for line in quoted))
    assert _read(con, path) == [("1", "A", "x,y;z", 2), ("2", "B", "plain", 3)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_is_recognised(encoding: str, desk: Desk, con: duckdb.DuckDBPyConnection) -> None:
    text = "id,name\n" + "".join(f"{i},Łódź Müller\n" for i in range(50))
    path = desk.file("a.csv", text.encode(encoding))
    assert _read(con, path)[0] == ("0", "Łódź Müller", 2)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_western_text_is_recognised(
    encoding: str, desk: Desk, con: duckdb.DuckDBPyConnection
) -> None:
    text = "id;name;city\n1;Müller & Söhne;Köln\n2;José Peña;Málaga\n3;Crème brûlée;Genève\n"
    found = opened(con, desk.file("a.csv", text.encode(encoding)))
    assert found.shape.encoding == "cp1252"
    assert [r[1] for r in con.table("v").order(ROW).fetchall()] == [
        "Müller & Söhne", "José Peña", "Crème brûlée",
    ]  # fmt: skip


def test_a_byte_far_down_decides_the_encoding(desk: Desk, con: duckdb.DuckDBPyConnection) -> None:
    text = "id,name\n" + "1,plain\n" * 300_000 + "2,Müller\n"
    rows = _read(con, desk.file("a.csv", text.encode("latin-1")))
    assert rows[-1] == ("2", "Müller", 300_002)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "id;имя\n1;Июльский день\n2;Цифли и дюны\n"),
        ("cp1250", "id;nazwa\n1;Żabka Wrocław\n2;Łódź Śródmieście\n"),
        ("shift_jis", "id,name\n1,株式会社東京\n2,大阪商店\n"),
    ],
)
def test_an_undecidable_encoding_is_asked_for(
    encoding: str, text: str, desk: Desk, con: duckdb.DuckDBPyConnection
) -> None:
    path = desk.file("a.csv", text.encode(encoding))
    error = _refused(path, con)
    assert "encoding cannot be decided" in error.what
    assert "encoding:" in str(error.todo)
    words = text.splitlines()[1].replace(";", ",").split(",")
    assert _read(con, path, encoding=encoding)[0][:2] == tuple(words)


def test_a_wrong_encoding_names_what_it_looks_like(
    desk: Desk, con: duckdb.DuckDBPyConnection
) -> None:
    path = desk.file("a.csv", "id,name\n1,Müller\n".encode("latin-1"))
    with pytest.raises(KeepwellError) as caught:
        opened(con, path, encoding="utf-8")
    assert "is not utf-8" in caught.value.what
    with pytest.raises(KeepwellError, match="no encoding named 'utf-9'"):
        opened(con, path, encoding="utf-9")


def test_rows_that_do_not_fit_the_header_are_set_aside(
    desk: Desk, con: duckdb.DuckDBPyConnection
) -> None:
    path = desk.file("a.csv", 'id,name\n1,a\n2,b,c\n\n3\n4,"d\nd"\n5,e\n')
    found = opened(con, path)
    assert con.table("v").order(ROW).fetchall() == [("1", "a", 2), ("4", "d\nd", 6), ("5", "e", 7)]
    assert [(u.row, u.raw) for u in found.unreadable] == [(3, "2,b,c"), (5, "3")]


def test_a_file_that_fits_its_header_nowhere_is_refused(
    desk: Desk, con: duckdb.DuckDBPyConnection
) -> None:
    path = desk.file("a.csv", "id,name\n" + "1,2,3\n" * 20_000)
    assert "do not have the 2 columns" in _refused(path, con).what


def test_trimmed_cells_nameless_columns_and_titles_above_the_header(
    desk: Desk, con: duckdb.DuckDBPyConnection
) -> None:
    path = desk.file("a.csv", "Export of March\n\n id , name ,,\n 1 ,  a b ,,\n2, ,,\n")
    assert _read(con, path, header_row=3) == [("1", "a b", 4), ("2", "", 5)]


def test_gzip_is_read(desk: Desk, con: duckdb.DuckDBPyConnection) -> None:
    path = desk.file("a.csv.gz", gzip.compress(b"id,name\n1,a\n"))
    assert _read(con, path) == [("1", "a", 2)]
    cut = desk.file("cut.csv.gz", gzip.compress(b"id,name\n1,a\n" * 1000)[:40])
    assert "cannot be read" in _refused(cut, con).what


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx", "a.parquet"])
def test_an_empty_file_is_refused(name: str, desk: Desk, con: duckdb.DuckDBPyConnection) -> None:
    assert _refused(desk.file(name, b""), con).what == "the file is empty"


@pytest.mark.parametrize("text", ["id,name\n", "id,name", "id,name\n\n\n"])
def test_a_header_without_rows_is_refused(
    text: str, desk: Desk, con: duckdb.DuckDBPyConnection
) -> None:
    assert "no rows" in _refused(desk.file("a.csv", text), con).what


@pytest.mark.parametrize("header", ["id,name,id", "id,name,ID"])
def test_names_that_stand_twice_are_refused(
    header: str, desk: Desk, con: duckdb.DuckDBPyConnection
) -> None:
    assert "stand twice" in _refused(desk.file("a.csv", f"{header}\n1,a,2\n"), con).what


def test_a_quotation_that_never_ends_is_refused(desk: Desk, con: duckdb.DuckDBPyConnection) -> None:
    path = desk.file("a.csv", 'id,name\n1,a\n2,"b\n3,c\n4,d\n')
    assert "opened in row 3 and never closed" in _refused(path, con).what


GARBAGE = 200 << 20

PEAK = """
import resource, sys
from keepwell.facts.engine import connect
from keepwell.ingest import files
from keepwell.kit.errors import DefinitionErrors, KeepwellError
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
con, before = connect(), peak()
try:
    files.load(con, files.look(files.resolve([sys.argv[1]])[0]), "v")
except KeepwellError as error:
    print((peak() - before) // 1024, error.what)
"""


def _noise(path: Path) -> None:
    block = random.Random(7).randbytes(1 << 20)
    with path.open("wb") as out:
        for _ in range(GARBAGE >> 20):
            out.write(block)


def _one_line(path: Path) -> None:
    with path.open("wb") as out:
        for _ in range(GARBAGE >> 20):
            out.write(b"x" * (1 << 20))


def _zeros(path: Path) -> None:
    with path.open("wb") as out:
        out.truncate(GARBAGE)


@pytest.mark.parametrize(
    ("make", "name", "message"),
    [
        (_noise, "a.csv", "not a text file"),
        (_one_line, "a.csv", "no end of a line"),
        (_zeros, "a.csv", "zero bytes"),
        (_noise, "a.xlsx", "no XLSX file"),
        (_noise, "a.parquet", "damaged or is none"),
    ],
)
def test_garbage_of_200_mb_fails_without_being_read_into_memory(
    make: Callable[[Path], None], name: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    make(path)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True
    )
    path.unlink()
    megabytes, _, what = done.stdout.partition(" ")
    assert message in what
    assert int(megabytes) < 60


def test_a_gzip_bomb_is_refused(desk: Desk, con: duckdb.DuckDBPyConnection) -> None:
    path = desk.folder / "a.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as out:
        out.write(b"a,b\n")
        for _ in range(330):
            out.write(b"0,0\n" * (1 << 18))
    assert "holds more than" in _refused(path, con).what


def test_parquet_keeps_its_types_and_damage_is_found(
    desk: Desk, con: duckdb.DuckDBPyConnection
) -> None:
    path = desk.folder / "a[1] *.parquet"
    pq.write_table(pa.table({"id": ["x", "y"], "n": [1.0, None]}), path)
    found = opened(con, path)
    assert found.types == {"id": "VARCHAR", "n": "DOUBLE"}
    assert con.table("v").fetchall() == [("x", 1.0, 1), ("y", None, 2)]
    whole = path.read_bytes()
    cut = desk.file("cut.parquet", whole[:-20])
    assert "damaged" in _refused(cut, con).what
    empty = desk.folder / "empty.parquet"
    pq.write_table(pa.table({"id": pa.array([], pa.string())}), empty)
    assert "no rows" in _refused(empty, con).what


def test_a_parquet_file_with_damaged_data_stops_the_import(desk: Desk) -> None:
    path = desk.folder / "accounts.parquet"
    names = [str(i) * 20 for i in range(20_000)]
    columns = {"account_id": names, "name": names, "status": ["active"] * 20_000}
    pq.write_table(pa.table(columns), path, compression="zstd")
    whole = bytearray(path.read_bytes())
    for i in range(1000, 9000):
        whole[i] ^= 0xFF
    path.write_bytes(whole)
    with pytest.raises(KeepwellError) as caught:
        desk.run(None, "accounts.parquet")
    assert "accounts.parquet" in str(caught.value)
    assert desk.store.files("accounts") == []


def test_a_parquet_file_of_several_steps_gives_each_its_rows(desk: Desk) -> None:
    rows = {
        "Id": ["a", "b", "c"],
        "seats": [5, 6, 7],
        "since": ["2026-01-01", "tomorrow", "2026-01-03"],
        "unnamed": ["x", "y", "z"],
    }
    pq.write_table(pa.table(rows), desk.folder / "all.parquet")
    report = desk.run(
        """
        source: test
        timezone: UTC
        tables:
          - from: all.parquet
            to: accounts
            fields:
              account_id: id
              name: {expression: "ID || ' Ltd'"}
              status: {value: active}
              customer_since: since
          - from: all.parquet
            to: plans
            where: seats > 5
            fields: {plan_id: id, name: Id}
        """
    )
    assert [(t.table, t.read, t.new, t.left_out) for t in report.tables] == [
        ("accounts", 3, 2, 0),
        ("plans", 3, 2, 1),
    ]
    (set_aside,) = desk.versions("_quarantine")
    assert (set_aside["row_number"], set_aside["field"]) == (2, "customer_since")
    # With what no step has asked for.
    assert '"unnamed":"y"' in set_aside["raw"]


def test_readable_garbage_is_refused_by_its_header(desk: Desk) -> None:
    desk.file("accounts.csv", "garbage more garbage\n" * 200_000)
    with pytest.raises(DefinitionErrors) as caught:
        desk.run(ACCOUNTS)
    assert "accounts.csv has no column 'id'" in str(caught.value)


def test_files_folders_and_globs(desk: Desk) -> None:
    for name in ("b.csv", "a.csv", "sub/c.parquet", ".hidden.csv", "~$lock.xlsx", "read.md"):
        desk.file(name, "x\n1\n")
    names = [f.name for f in files.resolve([desk.folder])]
    assert names == ["a.csv", "b.csv", "sub/c.parquet"]
    assert [f.name for f in files.resolve([desk.folder / "*.csv"])] == ["a.csv", "b.csv"]
    assert [f.name for f in files.resolve([desk.folder / "a.csv", desk.folder])] == names
    with pytest.raises(KeepwellError, match=r"did you mean 'a\.csv'"):
        files.resolve([desk.folder / "aa.csv"])
    with pytest.raises(KeepwellError, match="no file matches"):
        files.resolve([desk.folder / "*.xlsx"])
    shutil.rmtree(desk.folder)
    desk.folder.mkdir()
    with pytest.raises(KeepwellError, match="no file to import"):
        files.resolve([desk.folder])


def test_a_missing_file_unlike_any_other_was_looked_for_in_its_folder(desk: Desk) -> None:
    for number in range(20):
        desk.file(f"{number}.csv", "id\n1\n")
    folder = desk.file("a.csv", "id\n1\n").parent
    with pytest.raises(KeepwellError) as caught:
        files.resolve([folder / "customers of the north.xlsx"])
    assert caught.value.todo == f"it was looked for in {folder.absolute()}"


def test_an_unknown_kind_of_file_is_refused(desk: Desk, con: duckdb.DuckDBPyConnection) -> None:
    assert "*.docx" in _refused(desk.file("a.docx", "x"), con).what
