"""Records overrides as a process of its own: FILE AUTHOR COUNT. Begins when it is told to go."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

from keepwell.workspace import Workspace


def main(path: str, author: str, count: str) -> int:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    with Workspace(Path(path)) as workspace:
        for number in range(int(count)):
            workspace.record_override(
                account_id=f"acc-{number}",
                scorecard="enterprise",
                kind="difference",
                points=number % 50,
                reason="seen by the account manager",
                author=author,
                starts_on=date(2026, 3, 1),
                expires_on=date(2026, 4, 1),
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
