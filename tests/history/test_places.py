"""What is loaded for a place, and what is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.history.days import SOURCES

PROGRAM = """
import sys
from pathlib import Path
from keepwell.history import History
from keepwell.history.places import kept
assert History(kept(sys.argv[1], Path(), "x")).latest_day("enterprise") is None
print(*sorted(sys.modules))
"""
ELSEWHERE = {"pyarrow.dataset", "adbc_driver_manager", "keepwell.kit.bucket",
             "keepwell.kit.journal", "keepwell.kit.postgres"}  # fmt: skip


def test_a_folder_needs_nothing_of_the_other_places(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": SOURCES},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "deltalake" in loaded
    assert loaded & ELSEWHERE == set()
