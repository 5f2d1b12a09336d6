"""A DuckDB in memory, set up so that days and sums come out the same on every machine."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis.backends.duckdb import Backend

MEMORY = "1500MB"
"""What DuckDB may take before it goes on in the temporary folder; KEEPWELL_MEMORY overrides it."""


def connect(
    *, temporary: Path | None = None, keep_order: bool = False
) -> duckdb.DuckDBPyConnection:
    """A connection to an empty database in memory, with a folder for what exceeds it.

    `keep_order` lets sorted rows be written in their order.
    """
    temporary = temporary or Path(tempfile.gettempdir(), f"keepwell-{os.getpid()}")
    con = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": os.environ.get("KEEPWELL_MEMORY", MEMORY),
            "temp_directory": str(temporary),
            # No result depends on the order of rows, and keeping it costs memory.
            "preserve_insertion_order": keep_order,
            # The operating system caches the files already.
            "enable_external_file_cache": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    con.execute("SET TimeZone = 'UTC'")
    return con


def connect_ibis() -> Backend:
    """The same as an Ibis backend."""
    return ibis_as_set().duckdb.from_connection(connect())


def sql_of(expression: ir.Table) -> str:
    """The SQL of an expression over tables that are named only; nothing is opened for it."""
    return str(ibis_as_set().duckdb.compile(expression))


def ibis_as_set() -> Any:
    """Ibis with the options by which every expression is compiled."""
    import ibis

    # Merging selects takes half of the time that compiling a scorecard takes.
    ibis.options.sql.fuse_selects = False
    return ibis
