"""PostgreSQL as an engine: counted where the tables are, in one reading transaction."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from keepwell.facts import sql
from keepwell.facts.engines.base import Columns, Kind, Remote, shaped
from keepwell.facts.engines.dialects import Dialect
from keepwell.kit.errors import KeepwellError
from keepwell.kit.postgres import connected, explained, without_secrets
from keepwell.kit.views import quoted, text

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection, Cursor

OPENING = (
    # All statements of a pass see the same rows, whatever is loaded meanwhile. A role that may
    # only read by its own settings could make no temporary views either.
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE",
    "SET LOCAL TIME ZONE 'UTC'",
    # The temporary views have the names of tables. A role may have settings by which those of the
    # database are found first.
    """
    SELECT set_config(
        'search_path', concat_ws(', ', 'pg_temp', nullif(current_setting('search_path'), '')), true
    )
    """,
    # So that those who look after the server see whose session it is.
    """
    SELECT set_config('application_name', 'keepwell', true)
    WHERE current_setting('application_name') = ''
    """,
    # To compile a statement takes longer than most of them run.
    "SET LOCAL jit = off",
)

_COLUMNS = """
    SELECT wanted.number, a.attname, format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL),
           t.typcategory::text,
           has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
    FROM (VALUES $wanted) AS wanted (number, catalog, schema, name)
    -- Not by to_regclass, which fails for a schema that the role may not use.
    JOIN pg_namespace n ON n.nspname = wanted.schema
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
    JOIN pg_attribute a ON a.attrelid = c.oid
    JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND wanted.catalog IN ('', current_database())
    ORDER BY wanted.number, a.attnum
"""


class PostgresEngine(Remote):
    """A session with PostgreSQL. Its views and small tables are temporary, and are taken back at
    its end: nothing is left in the database.

    Raises KeepwellError where the server is away or does not let one in.
    """

    dialect: Dialect = "postgres"
    schema = "public"
    has_infinity = True

    def __init__(self, url: str) -> None:
        self.where = without_secrets(url)
        self._failed = False
        self._con = connected(url)
        self._cursor: Cursor = self._con.cursor()
        self._end = weakref.finalize(self, _end, self._con, self._cursor)
        for statement in OPENING:
            self._run(statement)

    def view(self, name: str, select: str) -> None:
        self._run(f"DROP VIEW IF EXISTS pg_temp.{quoted(name)}")
        self._run(" ".join(["CREATE TEMPORARY VIEW", quoted(name), "AS", select]))

    def put(self, name: str, rows: pa.Table) -> None:
        self.drop(name)
        with self._explained():
            self._cursor.adbc_ingest(name, rows, mode="create", temporary=True)
        # Without it the planner guesses how many rows there are.
        self._run(f"ANALYZE pg_temp.{quoted(name)}")

    def drop(self, name: str) -> None:
        if self._failed:
            # The server has taken everything back already, and refuses further words.
            return
        self._run(f"DROP TABLE IF EXISTS pg_temp.{quoted(name)}")

    def answer(self, select: str, schema: pa.Schema) -> pa.Table:
        with self._explained():
            self._cursor.execute(select)
            return shaped(self._cursor.fetch_arrow_table(), schema)

    def rows(self, select: str) -> list[tuple[Any, ...]]:
        with self._explained():
            self._cursor.execute(select)
            return [tuple(row) for row in self._cursor.fetchall()]

    def columns(self, places: Sequence[tuple[str, ...]]) -> Mapping[tuple[str, ...], Columns]:
        # Of names in four parts there are none.
        named = {n: place for n, place in enumerate(places) if len(place) <= 3}
        wanted = ", ".join(
            f"({n}, {', '.join(map(text, ('', *place)[-3:]))})" for n, place in named.items()
        )
        found: dict[tuple[str, ...], dict[str, Kind | str]] = {}
        rows = self.rows(sql.fill(_COLUMNS, wanted=wanted)) if named else []
        for number, column, kind, category, may_be_read in rows:
            columns = found.setdefault(named[number], {})
            if may_be_read:
                columns[column] = _kind(kind, category)
        return found

    def close(self) -> None:
        self._end()

    def _run(self, statement: str) -> None:
        with self._explained():
            # Not executescript(), which ends the transaction.
            self._cursor.execute(statement)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            with explained(self.where):
                yield
        except KeepwellError:
            self._failed = True
            raise


def _end(con: Connection, cursor: Cursor) -> None:
    cursor.close()
    con.close()


_KINDS: Mapping[str, Kind] = {
    "date": "date",
    "timestamp with time zone": "timestamp",
    "timestamp without time zone": "an instant without a zone",
    "smallint": "int",
    "integer": "int",
    "bigint": "int",
    "numeric": "decimal",
    "real": "float",
    "double precision": "float",
    "boolean": "bool",
    "uuid": "text",
}
_TEXTS = ("S", "E")  # strings and enumerations


def _kind(name: str, category: str) -> Kind | str:
    return _KINDS.get(name, "text" if category in _TEXTS else name)
