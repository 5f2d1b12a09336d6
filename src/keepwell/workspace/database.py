"""Opening the workspace's SQLite file: migrations, transactions, errors in plain words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from keepwell.kit.errors import KeepwellError
from keepwell.kit.locks import exclusive
from keepwell.kit.place import understandable

NEWEST = "0001"
"""The newest migration that this Keepwell has; migrations are numbered in order."""

BUSY_SECONDS = 30.0
_WRITES = "keepwell_writes"


def open_engine(path: Path) -> Engine:
    """The database at that path, created or upgraded if need be.

    Raises KeepwellError for a file that is no workspace, is damaged, or was written by a newer
    Keepwell.
    """
    with understandable(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        engine = _engine(path)
        with explained(path):
            if _version(path) != NEWEST:
                # One process upgrades; the others wait here and then find it done.
                with exclusive(path.with_name(path.name + ".lock"), "upgrade the workspace"):
                    if _version(path) != NEWEST:
                        _upgrade(engine, path)
    return engine


@contextmanager
def reading(engine: Engine, path: Path) -> Iterator[Session]:
    """A session that sees one state of the database."""
    with explained(path), Session(engine) as session, session.begin():
        yield session


@contextmanager
def writing(engine: Engine, path: Path) -> Iterator[Session]:
    """A session that no other writer can come between; it commits when the body ends."""
    writer = engine.execution_options(**{_WRITES: True})
    with explained(path), Session(writer, expire_on_commit=False) as session, session.begin():
        # Begins now, not at the first statement: what the body computes is of its own time.
        session.connection()
        yield session


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite says into a KeepwellError where the user can do something about it."""
    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError) as error:
        said = str(error.orig if isinstance(error, DatabaseError) else error)
        for words, what, todo in _EXPLAINED:
            if words in said:
                raise KeepwellError(what, where=str(path), todo=todo) from error
        raise


_EXPLAINED = (
    (
        "locked",
        f"another process has been writing for {BUSY_SECONDS:g} s",
        "run again when it has finished",
    ),
    ("disk is full", "the disk is full; nothing was changed", "make room and run again"),
    ("disk I/O error", "the disk cannot be written; nothing was changed", "check it and run again"),
    ("readonly", "the file may not be written", "give this user the right to write there"),
    ("unable to open", "the file cannot be opened", "give this user the right to read and write"),
    ("not a database", "this is not a workspace", "name another file, or restore a backup"),
    ("malformed", "the file is damaged", "restore it from a backup"),
)


def _engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path.absolute()}", connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        # Otherwise the driver begins transactions by itself, and later than it should.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # In WAL mode a writer that began by reading would fail when another one was faster.
        immediate = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _version(path: Path) -> str | None:
    """The migration that the file is at; None for a new one. Never waits for the ORM."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if not tables:
            return None
        if "alembic_version" not in tables:
            raise KeepwellError(
                "this is not a workspace", where=str(path), todo="name another file"
            )
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    version = None if found is None else str(found[0])
    if version is not None and version > NEWEST:
        raise KeepwellError(
            f"written by a newer Keepwell (version {version} of the workspace)",
            where=str(path),
            expected=f"version {NEWEST} or older",
            todo="upgrade Keepwell on this machine",
        )
    return version


def _upgrade(engine: Engine, path: Path) -> None:
    # Alembic takes longer to import than most commands take to run.
    from alembic import command
    from alembic.config import Config

    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    # One transaction for all steps: killed in between, the file is as it was before.
    with engine.execution_options(**{_WRITES: True}).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
