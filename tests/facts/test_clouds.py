"""Snowflake, BigQuery, Databricks and Trino as places, as far as they can be known from here."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from keepwell.facts import places
from keepwell.facts.engines.clouds import LONGEST, ROWS_AT_ONCE, kind_of, written_out
from keepwell.facts.engines.dialects import CLOUDS, Dialect, translated
from keepwell.facts.engines.vendors import FORMS, SECRETS, Place, secret
from keepwell.facts.known import Known
from keepwell.facts.paper import PaperEngine
from keepwell.facts.warehouse import Warehouse
from keepwell.kit.errors import KeepwellError

DRIVERS = {
    "snowflake": "adbc_driver_snowflake",
    "bigquery": "adbc_driver_bigquery",
    "databricks": "databricks",
    "trino": "trino",
}


def opened(address: str) -> None:
    place = places.source(address, Path())
    assert isinstance(place, Warehouse)
    place.reader(Known.latest())


@pytest.mark.parametrize(
    ("address", "schema", "user"),
    [
        ("snowflake://me@org-acc/CRM/marts?warehouse=w", "CRM.marts", "me"),
        ("snowflake://me@org-acc/CRM", "CRM.PUBLIC", "me"),
        ("bigquery://My-Project/crm", "My-Project.crm", None),
        ("databricks://adb.example.com/sql/1.0/warehouses/a?catalog=main&schema=crm",
         "main.crm", None),
        ("databricks://adb.example.com/sql/1.0/warehouses/a", "default", None),
        ("trino://a%40b@trino.example.com:8443/hive/crm", "hive.crm", "a@b"),
    ],
)  # fmt: skip
def test_an_address_says_where_tables_are(address: str, schema: str, user: str | None) -> None:
    place = Place.of(address)
    assert (place.schema, place.user) == (schema, user)
    assert place.where == address.partition("?")[0]


@pytest.mark.parametrize(
    "address", ["snowflake://me@acc", "bigquery://p", "bigquery://p/d/t", "databricks:///x",
                "trino://host:8080", "trino://host/a/b/c"],
)  # fmt: skip
def test_an_address_that_says_too_little_is_told_with_its_form(address: str) -> None:
    with pytest.raises(KeepwellError) as raised:
        Place.of(address)
    dialect = Place.of.__globals__["urlsplit"](address).scheme
    assert raised.value.expected == FORMS[dialect]


@pytest.mark.parametrize("dialect", sorted(CLOUDS))
def test_a_missing_driver_is_named_with_its_extra(
    dialect: Dialect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, DRIVERS[dialect], None)
    address = FORMS[dialect].replace("port", "8080")
    with pytest.raises(KeepwellError) as raised:
        opened(address)
    assert DRIVERS[dialect] in raised.value.what
    assert f"pip install 'keepwell[{dialect}]'" in (raised.value.todo or "")


@pytest.mark.parametrize("dialect", sorted(CLOUDS))
def test_who_one_is_comes_from_the_environment(
    dialect: Dialect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SECRETS[dialect]:
        monkeypatch.delenv(name, raising=False)
    assert secret(dialect, required=False) == ("", "")
    with pytest.raises(KeepwellError) as raised:
        secret(dialect)
    assert SECRETS[dialect][0] in (raised.value.todo or "")
    monkeypatch.setenv(SECRETS[dialect][-1], "x")
    assert secret(dialect) == (SECRETS[dialect][-1], "x")


def test_a_trino_that_is_away_is_told_of() -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    with pytest.raises(KeepwellError) as raised:
        opened(f"trino://me@127.0.0.1:{port}/hive/crm")
    assert raised.value.what.startswith("Trino could not answer")
    assert "compiled and checked, not run" in (raised.value.todo or "")


@pytest.mark.parametrize(
    ("dialect", "told", "kind"),
    [
        ("snowflake", "TEXT", "text"),
        ("snowflake", "INT", "int"),
        ("snowflake", "TIMESTAMP_LTZ", "timestamp"),
        ("snowflake", "TIMESTAMP_NTZ", "an instant without a zone"),
        ("snowflake", "VARIANT", "VARIANT"),
        ("bigquery", "NUMERIC(18, 4)", "decimal"),
        ("bigquery", "TIMESTAMP", "timestamp"),
        ("bigquery", "DATETIME", "an instant without a zone"),
        ("databricks", "TIMESTAMP", "timestamp"),
        ("databricks", "TIMESTAMP_NTZ", "an instant without a zone"),
        ("trino", "varchar(20)", "text"),
        ("trino", "timestamp(6) with time zone", "timestamp"),
        ("trino", "timestamp(6)", "an instant without a zone"),
        ("trino", "row(a bigint)", "row(a bigint)"),
    ],
)
def test_types_are_known_by_the_vendors_names(dialect: Dialect, told: str, kind: str) -> None:
    assert kind_of(told, dialect) == kind


def test_small_rows_written_out_are_the_same_rows() -> None:
    days = pa.array([None, 3], pa.int32()).cast(pa.date32())
    some = pa.table({"it's": ["a'b", None], "n": [None, -1], "day": days, "is": [True, None]})
    many = pa.table({"n": range(ROWS_AT_ONCE + 1)})
    none = some.slice(0, 0)
    with duckdb.connect() as con:
        for rows in (some, many, none):
            assert con.execute(written_out(rows)).to_arrow_table().cast(rows.schema) == rows
    assert written_out(many).count("VALUES") == 2


def test_names_that_differ_by_their_case_stay_apart() -> None:
    said = translated('SELECT 1 AS "open = A", 2 AS "open = a"', "bigquery")
    one, other = said.split(" AS ")[1:]
    assert one.partition(",")[0].lower() != other.lower()


def test_a_statement_that_is_too_long_is_told_of() -> None:
    engine = PaperEngine("trino")
    engine.put("zones", pa.table({"zone": ["Europe/Berlin"] * (LONGEST["trino"] // 10)}))
    assert engine.finished("SELECT 1") == "SELECT 1"
    with pytest.raises(KeepwellError) as raised:
        engine.finished('SELECT * FROM "zones"')
    assert "longer than Trino takes" in raised.value.what
