"""What only all files together show: unknown accounts, rows of one key, rows to be added up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from keepwell.facts.arrow import ARROW_TYPES
from keepwell.facts.model import Column, Table
from keepwell.ingest.checks import EXTRA, NUMERIC, TIMES
from keepwell.ingest.stage import WHY, Staged
from keepwell.ingest.tables import ROW
from keepwell.kit.views import quoted, sql_type, text

PART = "__part"
_ROWS = 1_000_000_000_000
"""More rows than a file has, so that a step and a row make one number."""
UNKNOWN_ACCOUNT = "account is not known"
SAME_KEY = "same key as an earlier row, other content"


@dataclass(frozen=True)
class Settled:
    """The rows of one table that can be stored: the relation `name` with PART and ROW, which say
    where each came from. `late` is the table of rows that were rejected here (PART, ROW, field,
    reason)."""

    table: Table
    staged: tuple[Staged, ...]
    columns: tuple[str, ...]
    name: str
    late: str
    has_versions: bool = False


def settle(
    con: duckdb.DuckDBPyConnection, table: Table, staged: Sequence[Staged], accounts: str | None
) -> Settled:
    """Bring the rows of all steps together. `accounts` is a relation of the known account_id."""
    columns = _columns(table, staged)
    name, late = f"settled_{table.name}", f"late_{table.name}"
    con.execute(f"CREATE TABLE {late} ({PART} INT, {ROW} BIGINT, field VARCHAR, reason VARCHAR)")
    rows = _union(con, table, staged, columns)
    if accounts is not None and "account_id" in columns:
        rows = _with_known_account(con, rows, accounts, late)
    grouped = [i for i, s in enumerate(staged) if s.part.rule.group]
    if grouped:
        rows = _grouped(con, table, rows, columns, grouped)
    has_versions = False
    if len(grouped) < len(staged):
        rows, has_versions = _once_per_key(con, table, rows, columns, late)
    rows.create_view(name)
    return Settled(table, tuple(staged), columns, name, late, has_versions)


def _columns(table: Table, staged: Sequence[Staged]) -> tuple[str, ...]:
    used = {c for s in staged for c in s.columns}
    return tuple(c for c in (*table.column_names, *EXTRA) if c in used)


def _column(table: Table, name: str) -> Column:
    return table.column(name) or EXTRA[name]


def _union(
    con: duckdb.DuckDBPyConnection, table: Table, staged: Sequence[Staged], columns: Sequence[str]
) -> duckdb.DuckDBPyRelation:
    union: duckdb.DuckDBPyRelation | None = None
    for i, step in enumerate(staged):
        parts = [f"{i} AS {PART}", ROW]
        for name in columns:
            kind = sql_type(ARROW_TYPES[_column(table, name).type])
            value = quoted(name) if name in step.columns else "NULL"
            parts.append(f"CAST({value} AS {kind}) AS {quoted(name)}")
        rows = con.table(step.name).filter(f"{WHY} IS NULL").project(", ".join(parts))
        union = rows if union is None else union.union(rows)
    if union is None:
        raise ValueError("no step leads to this table")
    return union


def _with_known_account(
    con: duckdb.DuckDBPyConnection, rows: duckdb.DuckDBPyRelation, accounts: str, late: str
) -> duckdb.DuckDBPyRelation:
    same = "l.account_id = a.account_id"
    known = con.table(accounts).set_alias("a")
    unknown = rows.set_alias("l").join(known, same, how="anti")
    parts = f"{PART}, {ROW}, 'account_id', {text(UNKNOWN_ACCOUNT)}"
    unknown.project(parts).insert_into(late)
    if _is_empty(con.table(late)):
        return rows
    return rows.set_alias("l").join(known, same, how="semi")


def _grouped(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    rows: duckdb.DuckDBPyRelation,
    columns: Sequence[str],
    parts: Sequence[int],
) -> duckdb.DuckDBPyRelation:
    """Rows of one key added up: numbers summed, the earliest time and the first of the rest."""
    key = [c for c in table.key if c in columns]
    first = f"{PART} * {_ROWS} + {ROW}"
    wanted = [f"min({first}) AS place"]
    for name in columns:
        column, value = _column(table, name), quoted(name)
        kind = sql_type(ARROW_TYPES[column.type])
        if name in key:
            wanted.append(value)
        elif column.type in NUMERIC:
            wanted.append(f"CAST(sum({value}) AS {kind}) AS {value}")
        elif column.type in TIMES:
            best = "max" if name == "source_updated_at" else "min"
            wanted.append(f"{best}({value}) AS {value}")
        else:
            wanted.append(f"arg_min({value}, {first}) AS {value}")
    listed = ", ".join(str(p) for p in parts)
    made = f"grouped_{table.name}"
    to_group = rows.filter(f"{PART} IN ({listed})")
    summed = to_group.aggregate(", ".join(wanted), ", ".join(quoted(k) for k in key))
    named = ", ".join(quoted(c) for c in columns)
    place = f"CAST(place // {_ROWS} AS INT) AS {PART}, place % {_ROWS} AS {ROW}"
    summed.project(f"{place}, {named}").create(made)
    others = rows.filter(f"{PART} NOT IN ({listed})")
    return con.table(made).union(others)


def _once_per_key(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    rows: duckdb.DuckDBPyRelation,
    columns: Sequence[str],
    late: str,
) -> tuple[duckdb.DuckDBPyRelation, bool]:
    """Leave out rows that repeat an earlier one, and reject those that contradict it.

    Rows of one key that their source changed at different times are versions, and all stay.
    """
    key = ", ".join(quoted(k) for k in table.key if k in columns)
    repeated = f"repeated_{table.name}"
    counted = rows.aggregate(f"hash({key}) AS h, count(*) AS n", f"hash({key})")
    counted.filter("n > 1").project("h").create(repeated)
    if _is_empty(con.table(repeated)):
        return rows, False
    others = ", ".join(quoted(c) for c in columns if c not in table.key and c not in EXTRA) or "1"
    at = "source_updated_at" if "source_updated_at" in columns else "CAST(NULL AS TIMESTAMPTZ)"
    several = rows.set_alias("r").join(
        con.table(repeated).set_alias("d"), f"hash({key}) = d.h", how="semi"
    )
    window = f"PARTITION BY {key} ORDER BY {PART}, {ROW}"
    judged = several.project(
        f"{PART}, {ROW}, row_number() OVER ({window}) AS place, "
        f"hash({others}) = first_value(hash({others})) OVER ({window}) AS alike, "
        f"{at} IS NOT NULL AND count(*) OVER (PARTITION BY {key}, {at}) = 1 "
        f"AND count(DISTINCT {at}) OVER (PARTITION BY {key}) > 1 AS version"
    )
    out = f"left_out_{table.name}"
    judged.filter("place > 1 AND NOT version").project(f"{PART}, {ROW}, alike").create(out)
    field, reason = text(table.key[0]), text(SAME_KEY)
    clashing = con.table(out).filter("NOT alike").project(f"{PART}, {ROW}, {field}, {reason}")
    clashing.insert_into(late)
    same = f"r.{PART} = o.{PART} AND r.{ROW} = o.{ROW}"
    kept = rows.set_alias("r").join(con.table(out).set_alias("o"), same, how="anti")
    return kept, not _is_empty(judged.filter("place > 1 AND version"))


def _is_empty(rows: duckdb.DuckDBPyRelation) -> bool:
    return rows.limit(1).fetchone() is None
