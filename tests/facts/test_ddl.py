"""The statements of every dialect make the canonical tables, and a warehouse can read them."""

from __future__ import annotations

import re

import pytest
import sqlglot
from adbc_driver_postgresql import dbapi
from sqlglot import exp

from keepwell.facts.arrow import read_schema, stored_schema
from keepwell.facts.ddl import DIALECTS, ddl
from keepwell.facts.engines.postgres import PostgresEngine
from keepwell.facts.known import Known
from keepwell.facts.schema import IMPORTED, PROVENANCE
from keepwell.facts.warehouse import FITTING, Warehouse
from keepwell.kit.errors import KeepwellError
from keepwell.kit.views import quoted

INSTANTS = {
    "postgres": "TIMESTAMPTZ",
    "spark": "TIMESTAMP",
    "databricks": "TIMESTAMP",
    "snowflake": "TIMESTAMPTZ",
    "bigquery": "TIMESTAMP",
    "trino": "TIMESTAMP(6) WITH TIME ZONE",
    "duckdb": "TIMESTAMPTZ",
}
OURS = {c.name for c in PROVENANCE}


def made(dialect: str, schema: str | None = None) -> dict[str, exp.Create]:
    """The statements as an engine of that dialect reads them, by the name of their table."""
    found = {}
    for tree in sqlglot.parse(ddl(dialect, schema), read=dialect):
        assert isinstance(tree, exp.Create)
        table = tree.find(exp.Table)
        assert table is not None
        found[here(table.name, dialect)] = tree
    return found


def here(name: str, dialect: str) -> str:
    """A name as Keepwell has it: what Snowflake is told without quotes is in capitals there."""
    assert name.isupper() if dialect == "snowflake" else name.islower()
    return name.lower()


def columns(tree: exp.Create, dialect: str) -> dict[str, exp.ColumnDef]:
    return {here(c.name, dialect): c for c in tree.find_all(exp.ColumnDef)}


def required(column: exp.ColumnDef) -> bool:
    return any(isinstance(c.kind, exp.NotNullColumnConstraint) for c in column.constraints)


def line_of(text: str, column: str) -> str:
    (line,) = [x for x in text.splitlines() if re.match(rf"(?i)  [`\"]{column}[`\"] ", x)]
    return line


def run(address: str, *statements: str) -> None:
    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        connection.commit()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_table_has_its_columns_and_then_the_provenance(dialect: str) -> None:
    trees = made(dialect)
    assert list(trees) == list(IMPORTED)
    for name, tree in trees.items():
        assert list(columns(tree, dialect)) == stored_schema(IMPORTED[name]).names
        assert all(node.quoted for node in tree.find_all(exp.Identifier))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_required_may_not_be_null_and_provenance_always_may(dialect: str) -> None:
    for name, tree in made(dialect).items():
        wanted = {c.name for c in IMPORTED[name].columns if c.required}
        assert {n for n, c in columns(tree, dialect).items() if required(c)} == wanted


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_instant_has_its_zone_and_a_day_has_none(dialect: str) -> None:
    text = ddl(dialect, None, ["tickets", "usage_daily"])
    for column in ("opened_at", "known_from", "deleted_at"):
        assert f" {INSTANTS[dialect]}" in line_of(text.partition("\n\n")[0], column)
    assert line_of(text.partition("\n\n")[2], "day").split()[1:] == ["DATE", "NOT", "NULL,"]


def test_types_are_in_the_words_of_the_dialect() -> None:
    text = ddl("bigquery", None, ["fx_rates", "plans"])
    assert line_of(text, "rate").split()[1:4] == ["NUMERIC(18,", "9)", "NOT"]
    assert line_of(text, "tier_rank").split()[1] == "INT64,"
    assert line_of(ddl("spark", None, ["plans"]), "name").split()[1] == "STRING"


def test_notes_stand_beside_what_they_are_about() -> None:
    text = ddl("postgres", None, ["account_periods", "coverage", "tickets"])
    assert text.startswith(
        "-- Stretches of an account's life: closures, changes of owner\n"
        "-- one row per period_id\n"
        'CREATE TABLE "account_periods" (\n'
    )
    assert line_of(text, "end_on").endswith("-- last day, included")
    assert line_of(text, "severity").endswith("-- one of low, medium, high, critical, unknown")
    parts = text.split(";\n")
    for part in parts[:-1]:
        own, _, optional = part.partition("  -- All from here on is optional.")
        assert "without known_from is read as known now" in optional
        assert not any(f'"{name}"' in own for name in OURS)
        assert all(f'"{name}"' in optional for name in OURS)


@pytest.mark.parametrize(
    ("dialect", "schema", "name"),
    [
        ("postgres", "kw", '"kw"."plans"'),
        ("snowflake", "kw", '"KW"."PLANS"'),
        ("snowflake", "Kw", '"Kw"."PLANS"'),
        ("databricks", "main.kw", "`main`.`kw`.`plans`"),
        ("postgres", 'a"; DROP TABLE x; --', '"a""; DROP TABLE x; --"."plans"'),
        ("spark", "a`b", "`a``b`.`plans`"),
    ],
)
def test_a_schema_is_only_ever_a_name(dialect: str, schema: str, name: str) -> None:
    assert f"CREATE TABLE {name} (\n" in ddl(dialect, schema, ["plans"])


def test_named_tables_come_once_and_in_their_order() -> None:
    text = ddl("duckdb", None, ["tickets", "accounts", "tickets"])
    assert [x for x in text.splitlines() if x.startswith("CREATE")] == [
        'CREATE TABLE "tickets" (',
        'CREATE TABLE "accounts" (',
    ]


@pytest.mark.parametrize(
    ("dialect", "table", "told"),
    [
        ("postgres", "acounts", "did you mean 'accounts'"),
        ("postgres", "features", "make the tables that it is made of"),
        ("postgress", "accounts", "did you mean 'postgres'?"),
    ],
)
def test_what_there_is_not_is_told_with_what_there_is(dialect: str, table: str, told: str) -> None:
    with pytest.raises(KeepwellError) as raised:
        ddl(dialect, None, [table])
    assert told in (raised.value.todo or "")


@pytest.mark.parametrize("schema", [None, 'Kunden "neu"'])
def test_postgresql_takes_them_and_a_warehouse_reads_them(
    postgres: str, schema: str | None
) -> None:
    statements = [x for x in ddl("postgres", schema).split(";\n") if x.strip()]
    assert len(statements) == len(IMPORTED)
    if schema:
        statements.insert(0, "CREATE SCHEMA " + quoted(schema))
    run(postgres, *statements)
    warehouse = Warehouse(lambda: PostgresEngine(postgres), schema)
    facts = warehouse.reader(Known.latest())
    places = {(schema or "public", name): table for name, table in IMPORTED.items()}
    found = facts.engine.columns(list(places))
    assert set(found) == set(places)
    for place, table in places.items():
        kinds = {c.name: c.type for c in (*table.columns, *PROVENANCE)}
        # Not only what can be read as it: the very same, which needs no cast.
        assert found[place] == {n: FITTING[kinds[n]][0] for n in stored_schema(table).names}
    assert facts.known_now == []
    rows = facts.con.to_pyarrow(facts.table("tickets"))
    assert (rows.num_rows, rows.schema) == (0, read_schema(IMPORTED["tickets"]))
    facts.close()


def test_a_table_without_its_optional_part_is_read_as_well(postgres: str) -> None:
    text = ddl("postgres", None, ["accounts"])
    own = text.partition("  -- All from here on is optional.")[0]
    last = own.splitlines()[-1]
    run(postgres, own.replace(last, last.partition(",")[0]) + ")")
    facts = Warehouse(lambda: PostgresEngine(postgres)).reader(Known.latest())
    assert facts.known_now == ["accounts"]
    facts.close()
