"""Expressions and plain statements in the SQL of an engine."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import sqlglot
from sqlglot import exp

from keepwell.facts.engine import sql_of
from keepwell.facts.engines.repairs import REPAIRS, Repair, as_written, plain_name

if TYPE_CHECKING:
    import ibis.expr.types as ir

Dialect = Literal["duckdb", "postgres", "spark", "snowflake", "bigquery", "databricks", "trino"]
ENGINES: dict[Dialect, str] = {
    "duckdb": "DuckDB",
    "postgres": "PostgreSQL",
    "spark": "Spark",
    "snowflake": "Snowflake",
    "bigquery": "BigQuery",
    "databricks": "Databricks",
    "trino": "Trino",
}
"""The engines as people call them."""
CLOUDS: frozenset[Dialect] = frozenset({"snowflake", "bigquery", "databricks", "trino"})
"""Those for which statements are compiled and checked, and which none of our tests runs."""
NOT_RUN = "compiled and checked, not run"
"""What is to be said of them wherever someone begins with one."""


CAPITALS: frozenset[Dialect] = frozenset({"snowflake"})
"""Those that make capitals of names without quotes, so that most names are in capitals there."""


def compiled(expression: ir.Table, dialect: Dialect) -> str:
    """The SQL of an expression over tables that are named only; nothing is opened for it."""
    if dialect == "duckdb":
        return sql_of(expression)
    return _written(_compiler(dialect).to_sqlglot(expression.unbind()), dialect)


def translated(statement: str, dialect: Dialect, last: Repair | None = None) -> str:
    """A statement in DuckDB's SQL, in that of another engine; `last` repairs what only the session
    knows."""
    if dialect == "duckdb":
        return statement
    return _written(sqlglot.parse_one(statement, read=_words("duckdb")), dialect, last)


def readable(statement: str, dialect: Dialect) -> str:
    """A statement in the SQL of an engine, the same over several lines."""
    words = _words(dialect)
    tree = sqlglot.parse_one(statement, read=words)
    if dialect in ("spark", "databricks"):
        as_written(tree)
    return tree.sql(dialect=words, pretty=True)


def tables_of(statement: str, dialect: Dialect) -> frozenset[str]:
    """The names of the tables that a statement reads without naming a schema: views and small
    tables that the engine was given."""
    found = sqlglot.parse_one(statement, read=_words(dialect)).find_all(exp.Table)
    return frozenset(table.name for table in found if not table.db)


def named(name: str, dialect: Dialect) -> str:
    """What statements of an engine call what Keepwell gave a name."""
    return plain_name(name) if dialect in CLOUDS else name


def identifier(name: str, dialect: Dialect) -> str:
    """A name in quotes."""
    return exp.to_identifier(name, quoted=True).sql(dialect=_words(dialect))


@cache
def _compiler(dialect: Dialect) -> Any:
    from keepwell.facts.engines.compilers import compiler

    return compiler(dialect)


def _written(tree: exp.Expr, dialect: Dialect, last: Repair | None = None) -> str:
    for repair in (*REPAIRS[dialect], *([last] if last else ())):
        repair(tree)
    return tree.sql(dialect=_words(dialect))


@cache
def _words(dialect: Dialect) -> type[sqlglot.Dialect]:
    # Once Ibis is there, its own dialects stand for sqlglot's under the same names.
    from ibis.backends.sql import dialects
    from sqlglot.dialects.bigquery import BigQuery
    from sqlglot.dialects.duckdb import DuckDB

    found: dict[Dialect, type[sqlglot.Dialect]] = {
        "duckdb": DuckDB,
        "postgres": dialects.Postgres,
        "spark": dialects.PySpark,
        "snowflake": dialects.Snowflake,
        "bigquery": BigQuery,
        "databricks": dialects.Databricks,
        "trino": dialects.Trino,
    }
    return found[dialect]
