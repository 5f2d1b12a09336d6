"""Spark as an engine, by a session of its own: in a cluster, on this machine, in a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from keepwell.facts.engines.base import Columns, Kind, Remote, shaped
from keepwell.facts.engines.dialects import Dialect
from keepwell.kit.errors import KeepwellError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class SparkEngine(Remote):
    """A session beside another one of Spark: with its tables, but with views of its own.

    Raises KeepwellError where Spark is away, or fails.
    """

    dialect: Dialect = "spark"
    schema = "default"

    def __init__(self, session: SparkSession) -> None:
        self.where = f"Spark at {session.sparkContext.master}"
        self._session = session.newSession()
        self._session.conf.set("spark.sql.session.timeZone", "UTC")
        self._views: set[str] = set()

    def view(self, name: str, select: str) -> None:
        with self._explained():
            self._session.sql(select).createOrReplaceTempView(_quoted(name))
        self._views.add(name)

    def put(self, name: str, rows: pa.Table) -> None:
        with self._explained():
            self._session.createDataFrame(rows).createOrReplaceTempView(_quoted(name))
        self._views.add(name)

    def drop(self, name: str) -> None:
        self._session.catalog.dropTempView(_quoted(name))
        self._views.discard(name)

    def answer(self, select: str, schema: pa.Schema) -> pa.Table:
        with self._explained():
            return shaped(self._session.sql(select).toArrow(), schema)

    def rows(self, select: str) -> list[tuple[Any, ...]]:
        # collect() would give instants in the zone of this machine.
        with self._explained():
            found = self._session.sql(select).toArrow()
        return list(zip(*(column.to_pylist() for column in found.columns), strict=True))

    def columns(self, places: Sequence[tuple[str, ...]]) -> Mapping[tuple[str, ...], Columns]:
        return {place: columns for place in places if (columns := self._columns(place)) is not None}

    def _columns(self, place: tuple[str, ...]) -> Columns | None:
        from pyspark.errors import AnalysisException

        try:
            shape = self._session.table(".".join(_quoted(part) for part in place)).schema
        except AnalysisException:
            return None
        return {field.name: _kind(field.dataType.typeName()) for field in shape.fields}

    def close(self) -> None:
        for name in list(self._views):
            self.drop(name)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        try:
            yield
        except (PySparkException, Py4JError) as error:
            raise KeepwellError(
                f"Spark could not answer: {str(error).strip().splitlines()[0]}",
                where=self.where,
                todo="see that the cluster runs; then run it again: nothing was written",
            ) from error


_KINDS: Mapping[str, Kind] = {
    "string": "text",
    "byte": "int",
    "short": "int",
    "integer": "int",
    "long": "int",
    "decimal": "decimal",
    "float": "float",
    "double": "float",
    "boolean": "bool",
    "date": "date",
    "timestamp": "timestamp",
    "timestamp_ntz": "an instant without a zone",
}


def _kind(name: str) -> Kind | str:
    return _KINDS.get(name.partition("(")[0], name)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def session_at(master: str) -> SparkSession:
    """The session of this process, or a new one with a cluster (spark://host:port) or on this
    machine (local[*]). Its settings are those of Spark (SPARK_CONF_DIR)."""
    from pyspark.sql import SparkSession

    there = SparkSession.getActiveSession()
    if there is not None:
        return there
    made = (
        SparkSession.builder.master(master)
        .appName("Keepwell")
        .config("spark.ui.showConsoleProgress", False)
        .getOrCreate()
    )
    made.sparkContext.setLogLevel("ERROR")
    return made
