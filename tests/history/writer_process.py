"""Writes scored days as a process of its own: PLACE FIRST COUNT STEP ACCOUNTS [END].

Says `ready` and begins when it is told to go. END is a limit of the size of every file in bytes,
or a function such as `keepwell.kit.place.write_manifest` in whose place the process is killed.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from datetime import date
from pkgutil import resolve_name

from keepwell.kit.errors import KeepwellError
from tests.history.conftest import opened
from tests.history.days import days_from, scored


def say(text: object) -> None:
    """One line to whoever started this."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def be_killed(*_: object, **__: object) -> None:
    """The power goes out."""
    os.kill(os.getpid(), signal.SIGKILL)


def main(place: str, first: str, count: str, step: str, accounts: str, end: str = "") -> int:
    history = opened(place)
    days = days_from(date.fromisoformat(first), int(count), int(step))
    say("ready")
    sys.stdin.readline()
    if end.isdigit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(end), int(end)))
    elif end:
        owner, _, function = end.rpartition(".")
        setattr(resolve_name(owner), function, be_killed)
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
