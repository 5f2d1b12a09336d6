"""Data reaches a file or a pipe whole, in the format that was asked for."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv
from rich.text import Text

from keepwell.cli.output import arrow, deliver, plain
from keepwell.kit.errors import KeepwellError

ROWS = [
    {"account": "a, b", "score": 64.25, "day": date(2026, 3, 1), "tags": ["x", "y"], "none": None},
    {"account": 'the "best"', "score": None, "day": None, "tags": [], "none": None},
]


def delivered(fmt: str | None, output: Path | None) -> None:
    deliver(fmt, output, table=lambda width: Text(f"{width} wide"), rows=lambda: ROWS)


def test_json_keeps_unknown_as_null(capsys: pytest.CaptureFixture[str]) -> None:
    delivered("json", None)
    first, second = json.loads(capsys.readouterr().out)
    assert first == {"account": "a, b", "score": 64.25, "day": "2026-03-01", "tags": ["x", "y"],
                     "none": None}  # fmt: skip
    assert second["score"] is None


@pytest.mark.parametrize(("fmt", "ending"), [("csv", "txt"), (None, "csv")])
def test_csv_is_chosen_by_name_or_by_ending(tmp_path: Path, fmt: str | None, ending: str) -> None:
    file = tmp_path / f"rows.{ending}"
    delivered(fmt, file)
    read = csv.read_csv(file).to_pylist()
    assert read[0]["account"] == "a, b"
    assert read[0]["score"] == 64.25
    assert read[0]["tags"] == "x; y"
    assert read[1]["account"] == 'the "best"'
    assert read[1]["score"] is None
    assert [f.name for f in tmp_path.iterdir()] == [file.name]


def test_parquet_keeps_the_types(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    delivered(None, file)
    read = pq.read_table(file)
    assert read.schema.field("day").type == pa.date32()
    assert read["score"].to_pylist() == [64.25, None]


def test_parquet_goes_through_a_pipe(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    delivered("parquet", None)
    written = capfdbinary.readouterr().out
    assert pq.read_table(pa.BufferReader(written)).num_rows == 2


def test_a_table_in_a_file_has_its_own_width(tmp_path: Path) -> None:
    delivered("table", tmp_path / "rows.txt")
    assert (tmp_path / "rows.txt").read_text("utf-8") == "160 wide\n"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "absent" / "rows.csv"
    with pytest.raises(KeepwellError) as caught:
        delivered(None, file)
    assert caught.value.where == str(file)


def test_a_column_of_several_kinds_becomes_text() -> None:
    table = arrow([{"value": 1.5}, {"value": "high"}, {"value": date(2026, 3, 1)}, {"other": 1}])
    assert table["value"].to_pylist() == ["1.5", "high", "2026-03-01", None]
    assert table["other"].to_pylist() == [None, None, None, 1]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (Decimal("12.0000"), 12),
        (Decimal("12.50"), 12.5),
        (datetime(2026, 3, 1, 8, 40, tzinfo=UTC), "2026-03-01T08:40:00+00:00"),
        ((1, {2: date(2026, 3, 1)}), [1, {"2": "2026-03-01"}]),
        (True, True),
    ],
)
def test_json_knows_every_value(value: object, expected: object) -> None:
    assert plain(value) == expected
