"""Where facts are kept, by what keepwell.yaml says: a folder of Keepwell's own, or a warehouse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from keepwell.facts.engines.base import Remote
from keepwell.facts.engines.dialects import CLOUDS, ENGINES, Dialect
from keepwell.facts.store import FactStore
from keepwell.facts.warehouse import Warehouse
from keepwell.kit.errors import KeepwellError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def is_warehouse(place: str) -> bool:
    """Whether a place is an engine's address and not a folder."""
    return "://" in place or place == "local" or place.startswith("local[")


def cloud(place: str) -> Dialect | None:
    """The engine of an address if it is one that no test has run, else None."""
    scheme, separator, _ = place.partition("://")
    return next((name for name in CLOUDS if separator and name == scheme), None)


def source(
    place: str,
    folder: Path,
    schema: str | None = None,
    tables: Mapping[str, str] | None = None,
    session: SparkSession | None = None,
) -> FactStore | Warehouse:
    """What is at a place: a folder below `folder`, or a warehouse with tables of these names.

    `session` is one of Spark that is there already, whatever the place. Nothing is opened yet.
    """
    if session is None and not is_warehouse(place):
        return FactStore(folder / place)
    named = {name: _from(folder, told) for name, told in (tables or {}).items()}
    return Warehouse(_engine(place, session), schema, named)


def _from(folder: Path, told: str) -> str:
    """A name in a warehouse, or a folder of Parquet files, which may be below the project's."""
    is_path = "/" in told and "://" not in told
    return str((folder / told).absolute()) if is_path else told


def _engine(place: str, session: SparkSession | None) -> Callable[[], Remote]:
    if session is None and place.startswith("postgres"):
        return lambda: _postgres(place)
    dialect = cloud(place)
    if session is None and dialect is not None:
        return lambda: _in_a_cloud(place, dialect)
    return lambda: _spark(place, session)


def _postgres(place: str) -> Remote:
    from keepwell.facts.engines.postgres import PostgresEngine

    try:
        return PostgresEngine(place)
    except ImportError as error:
        raise not_installed(error, "PostgreSQL", "postgres") from None


def _in_a_cloud(place: str, dialect: Dialect) -> Remote:
    from keepwell.facts.engines import vendors

    try:
        return vendors.opened(place)
    except ImportError as error:
        raise not_installed(error, ENGINES[dialect], dialect) from None


def _spark(place: str, session: SparkSession | None) -> Remote:
    from keepwell.facts.engines.spark import SparkEngine, session_at

    try:
        return SparkEngine(session or session_at(place))
    except ImportError as error:
        raise not_installed(error, "Spark", "spark") from None


def not_installed(error: ImportError, engine: str, extra: str) -> KeepwellError:
    """What to tell where an engine's part is not there."""
    return KeepwellError(
        f"facts in {engine} need a part that is not installed: {error.name}",
        todo=f"make extra EXTRA={extra} in a checkout, else pip install 'keepwell[{extra}]'",
    )
