"""Sessions with the database: taken from a few that wait, so that a read need not sign in anew."""

from __future__ import annotations

import os
import socket
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from keepwell.kit.errors import KeepwellError
from keepwell.kit.postgres import connected, explained, without_secrets
from keepwell.kit.views import quoted, text

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection, Cursor

READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
"""All statements see the same rows, whatever is written meanwhile."""
WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"

_RIGHTS = (
    "let the role own the schema of the history, or grant it CREATE on the database and it makes"
    " the schema itself"
)
_OPENING = (
    "SET TIME ZONE 'UTC'",
    # As literals are written here.
    "SET standard_conforming_strings = on",
    # A night is silent while it scores, and holds a lock by its session.
    "SET idle_session_timeout = 0",
    # To compile a statement takes longer than most of them run.
    "SET jit = off",
)


class Session:
    """A session in which each statement is committed, unless it is between BEGIN and COMMIT.

    Raises KeepwellError for all that the server refuses.
    """

    def __init__(self, url: str) -> None:
        self.where = without_secrets(url)
        try:
            self._con = connected(url, autocommit=True)
        except ImportError as error:
            raise KeepwellError(
                f"history in PostgreSQL needs a part that is not installed: {error.name}",
                todo="make extra EXTRA=postgres in a checkout, else"
                " pip install 'keepwell[postgres]'",
            ) from None
        self._cursor: Cursor = self._con.cursor()
        self._end = weakref.finalize(self, _end, self._con, self._cursor)
        # So that those who wait for its lock, or look after the server, see whose it is.
        name = f"keepwell, process {os.getpid()} on {socket.gethostname()}"[:63]
        for statement in (*_OPENING, f"SET application_name = {text(name)}"):
            self.run(statement)

    def run(self, statement: str) -> None:
        """Run a statement that answers nothing."""
        with explained(self.where, rights=_RIGHTS):
            self._cursor.execute(statement)

    def rows(self, select: str) -> list[tuple[Any, ...]]:
        """The rows of a SELECT as Python values."""
        with explained(self.where, rights=_RIGHTS):
            self._cursor.execute(select)
            return [tuple(row) for row in self._cursor.fetchall()]

    def table(self, select: str, schema: pa.Schema) -> pa.Table:
        """The rows of a SELECT, with the names and types of `schema` by their order."""
        with explained(self.where, rights=_RIGHTS):
            self._cursor.execute(select)
            found = self._cursor.fetch_arrow_table()
        columns = [_typed(c, f.type) for c, f in zip(found.columns, schema, strict=True)]
        return pa.table(columns, schema=schema)

    def copy(self, schema: str, table: str, rows: pa.Table) -> None:
        """Add rows to a table by COPY; its other columns are null."""
        with explained(self.where, rights=_RIGHTS):
            self._cursor.adbc_ingest(table, rows, mode="append", db_schema_name=schema)

    @contextmanager
    def transaction(self, begin: str = WRITE) -> Iterator[None]:
        """All that the body does, or nothing."""
        self.run(begin)
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            # A session that has ended has taken everything back itself.
            with suppress(KeepwellError):
                self.run("ROLLBACK")
            raise

    def close(self) -> None:
        """End the session; what it held is free, and what it had not committed is taken back."""
        self._end()


class Sessions:
    """The sessions of a process with one database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.where = without_secrets(url)
        self._idle: list[Session] = []
        weakref.finalize(self, _close, self._idle)

    @contextmanager
    def one(self, begin: str | None = None) -> Iterator[Session]:
        """A session while the body runs, in a transaction where a BEGIN is given."""
        session = self.take(begin or "SELECT")
        try:
            yield session
            if begin is not None:
                session.run("COMMIT")
        except BaseException:
            session.close()
            raise
        self._idle.append(session)

    def take(self, first: str) -> Session:
        """A session that has run its first statement."""
        while self._idle:
            session = self._idle.pop()
            try:
                session.run(first)
            except KeepwellError:
                # It may have ended while it waited; a new one says what is the matter.
                session.close()
            else:
                return session
        session = Session(self._url)
        session.run(first)
        return session

    def give_back(self, session: Session) -> None:
        """Take a session back that is in a transaction in which it only read."""
        try:
            session.run("COMMIT")
        except KeepwellError:
            session.close()
        else:
            self._idle.append(session)


def place(schema: str, table: str) -> str:
    """A table as statements name it."""
    return f"{quoted(schema)}.{quoted(table)}"


def day_literal(day: date) -> str:
    """A day as statements name it."""
    return f"DATE '{day}'"


def listed(names: Sequence[str]) -> str:
    """Names separated by commas, as statements name them."""
    return ", ".join(map(quoted, names))


def _typed(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if isinstance(column.type, pa.BaseExtensionType):
        # Of numbers of any length, which travel as texts.
        column = column.cast(column.type.storage_type)
    return column.cast(kind)


def _end(con: Connection, cursor: Cursor) -> None:
    cursor.close()
    con.close()


def _close(idle: list[Session]) -> None:
    for session in idle:
        session.close()
