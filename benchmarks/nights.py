"""One night of the framework `enterprise`: its metric values, by hand and by Keepwell, and all of
it with scores, explanations and history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from benchmarks.company import LAST_DAY, SIZES, Company
from benchmarks.figures import GB, Figure, Watch, best, figure, watched
from benchmarks.generator import FACTS, company_project, note
from benchmarks.projects import metric_values, project, timed_values
from benchmarks.reference import by_hand, differences, opened
from keepwell.app.project import Project
from keepwell.facts.store import FactStore

SCORECARD = "enterprise"
BY_HAND = "34 metrics by hand"
NEXT = "night, the next ones"
TIMES = 5
NIGHTS = 3


def company(size: str, _: Path) -> Iterator[Figure | str]:
    """What the company is, and what it took to make it when it was made."""
    told = note(company_project(Company(SIZES[size])))
    yield Figure(
        "a year of facts, made once",
        seconds=told["seconds"],
        memory=told["memory"],
        disk=told["size"],
    )
    rows = told["rows"]
    usage = {kind: rows.pop(kind) for kind in list(rows) if kind.startswith("usage_daily.")}
    days = usage.pop("usage_daily.session"), usage.pop("usage_daily.feature_use")
    yield (
        f"{rows.pop('accounts'):,} accounts, {rows.pop('people'):,} people, {days[0]:,} rows of"
        f" people's days, {days[1]:,} of features' days, {sum(usage.values()):,} of accounts' days,"
        f" {sum(rows.values()):,} in {len(rows)} other tables"
    )


def reference(size: str, _: Path) -> Iterator[Figure | str]:
    """The hand-written SQL, to a table in memory."""
    with opened(FactStore(company_project(Company(SIZES[size])) / FACTS)) as con:
        yield figure(BY_HAND, best(lambda: by_hand(con, LAST_DAY), TIMES))


def values(size: str, scratch: Path) -> Iterator[Figure | str]:
    """Keepwell's values of the same metrics, and whether they are the same."""
    with project(Company(SIZES[size]), scratch) as made:
        first, whole, run = timed_values(made, SCORECARD, LAST_DAY, TIMES)
        yield figure("34 metrics, first of all", first, against=BY_HAND)
        yield figure("34 metrics, planned and run", whole, against=BY_HAND)
        reach = _limits(size, M={"ratio": 0.8})
        yield figure("34 metrics, run alone", run, against=BY_HAND, reach=reach)
        with opened(made.store) as con:
            found = differences(by_hand(con, LAST_DAY), metric_values(made, SCORECARD, LAST_DAY))
    if not found:
        yield "all 34 metrics have the same values by hand and in Keepwell"
    yield from (str(d) for d in found)


def night(size: str, scratch: Path) -> Iterator[Figure | str]:
    """Whole nights, one after the other, as one process does them."""
    with project(Company(SIZES[size]), scratch) as made:
        first, *others = _nights(made)
        reach = _limits(
            size,
            M={"seconds": 5, "memory": 1 * GB, "ratio": 2},
            L={"memory": 8 * GB, "ratio": 1.1},
        )
        yield figure("night, first of all", first, against=BY_HAND, reach=reach)
        next_ = min(others, key=lambda w: w.seconds)
        reach = _limits(size, M={"ratio": 1.2}, L={"ratio": 1.1})
        yield figure(NEXT, next_, against=BY_HAND, reach=reach)


def varied(size: str, scratch: Path) -> Iterator[Figure | str]:
    """Nights of a company with six time zones, closures in summer and mergers."""
    with project(Company(SIZES[size], varied=True), scratch) as made:
        next_ = min(_nights(made)[1:], key=lambda w: w.seconds)
        yield figure("night with zones, closures, mergers", next_, against=NEXT)


def _nights(made: Project) -> list[Watch]:
    """The last nights of the company, in their order."""
    found = []
    for back in range(NIGHTS, -1, -1):
        with watched() as watch:
            made.score(LAST_DAY - timedelta(days=back))
        found.append(watch)
    return found


def _limits(size: str, **of_sizes: Mapping[str, float]) -> Mapping[str, float]:
    return of_sizes.get(size, {})
