"""Sessions with PostgreSQL through ADBC, and what its refusals mean."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from keepwell.kit.errors import KeepwellError

if TYPE_CHECKING:
    from adbc_driver_manager import Error
    from adbc_driver_manager.dbapi import Connection


PATIENCE = 10
"""Seconds to wait for a server that does not answer, where nobody says how long."""
READING = "grant the role USAGE on the schema, SELECT on the tables and TEMPORARY on the database"
"""What a role needs that reads facts."""
_NOT_ALLOWED = "42501"


def connected(url: str, *, autocommit: bool = False) -> Connection:
    """A connection, in a transaction unless it commits each statement.

    Raises KeepwellError where the server is away or does not let one in, ImportError where the
    driver is not installed.
    """
    from adbc_driver_postgresql import dbapi

    with explained(without_secrets(url), _NO_ENTRY):
        connection: Connection = dbapi.connect(_patient(url), autocommit=autocommit)
        return connection


def _patient(url: str) -> str:
    """The address with the longest wait for an answer, unless its user has said another one."""
    parts = urlsplit(url)
    own = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    # What a service is, and so how long to wait, is said in a file.
    said = own & {"connect_timeout", "service"}
    if said or {"PGCONNECT_TIMEOUT", "PGSERVICE"} & os.environ.keys():
        return url
    query = "&".join(part for part in (parts.query, f"connect_timeout={PATIENCE}") if part)
    return parts._replace(query=query).geturl()


@contextmanager
def explained(
    where: str, otherwise: tuple[str, str] | None = None, rights: str = READING
) -> Iterator[None]:
    """What the server refuses is raised as KeepwellError; `otherwise` says what it could not do,
    and what to see to, where it does not tell. rights: what the role needs."""
    from adbc_driver_manager import Error

    try:
        yield
    except Error as error:
        state = error.sqlstate or ""
        refused = ("does not allow it", rights) if state == _NOT_ALLOWED else _REFUSALS.get(state)
        what, todo = refused or otherwise or _in_the_middle(error)
        raise KeepwellError(
            f"PostgreSQL {what}: {_said_by(error)}",
            where=where,
            todo=f"{todo}; then run it again: nothing is half done",
        ) from error


def _in_the_middle(error: Error) -> tuple[str, str]:
    """What to say of an error that has no words of its own here."""
    if error.sqlstate is None:
        # What the server tells has a code; this is a connection that broke.
        return "has ended the session", "see that the server runs, and why it ended the session"
    if error.sqlstate.startswith("22"):
        return "could not read a value", "mend the value in its table, or leave it out by a view"
    return "could not answer", "see what the server says in its log"


_NO_ENTRY = (
    "cannot be reached, or does not let one in",
    "see that the server runs, and that role and password (PGPASSWORD or ~/.pgpass) are right",
)
_REFUSALS: Mapping[str, tuple[str, str]] = {
    "57014": (
        "stopped in the middle",
        "give the role more time (statement_timeout), or see who cancelled it",
    ),
    "55P03": ("waited for a lock", "see who holds the table, or wait longer (lock_timeout)"),
    "53100": ("has no room left", "make room on the server's disk"),
}
"""What it could not do, and what to see to, by SQLSTATE."""


def without_secrets(url: str) -> str:
    """The address as it may be shown."""
    parts = urlsplit(url)
    _, at, place = parts.netloc.rpartition("@")
    name = f"{parts.username}@" if at and parts.username else ""
    return parts._replace(netloc=name + place, query="").geturl()


def _said_by(error: Error) -> str:
    """What the server said, without the driver's own words around it."""
    found = re.search(
        r"(?:ERROR|FATAL):\s+(.*?)"
        r"(?:\nserver closed|\nLINE \d+:|\n\n?Query was:|\. SQLSTATE|$)",
        str(error),
        re.DOTALL,
    )
    told = found[1] if found else str(error).partition(": ")[2].removeprefix("[libpq] ")
    told = told.removeprefix("Failed to connect: ")
    return " ".join(told.split())
