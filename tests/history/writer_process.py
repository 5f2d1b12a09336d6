"""Writes scored days as a process of its own: FOLDER FIRST COUNT STEP ACCOUNTS [BYTES].

Says `ready` and begins when it is told to go; BYTES limits the size of every file.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

from days import days_from, scored

from keepwell.history import History
from keepwell.kit.errors import KeepwellError


def main(root: str, first: str, count: str, step: str, accounts: str, limit: str = "") -> int:
    history = History(Path(root))
    days = days_from(date.fromisoformat(first), int(count), int(step))
    made = [scored(day, int(accounts)) for day in days]
    print("ready", flush=True)
    sys.stdin.readline()
    if limit:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    for number, day in enumerate(made):
        try:
            history.write_days([day])
            if number % 3 == 2:
                history.write_days([made[number - 1]], restate=True)
        except KeepwellError as error:
            print(error.text(), flush=True)
            return 1
        print(day.day, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
