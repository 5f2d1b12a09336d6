"""Neither files nor logs pile up, however many nights come and in whatever order."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from keepwell.history import History
from keepwell.history.writing import LOOSE_NIGHTS
from keepwell.kit import deltalog
from keepwell.kit.place import Place
from tests.history.days import days_from, problems, scored


def per_month(history: History) -> Counter[str]:
    return Counter(f.month for f in history.snapshot().files("enterprise"))


def test_closed_months_become_one_file_sorted_by_account(tmp_path: Path) -> None:
    history = History(tmp_path)
    for day in days_from(date(2026, 1, 25), 20):
        history.write_days([scored(day)])
        files = per_month(history)
        assert max(files.values()) <= LOOSE_NIGHTS + 2
    assert per_month(history)["2026-01"] == 1
    january = tmp_path / "tables/enterprise" / history.snapshot().files("enterprise")[0].path
    keys = pq.read_table(january, columns=["account_id", "date"], partitioning=None).to_pylist()
    assert keys == sorted(keys, key=lambda k: (k["account_id"], k["date"]))
    assert len(keys) == 7 * 20
    assert problems(history) == []


def test_many_nights_of_a_month_are_merged(tmp_path: Path) -> None:
    history = History(tmp_path)
    days = days_from(date(2026, 3, 1), 2 * LOOSE_NIGHTS)
    for day in days:
        history.write_days([scored(day)])
    files = history.snapshot().files("enterprise")
    assert len(files) < len(days)
    assert files[-1].first == files[-1].last == days[-1]
    history.write_days([scored(days[0], offset=0.5)], replace_open=True)
    replaced = history.read("enterprise", days=[days[0]], columns=["value/usage/m0"])
    assert set(replaced["value/usage/m0"].to_pylist()) == {days[0].toordinal() + 0.5}
    assert problems(history) == []


def test_days_that_were_missed_are_filled_in_later(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.write_days([scored(day) for day in days_from(date(2026, 1, 1), 60, 2)])
    for day in days_from(date(2026, 1, 2), 6, 2):
        history.write_days([scored(day)])
    assert per_month(history)["2026-01"] > 1
    history.write_days([scored(date(2026, 5, 1))])
    assert max(per_month(history).values()) == 1
    assert problems(history) == []


def test_years_of_nights_leave_no_more_than_their_rows(tmp_path: Path) -> None:
    history = History(Place(tmp_path, retention=timedelta(0)))
    for day in days_from(date(2025, 1, 1), 25, 15):
        history.write_days([scored(day, accounts=2)])
    live = {f.path for f in history.snapshot().files("enterprise")}
    table = tmp_path / "tables/enterprise"
    on_disk = {p.relative_to(table).as_posix() for p in table.glob("month=*/*.parquet")}
    assert live <= on_disk
    assert len(on_disk) <= len(live) + 5
    for name in ("enterprise", "_days"):
        log = list((tmp_path / "tables" / name / "_delta_log").iterdir())
        assert len(log) <= 2 * deltalog.CHECKPOINT_EVERY + 4
    assert problems(history, 2) == []
