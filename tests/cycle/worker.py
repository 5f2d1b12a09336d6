"""A process that scores or imports, for tests that watch it or kill it.

    worker.py score FOLDER FIRST LAST [DAYS AT ONCE]
    worker.py import FOLDER FIRST LAST

It says `ready` when it begins and `done` when it has finished. Each import brings what happened on
one of the days, corrections of the week before, and people whose logins come weeks late.
"""

from __future__ import annotations

import os
import sys
from datetime import date, timedelta
from pathlib import Path

from keepwell.app.project import open
from keepwell.cycle.night import span
from keepwell.facts.store import FactStore
from tests.cycle.company import FAMILIES, LAST, START, at, logins, put

LATE = LAST - timedelta(days=40)


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def import_day(store: FactStore, day: date) -> None:
    """What arrives on the morning after a day, corrections of the week before included."""
    week = day - timedelta(days=6)
    put(
        store,
        {
            "tickets": [{"ticket_id": f"t-{day}", "account_id": "a06", "opened_at": at(day, 9),
                         "status": "open"}],
            "usage_daily": [
                *logins("a07", week, day, people=3, each=day.day),
                *logins(f"a{1 + day.day % 12:02d}", LATE, LATE + timedelta(days=9), people=9,
                        each=1)[day.day % 9 :: 9],
            ],
        },
        dict.fromkeys(FAMILIES, (START, day)),
    )  # fmt: skip


def main() -> None:
    what, folder, first, last, *at_once = sys.argv[1:]
    days = span(date.fromisoformat(first), date.fromisoformat(last))
    if what == "import":
        store = FactStore(Path(folder) / "data" / "facts")
        say("ready")
        for day in days:
            os.environ["KEEPWELL_NOW"] = at(day + timedelta(days=1)).isoformat()
            import_day(store, day)
            say(str(day))
        return
    project = open(folder)
    say("ready")
    step = int(at_once[0]) if at_once else len(days)
    for start in range(0, len(days), step):
        some = days[start : start + step]
        outcome = project.score(first=some[0], last=some[-1])
        say(f"scored {len(outcome.scored)} stood {len(outcome.stood)}")
    say("done")


if __name__ == "__main__":
    main()
