"""SQL by which DuckDB reads Delta tables, through `read_parquet` over the live files."""

from __future__ import annotations

from string import Template

import pyarrow as pa
import pyarrow.parquet as pq


def view_sql(files: list[str], schema: pa.Schema, partitions: tuple[str, ...] = ()) -> str:
    """A SELECT over these Parquet files with exactly the columns and types of `schema`.

    Columns that a file does not have are null there; without files there are no rows.
    `partitions` names the columns that are read from the files' paths.
    """
    empty = ", ".join(f"NULL::{sql_type(f.type)} AS {quoted(f.name)}" for f in schema)
    if not files:
        return f"SELECT {empty} WHERE false"
    stored = _stored_columns(files, set(schema.names) - set(partitions)) | set(partitions)
    columns = ", ".join(
        f"CAST({quoted(f.name)} AS {sql_type(f.type)}) AS {quoted(f.name)}"
        if f.name in stored
        else f"NULL::{sql_type(f.type)} AS {quoted(f.name)}"
        for f in schema
    )
    return " ".join(["SELECT", columns, "FROM", parquet_source(files, schema, partitions)])


def parquet_source(files: list[str], schema: pa.Schema, partitions: tuple[str, ...] = ()) -> str:
    """The `read_parquet(...)` call for these files; partition values come from the paths."""
    listed = ", ".join(text(f) for f in files)
    options = ["union_by_name = true"]
    if partitions:
        types = ", ".join(f"{text(p)}: {sql_type(schema.field(p).type)}" for p in partitions)
        options += ["hive_partitioning = true", f"hive_types = {{{types}}}"]
    else:
        options += ["hive_partitioning = false"]
    return f"read_parquet([{listed}], {', '.join(options)})"


def sql_type(kind: pa.DataType) -> str:
    """DuckDB's name of an Arrow type. Raises ValueError for a type that Keepwell does not store."""
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP WITH TIME ZONE" if kind.tz else "TIMESTAMP"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return sql_type(kind.value_type) + "[]"
    known = {
        pa.string(): "VARCHAR",
        pa.large_string(): "VARCHAR",
        pa.string_view(): "VARCHAR",
        pa.bool_(): "BOOLEAN",
        pa.int8(): "TINYINT",
        pa.int16(): "SMALLINT",
        pa.int32(): "INTEGER",
        pa.int64(): "BIGINT",
        pa.float32(): "FLOAT",
        pa.float64(): "DOUBLE",
        pa.date32(): "DATE",
    }
    if kind not in known:
        raise ValueError(f"no column of type {kind} is stored")
    return known[kind]


def fill(statement: str, **parts: str) -> str:
    """The statement with every $name replaced by SQL, such as `quoted` and `text` make."""
    return Template(statement).substitute(parts)


def quoted(name: str) -> str:
    """A SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def _stored_columns(files: list[str], wanted: set[str]) -> set[str]:
    found: set[str] = set()
    for file in files:
        found |= wanted & set(pq.read_schema(file).names)
        if found == wanted:
            break
    return found
