"""What an engine's SQL needs besides: repairs of a finished syntax tree, once and in one place."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping

from sqlglot import exp

LONGEST_NAME = 63
"""Bytes of a name in PostgreSQL, which cuts longer ones off without a word."""
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_ODD = re.compile(r"[^a-z0-9_]+")
_INSTANT_DIGITS = 6
_NUMERIC_PLACES = 9

Repair = Callable[[exp.Expr], None]


def short_name(name: str) -> str:
    """A name that PostgreSQL does not cut off."""
    if len(name.encode()) <= LONGEST_NAME:
        return name
    begins = name.encode()[:40].decode(errors="ignore")
    return f"{begins} {_told_apart(name)}"


def plain_name(name: str) -> str:
    """A name of small letters, digits and underscores: BigQuery takes no others for a column of a
    result, and to BigQuery and Trino names that differ by their case are the same."""
    if _PLAIN.fullmatch(name) and len(name) <= LONGEST_NAME:
        return name
    return f"k_{_ODD.sub('_', name.lower())[:40].strip('_')}_{_told_apart(name)}"


def _told_apart(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def _renamed(rename: Callable[[str], str]) -> Repair:
    def repair(tree: exp.Expr) -> None:
        for node in tree.find_all(exp.Identifier):
            if not is_of_a_place(node):
                node.set("this", rename(node.name))

    return repair


def is_of_a_place(node: exp.Expr) -> bool:
    """Whether a name is part of a table's that is named with its schema, and so not ours."""
    return isinstance(node.parent, exp.Table) and bool(node.parent.db)


def _named_subqueries(tree: exp.Expr) -> None:
    """Names for the SELECTs in a FROM, which PostgreSQL wants up to version 15."""
    for number, node in enumerate(list(tree.find_all(exp.Subquery))):
        if isinstance(node.parent, exp.From | exp.Join) and not node.alias:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(f"s{number}")))


def _quoted(tree: exp.Expr) -> None:
    """Every name in quotes: Snowflake makes capitals of others, and each keeps other words."""
    for node in tree.find_all(exp.Identifier):
        node.set("quoted", True)


def _zoned(as_wall_clock: Callable[[exp.Expr, exp.Expr], exp.Expr]) -> Repair:
    """timezone(zone, instant), as DuckDB and PostgreSQL have it, and instant AT TIME ZONE zone."""

    def repair(tree: exp.Expr) -> None:
        for node in list(tree.find_all(exp.Anonymous)):
            if node.name.lower() == "timezone":
                zone, instant = node.expressions
                node.replace(exp.AtTimeZone(this=instant, zone=zone))
        for told in list(tree.find_all(exp.AtTimeZone)):
            told.replace(as_wall_clock(told.this, told.args["zone"]))

    return repair


def _from_utc(instant: exp.Expr, zone: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this="from_utc_timestamp", expressions=[instant, zone])


def _datetime(instant: exp.Expr, zone: exp.Expr) -> exp.Expr:
    return exp.Datetime(this=instant, expression=zone)


def _at_time_zone(instant: exp.Expr, zone: exp.Expr) -> exp.Expr:
    return exp.AtTimeZone(this=instant, zone=zone)


def as_written(tree: exp.Expr) -> None:
    """from_utc_timestamp(instant, zone) as _from_utc() wrote it: read again it gets a cast."""
    for node in list(tree.find_all(exp.AtTimeZone)):
        instant, zone = node.this, node.args["zone"]
        if type(instant) is exp.Cast:
            instant = instant.this
        node.replace(_from_utc(instant, zone))


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


def _to_the_microsecond(tree: exp.Expr) -> None:
    """Instants with six digits of a second: Trino keeps three where none are said, Snowflake
    nine."""
    for node in tree.find_all(exp.DataType):
        if node.is_type(exp.DataType.Type.TIMESTAMPTZ) and not node.expressions:
            digits = exp.DataTypeParam(this=exp.Literal.number(_INSTANT_DIGITS))
            node.set("expressions", [digits])


def _rounded(tree: exp.Expr) -> None:
    """Decimals with the places that are asked for: BigQuery's keep nine whatever a cast says."""
    for node in list(tree.find_all(exp.Cast)):
        # Of exchange rates there are more places than NUMERIC has.
        places = [part.this for part in node.to.expressions[1:]]
        if not (node.to.is_type(exp.DataType.Type.DECIMAL) and places):
            continue
        node.to.set("expressions", [])
        if int(places[0].this) > _NUMERIC_PLACES:
            node.to.set("this", exp.DataType.Type.BIGDECIMAL)
        elif int(places[0].this) < _NUMERIC_PLACES:
            rounding = exp.Round(this=node.copy(), decimals=places[0])
            node.replace(rounding)


def _from_somewhere(tree: exp.Expr) -> None:
    """A FROM for what has a WHERE: BigQuery wants one even of what has no rows."""
    for node in tree.find_all(exp.Select):
        if node.args.get("where") and not node.args.get("from_"):
            one = exp.select(exp.alias_(exp.Literal.number(1), "one", quoted=True))
            node.set("from_", exp.From(this=one.subquery("nothing")))


def _of_the_known(tree: exp.Expr) -> None:
    """The greatest and least of those that are known, as DuckDB, PostgreSQL and Spark give it:
    to Snowflake, BigQuery and Trino one that is null makes the whole null."""
    for node in list(tree.find_all(exp.Greatest, exp.Least)):
        values = [node.this, *node.expressions]
        known = [
            exp.Coalesce(this=one.copy(), expressions=[v.copy() for v in values if v is not one])
            for one in values
        ]
        node.set("ignore_nulls", None)
        node.set("this", known[0])
        node.set("expressions", known[1:])


def _named_once(tree: exp.Expr) -> None:
    """VALUES as BigQuery has it: an array of structs, whose columns the first one names."""
    for node in list(tree.find_all(exp.Values)):
        alias = node.args["alias"]
        rows = [exp.Struct(expressions=row.expressions) for row in node.expressions]
        first = zip(alias.columns, rows[0].expressions, strict=True)
        rows[0].set("expressions", [exp.PropertyEQ(this=n, expression=v) for n, v in first])
        name = exp.TableAlias(this=alias.this)
        node.replace(exp.Unnest(expressions=[exp.Array(expressions=rows)], alias=name))


_OWN_NAMES = (_renamed(plain_name), _quoted)
REPAIRS: Mapping[str, tuple[Repair, ...]] = {
    "duckdb": (),
    "postgres": (_renamed(short_name), _named_subqueries),
    "spark": (_zoned(_from_utc), _compared),
    "databricks": (_zoned(_from_utc), _compared, *_OWN_NAMES),
    "snowflake": (_zoned(_at_time_zone), _to_the_microsecond, _of_the_known, *_OWN_NAMES),
    "bigquery": (
        _zoned(_datetime),
        _rounded,
        _from_somewhere,
        _named_once,
        _of_the_known,
        *_OWN_NAMES,
    ),
    "trino": (_zoned(_at_time_zone), _to_the_microsecond, _of_the_known, *_OWN_NAMES),
}
"""By dialect, in this order."""
