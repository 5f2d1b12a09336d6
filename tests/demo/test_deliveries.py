"""The files of the company lead back to its tables, and what is wrong in them is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from keepwell.demo import Company, write_files
from keepwell.demo.deliveries import Delivered
from keepwell.demo.shapes import FILES, Shape
from keepwell.facts.known import Known
from keepwell.facts.reading import FactReader
from keepwell.facts.schema import IMPORTED
from keepwell.facts.store import FactStore
from keepwell.ingest.load import load
from keepwell.ingest.mapping import load as load_mapping
from keepwell.ingest.report import ImportReport

NOW = "2026-04-15T08:40:00+00:00"

TABLES = sorted({shape.table for shapes in FILES.values() for shape in shapes})


@dataclass(frozen=True)
class Imported:
    files: Delivered
    first: Sequence[ImportReport]
    second: Sequence[ImportReport]
    facts: FactReader


@pytest.fixture(scope="module")
def imported(small: Company, tmp_path_factory: pytest.TempPathFactory) -> Imported:
    """Both deliveries of the small company, imported in their order."""
    folder = tmp_path_factory.mktemp("demo")
    files = write_files(small, folder / "files")
    store = FactStore(folder / "facts")
    reports: dict[Path, list[ImportReport]] = {files.first: [], files.second: []}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEEPWELL_NOW", NOW)
        for delivery, mapping in files.steps():
            reports[delivery].append(load(store, [delivery], load_mapping(mapping)))
    facts = FactReader(store, Known.latest())
    return Imported(files, reports[files.first], reports[files.second], facts)


def _fields(shapes: Sequence[Shape]) -> list[str]:
    return [c.target for c in shapes[0].columns] + list(shapes[0].constants)


def _rows(table: pa.Table, fields: Sequence[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.select(list(fields)).to_pylist()
    return sorted(rows, key=lambda row: [str(row[f] or "") for f in sorted(fields)])


@pytest.mark.parametrize("name", TABLES)
def test_the_files_lead_back_to_the_table(name: str, imported: Imported, small: Company) -> None:
    shapes = [s for shapes in FILES.values() for s in shapes if s.table == name]
    fields = [f for f in _fields(shapes) if f in small.tables[name].column_names]
    found = imported.facts.con.to_pyarrow(imported.facts.table(name))
    assert _rows(found, fields) == _rows(small.tables[name], fields)


def test_what_nobody_can_use_is_rejected_with_its_line(imported: Imported) -> None:
    rejected = {
        (table.file, example.row, table.table)
        for report in imported.first
        for table in report.tables
        for rejection in table.rejections
        for example in rejection.examples
    }
    wrong = pq.read_table(imported.files.truth / "quarantine.parquet").to_pylist()
    assert {w["fault"] for w in wrong} == {
        "unknown account",
        "unknown severity",
        "impossible date",
        "duplicate key",
    }
    assert rejected == {(w["file"], w["line"], w["table"]) for w in wrong}


def test_the_second_delivery_brings_what_was_late_and_corrected(
    imported: Imported, small: Company
) -> None:
    new, changed, rejected = 0, 0, 0
    for table in (t for report in imported.second for t in report.tables):
        new, changed = new + table.new, changed + table.changed
        rejected += sum(r.count for r in table.rejections)
    assert new == small.truth["late_rows"].num_rows > 30
    assert changed == small.truth["corrected_rows"].num_rows == 9
    assert rejected == 0


def test_the_stopped_feed_covers_no_more_days_than_it_has(
    imported: Imported, small: Company
) -> None:
    feed = small.truth["stopped_feeds"].to_pylist()[0]
    covered = {c.family: c.to_day for c in imported.facts.coverage() if c.family == feed["feed"]}
    assert covered == {feed["feed"]: feed["last_day"]}
    others = {c.to_day for c in imported.facts.coverage() if c.family == "usage_daily.session"}
    assert others == {small.end}


def test_the_hidden_truth_lies_apart(imported: Imported, small: Company) -> None:
    names = {path.stem for path in imported.files.truth.iterdir()}
    assert names == {*small.truth, "quarantine"}
    given = {p.name for d in (imported.files.first, imported.files.second) for p in d.iterdir()}
    assert {name for name in given if "truth" in name or "quarantine" in name} == set()


def test_every_table_but_bookkeeping_is_delivered() -> None:
    assert set(IMPORTED) - set(TABLES) == {"sources", "coverage"}


def test_usage_comes_in_a_file_per_month(imported: Imported) -> None:
    months = sorted(p.stem for p in imported.files.first.glob("product_usage_*.parquet"))
    assert months[0] == "product_usage_2025-10"
    assert months[-1] == "product_usage_2026-04"
    assert len(months) == 7
