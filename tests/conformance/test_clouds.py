"""What is said to Snowflake, BigQuery, Databricks and Trino, none of which runs here.

Every statement of all frameworks is compiled for each of them, and its text held against lists of
what the vendor has, which were written down from knowledge. Of every fourth metric, and of those
that are traps, it is also read back: sqlglot turns the vendor's SQL into that of DuckDB, which must
count the same values with it. That is no run of the engine.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date

import duckdb
import pyarrow as pa
import pytest
import sqlglot
from sqlglot import ErrorLevel, exp

from keepwell.app.demo import SCORECARDS, make_demo
from keepwell.app.project import Project
from keepwell.definitions.library import Library
from keepwell.facts.arrow import stored_schema
from keepwell.facts.engines.clouds import LONGEST, CloudEngine
from keepwell.facts.engines.dialects import CLOUDS, Dialect, named
from keepwell.facts.engines.recording import Given, Viewed
from keepwell.facts.engines.repairs import LONGEST_NAME, as_written
from keepwell.facts.known import Known
from keepwell.facts.memory import MemoryFacts
from keepwell.facts.paper import PaperEngine, PaperFacts
from keepwell.facts.schema import IMPORTED
from keepwell.facts.warehouse import Warehouse
from keepwell.kit.views import quoted
from keepwell.metrics.shown import Open
from tests.conformance.suite import DAYS, END, library, mixed
from tests.conformance.test_traps import DAY, METRICS
from tests.conformance.test_traps import here as traps
from tests.metrics.measuring import measured
from tests.warehouses import differences, stored

ALIKE = {
    "ABS", "CAST", "COALESCE", "FLOOR", "GREATEST", "LEAST", "MAX", "MIN", "NULLIF", "ROUND",
    "ROW_NUMBER", "LEAD", "SUM", "COUNT", "LOWER",
}  # fmt: skip
FUNCTIONS: dict[Dialect, set[str]] = {
    "snowflake": {"CONVERT_TIMEZONE", "COUNT_IF", "DATEDIFF", "DATE_FROM_PARTS", "DATE_PART",
                  "IFF", "MEDIAN", "TO_DATE"},
    # BigQuery, "Functions (alphabetical)"; SAFE_OFFSET belongs to the array subscript operator.
    "bigquery": {"ARRAY_AGG", "COUNTIF", "DATE", "DATETIME", "DATE_DIFF", "DIV", "IEEE_DIVIDE",
                 "IF", "SAFE_OFFSET", "STRUCT", "TRUNC", "UNIX_SECONDS", "UNNEST"},
    "databricks": {"DATEDIFF", "FROM_UTC_TIMESTAMP", "IF", "ISNAN", "MAKE_DATE", "PERCENTILE",
                   "TRY_DIVIDE", "UNIX_TIMESTAMP"},
    "trino": {"ARRAY_AGG", "ARRAY_SORT", "AT_TIMEZONE", "DATE", "DATE_DIFF", "ELEMENT_AT",
              "TO_UNIXTIME"},
}  # fmt: skip
"""What a statement may call, by the vendor's own names, beside ALIKE."""
TYPES: dict[Dialect, set[str]] = {
    "snowflake": {"BIGINT", "BOOLEAN", "DATE", "DECIMAL", "DOUBLE", "TIMESTAMPTZ", "VARCHAR"},
    "bigquery": {"BIGNUMERIC", "BOOL", "DATE", "FLOAT64", "INT64", "NUMERIC", "STRING",
                 "TIMESTAMP"},
    "databricks": {"BIGINT", "BOOLEAN", "DATE", "DECIMAL", "DOUBLE", "STRING", "TIMESTAMP"},
    "trino": {"BIGINT", "BOOLEAN", "DATE", "DECIMAL", "DOUBLE", "TIMESTAMP", "VARCHAR"},
}  # fmt: skip
"""The types to which it may cast."""
WORDS = {
    "AND", "AS", "ASC", "BETWEEN", "BY", "CASE", "CROSS", "DESC", "DISTINCT", "ELSE", "END",
    "EXISTS", "FALSE", "FOLLOWING", "FROM", "GROUP", "IN", "INNER", "IS", "JOIN", "LEFT", "NOT",
    "NULL", "ON", "OR", "ORDER", "OUTER", "OVER", "PARTITION", "ROWS", "SELECT", "THEN", "TRUE",
    "UNBOUNDED", "UNION", "ALL", "WHEN", "WHERE", "WITH", "DAY",
}  # fmt: skip
MORE_WORDS: dict[Dialect, set[str]] = {
    "snowflake": {"EPOCH_SECOND", "LAST", "NULLS", "VALUES"},
    # NULLS and IGNORE within ARRAY_AGG; DISTINCT is said of a UNION.
    "bigquery": {"IGNORE", "NULLS"},
    "databricks": {"ANTI", "SEMI", "LAST", "NULLS", "VALUES"},
    # It has FILTER behind aggregates, and types of three words.
    "trino": {"FILTER", "TIME", "VALUES", "ZONE"},
}
"""What stands in a statement beside names, functions and types: no ILIKE, QUALIFY, LATERAL."""
OF_THE_SCHEMA = {
    "INFORMATION_SCHEMA.COLUMNS", "TABLE_SCHEMA", "TABLE_NAME", "COLUMN_NAME", "DATA_TYPE",
    "NUMERIC_SCALE", "KIND",
}  # fmt: skip
"""What all four have under these names."""
NAME = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass
class ReadBack:
    """A session that counts in DuckDB what was said to a vendor's engine."""

    dialect: Dialect
    con: duckdb.DuckDBPyConnection
    given: set[str] = field(default_factory=set)
    said: int = 0
    errors: tuple[type[Exception], ...] = ()

    def rows(self, select: str) -> pa.Table:
        tree = checked(select, self.dialect, self.given)
        for node in list(tree.walk()):
            _as_duckdb_has_it(node)
        self.said += 1
        return self.con.execute(tree.sql("duckdb")).to_arrow_table()

    def close(self) -> None:
        self.con.close()


def _as_duckdb_has_it(node: exp.Expr) -> None:
    """What sqlglot says otherwise to DuckDB than the vendor means it, as far as we know."""
    if isinstance(node, exp.AtTimeZone):
        node.replace(exp.Anonymous(this="timezone", expressions=[node.args["zone"], node.this]))
    elif isinstance(node, exp.Anonymous) and node.name == "from_utc_timestamp":
        instant, zone = node.expressions
        node.replace(exp.Anonymous(this="timezone", expressions=[zone, instant]))
    elif isinstance(node, exp.Datetime):
        node.replace(exp.Anonymous(this="timezone", expressions=[node.expression, node.this]))
    elif isinstance(node, exp.StrToUnix | exp.TimeToUnix):
        node.replace(exp.Anonymous(this="epoch", expressions=[node.this]))
    elif isinstance(node, exp.UnixSeconds):
        # Of BigQuery: "rounding down to the beginning of the second".
        seconds = exp.Anonymous(this="epoch", expressions=[node.this])
        node.replace(exp.Floor(this=seconds))
    elif isinstance(node, exp.Quantile):
        # Databricks' PERCENTILE is between two values where the middle is.
        parts = [node.this, node.args["quantile"]]
        node.replace(exp.Anonymous(this="quantile_cont", expressions=parts))
    elif isinstance(node, exp.Div) and isinstance(node.parent, exp.Bracket):
        node.replace(exp.IntDiv(this=node.this, expression=node.expression))
    elif isinstance(node, exp.IntDiv):
        # Written to DuckDB, DIV(a - 1, b) would lose its parentheses.
        node.set("this", exp.paren(node.this.copy()))
    elif isinstance(node, exp.DataType) and not node.expressions:
        # BigQuery's decimals have so many places; with all of them DuckDB's would overflow.
        places = {exp.DType.DECIMAL: "DECIMAL(28, 9)", exp.DType.BIGDECIMAL: "DECIMAL(28, 15)"}
        if node.this in places:
            found = exp.DataType.build(places[node.this])
            node.set("this", found.this)
            node.set("expressions", found.expressions)
    elif isinstance(node, exp.Table) and "information_schema" in node.sql().lower():
        node.replace(exp.table_("columns", "information_schema"))


def tables_in_duckdb(dialect: Dialect, facts: MemoryFacts) -> duckdb.DuckDBPyConnection:
    """All canonical tables in the schema keepwell, those of Snowflake in capitals."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    for macro in ("ieee_divide(a, b) AS a / b", "at_timezone(a, b) AS timezone(b, a)"):
        con.execute(f"CREATE MACRO {macro}")
    rows = stored(facts)
    spelled = str.upper if dialect == "snowflake" else str
    con.execute(f"CREATE SCHEMA {spelled('keepwell')}")
    for name, table in IMPORTED.items():
        found = rows.get(name, stored_schema(table).empty_table())
        con.register("found", found.rename_columns([spelled(c) for c in found.column_names]))
        con.execute(f"CREATE TABLE keepwell.{quoted(spelled(name))} AS FROM found")
        con.unregister("found")
    return con


class GivenTables(CloudEngine):
    """An engine that finds small tables in DuckDB: to write out thousands of rows in each statement
    says nothing new of it, and takes most of the time."""

    def put(self, name: str, rows: pa.Table) -> None:
        assert isinstance(self.session, ReadBack)
        plain = rows.rename_columns([named(c, self.dialect) for c in rows.column_names])
        self.session.con.register(named(name, self.dialect), plain)
        self.session.given.add(named(name, self.dialect))

    def drop(self, name: str) -> None:
        assert isinstance(self.session, ReadBack)
        self.session.con.unregister(named(name, self.dialect))


@pytest.fixture(scope="module", params=sorted(CLOUDS))
def dialect(request: pytest.FixtureRequest) -> Dialect:
    found: Dialect = request.param
    return found


def counts_the_same(
    kind: type[CloudEngine],
    dialect: Dialect,
    of: Library,
    facts: MemoryFacts,
    days: Sequence[date],
    every: int = 1,
) -> None:
    session = ReadBack(dialect, tables_in_duckdb(dialect, facts))
    schema = "memory.keepwell" if dialect == "bigquery" else "keepwell"
    warehouse = Warehouse(lambda: kind(dialect, "here", schema, session))
    there = warehouse.reader(Known.latest(), project_currency="EUR")
    keys = list(of.metrics)[::every]
    found = measured(of, there, days, keys).table
    there.close()
    assert session.said > 10
    assert differences(measured(of, facts, days, keys).table, found) == []


def test_many_metrics_over_rows_of_every_kind(dialect: Dialect) -> None:
    """With closures, merges and several time zones."""
    counts_the_same(GivenTables, dialect, library(), mixed(), DAYS[-1:], every=4)


def test_some_metrics_on_several_days(dialect: Dialect) -> None:
    """For which rows are added up first."""
    counts_the_same(GivenTables, dialect, library(), mixed(), DAYS, every=24)


def test_traps_and_functions_that_no_built_in_metric_uses(dialect: Dialect) -> None:
    counts_the_same(CloudEngine, dialect, METRICS, traps(), [DAY])


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The example company, which no day has been scored of."""
    folder = tmp_path_factory.mktemp("example") / "company"
    return make_demo(folder, accounts=30, end=END, score=False)


def test_all_frameworks_over_the_example_company(company: Project, dialect: Dialect) -> None:
    facts = PaperFacts(company.facts(), dialect)
    listed = company.judge.shown(facts, END)
    facts.close()
    assert set(SCORECARDS) <= set(company.judge.plans)
    assert len(listed.counts) > 30
    engine, given = PaperEngine(dialect), set[str]()
    for step in listed.steps:
        match step:
            case Viewed(name, select):
                engine.view(name, select)
            case Given(name) | Open(name):
                given.add(named(name, dialect))
            case _:
                checked(engine.finished(step.select), dialect, given)


# --- what is held against what we know of the vendors ------------------------------------------


def checked(text: str, dialect: Dialect, given: Collection[str] = ()) -> exp.Expr:
    """The tree of a finished statement that the engine takes, as far as we know of it. given:
    the small tables that do not come with it."""
    assert len(text) <= LONGEST.get(dialect, len(text))
    tree = parsed(text, dialect)
    assert parsed(tree.sql(dialect, unsupported_level=ErrorLevel.RAISE), dialect) == tree
    check_words(text, dialect)
    check_names(tree, dialect, given)
    check_types(tree, dialect)
    check_selects(tree, dialect)
    return tree


def parsed(text: str, dialect: Dialect) -> exp.Expr:
    tree = sqlglot.parse_one(text, read=dialect, error_level=ErrorLevel.RAISE)
    if dialect == "databricks":
        as_written(tree)
    return tree


def check_words(text: str, dialect: Dialect) -> None:
    bare = re.sub(r"'(?:[^'\\]|'')*'", "''", text)
    bare = re.sub(r"`[^`]*`" if dialect in ("bigquery", "databricks") else r'"[^"]*"', " ", bare)
    words = {w.upper() for w in re.findall(r"[A-Za-z_][A-Za-z0-9_.]*", bare)}
    known = ALIKE | FUNCTIONS[dialect] | TYPES[dialect] | WORDS | MORE_WORDS[dialect]
    if "INFORMATION_SCHEMA" in text:
        known |= OF_THE_SCHEMA
    assert words - known == set()


def check_names(tree: exp.Expr, dialect: Dialect, given: Collection[str]) -> None:
    made = {*given, *(cte.alias for cte in tree.find_all(exp.CTE))}
    for table in tree.find_all(exp.Table):
        if "INFORMATION_SCHEMA" in table.sql().upper():
            return
        if not table.db:
            assert table.name in made
            continue
        assert table.db == spelled("keepwell", dialect)
        [canonical] = [t for n, t in IMPORTED.items() if spelled(n, dialect) == table.name]
        own = {spelled(name, dialect) for name in stored_schema(canonical).names}
        select = table.find_ancestor(exp.Select)
        assert select is not None
        assert {c.name for c in select.find_all(exp.Column)} <= own
    for name in tree.find_all(exp.Identifier):
        assert name.quoted
        assert len(name.name) <= LONGEST_NAME
        # In capitals are only the warehouse's own.
        assert NAME.fullmatch(name.name) or spelled(name.name.lower(), dialect) == name.name


def check_types(tree: exp.Expr, dialect: Dialect) -> None:
    for kind in tree.find_all(exp.DataType):
        said = kind.sql(dialect)
        assert re.split(r"\W", said)[0] in TYPES[dialect]
        digits = [int(part.name) for part in kind.expressions]
        if kind.is_type(exp.DataType.Type.TIMESTAMPTZ):
            # Microseconds, and never an instant without its zone.
            assert digits == ([6] if dialect in ("snowflake", "trino") else [])
            assert dialect in ("bigquery", "databricks", "snowflake") or "WITH TIME ZONE" in said
        elif kind.is_type(exp.DataType.Type.DECIMAL) and dialect != "bigquery":
            assert digits in ([18, 4], [18, 9], [28, 9], [28, 15], [38, 0])


def check_selects(tree: exp.Expr, dialect: Dialect) -> None:
    for select in tree.find_all(exp.Select):
        # BigQuery wants a FROM, for an outer join two columns that are equal.
        assert dialect != "bigquery" or select.args.get("from_") or not select.args.get("where")
    for join in tree.find_all(exp.Join):
        assert join.side != "LEFT" or any(map(equal, conditions(join.args["on"])))
    for division in tree.find_all(exp.Div) if dialect == "trino" else ():
        # Of whole numbers it would be one: only where the middle one is looked for.
        floats = any(is_float(s) for s in (division.this, division.expression))
        assert floats or isinstance(division.parent, exp.Bracket)
    for ranked in tree.find_all(exp.Greatest, exp.Least):
        # One that is null makes the whole null, but in Databricks.
        parts = [ranked.this, *ranked.expressions]
        assert dialect == "databricks" or all(isinstance(p, exp.Coalesce) for p in parts)


def conditions(on: exp.Expr) -> list[exp.Expr]:
    bare = on.unnest()
    return list(bare.flatten()) if isinstance(bare, exp.And) else [bare]


def equal(condition: exp.Expr) -> bool:
    found = condition.unnest()
    sides = (found.this, found.expression) if isinstance(found, exp.EQ) else ()
    return bool(sides) and all(isinstance(side, exp.Column) for side in sides)


def is_float(value: exp.Expr) -> bool:
    found = value.unnest()
    return isinstance(found, exp.Cast) and found.is_type(exp.DataType.Type.DOUBLE)


def spelled(name: str, dialect: Dialect) -> str:
    return name.upper() if dialect == "snowflake" else name
