"""Checks of a mapping that need no file: tables, fields, constants and formats."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime

from keepwell.definitions.values import KEY
from keepwell.definitions.yaml import Document, FieldPath
from keepwell.facts.arrow import imported_columns
from keepwell.facts.model import Column, ColumnType, Table
from keepwell.facts.schema import IMPORTED, PROVENANCE
from keepwell.ingest.grammar import METRICS, FieldRule, Mapping, TableRule
from keepwell.ingest.numbers import PLAIN
from keepwell.kit.errors import Problem, nearest

Problems = Iterator[Problem]

EXTRA = {c.name: c for c in PROVENANCE if c.name in ("source_key", "source_updated_at")}
"""What a mapping may fill beside the columns of a table."""

TRUE = ("true", "yes", "y", "t", "1", "on", "x")
FALSE = ("false", "no", "n", "f", "0", "off")
NUMERIC: tuple[ColumnType, ...] = ("int", "decimal", "rate", "money")
TIMES: tuple[ColumnType, ...] = ("date", "timestamp")

STANDS_IN = {
    ("subscriptions", "value_from"): "start_on",
    ("subscriptions", "start_on"): "value_from",
}
"""A required field that takes the value of another where it is not mapped."""

METRIC_TYPES: dict[str, ColumnType] = {
    "number": "rate", "share": "rate", "text": "text", "yes_no": "bool", "date": "date",
}  # fmt: skip

_CODES = "YymdbBHIMSfpzjeaA-"
_LENIENT_CODE = re.compile(r"%(.)")


def target_columns(table: Table) -> dict[str, Column]:
    """The columns of a canonical table that a mapping may fill."""
    return {c.name: c for c in imported_columns(table)} | EXTRA


def metric_column(key: str, rule: FieldRule) -> Column:
    """The column that a metric's value is converted as."""
    return Column(key, METRIC_TYPES[rule.as_ or "number"])


def problems_of(mapping: Mapping, document: Document) -> Problems:
    """Everything that is wrong with the mapping by itself."""
    for i, rule in enumerate(mapping.tables):
        path: FieldPath = ("tables", i)
        if rule.to == METRICS:
            yield from _of_metrics(rule, document, path)
        elif rule.to in IMPORTED:
            table = IMPORTED[rule.to]
            yield from _only_of_metrics(rule, document, path)
            yield from _fields(rule, table, document, path)
            yield from _required(rule, table, mapping, document, path)
            yield from _covers(rule, table, document, path)
            yield from _unpivot(rule, table, document, path)
        else:
            known = [*IMPORTED, METRICS]
            yield document.problem(
                (*path, "to"), f"there is no canonical table '{rule.to}'",
                "one of " + ", ".join(known), nearest(rule.to, known),
            )  # fmt: skip


def _of_metrics(rule: TableRule, document: Document, path: FieldPath) -> Problems:
    for name, given in (("account", rule.account), ("as_of", rule.as_of)):
        if given is None:
            expected = "account: the column of the account's id, as_of: a day"
            yield document.problem(path, f"`to: metrics` needs {name}", expected)
    for name, unwanted in (("group", rule.group), ("unpivot", rule.unpivot),
                           ("covers", rule.covers)):  # fmt: skip
        if unwanted:
            yield document.problem((*path, name), "has no meaning with `to: metrics`")
    if not rule.fields:
        yield document.problem(path, "has no fields", "metric keys with their columns")
    if rule.account:
        account = Column("account_id", required=True)
        yield from _field(rule.account, account, document, (*path, "account"))
    if rule.as_of:
        yield from _field(rule.as_of, Column("as_of", "timestamp"), document, (*path, "as_of"))
    for key, field in rule.fields.items():
        where = (*path, "fields", key)
        if not KEY.match(key):
            yield document.problem(where, "is not a metric key", "small letters, digits and _")
        texts_allowed = Column(key) if field.values is not None else metric_column(key, field)
        yield from _field(field, texts_allowed, document, where, metric=True)


def _only_of_metrics(rule: TableRule, document: Document, path: FieldPath) -> Problems:
    for name, given in (("account", rule.account), ("as_of", rule.as_of),
                        ("expires", rule.expires)):  # fmt: skip
        if given is not None:
            yield document.problem((*path, name), "belongs to `to: metrics` only")
    for name, field in rule.fields.items():
        if field.as_ is not None:
            yield document.problem((*path, "fields", name, "as"), "belongs to `to: metrics` only")


def _fields(rule: TableRule, table: Table, document: Document, path: FieldPath) -> Problems:
    known = target_columns(table)
    for name, field in rule.fields.items():
        where = (*path, "fields", name)
        if name not in known:
            yield document.problem(
                where, f"table '{table.name}' has no column '{name}'",
                "one of " + ", ".join(known), nearest(name, known),
            )  # fmt: skip
            continue
        yield from _field(field, known[name], document, where)


def _required(
    rule: TableRule, table: Table, mapping: Mapping, document: Document, path: FieldPath
) -> Problems:
    filled = set(rule.fields)
    if rule.unpivot:
        filled |= {rule.unpivot.name, rule.unpivot.value}
    if mapping.currency:
        filled.add("currency")
    for column in imported_columns(table):
        stand_in = STANDS_IN.get((table.name, column.name))
        if not column.required or column.name in filled or stand_in in filled:
            continue
        if column.name == "currency":
            message = "the currency of the amounts is not said"
            yield document.problem(path, message, "currency: USD for the mapping, or a column")
        else:
            allowed = " (" + ", ".join(column.values) + ")" if column.values else ""
            message = f"{table.name}.{column.name}{allowed} is required and not mapped"
            expected = f"{column.name}: the column that it comes from, or {{value: …}}"
            yield document.problem((*path, "fields"), message, expected)


def _covers(rule: TableRule, table: Table, document: Document, path: FieldPath) -> Problems:
    if rule.covers and table.kind is None:
        yield document.problem((*path, "covers"), f"table '{table.name}' has no kinds")
    kinds = table.column(table.kind) if table.kind else None
    for i, kind in enumerate(rule.covers):
        if kinds and kinds.values and kind not in kinds.values:
            yield document.problem(
                (*path, "covers", i), f"'{kind}' is no {table.name}.{table.kind}",
                "one of " + ", ".join(kinds.values), nearest(kind, kinds.values),
            )  # fmt: skip


def _unpivot(rule: TableRule, table: Table, document: Document, path: FieldPath) -> Problems:
    if rule.unpivot is None:
        return
    known = target_columns(table)
    for part, name in (("name", rule.unpivot.name), ("value", rule.unpivot.value)):
        where = (*path, "unpivot", part)
        if name not in known:
            yield document.problem(where, f"table '{table.name}' has no column '{name}'",
                                   None, nearest(name, known))  # fmt: skip
        elif part == "name" and name in rule.fields:
            yield document.problem(where, f"'{name}' is mapped under fields too")
    for column, called in rule.unpivot.columns.items():
        if not called:
            yield document.problem((*path, "unpivot", "columns", column), "is called nothing")


def _field(
    field: FieldRule, column: Column, document: Document, path: FieldPath, metric: bool = False
) -> Problems:
    yield from _constants(field, column, document, path)
    yield from _match(field, document, path)
    numeric = column.type in NUMERIC or (metric and field.as_ in (None, "number", "share"))
    for option, given in (("number", field.number), ("scale", field.scale)):
        if given is not None and not numeric:
            yield document.problem((*path, option), f"{column.name} is {column.type}, no number")
    if field.scale is not None and not 0 < abs(field.scale) <= 1_000_000_000:
        yield document.problem((*path, "scale"), "is out of all proportion", "such as 0.01")
    if field.date is not None and column.type not in TIMES:
        yield document.problem((*path, "date"), f"{column.name} is {column.type}, no day")
    for written in field.date or []:
        if wrong := wrong_format(str(written)):
            yield document.problem((*path, "date"), wrong, "such as '%d.%m.%Y' or epoch")


def _constants(field: FieldRule, column: Column, document: Document, path: FieldPath) -> Problems:
    said: list[tuple[str, str | None]] = [("value", field.value)]
    said += [("default", field.default.value if field.default else None)]
    said += [("else", field.else_.value if field.else_ else None)]
    said += [("values", v) for v in (field.values or {}).values()]
    for part, value in said:
        if value is not None and (wrong := wrong_constant(value, column)):
            near = nearest(value, column.values) if column.values else None
            at = (*path, part) if (*path, part) in document.positions else path
            yield document.problem(at, f"'{value}' {wrong}", None, near)
    if field.else_ is not None and field.values is None and field.match is None:
        yield document.problem(
            (*path, "else"), "has no meaning without values or match", "default:"
        )
    folded = [key.casefold() for key in field.values or {}]
    for key in {k for k in folded if folded.count(k) > 1}:
        yield document.problem((*path, "values"), f"'{key}' is listed in two spellings")


def _match(field: FieldRule, document: Document, path: FieldPath) -> Problems:
    if field.match is None:
        return
    try:
        groups = re.compile(field.match).groups
    except (re.error, RecursionError, OverflowError) as error:
        yield document.problem((*path, "match"), f"is no regular expression: {error}")
        return
    if groups != 1:
        yield document.problem((*path, "match"), f"has {groups} groups", "one: '(\\d+) days ago'")


def wrong_constant(value: str, column: Column) -> str | None:
    """Why a constant does not fit a column, None where it does."""
    if column.values and value not in column.values:
        return "is not one of " + ", ".join(column.values)
    if column.type in NUMERIC and not re.fullmatch(PLAIN, value):
        return "is not a number"
    if column.type == "bool" and value.lower() not in (*TRUE, *FALSE):
        return "is neither true nor false"
    if column.type in TIMES:
        try:
            _ = (
                date.fromisoformat(value)
                if column.type == "date"
                else datetime.fromisoformat(value)
            )
        except ValueError:
            return "is not a day such as 2026-03-01"
    return None


def wrong_format(written: str) -> str | None:
    """Why that is not the way in which days are written, None where it may be."""
    if written in ("epoch", "epoch_ms", "iso"):
        return None
    codes = _LENIENT_CODE.findall(written)
    if unknown := [c for c in codes if c not in _CODES]:
        return f"{written!r} has %{unknown[0]}, which is not known"
    if not {"Y", "y"} & set(codes):
        return f"{written!r} has no year (%Y)"
    return None
