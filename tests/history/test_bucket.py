"""History in a bucket: a read asks for the files and columns that it needs, and no more."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from keepwell.history import ScoredDay
from tests import conftest
from tests.history.conftest import opened
from tests.history.days import AT, days_from, problems, scored

ACCOUNTS = 2_000


def wide(day: date) -> ScoredDay:
    """A day whose values take room: no two are the same."""
    chance = random.Random(day.toordinal())
    columns = {f"value/{n}": [chance.random() for _ in range(ACCOUNTS)] for n in range(20)}
    rows = pa.table({"account_id": [f"acc-{n:04d}" for n in range(ACCOUNTS)], **columns})
    return ScoredDay(day, {"enterprise": rows}, AT, AT, AT, {})


def asked(log: Path, before: int) -> list[str]:
    """The requests for data files since then."""
    lines = log.read_text("utf-8").splitlines()[before:]
    return [line for line in lines if line.startswith("GET") and ".parquet" in line]


def test_a_read_asks_for_what_it_needs(
    bucket: conftest.Bucket, new_prefix: Callable[[], str]
) -> None:
    history = opened(new_prefix())
    history.write_days([wide(day) for day in days_from(date(2025, 12, 30), 4)])
    columns = ["value/9"]
    whole = history.read("enterprise", columns=columns)
    assert whole.num_rows == 4 * ACCOUNTS

    def read(accounts: list[str] | None, columns: list[str]) -> tuple[set[str], int]:
        """The files that were read, and how many bytes of them."""
        before = len(bucket.log.read_text("utf-8").splitlines())
        history.read("enterprise", first=date(2026, 1, 1), accounts=accounts, columns=columns)
        requests = [line.split() for line in asked(bucket.log, before)]
        ranges = [range_.removeprefix("bytes=").split("-") for _, _, range_ in requests]
        return {path for _, path, _ in requests}, sum(int(b) - int(a) + 1 for a, b in ranges)

    files, narrow = read(None, columns)
    assert [f.split("/")[-1][:17] for f in files] == ["20260101-20260102"]
    _, everything = read(None, history.columns("enterprise"))
    assert everything > 4 * narrow
    # A file that was opened once is not opened again to see which columns it has.
    again = read(None, columns)
    assert again == (files, narrow)


def test_a_whole_bucket_is_a_place(tmp_path: Path) -> None:
    with conftest.bucket_server(tmp_path) as own:
        history = opened(own.address)
        history.write_days([scored(date(2026, 3, 1))])
        assert problems(opened(own.address + "/")) == []


@pytest.mark.parametrize("place", ["bucket"], indirect=True)
def test_accounts_that_a_file_does_not_have(place: str) -> None:
    history = opened(place)
    history.write_days([scored(day, accounts=3) for day in days_from(date(2025, 12, 30), 4)])
    found = history.series("enterprise", "acc-001", date(2025, 1, 1), date(2026, 12, 31))
    assert found.num_rows == 4
    assert history.series("enterprise", "zzz", date(2025, 1, 1), date(2026, 12, 31)).num_rows == 0
