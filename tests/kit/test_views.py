"""Delta tables as DuckDB views with exactly the columns that were asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from keepwell.kit.deltalog import latest_version
from keepwell.kit.place import Place, live_files
from keepwell.kit.views import quoted, sql_type, text, view_sql

SCHEMA = pa.schema(
    [
        ("account_id", pa.string()),
        ("month", pa.string()),
        ("amount", pa.decimal128(18, 4)),
        ("at", pa.timestamp("us", tz="UTC")),
        ("day", pa.date32()),
        ("tags", pa.list_(pa.string())),
        ("later", pa.bool_()),
    ]
)
AT = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def rows(month: str, amount: str) -> pa.Table:
    row = {
        "account_id": "o'neil",
        "month": month,
        "amount": Decimal(amount),
        "at": AT,
        "day": date(2026, 3, 29),
        "tags": ["a", "b"],
    }
    return pa.Table.from_pylist([row], schema=SCHEMA.remove(6))


def rows_of(select: str, order: str) -> pa.Table:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        return con.execute(f"FROM ({select}) ORDER BY {order}").to_arrow_table()


def test_columns_types_and_partitions_come_back(tmp_path: Path) -> None:
    place = Place(tmp_path / "it's here")
    with place.lock("import") as writer:
        path = writer.table_path("invoices")
        write_deltalake(path, rows("2026-03", "1.5"), partition_by=["month"])
        write_deltalake(path, rows("2026-04", "2.25"), mode="append")
        writer.commit({"invoices": latest_version(path)})
    files = live_files(place, place.manifest(), "invoices")
    found = rows_of(view_sql(files, SCHEMA, ("month",)), "month")
    assert found.schema == SCHEMA
    expected = pa.concat_tables([rows("2026-03", "1.5"), rows("2026-04", "2.25")])
    assert found.drop_columns(["later"]).equals(expected)
    assert found["later"].to_pylist() == [None, None]
    nothing = rows_of(view_sql([], SCHEMA), "month")
    assert nothing.schema == SCHEMA
    assert nothing.num_rows == 0


def test_columns_that_only_some_files_have(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with place.lock("import") as writer:
        path = writer.table_path("accounts")
        write_deltalake(path, pa.table({"account_id": ["a"]}))
        second = pa.table({"account_id": ["b"], "later": [True]})
        write_deltalake(path, second, mode="append", schema_mode="merge")
        writer.commit({"accounts": latest_version(path)})
    wanted = pa.schema([SCHEMA.field("account_id"), SCHEMA.field("later")])
    files = live_files(place, place.manifest(), "accounts")
    assert rows_of(view_sql(files, wanted), "account_id").to_pylist() == [
        {"account_id": "a", "later": None},
        {"account_id": "b", "later": True},
    ]


def test_quoting_and_types() -> None:
    assert quoted('a"b') == '"a""b"'
    assert text("o'neil") == "'o''neil'"
    assert sql_type(pa.timestamp("us")) == "TIMESTAMP"
    with pytest.raises(ValueError, match="stored"):
        sql_type(pa.duration("s"))
