"""Projects on the facts of a generated company, and the values of their metrics."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pyarrow as pa

import keepwell
from benchmarks.company import NOW, Company
from benchmarks.engine_time import EngineTime
from benchmarks.figures import Watch, watched
from benchmarks.generator import FACTS, company_project
from keepwell.app.project import Project
from keepwell.facts.added import ADDED


@contextmanager
def project(
    of: Company, scratch: Path, files: Mapping[str, str] | None = None
) -> Iterator[Project]:
    """A project on the company's facts with a history of its own, in the night after the last day.

    `files` are further ones of its folder, by their names. The facts have been read once, so that
    the disk is not what is measured, and nothing is kept yet of what they add up to.
    """
    made = company_project(of)
    shutil.rmtree(made / FACTS / ADDED, ignore_errors=True)
    os.environ["KEEPWELL_NOW"] = NOW.isoformat()
    with tempfile.TemporaryDirectory(dir=scratch) as room:
        folder = Path(room, "project")
        shutil.copytree(made, folder, ignore=shutil.ignore_patterns(FACTS.parts[0]))
        for name, text in (files or {}).items():
            (folder / name).write_text(text, encoding="utf-8")
        with (folder / "keepwell.yaml").open("a", encoding="utf-8") as settings:
            settings.write(f"places: {{facts: '{(made / FACTS).absolute()}'}}\n")
        _read_once(made / FACTS)
        yield keepwell.open(folder)


def metric_values(
    made: Project, scorecard: str, day: date, engine: EngineTime | None = None
) -> pa.Table:
    """The values of a scorecard's metrics on a day, as `metric/<key>`.

    Facts are opened anew, so that nothing is remembered but what the process itself remembers.
    """
    facts = made.facts()
    if engine is not None:
        facts.con.con = engine.of(facts.con.con)
    metrics = made.judge.plans[scorecard].metrics
    return made.judge.values(facts, [day], metrics)


def timed_values(
    made: Project, scorecard: str, day: date, times: int
) -> tuple[Watch, Watch, Watch]:
    """The first time, the fastest of the next ones, and of these the least time in the engine."""
    runs = []
    for _ in range(1 + times):
        engine = EngineTime()
        with watched() as watch:
            metric_values(made, scorecard, day, engine)
        runs.append((watch, engine.seconds))
    first, *others = runs
    whole = min((watch for watch, _ in others), key=lambda w: w.seconds)
    return first[0], whole, Watch(min(seconds for _, seconds in others))


def _read_once(folder: Path) -> None:
    for file in folder.rglob("*.parquet"):
        with file.open("rb") as opened:
            while opened.read(1 << 22):
                pass
