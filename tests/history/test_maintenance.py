"""Neither files nor logs pile up, however many nights come and in whatever order."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from keepwell.history import History, ScoredDay
from keepwell.history.delta.files import DayFile
from keepwell.history.delta.keeping import DeltaKept
from keepwell.history.delta.reading import DeltaSnapshot
from keepwell.history.delta.writing import LOOSE_NIGHTS
from keepwell.kit import deltalog
from keepwell.kit.errors import KeepwellError
from keepwell.kit.place import Place
from tests.history.days import AT, days_from, problems, scored


def files(history: History, table: str = "enterprise") -> list[DayFile]:
    snapshot = history.snapshot()
    assert isinstance(snapshot, DeltaSnapshot)
    return snapshot.files(table)


def per_month(history: History) -> Counter[str]:
    return Counter(f.month for f in files(history))


def test_closed_months_become_one_file_sorted_by_account(tmp_path: Path) -> None:
    history = History(tmp_path)
    for day in days_from(date(2026, 1, 25), 20):
        history.write_days([scored(day)])
        found = per_month(history)
        assert max(found.values()) <= LOOSE_NIGHTS + 2
    assert per_month(history)["2026-01"] == 1
    january = tmp_path / "tables/enterprise" / files(history)[0].path
    keys = pq.read_table(january, columns=["account_id", "date"], partitioning=None).to_pylist()
    assert keys == sorted(keys, key=lambda k: (k["account_id"], k["date"]))
    assert len(keys) == 7 * 20
    assert problems(history) == []


def test_many_days_are_one_change_and_a_file_for_each_month(tmp_path: Path) -> None:
    kept = DeltaKept(tmp_path)
    history = History(kept)
    history.write_days([scored(date(2026, 1, 20))])
    before = kept.place.manifest().generation
    history.write_days([scored(day) for day in days_from(date(2026, 1, 21), 60)])
    assert kept.place.manifest().generation == before + 1
    assert list(per_month(history).items())[1:] == [("2026-02", 1), ("2026-03", 1)]


def test_an_empty_column_is_stored_with_the_type_that_is_there(tmp_path: Path) -> None:
    history = History(tmp_path)
    for day, kind in zip(days_from(date(2026, 1, 1), 2), (pa.float64(), pa.int64()), strict=True):
        rows = pa.table({"account_id": ["a"], "value": pa.array([None], kind)})
        history.write_days([ScoredDay(day, {"enterprise": rows}, AT, AT, AT, {})])
    stored = next(tmp_path.rglob("month=*/20260102*.parquet"))
    assert [n for n in pq.read_schema(stored).names if n.startswith("value")] == ["value"]


def test_a_definition_is_a_file_beside_the_tables(tmp_path: Path) -> None:
    History(tmp_path).keep_definition("5f2b5f2b5f2b", "{}")
    assert [p.name for p in (tmp_path / "definitions").iterdir()] == ["5f2b5f2b5f2b.json"]


def test_many_nights_of_a_month_are_merged(tmp_path: Path) -> None:
    history = History(tmp_path)
    days = days_from(date(2026, 3, 1), 2 * LOOSE_NIGHTS)
    for day in days:
        history.write_days([scored(day)])
    found = files(history)
    assert len(found) < len(days)
    assert found[-1].first == found[-1].last == days[-1]
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
    history = History(DeltaKept(Place(tmp_path, retention=timedelta(0))))
    for day in days_from(date(2025, 1, 1), 25, 15):
        history.write_days([scored(day, accounts=2)])
    live = {f.path for f in files(history)}
    table = tmp_path / "tables/enterprise"
    on_disk = {p.relative_to(table).as_posix() for p in table.glob("month=*/*.parquet")}
    assert live <= on_disk
    assert len(on_disk) <= len(live) + 5
    for name in ("enterprise", "_days"):
        log = list((tmp_path / "tables" / name / "_delta_log").iterdir())
        assert len(log) <= 2 * deltalog.CHECKPOINT_EVERY + 4
    assert problems(history, 2) == []


@pytest.mark.parametrize("name", ["enterprise", "_days"])
def test_the_log_tells_of_live_files_and_their_days_alone(tmp_path: Path, name: str) -> None:
    history = History(tmp_path)
    for day in days_from(date(2026, 1, 20), 2 * deltalog.CHECKPOINT_EVERY + 1):
        history.write_days([scored(day, accounts=2)])
    table = tmp_path / "tables" / name
    checkpoint = max((table / "_delta_log").glob("*.checkpoint.parquet"))
    assert set(pq.read_table(checkpoint)["remove"].to_pylist()) == {None}
    listed = pa.table(DeltaTable(table).get_add_actions(flatten=True)).column_names
    ranges = [c for c in listed if c.startswith(("min.", "max.", "null_count."))]
    assert sorted(ranges) == ["max.date", "min.date", "null_count.date"]


def test_a_night_opens_every_table_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = History(tmp_path)
    days = days_from(date(2025, 11, 28), 4, 30)
    for day in days[:-1]:
        history.write_days([scored(day)])
    opened: list[str] = []
    really_open = DeltaTable.__init__

    def opening(table: DeltaTable, path: Path, *arguments: Any, **named: Any) -> None:
        opened.append(path.name)
        really_open(table, path, *arguments, **named)

    monkeypatch.setattr(DeltaTable, "__init__", opening)
    history.write_days([scored(days[-1])])
    assert sorted(opened) == ["_days", "enterprise", "portfolio"]
    opened.clear()
    history.series("enterprise", "acc-001", days[-2], days[-1])
    assert opened == ["enterprise"]


def test_a_night_needs_the_records_of_its_own_year_alone(tmp_path: Path) -> None:
    history = History(tmp_path)
    days = days_from(date(2024, 7, 1), 9, 100)
    history.write_days([scored(day) for day in days])
    old = files(history, "_days")
    assert [f.first.year for f in old] == [2024, 2025, 2026]
    for file in old[:-1]:
        (tmp_path / "tables/_days" / file.path).unlink()
    night = days[-1] + timedelta(days=1)
    history.write_days([scored(night)])
    assert files(history, "_days")[:-1] == old[:-1]
    assert history.latest_day("portfolio") == night
    assert history.day_info(days[-1], "enterprise") is not None
    assert history.series("enterprise", "acc-001", days[0], night).num_rows == len(days) + 1
    with pytest.raises(KeepwellError, match="cannot be read"):
        history.scored_days()
