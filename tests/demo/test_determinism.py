"""The same seed makes the same company, on every machine and in every process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from keepwell.demo import Company, simulate

SOURCE = Path(__file__).resolve().parents[2] / "src"

PROGRAM = """
import hashlib
import pyarrow as pa
from keepwell.demo import simulate
company = simulate(accounts=30, months=6)
for name, table in sorted((company.tables | company.truth).items()):
    written = pa.BufferOutputStream()
    with pa.ipc.new_stream(written, table.schema) as out:
        out.write_table(table.combine_chunks())
    print(name, hashlib.sha256(written.getvalue()).hexdigest())
"""


def test_the_same_seed_makes_the_same_tables(small: Company) -> None:
    again = simulate(accounts=30, months=6)
    assert [n for n, t in again.tables.items() if not t.equals(small.tables[n])] == []
    assert [n for n, t in again.truth.items() if not t.equals(small.truth[n])] == []


def test_another_seed_makes_another_company(small: Company) -> None:
    other = simulate(seed=8, accounts=30, months=6)
    same = [n for n, t in other.tables.items() if t.equals(small.tables[n])]
    assert set(same) <= {"plans", "plan_features", "staff", "sources", "coverage"}


def test_hashing_has_no_say() -> None:
    told = []
    for hash_seed in ("1", "2"):
        env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(SOURCE)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=True
        )
        told.append(done.stdout)
    assert "usage_daily" in told[0]
    assert told[0] == told[1]
