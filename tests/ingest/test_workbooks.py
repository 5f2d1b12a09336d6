"""Workbooks: one sheet is read as text; what is no workbook, locked or a bomb is refused."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from pathlib import Path

import duckdb
import openpyxl
import pytest

from keepwell.ingest.tables import ROW
from keepwell.kit.errors import KeepwellError
from tests.ingest.conftest import ACCOUNTS, Desk, of, opened

OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(4000)


def _book(path: Path, *sheets: tuple[str, list[list[object]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def _refused(path: Path, con: duckdb.DuckDBPyConnection) -> KeepwellError:
    with pytest.raises(KeepwellError) as caught:
        opened(con, path)
    assert path.name in str(caught.value.where)
    return caught.value


def test_cells_become_text(desk: Desk, con: duckdb.DuckDBPyConnection) -> None:
    rows: list[list[object]] = [
        ["id", "n", "day", "at", "ok", None, "note"],
        [1, 2.5, date(2026, 3, 1), datetime.fromisoformat("2026-03-01T13:30"), True, None, "  x "],
        [],
        [2, 1e15, None, None, False, "side", None],
    ]
    path = _book(desk.folder / "a.xlsx", ("Sheet", rows))
    found = opened(con, path)
    assert found.shape.columns == ("id", "n", "day", "at", "ok", "column 6", "note")
    assert con.table("v").order(ROW).fetchall() == [
        ("1", "2.5", "2026-03-01", "2026-03-01 13:30:00", "true", None, "x", 2),
        ("2", "1000000000000000", None, None, "false", "side", None, 4),
    ]


def test_the_first_visible_sheet_or_the_one_that_is_named(
    desk: Desk, con: duckdb.DuckDBPyConnection
) -> None:
    path = desk.folder / "a.xlsx"
    _book(path, ("Hidden", [["a"], [0]]), ("Data", [["b"], [1]]), ("More", [["c"], [2]]))
    book = openpyxl.load_workbook(path)
    book["Hidden"].sheet_state = "hidden"
    book.save(path)
    assert opened(con, path).shape.columns == ("b",)
    con.execute("DROP TABLE v")
    assert opened(con, path, sheet="More").shape.columns == ("c",)
    with pytest.raises(KeepwellError, match="did you mean 'Data'"):
        opened(con, path, sheet="Dat")


def test_days_of_a_sheet_may_be_dates_or_text_of_the_declared_format(desk: Desk) -> None:
    rows: list[list[object]] = [["id", "since"], ["a", date(2025, 4, 3)], ["b", "04.05.2025"]]
    _book(desk.folder / "accounts.xlsx", ("S", rows))
    text = ACCOUNTS.replace("accounts.csv", "accounts.xlsx").replace(
        "name: id,", "name: id, customer_since: {column: since, date: '%d.%m.%Y'},"
    )
    assert of(desk.run(text), "accounts").new == 2
    assert desk.values("accounts", "customer_since") == [date(2025, 4, 3), date(2025, 5, 4)]


def test_a_header_without_rows_is_refused(desk: Desk, con: duckdb.DuckDBPyConnection) -> None:
    path = _book(desk.folder / "a.xlsx", ("S", [["id", "name"]]))
    assert "no rows" in _refused(path, con).what
    path = _book(desk.folder / "b.xlsx", ("S", []))
    assert "no column names" in _refused(path, con).what


def test_a_zip_that_is_no_workbook_is_refused(desk: Desk, con: duckdb.DuckDBPyConnection) -> None:
    path = desk.folder / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "no workbook is in it" in _refused(path, con).what
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<nothing/>")
        archive.writestr("[Content_Types].xml", "<Types/>")
    assert "damaged" in _refused(path, con).what
    assert "no XLSX file" in _refused(desk.file("b.xlsx", "id,name\n1,a\n"), con).what


def test_locked_and_old_workbooks_are_refused(desk: Desk, con: duckdb.DuckDBPyConnection) -> None:
    assert "encrypted" in _refused(desk.file("a.xlsx", OLE), con).what
    assert "before 2007" in _refused(desk.file("a.xls", OLE), con).what


def test_a_bomb_is_refused_before_it_is_unpacked(
    desk: Desk, con: duckdb.DuckDBPyConnection
) -> None:
    path = desk.folder / "a.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as member:
            for _ in range(80):
                member.write(b"0" * (1 << 20))
    assert "unpacks from" in _refused(path, con).what


def test_a_workbook_with_xml_entities_is_refused(
    desk: Desk, con: duckdb.DuckDBPyConnection
) -> None:
    path = desk.folder / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "xl/workbook.xml", '<!DOCTYPE x [<!ENTITY a "b">]><workbook>&a;</workbook>'
        )
    assert "document type" in _refused(path, con).what
