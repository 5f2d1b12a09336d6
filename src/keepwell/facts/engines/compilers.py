"""Ibis' compilers as they are used here: with what some of them lack, and without a connection."""

from __future__ import annotations

from typing import Any, ClassVar

import ibis.expr.operations as ops
import sqlglot
import sqlglot.expressions as sge
from ibis.backends.sql import compilers
from ibis.config import Config

from keepwell.facts.engine import ibis_as_set

_MIDDLE_IN_BIGQUERY = """
    IEEE_DIVIDE(
        ARRAY_AGG(x IGNORE NULLS ORDER BY x)[SAFE_OFFSET(DIV(COUNT(x) - 1, 2))]
        + ARRAY_AGG(x IGNORE NULLS ORDER BY x)[SAFE_OFFSET(DIV(COUNT(x), 2))], 2)
"""
# A whole number by a whole number is a whole number in Trino.
_MIDDLE_IN_TRINO = """
    (ELEMENT_AT(ARRAY_SORT(ARRAY_AGG(x) FILTER (WHERE x IS NOT NULL)), (COUNT(x) + 1) / 2)
     + ELEMENT_AT(ARRAY_SORT(ARRAY_AGG(x) FILTER (WHERE x IS NOT NULL)), (COUNT(x) + 2) / 2))
    / CAST(2 AS DOUBLE)
"""
_BEFORE_ROUNDING = 9
"""Places that BigQuery's NUMERIC keeps, however few a cast asks for."""


class _BigQuery(compilers.BigQueryCompiler):  # type: ignore[misc]  # Ibis has no types
    UNSUPPORTED_OPS: ClassVar = tuple(
        op for op in compilers.BigQueryCompiler.UNSUPPORTED_OPS if op is not ops.Median
    )

    def visit_Median(self, op: Any, *, arg: Any, where: Any) -> Any:  # noqa: N802  # Ibis' name
        """Exact: BigQuery's percentiles are over windows, or approximate."""
        return _filled(_MIDDLE_IN_BIGQUERY, "bigquery", _where(self, arg, where))

    def visit_Cast(self, op: Any, *, arg: Any, to: Any) -> Any:  # noqa: N802  # Ibis' name
        found = super().visit_Cast(op, arg=arg, to=to)
        if to.is_decimal() and to.scale is not None and to.scale < _BEFORE_ROUNDING:
            return self.f.round(found, to.scale)
        return found


class _Trino(compilers.TrinoCompiler):  # type: ignore[misc]  # Ibis has no types
    UNSUPPORTED_OPS: ClassVar = tuple(
        op for op in compilers.TrinoCompiler.UNSUPPORTED_OPS if op is not ops.Median
    )

    def visit_Median(self, op: Any, *, arg: Any, where: Any) -> Any:  # noqa: N802  # Ibis' name
        """Exact: Trino's percentiles are approximate."""
        return _filled(_MIDDLE_IN_TRINO, "trino", _where(self, arg, where))

    def visit_DateDelta(  # noqa: N802  # Ibis' name
        self, op: Any, *, part: Any, left: Any, right: Any
    ) -> Any:
        # Dates need no truncating to days.
        return sge.DateDiff(this=left, expression=right, unit=part)

    def visit_DateFromYMD(  # noqa: N802  # Ibis' name
        self, op: Any, *, year: Any, month: Any, day: Any
    ) -> Any:
        parts = [year, month, day]
        if not all(isinstance(part, sge.Literal) for part in parts):
            return super().visit_DateFromYMD(op, year=year, month=month, day=day)
        said = "{:0>4}-{:0>2}-{:0>2}".format(*(part.this for part in parts))
        return sge.Cast(this=sge.Literal.string(said), to=sge.DataType.build("date"))


def compiler(dialect: str) -> Any:
    """The compiler of Ibis for an engine that is not DuckDB."""
    ibis = ibis_as_set()
    if dialect in ("spark", "databricks") and ibis.options.pyspark is None:
        # Otherwise set by a connection of Ibis only, which needs pandas.
        ibis.options.pyspark = _PysparkOptions()
    return _COMPILERS[dialect]()


class _PysparkOptions(Config):  # type: ignore[misc]  # Ibis has no types
    treat_nan_as_null: bool = False


_COMPILERS = {
    "postgres": compilers.PostgresCompiler,
    "spark": compilers.PySparkCompiler,
    "databricks": compilers.DatabricksCompiler,
    "snowflake": compilers.SnowflakeCompiler,
    "bigquery": _BigQuery,
    "trino": _Trino,
}


def _where(compiler: Any, value: Any, where: Any) -> Any:
    return value if where is None else compiler.if_(where, value, sge.Null())


def _filled(formula: str, dialect: str, value: sge.Expr) -> sge.Expr:
    """A formula over x, of a value."""
    tree = sqlglot.parse_one(formula, read=dialect)
    for column in list(tree.find_all(sge.Column)):
        column.replace(value.copy())
    return tree
