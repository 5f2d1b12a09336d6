"""The place: a schema of a PostgreSQL database, and the lock of those who write into it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from keepwell.history.keeping import Kept, OnWait, Result, Rewriting
from keepwell.history.postgres import tables
from keepwell.history.postgres.reading import PostgresSnapshot
from keepwell.history.postgres.session import READ, Session, Sessions, place
from keepwell.history.postgres.writing import PostgresBatch
from keepwell.history.snapshot import Snapshot
from keepwell.kit.errors import KeepwellError
from keepwell.kit.place import understandable
from keepwell.kit.views import fill, text

_POLL_SECONDS = 0.1


class PostgresKept(Kept):
    """Scored days in a schema. Credentials are those of PostgreSQL's own environment variables."""

    def __init__(self, url: str, schema: str) -> None:
        self._sessions = Sessions(url)
        self._schema = schema
        self.where = f"{self._sessions.where}, schema {schema}"

    @contextmanager
    def writing(
        self, how: Rewriting, timeout: float | None, on_wait: OnWait | None
    ) -> Iterator[PostgresBatch]:
        with (
            # Not in the open transaction of a reader, so that no reader is waited for.
            self._sessions.one() as session,
            self._held(session, timeout, on_wait),
            understandable(tempfile.gettempdir()),
            tempfile.TemporaryDirectory(prefix="keepwell-") as folder,
        ):
            tables.prepare(session, self._schema)
            yield PostgresBatch(session, self._schema, how, Path(folder))

    def snapshot(self) -> Snapshot:
        session = self._sessions.take(READ)
        return PostgresSnapshot(session, self._schema, self._sessions.give_back)

    def now(self, ask: Callable[[Snapshot], Result]) -> Result:
        with self._sessions.one(READ) as session:
            return ask(PostgresSnapshot(session, self._schema))

    def keep_definition(self, key: str, content: str) -> None:
        with self._sessions.one() as session:
            tables.prepare(session, self._schema)
            kept = fill(
                "INSERT INTO $table VALUES ($key, $content) ON CONFLICT DO NOTHING",
                table=place(self._schema, tables.DEFINITIONS),
                key=text(key),
                content=text(content),
            )
            session.run(kept)

    def definition(self, key: str) -> str | None:
        with self._sessions.one() as session:
            if not tables.exists(session, self._schema):
                return None
            asked = fill(
                "SELECT content FROM $table WHERE key = $key",
                table=place(self._schema, tables.DEFINITIONS),
                key=text(key),
            )
            found = session.rows(asked)
            return str(found[0][0]) if found else None

    @contextmanager
    def _held(
        self, session: Session, timeout: float | None, on_wait: OnWait | None
    ) -> Iterator[None]:
        """Hold the lock, which the server frees when the session ends, however it ends."""
        number = tables.turn(self._schema)
        started = time.monotonic()
        told: str | None = None
        while session.rows(f"SELECT pg_try_advisory_lock({number})") != [(True,)]:
            who = _holder(session, number)
            if on_wait is not None and who != told:
                told = who
                on_wait(f"write scored days: waiting for {who}")
            if timeout is not None and time.monotonic() - started >= timeout:
                raise KeepwellError(
                    f"cannot write scored days: {who} is still writing after {timeout:g} s",
                    where=self.where,
                    todo="wait until it has finished, or end that process, and run again",
                )
            time.sleep(_POLL_SECONDS)
        yield
        session.run(f"SELECT pg_advisory_unlock({number})")


_HOLDER = """
    SELECT a.application_name, l.pid, coalesce(host(a.client_addr), 'the same machine')
    FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (l.classid::bigint << 32) | l.objid::bigint = $number
"""


def _holder(session: Session, number: int) -> str:
    found = session.rows(fill(_HOLDER, number=str(number)))
    if not found:
        return "another process"
    name, pid, machine = found[0]
    return f"'{name}' (session {pid} of the server, from {machine})"
