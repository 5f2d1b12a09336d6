"""The company's data as its user would have it: files of several systems, in two deliveries.

The second delivery brings what was late and what was corrected. Both hold what the systems hold,
not what is true: that lies beside them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from keepwell.demo.company import Company
from keepwell.demo.flaws import key_text
from keepwell.demo.frames import Row, plain_frame
from keepwell.demo.mappings import mapping_text
from keepwell.demo.shapes import FILES, Shape
from keepwell.demo.sources import METERED, last_covered
from keepwell.facts.schema import TABLES

FIRST, SECOND = "first_delivery", "second_delivery"


@dataclass(frozen=True)
class Delivered:
    """Where the files are. mappings: path by system."""

    first: Path
    second: Path
    truth: Path
    mappings: dict[str, Path] = field(default_factory=dict)

    def steps(self) -> list[tuple[Path, Path]]:
        """(folder, mapping) of every import in order; systems that sent nothing are left out."""
        return [
            (folder, self.mappings[source])
            for folder in (self.first, self.second)
            for source, shapes in FILES.items()
            if any(next(folder.glob(f"{shape.stem}*"), None) for shape in shapes)
        ]


@dataclass
class _Flaws:
    """The hidden truth about flaws, by table."""

    late: dict[str, set[str]] = field(default_factory=dict)
    corrected: dict[str, dict[str, Row]] = field(default_factory=dict)
    dirty: dict[str, list[Row]] = field(default_factory=dict)
    placed: list[Row] = field(default_factory=list)


def _flaws(truth: Mapping[str, pa.Table]) -> _Flaws:
    found = _Flaws()
    for row in truth["late_rows"].to_pylist():
        found.late.setdefault(row["table"], set()).add(row["key"])
    for row in truth["corrected_rows"].to_pylist():
        found.corrected.setdefault(row["table"], {})[row["key"]] = row
    for row in truth["dirty_rows"].to_pylist():
        found.dirty.setdefault(row["table"], []).append(row)
    return found


def write_files(company: Company, folder: Path | str) -> Delivered:
    """Writes both deliveries, a mapping per system and hidden_truth/ into the folder.

    Returns where they are and in which order to import them. quarantine.parquet of the hidden
    truth names file and line of every row that must be rejected; the header is line 1.
    """
    folder = Path(folder)
    made = Delivered(folder / FIRST, folder / SECOND, folder / "hidden_truth")
    places = (made.first, made.second, made.truth, folder / "mappings")
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
    flaws = _flaws(company.truth)
    for source, shapes in FILES.items():
        for shape in shapes:
            if shape.table in ("usage_daily", "usage_events"):
                _write_usage(company, made, shape, flaws)
            else:
                _write_rows(company, made, shape, flaws)
        path = places[3] / f"{source}.yaml"
        text = mapping_text(source, company.tables, last_covered(company.end, source))
        path.write_text(text, encoding="utf-8")
        made.mappings[source] = path
    truth = company.truth | {"quarantine": _quarantine(flaws)}
    for name, table in truth.items():
        pq.write_table(table, made.truth / f"{name}.parquet")
    return made


def _quarantine(flaws: _Flaws) -> pa.Table:
    types = {"file": pa.string(), "line": pa.int64(), "table": pa.string(), "fault": pa.string()}
    return plain_frame(flaws.placed, types)


def _write_csv(path: Path, shape: Shape, rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, delimiter=shape.delimiter, lineterminator="\n")
        out.writerow([c.name for c in shape.columns])
        out.writerows([c.write(row[c.target]) for c in shape.columns] for row in rows)


def _write_rows(company: Company, made: Delivered, shape: Shape, flaws: _Flaws) -> None:
    """A CSV file: good rows, some as they first were, and the rows that nobody can use last."""
    late = flaws.late.get(shape.table, set())
    corrected = flaws.corrected.get(shape.table, {})
    first: list[Row] = []
    second: list[Row] = []
    for row in company.tables[shape.table].to_pylist():
        key = key_text(shape.table, row) if late or corrected else ""
        if key in late:
            second.append(row)
        elif key in corrected:
            was = corrected[key]
            first.append(row | {was["column"]: _typed(row[was["column"]], was["first"])})
            second.append(row)
        else:
            first.append(row)
    name = f"{shape.stem}.csv"
    dirty = flaws.dirty.get(shape.table, [])
    for number, bad in enumerate(dirty):
        place = {"file": name, "line": len(first) + 2 + number}
        flaws.placed.append(place | {"table": shape.table, "fault": bad["fault"]})
    spoilt = list(_spoilt(shape, first, dirty))
    _write_csv(made.first / name, shape, [*first, *spoilt])
    if second:
        _write_csv(made.second / f"{shape.stem}_2.csv", shape, second)


def _typed(like: Any, text: str) -> Any:
    return Decimal(text) if isinstance(like, Decimal) else text


def _spoilt(shape: Shape, good: list[Row], dirty: list[Row]) -> Iterator[Row]:
    """Copies of good rows, each with its fault."""
    column = TABLES[shape.table].key[0]
    by_key = {row[column]: row for row in good}
    for bad in dirty:
        yield by_key[bad["copy_of"]] | {column: bad["key"], bad["column"]: bad["value"]}


def _write_usage(company: Company, made: Delivered, shape: Shape, flaws: _Flaws) -> None:
    """Parquet: metering in one file, usage in one per month, and a file of late days."""
    table = company.tables[shape.table]
    if shape.table == "usage_daily":
        is_metered = pc.is_in(table["metric"], pa.array(METERED))
        table = table.filter(is_metered if shape.constants else pc.invert(is_metered))
    if shape.constants or shape.table == "usage_events":
        names = {c.target: c.name for c in shape.columns}
        own = table.select(list(names)).rename_columns(list(names.values()))
        pq.write_table(own, made.first / f"{shape.stem}.parquet")
        return
    is_late = _late_rows(table, flaws.late.get("usage_daily", set()))
    pq.write_table(table.filter(is_late), made.second / f"{shape.stem}_late.parquet")
    table = table.filter(pc.invert(is_late))
    months = pc.strftime(table["day"], format="%Y-%m")
    for month in sorted(pc.unique(months).to_pylist()):
        part = table.filter(pc.equal(months, month))
        pq.write_table(part, made.first / f"{shape.stem}_{month}.parquet")


def _late_rows(table: pa.Table, keys: set[str]) -> pa.Array:
    """Which rows of usage_daily are late: true or false for each."""
    parts = [key.split("|") for key in sorted(keys)]
    accounts = pa.array(sorted({p[0] for p in parts}), type=pa.string())
    days = pa.array(sorted({p[2] for p in parts}), type=pa.string()).cast(pa.date32())
    return pc.and_(pc.is_in(table["account_id"], accounts), pc.is_in(table["day"], days))
