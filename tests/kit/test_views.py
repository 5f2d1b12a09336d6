"""Delta tables as DuckDB views with exactly the columns that were asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import ibis
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from keepwell.kit.deltalog import latest_version
from keepwell.kit.place import Place
from keepwell.kit.views import quoted, read_table, sql_type, text

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


def test_columns_types_and_partitions_come_back(tmp_path: Path) -> None:
    place = Place(tmp_path / "it's here")
    with place.lock("import") as writer:
        path = writer.table_path("invoices")
        write_deltalake(path, rows("2026-03", "1.5"), partition_by=["month"])
        write_deltalake(path, rows("2026-04", "2.25"), mode="append")
        writer.commit({"invoices": latest_version(path)})
    con = ibis.duckdb.connect()
    con.raw_sql("SET TimeZone = 'UTC'")
    table = read_table(con, place, place.manifest(), "invoices", SCHEMA, partitions=("month",))
    found = con.to_pyarrow(table.order_by("month"))
    assert found.schema == SCHEMA
    expected = pa.concat_tables([rows("2026-03", "1.5"), rows("2026-04", "2.25")])
    assert found.drop_columns(["later"]).equals(expected)
    assert found["later"].to_pylist() == [None, None]
    named = read_table(con, place, place.manifest(), "nothing", SCHEMA, name="other name")
    assert con.to_pyarrow(named).schema == SCHEMA
    assert con.to_pyarrow(con.table("other name").count()).as_py() == 0


def test_columns_that_only_some_files_have(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with place.lock("import") as writer:
        path = writer.table_path("accounts")
        write_deltalake(path, pa.table({"account_id": ["a"]}))
        second = pa.table({"account_id": ["b"], "later": [True]})
        write_deltalake(path, second, mode="append", schema_mode="merge")
        writer.commit({"accounts": latest_version(path)})
    con = ibis.duckdb.connect()
    wanted = pa.schema([SCHEMA.field("account_id"), SCHEMA.field("later")])
    table = read_table(con, place, place.manifest(), "accounts", wanted)
    assert con.to_pyarrow(table.order_by("account_id")).to_pylist() == [
        {"account_id": "a", "later": None},
        {"account_id": "b", "later": True},
    ]


def test_quoting_and_types() -> None:
    assert quoted('a"b') == '"a""b"'
    assert text("o'neil") == "'o''neil'"
    assert sql_type(pa.timestamp("us")) == "TIMESTAMP"
    with pytest.raises(ValueError, match="stored"):
        sql_type(pa.duration("s"))
