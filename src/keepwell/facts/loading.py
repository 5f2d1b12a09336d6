"""The facts of a folder copied into PostgreSQL, to be read there from then on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from keepwell.definitions.settings import refuse_password
from keepwell.facts import sql
from keepwell.facts.ddl import create_table
from keepwell.facts.engines.postgres import PostgresEngine
from keepwell.facts.known import Known
from keepwell.facts.places import not_installed
from keepwell.facts.reading import FactReader
from keepwell.facts.schema import IMPORTED
from keepwell.facts.store import FactStore
from keepwell.kit.errors import KeepwellError
from keepwell.kit.postgres import connected, explained, without_secrets
from keepwell.kit.views import quoted, text

if TYPE_CHECKING:
    import pyarrow as pa
    from adbc_driver_manager.dbapi import Connection

BATCH = 100_000
"""So many rows are on their way at once."""
TURN = 5_126_713_305
"""The number of the lock for which a second load waits: it then finds the rows of the first."""
SCHEMES = ("postgresql", "postgres")

_THERE = """
    SELECT name FROM (VALUES $wanted) AS wanted (name, place) WHERE to_regclass(place) IS NOT NULL
"""
_FILLED = "SELECT name FROM (VALUES $wanted) AS wanted (name, has_rows) WHERE has_rows"


@dataclass(frozen=True)
class Loaded:
    """What was loaded. rows: how many, by table. settings: the lines of keepwell.yaml by which
    facts are read there."""

    rows: Mapping[str, int]
    settings: str


def load(
    store: FactStore,
    address: str,
    schema: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Loaded:
    """Copy every version of every row into the schema, in one transaction: all or nothing.

    Tables that are missing are made, and the schema too. `say` is told what goes on.
    Raises KeepwellError for an address that is not PostgreSQL's or has a password in it, for a
    store without rows, for tables that hold rows already, and for what the server refuses.
    """
    refuse_password(address)
    if urlsplit(address).scheme not in SCHEMES:
        raise KeepwellError(
            "facts can be loaded into PostgreSQL only",
            expected="an address such as postgresql://user@host/database",
            todo="keepwell facts ddl shows the tables for other warehouses",
        )
    schema = schema or PostgresEngine.schema
    if "." in schema:
        raise KeepwellError(
            f"'{schema}' is no name of a schema",
            expected="a name without a dot; the database is in the address",
        )
    with closing(FactReader(store, Known.latest())) as facts:
        counts = {name: facts.stored_rows(name) for name in IMPORTED}
        if not any(counts.values()):
            raise KeepwellError(
                "there are no facts to load",
                where=str(store.place.root),
                todo="import some: keepwell import PATH",
            )
        with _opened(address, schema) as target:
            target.prepare()
            rows = {}
            for name, count in counts.items():
                if count:
                    say(f"loading {name}: {count:,} rows")
                    rows[name] = _copied(facts, name, target)
            say("counting what is in them, by which PostgreSQL plans")
            target.finish()
    return Loaded(rows, _settings(address, schema))


def _copied(facts: FactReader, name: str, target: _Target) -> int:
    select = facts.stored_versions(name)
    assert select is not None
    with closing(facts.con.con.execute(select).to_arrow_reader(BATCH)) as rows:
        return target.append(name, rows)


def _settings(address: str, schema: str) -> str:
    lines = ({"places": {"facts": address}}, {"warehouse": {"schema": schema}})
    # On one line each, however long an address is.
    return "".join(
        yaml.safe_dump(line, default_flow_style=True, width=10_000)[1:-2] + "\n" for line in lines
    )


@contextmanager
def _opened(address: str, schema: str) -> Iterator[_Target]:
    try:
        connection = connected(address)
    except ImportError as error:
        raise not_installed(error, "PostgreSQL", "postgres") from None
    # Closed without a commit, all is taken back.
    with closing(connection):
        yield _Target(connection, without_secrets(address), schema)


class _Target:
    """A schema of a PostgreSQL database in one transaction, which ends with `finish`."""

    def __init__(self, connection: Connection, where: str, schema: str) -> None:
        self._con = connection
        self._where = where
        self._schema = schema

    def prepare(self) -> None:
        """Make what is missing. Raises KeepwellError where a table holds rows already."""
        self._run(sql.fill("SELECT pg_advisory_xact_lock($turn)", turn=str(TURN)))
        there = self._there()
        self._refuse(self._filled(there))
        schema = quoted(self._schema)
        # Not IF NOT EXISTS, which asks for the right to make one even where it is there.
        if self._run(sql.fill("SELECT to_regnamespace($n) IS NULL", n=text(schema))) == [(True,)]:
            self._run(f"CREATE SCHEMA {schema}")
        for name in IMPORTED:
            if name not in there:
                place = (self._schema, name)
                self._run(create_table(IMPORTED[name], place, PostgresEngine.dialect))

    def append(self, name: str, rows: pa.RecordBatchReader) -> int:
        """Add rows to a table; how many they were."""
        with explained(self._where), self._con.cursor() as cursor:
            return int(cursor.adbc_ingest(name, rows, mode="append", db_schema_name=self._schema))

    def finish(self) -> None:
        """Let the server count what is in the tables, and make all of it visible."""
        for name in IMPORTED:
            self._run(f"ANALYZE {self._named(name)}")
        with explained(self._where):
            self._con.commit()

    def _there(self) -> list[str]:
        wanted = ", ".join(f"({text(n)}, {text(self._named(n))})" for n in IMPORTED)
        return [name for (name,) in self._run(sql.fill(_THERE, wanted=wanted))]

    def _filled(self, names: Sequence[str]) -> list[str]:
        if not names:
            return []
        wanted = ", ".join(f"({text(n)}, EXISTS (TABLE {self._named(n)}))" for n in names)
        return [name for (name,) in self._run(sql.fill(_FILLED, wanted=wanted))]

    def _refuse(self, filled: Sequence[str]) -> None:
        if filled:
            raise KeepwellError(
                f"there are rows already in schema {self._schema}: {', '.join(filled)}",
                where=self._where,
                expected="empty tables, or none",
                todo="name another schema with --schema, or empty these tables",
            )

    def _named(self, table: str) -> str:
        return ".".join(quoted(part) for part in (self._schema, table))

    def _run(self, statement: str) -> list[tuple[Any, ...]]:
        with explained(self._where), self._con.cursor() as cursor:
            cursor.execute(statement)
            return [tuple(row) for row in cursor.fetchall()]
