"""A process that imports again and again, for tests that watch it or kill it.

    importing.py FOLDER FIRST COUNT [OWNER]

The import number n renames all accounts to n, adds a ticket n and covers the day n. It prints n
when it is done. With an environment variable LIMIT no file may grow beyond so many bytes.
"""

from __future__ import annotations

import os
import resource
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from keepwell.facts.store import FactStore
from keepwell.kit.errors import KeepwellError

ACCOUNTS = 50
FIRST_DAY = date(2025, 1, 1)


def import_number(store: FactStore, number: int, owner: str) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    accounts = pa.table(
        {
            "account_id": [f"{owner}{i}" for i in range(ACCOUNTS)],
            "name": [str(number)] * ACCOUNTS,
            "status": ["active"] * ACCOUNTS,
        }
    )
    ticket = pa.table(
        {"ticket_id": [f"{owner}{number}"], "account_id": [f"{owner}0"], "opened_at": [at]}
    )
    with store.writer(f"import {number}") as w:
        w.put("accounts", accounts, source_id=owner, arrived_at=at)
        w.put("tickets", ticket, source_id=owner, arrived_at=at)
        day = FIRST_DAY + timedelta(days=number)
        w.cover(owner, {"tickets": (day, day)}, arrived_at=at)


def main() -> None:
    folder, first, count, *owner = sys.argv[1:]
    if "LIMIT" in os.environ:
        limit = int(os.environ["LIMIT"])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    store = FactStore(Path(folder))
    for number in range(int(first), int(first) + int(count)):
        try:
            import_number(store, number, *owner or ["a"])
        except KeepwellError as error:
            sys.exit(str(error))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
