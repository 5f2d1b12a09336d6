"""keepwell.yaml: a project's name, places, time zone, currency, and what it uses."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from pydantic import BeforeValidator, Field

from keepwell.definitions.segment import Peers
from keepwell.definitions.values import Days, Key, Model, Name, one_line
from keepwell.kit import clock
from keepwell.kit.errors import KeepwellError

CLOUDS = ("snowflake", "bigquery", "databricks", "trino")
"""Those that none of our tests has run; each is called so in an address and in SQL."""
ENGINES = ("postgresql", "postgres", "spark", *CLOUDS)
"""What a warehouse can be called by in an address."""
DATABASES = ("postgresql", "postgres")
BUCKETS = ("s3", "gs", "az")
"""Databases and object stores that can hold history, by what they are called in an address."""
_SECRETS = {"password", "sslpassword", "access_token", "token", "private_key"}
_ELSEWHERE = {
    "snowflake": "it in the environment (SNOWFLAKE_PASSWORD or SNOWFLAKE_PRIVATE_KEY_FILE)",
    "bigquery": "what Google's own tools use, or GOOGLE_APPLICATION_CREDENTIALS",
    "databricks": "it in the environment (DATABRICKS_TOKEN)",
    "trino": "it in the environment (TRINO_PASSWORD or TRINO_TOKEN)",
    **dict.fromkeys(BUCKETS, "it in the environment (AWS_SECRET_ACCESS_KEY)"),
}
_BUCKET = re.compile(r"[^/@?#\s]+(/[^/@?#\s]+)*/?")
_CURRENCY = re.compile(r"^[A-Z]{3}$")


def _zone(value: object) -> str:
    try:
        clock.zone(str(value))
    except KeepwellError as error:
        raise ValueError(one_line(error)) from None
    return str(value)


def _currency(value: object) -> str:
    if not _CURRENCY.match(str(value)):
        raise ValueError(f"{value!r} is not a currency; expected three letters such as EUR")
    return str(value)


def _facts_place(value: object) -> str:
    place = str(value)
    scheme, separator, _ = place.partition("://")
    if separator and scheme not in ENGINES:
        known = ", ".join(f"{name}://" for name in ENGINES)
        raise ValueError(
            f"facts cannot be read from {scheme}://; expected a folder, {known}, local[*]"
        )
    if separator:
        try:
            refuse_password(place)
        except KeepwellError as error:
            raise ValueError(one_line(error)) from None
    return place


def _history_place(value: object) -> str:
    place = str(value)
    scheme, separator, rest = place.partition("://")
    if not separator:
        return place
    if scheme not in (*DATABASES, *BUCKETS):
        known = ", ".join(f"{name}://" for name in (*BUCKETS, "postgresql"))
        raise ValueError(f"history cannot be kept at {scheme}://; expected a folder, {known}")
    try:
        refuse_password(place)
    except KeepwellError as error:
        raise ValueError(one_line(error)) from None
    if scheme in BUCKETS and not _BUCKET.fullmatch(rest):
        raise ValueError(f"{place} is no place in a bucket; expected {scheme}://bucket/prefix")
    return place


def refuse_password(address: str) -> None:
    """Raises KeepwellError for an address that has a password in it, or that is none."""
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise KeepwellError(f"the address cannot be read: {error}") from None
    if parts.password is not None or _SECRETS & {name for name, _ in parse_qsl(parts.query)}:
        raise KeepwellError(
            "a password does not belong into keepwell.yaml, which is in git",
            expected=_ELSEWHERE.get(
                parts.scheme,
                "it in the environment (PGPASSWORD) or in a password file (~/.pgpass)",
            ),
        )


class Places(Model):
    """Where things are kept, relative to the project folder. Facts can also be in a warehouse,
    history on object storage or in PostgreSQL."""

    facts: Annotated[str, BeforeValidator(_facts_place)] = Field(
        "data/facts",
        description="a folder, postgresql://user@host/database, spark://host:port or local[*];"
        " compiled and checked, not run: snowflake://, bigquery://, databricks://, trino://",
    )
    history: Annotated[str, BeforeValidator(_history_place)] = Field(
        "data/history",
        description="a folder, s3://bucket/prefix, gs:// or az:// (both untested), or"
        " postgresql://user@host/database",
    )
    workspace: str = "data/workspace.sqlite"


class WarehouseTables(Model):
    """How the canonical tables are called in a warehouse, where they are not called as here."""

    schema_: str | None = Field(None, alias="schema", description="where tables are that name none")
    tables: dict[str, str] = Field(
        {}, description="name in Keepwell: name there, or (Spark) a folder of Parquet files"
    )


class HistoryTables(Model):
    """Where history is in a database."""

    schema_: Name = Field(
        "keepwell_history", alias="schema", description="Keepwell's own; made if it is missing"
    )


class SourceSettings(Model):
    """What is known of a source beyond its mapping."""

    retired: bool = Field(False, description="it has ended and nothing waits for it")


class Settings(Model):
    """The fields of keepwell.yaml."""

    name: str
    timezone: Annotated[str, BeforeValidator(_zone)] = "UTC"
    currency: Annotated[str, BeforeValidator(_currency)] = Field("EUR", pattern=_CURRENCY.pattern)
    scorecards: list[Name] = Field(min_length=1, description="in order; the first is the primary")
    segmentations: list[Key] | None = Field(None, description="empty: all that are defined")
    places: Places = Places()
    warehouse: WarehouseTables = WarehouseTables.model_validate({})
    history: HistoryTables = HistoryTables.model_validate({})
    sources: dict[str, SourceSettings] = {}
    fresh_for: dict[str, Days] = Field(
        {}, description="how old the last covered day of a table or family may be"
    )
    peers: Peers = Peers()
