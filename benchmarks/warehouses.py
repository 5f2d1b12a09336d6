"""The 34 metrics of `enterprise` where the facts are in PostgreSQL or Spark, on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from benchmarks.company import LAST_DAY, SIZES, Company
from benchmarks.figures import Figure, Watch, figure, watched
from benchmarks.nights import BY_HAND, SCORECARD
from benchmarks.projects import project
from keepwell.app.project import Project
from keepwell.facts.engines.postgres import PostgresEngine
from keepwell.facts.engines.spark import SparkEngine, session_at
from keepwell.facts.known import Known
from keepwell.facts.schema import IMPORTED
from keepwell.facts.warehouse import Warehouse
from keepwell.kit.views import text

TIMES = 1


def postgres(size: str, scratch: Path) -> Iterator[Figure | str]:
    """Loading a server of its own by COPY, and the values of the metrics there."""
    with project(Company(SIZES[size]), scratch) as made, postgres_server() as address:
        with watched() as watch:
            made.load_facts(address)
        yield figure("facts loaded into PostgreSQL", watch)
        warehouse = Warehouse(partial(PostgresEngine, address))
        yield from _values("PostgreSQL", made, warehouse)


def spark(size: str, scratch: Path) -> Iterator[Figure | str]:
    """What Spark takes to start, and the values of the metrics there, from Parquet files."""
    with project(Company(SIZES[size]), scratch) as made:
        tables = _files(made, scratch)
        with watched() as watch:
            session = session_at("local[*]")
        yield figure("Spark started", watch)
        yield from _values("Spark", made, Warehouse(partial(SparkEngine, session), None, tables))
        session.stop()


def _values(engine: str, made: Project, warehouse: Warehouse) -> Iterator[Figure]:
    first, *others = [_watched(made, warehouse) for _ in range(1 + TIMES)]
    yield figure(f"34 metrics in {engine}, first of all", first, against=BY_HAND)
    next_ = min(others, key=lambda w: w.seconds)
    yield figure(f"34 metrics in {engine}, the next ones", next_, against=BY_HAND)


def _watched(made: Project, warehouse: Warehouse) -> Watch:
    with watched() as watch, closing(warehouse.reader(Known.now())) as facts:
        made.judge.values(facts, [LAST_DAY], made.judge.plans[SCORECARD].metrics)
    return watch


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a server of its own, which ends with the block."""
    from pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="keepwell-postgres-") as folder:
        server = get_server(folder, cleanup_mode="stop")
        # Its own address names an empty password, and Keepwell takes none from an address.
        yield server.get_uri().replace(":@", "@", 1)
        server.cleanup()


def _files(made: Project, scratch: Path) -> dict[str, str]:
    """The stored rows as Parquet files, a folder for each table."""
    found = {}
    with closing(made.source.reader(Known.latest())) as facts:
        for name in IMPORTED:
            folder = scratch / "tables" / name
            folder.mkdir(parents=True)
            target = text(str(folder / "rows.parquet"))
            facts.con.raw_sql(f"COPY ({facts.stored_versions(name)}) TO {target}")
            found[name] = str(folder)
    return found
