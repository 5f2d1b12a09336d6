"""Makes the companies on which a night is measured, as projects with facts that were imported.

    python -m benchmarks.generator 10000 [varied]

Everything goes through the public store, as an import would bring it: rows by source and table,
the usage month by month, then which days each source has covered. A company is kept in the cache
and made anew only when something that it depends on has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.company import FIRST_DAY, LAST_DAY, NOW, REPOSITORY, Company, cache_folder
from benchmarks.draws import basis, macros
from benchmarks.machine import peak_memory
from benchmarks.tables import Feed, feeds
from benchmarks.usage import KINDS, months, usage_select
from keepwell.app.init import init_project
from keepwell.facts.known import BEGINNING
from keepwell.facts.schema import family
from keepwell.facts.store import LAYOUT, FactStore, FactWriter

FACTS = Path("data", "facts")
NOTE = "company.json"
MEMORY = "500MB"
"""What making the rows may take; storing them takes its own."""


def company_project(company: Company) -> Path:
    """The folder of the company's project, made if it is not in the cache."""
    folder = cache_folder() / company.name
    if _identity(company) != note(folder).get("identity"):
        # In a process of its own: the memory of whoever asks is measured.
        kind = ["varied"] if company.varied else []
        command = [sys.executable, "-m", "benchmarks.generator", str(company.accounts), *kind]
        subprocess.run(command, cwd=REPOSITORY, check=True)
    return folder


def make(company: Company, folder: Path) -> None:
    """Make the company's project in that folder, in place of what was there.

    Nothing is there before all of it is.
    """
    started = time.perf_counter()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _at(NOW.isoformat()), tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        made = Path(scratch, "project")
        init_project(made, "enterprise", name="Benchmark")
        rows = _fill(company, FactStore(made / FACTS), Path(scratch))
        told = {
            "identity": _identity(company),
            "rows": rows,
            "seconds": round(time.perf_counter() - started, 1),
            "memory": peak_memory(),
            "size": sum(f.stat().st_size for f in (made / FACTS).rglob("*.parquet")),
        }
        (made / NOTE).write_text(json.dumps(told, indent=1), encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)


def note(folder: Path) -> dict[str, Any]:
    """What was noted when the company in that folder was made: identity, rows by table (usage by
    kind), seconds, memory and size in bytes. Empty where there is none."""
    path = folder / NOTE
    if not path.is_file():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def generating(company: Company, scratch: Path) -> duckdb.DuckDBPyConnection:
    """A connection in which the SELECTs of the company's tables can be run."""
    con = duckdb.connect(
        config={
            "memory_limit": MEMORY,
            "temp_directory": str(scratch / "spilled"),
            "preserve_insertion_order": False,
        }
    )
    con.execute("SET TimeZone = 'UTC'")
    for statement in (macros(company.seed), *basis(company)):
        con.execute(statement)
    return con


def _fill(company: Company, store: FactStore, scratch: Path) -> dict[str, int]:
    """Write every table into the store; how many rows each has."""
    found = feeds(company)
    with generating(company, scratch) as con, store.writer("benchmark") as writer:
        counts = {feed.table: _put(writer, con, feed.table, feed.source, feed.select)
                  for feed in (*found, _sources(found))}  # fmt: skip
        for first, last in months():
            _put(writer, con, "usage_daily", "product", usage_select(first, last))
        for source, spans in _covered(found).items():
            writer.cover(source, spans, arrived_at=NOW)
    with duckdb.connect() as con:
        usage = con.read_parquet(store.files("usage_daily"))
        counts |= {
            f"usage_daily.{kind}": count
            for kind, count in usage.aggregate("metric, count(*)", "metric").fetchall()
        }
    return counts


def _put(
    writer: FactWriter, con: duckdb.DuckDBPyConnection, table: str, source: str, select: str
) -> int:
    return writer.put(table, con.sql(select), source_id=source, arrived_at=NOW).new


def _sources(found: list[Feed]) -> Feed:
    names = sorted({"product", *(feed.source for feed in found)})
    return Feed("sources", "benchmark", f"SELECT unnest({names}) AS source, 'file' AS kind")


def _covered(found: list[Feed]) -> dict[str, dict[str, tuple[date, date]]]:
    """By source and family: the days that were delivered."""
    usage = Feed("usage_daily", "product", "", KINDS)
    covered: dict[str, dict[str, tuple[date, date]]] = {}
    for feed in (*found, usage):
        span = (FIRST_DAY if feed.flows else BEGINNING.date(), LAST_DAY)
        families = [family(feed.table, kind) for kind in (None, *feed.kinds)]
        covered.setdefault(feed.source, {}).update(dict.fromkeys(families, span))
    return covered


def _identity(company: Company) -> str:
    """Changes with whatever could change a row."""
    statements = [
        macros(company.seed),
        *basis(company),
        *(feed.select for feed in feeds(company)),
        *(usage_select(*month) for month in months()),
    ]
    text = json.dumps([LAYOUT, company.name, str(NOW), *statements])
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def _at(instant: str) -> Iterator[None]:
    """Keepwell's clock stands still at that instant."""
    before = os.environ.get("KEEPWELL_NOW")
    os.environ["KEEPWELL_NOW"] = instant
    try:
        yield
    finally:
        if before is None:
            del os.environ["KEEPWELL_NOW"]
        else:
            os.environ["KEEPWELL_NOW"] = before


if __name__ == "__main__":
    asked = Company(int(sys.argv[1]), varied="varied" in sys.argv[2:])
    make(asked, cache_folder() / asked.name)
