"""The single steps of a mapping: from one rule and file to the columns of one canonical table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from keepwell.definitions.yaml import FieldPath
from keepwell.facts.model import Column, Table
from keepwell.facts.schema import IMPORTED
from keepwell.ingest.checks import METRIC_TYPES, STANDS_IN, target_columns
from keepwell.ingest.grammar import METRICS, FieldRule, FileRule, Mapping, Origin, TableRule
from keepwell.ingest.numbers import PLAIN
from keepwell.ingest.tables import FileOptions, InputFile

ANSWER = "answer"
"""The column of a step that holds a metric's value; it becomes answer_number and answer_code."""

SHARES = frozenset({("opportunities", "probability"), ("accounts", "expected_active_ratio")})
NO_FUTURE = frozenset(
    {"usage_events", "usage_daily", "tickets", "survey_responses", "text_signals", "assessments"}
)
"""Tables whose rows tell of what has happened, so that a day to come is a mistake."""


@dataclass(frozen=True)
class Filled:
    """A column of the target and the rule by which it is filled."""

    column: Column
    rule: FieldRule
    path: FieldPath
    share: bool = False
    codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """One step: rows of a file → rows of a table. not_empty is the column without which a row has
    nothing to say here (a cell that becomes a row of its own)."""

    table: Table
    rule: TableRule
    path: FieldPath
    fields: tuple[Filled, ...]
    not_empty: str | None = None
    metric: str | None = None


def parts_of(mapping: Mapping, index: int, shares: frozenset[str]) -> list[Part]:
    """The steps of one rule: one, or one for every column that becomes rows.

    `shares` are the keys of metrics that are shares, whatever the mapping says of them.
    """
    rule = mapping.tables[index]
    path: FieldPath = ("tables", index)
    if rule.to == METRICS:
        return [_metric(mapping, rule, path, key, shares) for key in rule.fields]
    table = IMPORTED[rule.to]
    if rule.unpivot is None:
        return [Part(table, rule, path, _filled(mapping, rule, table, path))]
    found = []
    for column, called in rule.unpivot.columns.items():
        base = rule.fields.get(rule.unpivot.value, FieldRule(column=column))
        cell = base.model_copy(update={"column": column, "value": None, "expression": None})
        name = FieldRule(value=called)
        fields = {**rule.fields, rule.unpivot.name: name, rule.unpivot.value: cell}
        single = rule.model_copy(update={"fields": fields})
        at = (*path, "unpivot", "columns", column)
        filled = tuple(
            replace(f, path=at) if f.rule in (cell, name) else f
            for f in _filled(mapping, single, table, path)
        )
        found.append(Part(table, rule, path, filled, not_empty=column))
    return found


def _filled(mapping: Mapping, rule: TableRule, table: Table, path: FieldPath) -> tuple[Filled, ...]:
    found = {}
    columns = target_columns(table)
    for name, spec in rule.fields.items():
        share = (table.name, name) in SHARES
        found[name] = Filled(columns[name], spec, (*path, "fields", name), share)
    for column in table.columns:
        stand_in = STANDS_IN.get((table.name, column.name))
        if column.name not in found and stand_in in found:
            found[column.name] = replace(found[stand_in], column=column)
    currency = table.column("currency")
    if currency and "currency" not in found and mapping.currency:
        spec = FieldRule(value=mapping.currency)
        found["currency"] = Filled(currency, spec, ("currency",))
    return tuple(found.values())


def _metric(
    mapping: Mapping, rule: TableRule, path: FieldPath, key: str, shares: frozenset[str]
) -> Part:
    table = IMPORTED["assessments"]
    spec = rule.fields[key]
    is_share = spec.as_ == "share" or (spec.as_ is None and key in shares)
    answer = Column(ANSWER, METRIC_TYPES[spec.as_ or "number"])
    constants = [*(spec.values or {}).values()]
    constants += [o.value for o in (spec.else_, spec.default) if o is not None]
    codes = tuple(dict.fromkeys(c for c in constants if c is not None and not _is_number(c)))
    columns = {c.name: c for c in table.columns}
    fields = [
        Filled(columns["account_id"], rule.account or FieldRule(value=""), (*path, "account")),
        Filled(columns["assessed_at"], rule.as_of or FieldRule(value=""), (*path, "as_of")),
        Filled(columns["question_key"], FieldRule(value=key), (*path, "fields", key)),
        Filled(columns["author_id"], FieldRule(value=f"import:{mapping.source}"), path),
        Filled(answer, spec, (*path, "fields", key), is_share, codes),
    ]
    return Part(table, rule, path, tuple(fields), not_empty=spec.column, metric=key)


def _is_number(text: str) -> bool:
    return re.fullmatch(PLAIN, text) is not None


def origins(rule: FieldRule, path: FieldPath) -> Iterator[tuple[Origin, FieldPath]]:
    """The rule itself and what it falls back on, each with its place in the mapping."""
    yield rule, path
    if rule.default is not None:
        yield rule.default, (*path, "default")
    if rule.else_ is not None:
        yield rule.else_, (*path, "else")


def named(part: Part) -> list[tuple[str, FieldPath]]:
    """The columns of the file that a step names, each with its place in the mapping."""
    said = [o for f in part.fields for o in origins(f.rule, f.path)]
    found = [(o.column, path) for o, path in said if o.column is not None]
    expressions = [(o.expression, path) for o, path in said if o.column is None]
    expressions.append((part.rule.where, (*part.path, "where")))
    return found + [(n, path) for e, path in expressions if e is not None for n in e.columns]


def matches(pattern: str, file: InputFile) -> bool:
    """Whether a file is meant by a name or glob of a mapping: by its path or its last part."""
    return fnmatchcase(file.name, pattern) or fnmatchcase(file.path.name, pattern)


def options_for(mapping: Mapping, file: InputFile) -> FileOptions:
    """How the mapping says that this file is to be read."""
    found = next((r for p, r in mapping.files.items() if matches(p, file)), FileRule())
    return found.options()
