"""What the tests of imports share: a desk with files, mappings and a store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import duckdb
import pytest

from keepwell.facts.arrow import stored_schema
from keepwell.facts.engine import connect
from keepwell.facts.ledger import LEDGER_SCHEMAS
from keepwell.facts.schema import TABLES
from keepwell.facts.store import FactStore
from keepwell.ingest import files, mapping
from keepwell.ingest.load import Context, load
from keepwell.ingest.report import ImportReport, TableReport
from keepwell.ingest.tables import FileOptions, Opened
from keepwell.kit.views import view_sql

NOW = "2026-03-15T10:00:00+00:00"

ACCOUNTS = """
source: test
currency: USD
tables:
  - from: accounts.csv
    to: accounts
    fields: {account_id: id, name: id, status: {value: active}}
"""


@dataclass
class Desk:
    """A folder of files and a store that they are imported into."""

    folder: Path
    store: FactStore

    def file(self, name: str, content: str | bytes) -> Path:
        """Write a file; a text is without the indentation that it has in the test."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(dedent(content).lstrip("\n"), encoding="utf-8")
        else:
            path.write_bytes(content)
        return path

    def mapping(self, text: str) -> mapping.Loaded:
        return mapping.loads(dedent(text).lstrip("\n"), "map.yaml")

    def run(
        self,
        map_text: str | None = None,
        *paths: str,
        dry_run: bool = False,
        context: Context | None = None,
    ) -> ImportReport:
        """Import the folder, or these files of it, by a mapping or without."""
        given = [self.folder / p for p in paths] or [self.folder]
        loaded = self.mapping(map_text) if map_text is not None else None
        return load(self.store, given, loaded, dry_run=dry_run, context=context)

    def versions(self, table: str) -> list[dict[str, Any]]:
        """Every stored version."""
        schema = LEDGER_SCHEMAS.get(table) or stored_schema(TABLES[table])
        con = connect()
        try:
            rows = con.sql(view_sql(self.store.files(table), schema)).to_arrow_table()
        finally:
            con.close()
        found: list[dict[str, Any]] = rows.to_pylist()
        return found

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The current rows."""
        return [r for r in self.versions(table) if r["known_to"] is None]

    def values(self, table: str, *columns: str) -> list[Any]:
        """These columns of the current rows, sorted; bare values where it is one column."""
        found = [tuple(r[c] for c in columns) for r in self.rows(table)]
        return [r[0] if len(columns) == 1 else r for r in sorted(found, key=str)]

    def quarantined(self) -> list[tuple[str, int, str, str]]:
        """File, row, field and reason of every quarantined row."""
        rows = self.versions("_quarantine")
        return sorted((r["file"], r["row_number"], r["field"], r["reason"]) for r in rows)


def of(report: ImportReport, table: str) -> TableReport:
    """The report of the only file that fed this table."""
    (found,) = [t for t in report.tables if t.table == table]
    return found


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """An empty folder and an empty store, on 15 March 2026."""
    monkeypatch.setenv("KEEPWELL_NOW", NOW)
    folder = tmp_path / "files"
    folder.mkdir()
    return Desk(folder, FactStore(tmp_path / "facts"))


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory."""
    con = connect(keep_order=True)
    yield con
    con.close()


def opened(con: duckdb.DuckDBPyConnection, path: Path, **options: Any) -> Opened:
    """A file read into the view `v`."""
    (file,) = files.resolve([path])
    return files.load(con, files.look(file, FileOptions(**options)), "v")
