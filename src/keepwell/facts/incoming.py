"""Incoming rows in the types of a canonical table, each key once per batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

import duckdb
import pyarrow as pa

from keepwell.facts import sql
from keepwell.facts.arrow import imported_columns, incoming_schema
from keepwell.facts.model import Table
from keepwell.kit.errors import KeepwellError, did_you_mean
from keepwell.kit.views import quoted, sql_type, text

Rows: TypeAlias = pa.Table | pa.RecordBatchReader | duckdb.DuckDBPyRelation | Path
"""What can be stored: Arrow, a relation of any DuckDB connection, or the path of a Parquet file."""


FEW_KINDS = 1_000
"""Up to so many kinds are quickly numbered."""


@dataclass(frozen=True)
class Batch:
    """How many rows the view `batch` has, and which of its columns were given; the others are
    null in every row."""

    rows: int
    given: tuple[str, ...]


def batches(
    con: duckdb.DuckDBPyConnection, table: Table, rows: Rows, scratch: Path, *, own: bool = False
) -> Iterator[Batch]:
    """Show the rows as the view `batch`, in which every key occurs once; yields what is in it.

    Rows of one key that differ come in successive batches, in the order in which their source
    changed them; rows that are alike come once. A batch must be used before the next is asked for.
    `own` says that a relation is one of `con`.
    Raises KeepwellError for an unknown column, an empty required one, and for rows of one key that
    differ without an order.
    """
    given = _load(con, table, rows, scratch, own)
    count, distinct = _check_required(con, table)
    if count == 0:
        return
    # Different hashes prove different keys; equal ones are looked at more closely.
    if distinct == count:
        con.execute("CREATE OR REPLACE TEMP VIEW batch AS SELECT * FROM incoming")
        yield Batch(count, given)
        return
    _check_order(con, table)
    for turn in range(1, _put_in_order(con, table) + 1):
        con.execute(_turn(table, turn))
        found = con.execute("SELECT count(*) FROM batch").fetchone()
        yield Batch(found[0] if found else 0, given)


def key_rows(
    con: duckdb.DuckDBPyConnection, table: Table, rows: Rows, scratch: Path, *, own: bool = False
) -> None:
    """Show the keys among the rows as the view `present`."""
    _load(con, table, rows, scratch, own)
    con.execute(
        sql.fill(
            "CREATE OR REPLACE TEMP VIEW present AS SELECT $key FROM incoming",
            key=sql.listed(table.key),
        )
    )


def sorted_by(con: duckdb.DuckDBPyConnection, table: Table, batch: Batch) -> str:
    """By what the rows of the view `batch` are to be sorted for a file."""
    if table.kind not in batch.given:
        return sql.sort_order(table)
    kind = quoted(table.kind)
    found = con.execute(sql.fill("SELECT approx_count_distinct($kind) FROM batch", kind=kind))
    if (found.fetchone() or (0,))[0] > FEW_KINDS:
        return sql.sort_order(table)
    con.execute(
        sql.fill(
            """
            CREATE OR REPLACE TEMP TYPE kinds AS ENUM
            (SELECT DISTINCT $kind FROM batch WHERE $kind IS NOT NULL ORDER BY $kind)
            """,
            kind=kind,
        )
    )
    return sql.sort_order(table, "kinds")


def content_hash(table: Table, prefix: str = "") -> str:
    """The expression by which two rows of one key are compared; provenance does not count."""
    columns = [c.name for c in imported_columns(table) if c.name not in table.key]
    return sql.fill("hash($columns)", columns=sql.listed(columns, prefix) or "0")


def _load(
    con: duckdb.DuckDBPyConnection, table: Table, rows: Rows, scratch: Path, own: bool
) -> tuple[str, ...]:
    """Create the view `incoming` with the columns of incoming_schema; returns those given."""
    source = _source(con, rows, scratch, own)
    described = con.execute(sql.fill("DESCRIBE SELECT * FROM $source", source=source)).fetchall()
    given = {row[0] for row in described}
    schema = incoming_schema(table)
    for column in sorted(given - set(schema.names)):
        raise KeepwellError(
            f"table '{table.name}' has no column '{column}'",
            todo=did_you_mean(column, schema.names),
        )
    columns = ", ".join(_column(table, f, f.name in given) for f in schema)
    con.execute(
        sql.fill(
            "CREATE OR REPLACE TEMP VIEW incoming AS SELECT $columns FROM $source",
            columns=columns,
            source=source,
        )
    )
    return tuple(n for n in schema.names if n in given)


def _source(con: duckdb.DuckDBPyConnection, rows: Rows, scratch: Path, own: bool) -> str:
    if isinstance(rows, pa.Table):
        con.register("given", rows)
        return "given"
    if own and isinstance(rows, duckdb.DuckDBPyRelation):
        rows.create_view("related", replace=True)
        return "related"
    path = rows if isinstance(rows, Path) else scratch / f"{uuid4()}.parquet"
    if isinstance(rows, duckdb.DuckDBPyRelation):
        # A relation belongs to its own connection, and would be computed again by every pass.
        rows.write_parquet(str(path), compression="lz4_raw")
    elif isinstance(rows, pa.RecordBatchReader):
        con.register("given", rows)
        con.execute(sql.fill("COPY given TO $path (FORMAT parquet)", path=text(str(path))))
    return sql.fill("read_parquet($path)", path=text(str(path)))


def _column(table: Table, field: pa.Field, given: bool) -> str:
    kind = sql_type(field.type)
    name = quoted(field.name)
    if not given:
        return sql.fill("NULL::$kind AS $name", kind=kind, name=name)
    if field.name in table.key and kind == "VARCHAR":
        return sql.fill("nullif(CAST($name AS VARCHAR), '') AS $name", name=name)
    return sql.fill("CAST($name AS $kind) AS $name", name=name, kind=kind)


def _check_required(con: duckdb.DuckDBPyConnection, table: Table) -> tuple[int, int]:
    """How many rows there are, and how many hashes of keys."""
    required = [c.name for c in imported_columns(table) if c.required]
    counted = ", ".join(sql.fill("count($c)", c=quoted(c)) for c in required)
    row = con.execute(
        sql.fill(
            "SELECT count(*), count(DISTINCT hash($key)), $counted FROM incoming",
            key=sql.listed(table.key),
            counted=counted,
        )
    ).fetchone()
    total, distinct, *filled = row or (0, 0)
    for column, count in zip(required, filled, strict=False):
        if count < total:
            raise KeepwellError(
                f"{table.name}.{column} is empty in {total - count} of {total} rows",
                expected="a value in every row",
                todo="such rows belong into the quarantine",
            )
    return int(total), int(distinct)


def _check_order(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    con.execute(
        sql.fill(
            """
            CREATE OR REPLACE TEMP TABLE repeated AS
            SELECT hash($key) AS key_hash FROM incoming GROUP BY 1 HAVING count(*) > 1;
            CREATE OR REPLACE TEMP TABLE alternatives AS
            SELECT DISTINCT ON ($key, content, source_updated_at) *, $content AS content
            FROM incoming i SEMI JOIN repeated r ON hash($key) = r.key_hash
            """,
            key=sql.listed(table.key),
            content=content_hash(table),
        )
    )
    clash = con.execute(
        sql.fill(
            """
            SELECT $key FROM alternatives GROUP BY ALL
            HAVING count(DISTINCT content) > 1 AND count(DISTINCT source_updated_at) < count(*)
            LIMIT 1
            """,
            key=sql.listed(table.key),
        )
    ).fetchone()
    if clash is not None:
        shown = ", ".join(f"{k} {v}" for k, v in zip(table.key, clash, strict=True))
        raise KeepwellError(
            f"{table.name}: rows with the same key differ ({shown})",
            expected="one row per key, or different values of source_updated_at",
            todo="such rows belong into the quarantine",
        )


def _put_in_order(con: duckdb.DuckDBPyConnection, table: Table) -> int:
    con.execute(
        sql.fill(
            """
            CREATE OR REPLACE TEMP TABLE ordered AS
            WITH changes AS (
                SELECT *, lag(content) OVER (PARTITION BY $key ORDER BY source_updated_at) AS before
                FROM alternatives
            )
            SELECT *, row_number() OVER (PARTITION BY $key ORDER BY source_updated_at) AS turn
            FROM changes WHERE before IS DISTINCT FROM content
            """,
            key=sql.listed(table.key),
        )
    )
    row = con.execute("SELECT coalesce(max(turn), 1) FROM ordered").fetchone()
    return int(row[0]) if row else 1


def _turn(table: Table, turn: int) -> str:
    columns = sql.listed(incoming_schema(table).names)
    later = sql.fill(
        "SELECT $columns FROM ordered WHERE turn = $turn", columns=columns, turn=str(turn)
    )
    once = sql.fill(
        "SELECT $columns FROM incoming i ANTI JOIN repeated r ON hash($key) = r.key_hash",
        columns=columns,
        key=sql.listed(table.key),
    )
    select = later if turn > 1 else sql.fill("$once UNION ALL $later", once=once, later=later)
    return sql.fill("CREATE OR REPLACE TEMP VIEW batch AS $select", select=select)
