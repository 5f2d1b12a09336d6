"""Warehouses for tests: the same rows in PostgreSQL, in Parquet files for Spark, and here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from adbc_driver_postgresql import dbapi

from keepwell.facts.arrow import conform, stored_schema
from keepwell.facts.reading import Facts
from keepwell.facts.schema import IMPORTED
from keepwell.kit.views import quoted

Stored = Mapping[str, pa.Table]
READER = "reader"
"""A role that may read, and nothing else."""


def stored(facts: Facts) -> dict[str, pa.Table]:
    """Every stored version of the facts, with its provenance, and the days that they cover."""
    found = {}
    for name in IMPORTED:
        rows = facts.con.con.execute(facts.stored_versions(name)).to_arrow_table()
        if rows.num_rows:
            found[name] = rows.cast(stored_schema(IMPORTED[name]))
    if "coverage" not in found:
        found["coverage"] = _coverage(facts)
    return found


def _coverage(facts: Facts) -> pa.Table:
    told = {"source_id": "memory", "known_assumed": True}
    rows = [
        {
            **told,
            "source": c.source,
            "family": c.family,
            "from_day": c.from_day,
            "to_day": c.to_day,
            "state": c.state,
            "known_from": "1900-01-01",
            "ingested_at": "1900-01-01",
        }
        for c in facts.coverage()
    ]
    return conform("coverage", rows, stored_schema(IMPORTED["coverage"]))


def put_into_postgres(url: str, tables: Stored, schema: str) -> str:
    """The address of these tables in a schema of their own, for a role that may only read them."""
    with dbapi.connect(url) as con, con.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {quoted(schema)}")
        for name, rows in tables.items():
            cursor.adbc_ingest(name, rows, mode="create", db_schema_name=schema)
            cursor.execute(f"ANALYZE {quoted(schema)}.{quoted(name)}")
        cursor.execute(
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'reader')"
            " THEN CREATE ROLE reader LOGIN; END IF; END $$"
        )
        cursor.execute(f"GRANT USAGE ON SCHEMA {quoted(schema)} TO {READER}")
        cursor.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {quoted(schema)} TO {READER}")
        con.commit()
    return url.replace("//postgres@", f"//{READER}@")


def put_into_folder(folder: Path, tables: Stored) -> dict[str, str]:
    """Where each of the tables lies as Parquet files below the folder."""
    for name, rows in tables.items():
        (folder / name).mkdir(parents=True)
        pq.write_table(rows, folder / name / "rows.parquet")
    return {name: str(folder / name) for name in tables}


def differences(mine: pa.Table, theirs: pa.Table) -> list[str]:
    """The columns of which any value is not the same, numbers within a billionth of themselves;
    with the first such row and its two values."""
    assert mine.column_names == theirs.column_names
    assert mine.num_rows == theirs.num_rows
    found = []
    for name in mine.column_names:
        pairs = zip(mine[name].to_pylist(), theirs[name].to_pylist(), strict=True)
        wrong = [(row, *pair) for row, pair in enumerate(pairs) if not same(*pair)]
        if wrong:
            found.append(f"{name}: {len(wrong)} of {mine.num_rows}, such as {wrong[0]}")
    return found


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same all through, numbers within a billionth of themselves."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
