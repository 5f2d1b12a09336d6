"""Proposes a mapping for unknown files, as YAML with comments, to be read and corrected."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb

from keepwell.facts.engine import connect
from keepwell.ingest import files, mapping
from keepwell.ingest.convert import as_text
from keepwell.ingest.matching import (
    guess,
    guesses,
    may_list_accounts,
    metric_columns,
)
from keepwell.ingest.profile import SAMPLE, ColumnProfile, profiles
from keepwell.ingest.proposal import FileGuess, Plan, head, rules_of
from keepwell.ingest.tables import InputFile, Shape
from keepwell.ingest.vocabulary import plain_name
from keepwell.kit.errors import KeepwellError
from keepwell.kit.views import quoted


def suggest(
    paths: Iterable[str | Path],
    *,
    source: str | None = None,
    currency: str | None = None,
    metrics: Mapping[str, str] | None = None,
) -> str:
    """A mapping for these files as YAML text that `mapping.loads` accepts.

    What is unsure is marked `# check`; columns that are not used are listed with an example.
    `metrics` are the project's metric keys with their labels: columns of a sheet with one row per
    account may supply them.
    Raises KeepwellError where no file looks like anything that is known.
    """
    inputs = files.resolve(paths)
    con = connect(keep_order=True)
    try:
        found = _profiled(con, inputs)
        ids = _account_columns(con, found)
        rules: list[str] = []
        plans = [_plan(one, ids[one.pattern], metrics) for one in found]
        for one, plan in zip(found, _one_of_accounts(plans), strict=True):
            rules += rules_of(con, one, plan)
        if not any(r.startswith("  - from:") for r in rules):
            raise KeepwellError(
                "none of the files looks like a table that is known",
                where=", ".join(f.pattern for f in found),
                expected="customers, subscriptions, usage, tickets, invoices, meetings, surveys …",
                todo="write a mapping by hand; `keepwell import --help` shows one",
            )
        name = source or _source_name(inputs[0].path if len(inputs) == 1 else inputs[0].path.parent)
        text = "\n".join([*head(con, found, name, rules, currency), "tables:", *rules]) + "\n"
    finally:
        con.close()
    mapping.loads(text, "suggested mapping")
    return text


def _profiled(con: duckdb.DuckDBPyConnection, inputs: Sequence[InputFile]) -> list[FileGuess]:
    alike: dict[tuple[str, ...], list[Shape]] = {}
    for file in inputs:
        shape = files.look(file)
        key = (re.sub(r"\d+", "#", file.name), *shape.columns)
        alike.setdefault(key, []).append(shape)
    found = []
    for i, shapes in enumerate(alike.values()):
        names = [s.file.name for s in shapes]
        opened = files.load(con, shapes[0], f"file_{i}")
        found.append(FileGuess(_pattern(names), names, opened, profiles(con, opened)))
    return found


def _pattern(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return re.sub(r"\d[\d_.-]*\d|\d", "*", names[0])


def _account_columns(
    con: duckdb.DuckDBPyConnection, found: Sequence[FileGuess]
) -> dict[str, frozenset[str]]:
    """Columns of each file whose ids occur among another file's unique ids of accounts."""
    keys = [
        (f, c)
        for f in found
        for c, p in f.columns.items()
        if p.is_unique and p.rows > 1 and not p.is_time and may_list_accounts(f.pattern, c)
    ]
    result = {}
    for one in found:
        met = set()
        for column, profile in one.columns.items():
            if profile.is_time or profile.distinct < 2 or profile.kind in ("DOUBLE", "BOOLEAN"):
                continue
            for other, key in keys:
                if other is one or not _may_be_ids(profile, other.columns[key]):
                    continue
                if _share_of(con, one, column, other, key) >= 0.9:
                    met.add(column)
        result[one.pattern] = frozenset(met)
    return result


def _may_be_ids(one: ColumnProfile, other: ColumnProfile) -> bool:
    return one.is_number == other.is_number and one.distinct <= max(other.distinct * 1.1, 5)


def _share_of(
    con: duckdb.DuckDBPyConnection, one: FileGuess, column: str, other: FileGuess, key: str
) -> float:
    def values(file: FileGuess, name: str) -> duckdb.DuckDBPyRelation:
        value = as_text(quoted(name), file.opened.types[name])
        rows = con.table(file.opened.view)
        rows = rows.limit(SAMPLE) if file is one else rows
        return rows.project(f"{value} AS v").filter("v IS NOT NULL").distinct()

    mine = values(one, column).set_alias("m")
    met = mine.join(values(other, key).set_alias("o"), "m.v = o.v", how="semi")
    row, total = met.aggregate("count(*)").fetchone(), mine.aggregate("count(*)").fetchone()
    return row[0] / total[0] if row and total and total[0] else 0.0


def _plan(file: FileGuess, ids: frozenset[str], metrics: Mapping[str, str] | None) -> Plan:
    likely = guesses(file.names[0], file.columns, ids)
    if not likely:
        return Plan((), None, {}, None)
    best = likely[0]
    chosen = [best]
    if best.table.name == "accounts":
        more = guess("subscriptions", file.columns, ids)
        if {"mrr", "acv"} & set(more.fields) and more.is_possible:
            chosen.append(more)
    elif best.table.name == "usage_events" and "account_id" in best.fields:
        chosen.append(guess("usage_daily", file.columns, ids))
    names = {g.table.name for g in chosen}
    other = [g for g in likely[1:] if g.table.name not in names and g.score > best.score - 0.5]
    supplied: dict[str, str] = {}
    account = best.fields.get("account_id") if best.table.name == "accounts" else None
    if account is not None:
        used = {m.column for g in chosen for m in g.fields.values()}
        left = {c: p for c, p in file.columns.items() if c not in used and p.is_number}
        supplied = metric_columns(left, metrics)
    return Plan(
        tuple(chosen), other[0].table.name if other else None, supplied,
        account.column if account else None,
    )  # fmt: skip


def _one_of_accounts(plans: Sequence[Plan]) -> list[Plan]:
    """Of several files with a row per account the fullest is the list of accounts; the others only
    supply metrics."""
    lists = [p for p in plans if p.account is not None]
    main = max(lists, key=lambda p: (len(p.tables[0].fields), p.tables[0].score), default=None)
    return [p if p is main or p.account is None else replace(p, tables=()) for p in plans]


def _source_name(path: Path) -> str:
    name = plain_name(path.name.partition(".")[0] or path.resolve().name)
    return name if name and name[0].isalpha() else f"source_{name}".rstrip("_")
