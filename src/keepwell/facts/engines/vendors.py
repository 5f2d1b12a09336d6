"""Connections to Snowflake, BigQuery, Databricks and Trino, by their addresses and drivers.

Who one is comes from the environment only: an address has no secret in it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import pyarrow as pa

from keepwell.facts.engines.clouds import CloudEngine, Session, explained
from keepwell.facts.engines.dialects import ENGINES, Dialect
from keepwell.kit.errors import KeepwellError

FORMS: Mapping[Dialect, str] = {
    "snowflake": "snowflake://user@account/database/schema?warehouse=NAME&role=NAME",
    "bigquery": "bigquery://project/dataset",
    "databricks": "databricks://host/sql/1.0/warehouses/ID?catalog=NAME&schema=NAME",
    "trino": "trino://user@host:port/catalog/schema",
}
"""How a place is written."""
SECRETS: Mapping[Dialect, tuple[str, ...]] = {
    "snowflake": ("SNOWFLAKE_PASSWORD", "SNOWFLAKE_PRIVATE_KEY_FILE"),
    "bigquery": ("GOOGLE_APPLICATION_CREDENTIALS",),
    "databricks": ("DATABRICKS_TOKEN",),
    "trino": ("TRINO_PASSWORD", "TRINO_TOKEN"),
}
"""The variables of the environment that say who one is; one of them is enough."""


@dataclass(frozen=True)
class Place:
    """An address, taken apart. path: its parts, from the left."""

    dialect: Dialect
    url: SplitResult
    path: tuple[str, ...]
    options: Mapping[str, str]

    @classmethod
    def of(cls, address: str) -> Place:
        """Raises KeepwellError for an address that names too little or too much."""
        url = urlsplit(address)
        path = tuple(unquote(part) for part in url.path.split("/") if part)
        dialects: dict[str, Dialect] = {name: name for name in FORMS}
        place = cls(dialects[url.scheme], url, path, dict(parse_qsl(url.query)))
        right = {"snowflake": 1 <= len(path) <= 2, "bigquery": len(path) == 1,
                 "databricks": len(path) >= 1, "trino": 1 <= len(path) <= 2}  # fmt: skip
        if not url.hostname or not right[url.scheme]:
            raise KeepwellError(
                f"'{place.where}' does not say where the tables are",
                expected=FORMS[place.dialect],
            )
        return place

    @property
    def where(self) -> str:
        """The address as it may be shown."""
        netloc = self.url.netloc.rpartition("@")[2]
        user = f"{self.url.username}@" if self.url.username else ""
        return self.url._replace(netloc=user + netloc, query="").geturl()

    @property
    def host(self) -> str:
        # Not .hostname, which makes small letters of it.
        return self.url.netloc.rpartition("@")[2].partition(":")[0]

    @property
    def user(self) -> str | None:
        return unquote(self.url.username) if self.url.username else None

    @property
    def schema(self) -> str:
        """Where tables are looked for of which no schema is said."""
        match self.dialect:
            case "snowflake":
                return ".".join((self.path[0], self.path[1] if len(self.path) > 1 else "PUBLIC"))
            case "bigquery":
                return f"{self.host}.{self.path[0]}"
            case "trino":
                return ".".join((self.path[0], self.path[1] if len(self.path) > 1 else "default"))
            case _:
                names = (self.options.get("catalog"), self.options.get("schema", "default"))
                return ".".join(name for name in names if name)


def opened(address: str) -> CloudEngine:
    """An engine for an address. Raises KeepwellError for one that is none, and where the engine is
    away or does not let one in, ImportError where its driver is not installed."""
    place = Place.of(address)
    session = _SESSIONS[place.dialect](place)
    return CloudEngine(place.dialect, place.where, place.schema, session)


def secret(dialect: Dialect, required: bool = True) -> tuple[str, str]:
    """The first variable that says who one is, with its value; empty texts where there is none and
    none is required. Raises KeepwellError where there is none."""
    for name in SECRETS[dialect]:
        if os.environ.get(name):
            return name, os.environ[name]
    if not required:
        return "", ""
    raise KeepwellError(
        f"{ENGINES[dialect]} needs to know who you are",
        todo=f"put it into the environment: {' or '.join(SECRETS[dialect])}",
    )


class _ByCursor:
    """A connection of Python's database interface whose cursors give Arrow."""

    def __init__(self, con: Any, fetch: str, errors: tuple[type[Exception], ...]) -> None:
        self.errors = errors
        self._con = con
        self._fetch = fetch

    def rows(self, select: str) -> pa.Table:
        with self._con.cursor() as cursor:
            cursor.execute(select)
            found: pa.Table = getattr(cursor, self._fetch)()
            return found

    def close(self) -> None:
        with suppress(*self.errors):
            self._con.close()


class _OfTrino(_ByCursor):
    """A connection of Trino, which gives rows as Python values."""

    def rows(self, select: str) -> pa.Table:
        with self._con.cursor() as cursor:
            cursor.execute(select)
            found = cursor.fetchall()
            count = len(cursor.description)
        columns = list(zip(*found, strict=True)) if found else [()] * count
        names = [f"c{number}" for number in range(count)]
        return pa.table([pa.array(list(column)) for column in columns], names=names)


def _snowflake(place: Place) -> Session:
    from adbc_driver_manager import Error
    from adbc_driver_snowflake import dbapi

    name, value = secret("snowflake")
    options = {
        "adbc.snowflake.sql.account": place.host,
        "adbc.snowflake.sql.db": place.path[0],
        "adbc.snowflake.sql.warehouse": place.options.get("warehouse", ""),
        "adbc.snowflake.sql.role": place.options.get("role", ""),
        "adbc.snowflake.sql.client_option.disable_telemetry": "true",
        "username": place.user or "",
    }
    if name == "SNOWFLAKE_PASSWORD":
        options["password"] = value
    else:
        options["adbc.snowflake.sql.auth_type"] = "auth_jwt"
        options["adbc.snowflake.sql.client_option.jwt_private_key"] = value
    given = {key: told for key, told in options.items() if told}
    with explained("snowflake", place.where, (Error,)):
        con = dbapi.connect(db_kwargs=given, autocommit=True)
    session = _ByCursor(con, "fetch_arrow_table", (Error,))
    with explained("snowflake", place.where, (Error,)):
        # Else instants come in the zone of the account, and dates are made of them there.
        session.rows("ALTER SESSION SET TIMEZONE = 'UTC'")
    return session


def _bigquery(place: Place) -> Session:
    from adbc_driver_bigquery import dbapi
    from adbc_driver_manager import Error

    options = {
        "adbc.bigquery.sql.project_id": place.host,
        "adbc.bigquery.sql.dataset_id": place.path[0],
    }
    _, file = secret("bigquery", required=False)
    if file:
        options["adbc.bigquery.sql.auth_type"] = "adbc.bigquery.sql.auth_type.json_credential_file"
        options["adbc.bigquery.sql.auth_credentials"] = file
    with explained("bigquery", place.where, (Error,)):
        con = dbapi.connect(db_kwargs=options, autocommit=True)
    return _ByCursor(con, "fetch_arrow_table", (Error,))


def _databricks(place: Place) -> Session:
    from databricks import sql as client
    from databricks.sql.exc import Error

    _, token = secret("databricks")
    with explained("databricks", place.where, (Error, OSError)):
        con = client.connect(
            server_hostname=place.host,
            http_path="/" + "/".join(place.path),
            access_token=token,
            catalog=place.options.get("catalog"),
            schema=place.options.get("schema"),
            session_configuration={"timezone": "UTC"},
        )
    return _ByCursor(con, "fetchall_arrow", (Error, OSError))


def _trino(place: Place) -> Session:
    from trino import auth, dbapi, exceptions

    name, value = secret("trino", required=False)
    who: Any = None
    if name == "TRINO_PASSWORD":
        who = auth.BasicAuthentication(place.user or "", value)
    elif name:
        who = auth.JWTAuthentication(value)
    connect: Any = dbapi.connect  # has no types
    con = connect(
        host=place.host,
        port=place.url.port or (443 if who else 8080),
        user=place.user or "keepwell",
        catalog=place.path[0],
        schema=place.path[1] if len(place.path) > 1 else None,
        http_scheme="https" if who else "http",
        auth=who,
        source="keepwell",
        timezone="UTC",
    )
    # Its driver lets through what the connection itself raises.
    return _OfTrino(con, "", (exceptions.Error, OSError))


_SESSIONS: Mapping[str, Callable[[Place], Session]] = {
    "snowflake": _snowflake,
    "bigquery": _bigquery,
    "databricks": _databricks,
    "trino": _trino,
}
