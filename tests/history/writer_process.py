"""Writes scored days as a process of its own: FOLDER FIRST COUNT STEP ACCOUNTS [BYTES].

Says `ready` and begins when it is told to go; BYTES limits the size of every file.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

from keepwell.history import History
from keepwell.kit.errors import KeepwellError
from tests.history.days import days_from, scored


def say(text: object) -> None:
    """One line to whoever started this."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(root: str, first: str, count: str, step: str, accounts: str, limit: str = "") -> int:
    history = History(Path(root))
    days = days_from(date.fromisoformat(first), int(count), int(step))
    say("ready")
    sys.stdin.readline()
    if limit:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    for number, day in enumerate(days):
        try:
            history.write_days([scored(day, int(accounts))])
            if number % 3 == 2:
                history.write_days([scored(days[number - 1], int(accounts))], restate=True)
        except KeepwellError as error:
            say(error.text())
            return 1
        say(day)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
