"""Many days, and many scorecards, in one pass."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from benchmarks.company import LAST_DAY, SIZES, Company
from benchmarks.figures import GB, Figure, Watch, figure, watched
from benchmarks.projects import project
from keepwell.app.project import Project
from keepwell.catalog import definitions
from keepwell.cycle.scoring import PORTFOLIO
from keepwell.definitions.loading import load

DAYS = 365
CHECKED = 7
"""Of how many days the scores are compared with those of single nights."""


def backfill(size: str, scratch: Path) -> Iterator[Figure | str]:
    """All days of a year in one pass, against one night; and whether the results are the same."""
    days = [LAST_DAY - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    single = [days[n * (DAYS - 1) // (CHECKED - 1)] for n in range(CHECKED)]
    with project(Company(SIZES[size]), scratch) as alone:
        alone.score(single[0])
        runs = []
        for day in single[1:]:
            with watched() as watch:
                alone.score(day)
            runs.append(watch)
        night = "night among others of the year"
        yield figure(night, min(runs, key=lambda w: w.seconds))
        with project(Company(SIZES[size]), scratch) as made:
            with watched() as watch:
                made.score(first=days[0], last=days[-1])
            reach = {"ratio": 60.0, "memory": 4.5 * GB} if size == "M" else {}
            yield figure(f"backfill of {DAYS} days", watch, against=night, reach=reach)
            differ = [day for day in single if not _alike(alone, made, day)]
    yield (
        f"of {CHECKED} days scored by themselves {CHECKED - len(differ)} have the same result,"
        " bit for bit, as in the backfill"
    )


def _alike(one: Project, other: Project, day: date) -> bool:
    tables = [*one.judge.plans, PORTFOLIO]
    return all(
        one.history.read(table, days=[day]).equals(other.history.read(table, days=[day]))
        for table in tables
    )


def every_framework(size: str, scratch: Path) -> Iterator[Figure | str]:
    """A night of all frameworks, against the night of the dearest one."""
    of, keys = Company(SIZES[size]), list(load(definitions()).scorecards)
    alone = []
    for key in keys:
        with project(of, scratch, _settings(key)) as made:
            alone.append(figure(f"night of {key}", _next_night(made)))
    yield from alone
    dearest = max(alone, key=lambda f: f.seconds or 0)
    with project(of, scratch, _settings(*keys)) as made:
        reach = {"ratio": 1.5} if size == "M" else {}
        night = _next_night(made)
        yield figure("night of all frameworks", night, against=dearest.what, reach=reach)


def _next_night(made: Project) -> Watch:
    """The last night, after those before it, the fastest of two."""
    made.score(LAST_DAY - timedelta(days=2))
    found = []
    for back in (1, 0):
        with watched() as watch:
            made.score(LAST_DAY - timedelta(days=back))
        found.append(watch)
    return min(found, key=lambda w: w.seconds)


def _settings(*scorecards: str) -> dict[str, str]:
    listed = ", ".join(scorecards)
    return {"keepwell.yaml": f"name: Benchmark\ncurrency: EUR\nscorecards: [{listed}]\n"}
