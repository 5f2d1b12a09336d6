"""Expressions and plain statements in the SQL of an engine, and what each engine needs besides."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import sqlglot
from sqlglot import exp

from keepwell.facts.engine import ibis_as_set, sql_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

Dialect = Literal["duckdb", "postgres", "spark"]
LONGEST_NAME = 63
"""Bytes of a name in PostgreSQL, which cuts longer ones off without a word."""


def compiled(expression: ir.Table, dialect: Dialect) -> str:
    """The SQL of an expression over tables that are named only; nothing is opened for it."""
    if dialect == "duckdb":
        return sql_of(expression)
    return _written(_tree(expression, dialect), dialect)


def translated(statement: str, dialect: Dialect) -> str:
    """A statement in DuckDB's SQL, in that of another engine."""
    if dialect == "duckdb":
        return statement
    return _written(sqlglot.parse_one(statement, read=_words("duckdb")), dialect)


def readable(statement: str, dialect: Dialect) -> str:
    """A statement in the SQL of an engine, the same over several lines."""
    words = _words(dialect)
    tree = sqlglot.parse_one(statement, read=words)
    if dialect == "spark":
        _as_written(tree)
    return tree.sql(dialect=words, pretty=True)


def tables_of(statement: str, dialect: Dialect) -> frozenset[str]:
    """The names, without their schemas, of the tables that a statement reads."""
    found = sqlglot.parse_one(statement, read=_words(dialect)).find_all(exp.Table)
    return frozenset(table.name for table in found)


def identifier(name: str, dialect: Dialect) -> str:
    """A name in quotes."""
    return exp.to_identifier(name, quoted=True).sql(dialect=_words(dialect))


def _tree(expression: ir.Table, dialect: Dialect) -> exp.Expr:
    found: exp.Expr = _compiler(dialect).to_sqlglot(expression.unbind())
    return found


@cache
def _compiler(dialect: Dialect) -> Any:
    from ibis.backends.sql import compilers
    from ibis.config import Config

    ibis = ibis_as_set()
    if dialect == "postgres":
        return compilers.PostgresCompiler()

    class Options(Config):  # type: ignore[misc]  # Ibis has no types
        treat_nan_as_null: bool = False

    if ibis.options.pyspark is None:
        # Otherwise set by a connection of Ibis only, which needs pandas.
        ibis.options.pyspark = Options()
    return compilers.PySparkCompiler()


def _written(tree: exp.Expr, dialect: Dialect) -> str:
    for repair in _REPAIRS[dialect]:
        repair(tree)
    return tree.sql(dialect=_words(dialect))


def _words(dialect: Dialect) -> type[sqlglot.Dialect]:
    # Once Ibis is there, its own dialects stand for sqlglot's under the same names.
    from ibis.backends.sql import dialects
    from sqlglot.dialects.duckdb import DuckDB

    found: type[sqlglot.Dialect] = {
        "duckdb": DuckDB,
        "postgres": dialects.Postgres,
        "spark": dialects.PySpark,
    }[dialect]
    return found


def _short_names(tree: exp.Expr) -> None:
    """Names that PostgreSQL would cut off, so that two that begin alike do not become one."""
    for node in tree.find_all(exp.Identifier):
        if len(node.name.encode()) > LONGEST_NAME:
            node.set("this", _short(node.name))


def _short(name: str) -> str:
    begins = name.encode()[:40].decode(errors="ignore")
    return f"{begins} {hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _named_subqueries(tree: exp.Expr) -> None:
    """Names for the SELECTs in a FROM, which PostgreSQL wants up to version 15."""
    for number, node in enumerate(list(tree.find_all(exp.Subquery))):
        if isinstance(node.parent, exp.From | exp.Join) and not node.alias:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(f"s{number}")))


def _in_zone(tree: exp.Expr) -> None:
    """timezone(zone, instant), as DuckDB and PostgreSQL have it."""
    for node in list(tree.find_all(exp.Anonymous)):
        if node.name.lower() == "timezone":
            zone, instant = node.expressions
            node.replace(exp.Anonymous(this="from_utc_timestamp", expressions=[instant, zone]))


def _as_written(tree: exp.Expr) -> None:
    """from_utc_timestamp(instant, zone) as _in_zone() wrote it: read again it gets a cast."""
    for node in list(tree.find_all(exp.AtTimeZone)):
        instant, zone = node.this, node.args["zone"]
        if type(instant) is exp.Cast:
            instant = instant.this
        node.replace(exp.Anonymous(this="from_utc_timestamp", expressions=[instant, zone]))


def _compared(tree: exp.Expr) -> None:
    """Conditions in parentheses where they are compared: Spark does not read `a IN (b) = c`."""
    for node in list(tree.find_all(exp.In, exp.Is, exp.Between, exp.Not)):
        around = node.parent
        if isinstance(around, exp.Is) and node.arg_key == "expression":
            continue
        if isinstance(around, exp.Binary) and not isinstance(around, exp.Connector):
            paren = exp.Paren()
            node.replace(paren)
            paren.set("this", node)


_REPAIRS: Mapping[Dialect, tuple[Callable[[exp.Expr], None], ...]] = {
    "duckdb": (),
    "postgres": (_short_names, _named_subqueries),
    "spark": (_in_zone, _compared),
}
