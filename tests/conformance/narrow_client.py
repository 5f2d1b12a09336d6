"""A program that has little memory: it counts in a warehouse, and then tries to bring all rows.

Run by test_memory.py with a place, the tables there as JSON, and how many bytes it may take beyond
what it has once it has counted for the first time.
"""

from __future__ import annotations

import json
import resource
import sys
from datetime import date
from pathlib import Path

from keepwell.facts.known import Known
from keepwell.facts.places import source
from tests.metrics.measuring import measured, metrics

DAY = date(2026, 3, 1)
METRICS = metrics("""
    uses: {sum: value, from: usage_daily, over: 90 days, unit: count}
    people: {count_distinct: person_id, from: usage_daily, over: 90 days}
    days: {count_distinct: day, from: usage_daily, over: 90 days}
    """)


def main(place: str, tables: str, room: int) -> None:
    facts = source(place, Path(), **json.loads(tables)).reader(Known.latest())
    # What the first time needs and keeps is not what is measured.
    measured(METRICS, facts, DAY)
    _limit(room)
    _tell(measured(METRICS, facts, DAY).of("A7"))
    _tell(facts.con.to_pyarrow(facts.table("usage_daily")).num_rows)


def _tell(found: object) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def _limit(room: int) -> None:
    pages = int(Path("/proc/self/statm").read_text("utf-8").split()[0])
    most = pages * resource.getpagesize() + room
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
