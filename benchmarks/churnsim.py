"""The kind of metrics that the Python package fightchurn computes, over its own simulated company:
eight counts of events over four and twelve weeks, ratios and changes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import keepwell
from benchmarks.company import REPOSITORY, data_folder
from benchmarks.figures import Figure, best, figure, watched
from benchmarks.starting import NOT_THERE
from benchmarks.warehouses import postgres_server
from keepwell.app.init import init_project
from keepwell.app.project import Project
from keepwell.facts.engines.postgres import PostgresEngine
from keepwell.facts.known import Known
from keepwell.facts.reading import Source
from keepwell.facts.warehouse import Warehouse

MAPPING = REPOSITORY / "examples" / "churnsim" / "mapping.yaml"
FIRST, LAST = date(2020, 1, 1), date(2020, 5, 31)
WEEKS = [LAST - timedelta(weeks=back) for back in range(14, -1, -1)]
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
AT_ONCE = 31
"""How many days a backfill evaluates together."""
EVENTS = range(8)
WINDOWS = (28, 84)
KEYS = (
    *(f"events_{event}_{days}d" for days in WINDOWS for event in EVENTS),
    *(f"ratio_{event}" for event in (1, 2)),
    *(f"change_{event}" for event in (0, 1, 2)),
)
REACH_WEEKS, REACH_ROWS = 3, 5_000_000


def embedded(_: str, scratch: Path) -> Iterator[Figure | str]:
    """21 metrics of 14,641 accounts on 15 weekly dates, and on every day of five months."""
    if not (data_folder() / "churnsim").is_dir():
        yield NOT_THERE
        return
    made = _project(scratch)
    weekly = best(partial(_values, made, made.source, WEEKS), 3)
    yield figure("churnsim, 15 weekly dates", weekly, reach={"seconds": REACH_WEEKS})
    with watched() as watch:
        rows = sum(
            _values(made, made.source, DAYS[start : start + AT_ONCE])
            for start in range(0, len(DAYS), AT_ONCE)
        )
    reach = {"seconds": rows / REACH_ROWS}
    yield figure(f"churnsim, {len(DAYS)} days in a row", watch, reach=reach)
    yield f"{rows:,} values on {len(DAYS)} days, {rows / watch.seconds:,.0f} in a second"


def postgres(_: str, scratch: Path) -> Iterator[Figure | str]:
    """The same on the 15 weekly dates where the facts are in a PostgreSQL server."""
    if not (data_folder() / "churnsim").is_dir():
        yield NOT_THERE
        return
    made = _project(scratch)
    with postgres_server() as address:
        made.load_facts(address)
        there = Warehouse(partial(PostgresEngine, address))
        watch = best(partial(_values, made, there, WEEKS), 1)
        yield figure("churnsim in PostgreSQL, 15 weekly dates", watch)


def _values(made: Project, source: Source, days: Sequence[date]) -> int:
    """How many values there are of all accounts and metrics on these days."""
    with closing(source.reader(Known.now())) as facts:
        found = made.judge.values(facts, days, KEYS)
    return int(found.num_rows) * len(KEYS)


def _project(scratch: Path) -> Project:
    folder = scratch / "churnsim"
    if not folder.exists():
        init_project(folder, "enterprise", timezone="UTC", currency="USD")
        (folder / "metrics" / "events.yaml").write_text(_metrics(), encoding="utf-8")
        data = folder / "copied"
        shutil.copytree(data_folder() / "churnsim", data)
        keepwell.open(folder).import_files([data], mapping=MAPPING)
    return keepwell.open(folder)


def _metrics() -> str:
    lines = ["metrics:"]
    for days in WINDOWS:
        for event in EVENTS:
            lines += [
                f"  events_{event}_{days}d:",
                f"    label: Events {event}, {days} days",
                "    description: How many of them there were. None is 0.",
                "    sum: value",
                "    from: usage_daily",
                f"    where: metric = 'event_{event}'",
                f"    over: {days} days",
                "    unit: events",
            ]
    for event in (1, 2):
        lines += [
            f"  ratio_{event}:",
            f"    label: Events {event} for each event 0",
            "    description: Unknown where there was no event 0.",
            f"    formula: events_{event}_28d / nullif(events_0_28d, 0)",
        ]
    for event in (0, 1, 2):
        lines += [
            f"  change_{event}:",
            f"    label: Change of events {event}",
            "    description: Against four weeks earlier.",
            f"    change: events_{event}_28d",
            "    since: 28 days",
        ]
    return "\n".join(lines) + "\n"
