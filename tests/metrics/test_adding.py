"""What files add up to is kept beside the facts, and nobody can tell from a value."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from keepwell.facts.added import HALF_FOR, NO_ROWS, UNUSED_FOR
from keepwell.facts.arrow import conform, incoming_schema
from keepwell.facts.known import Known
from keepwell.facts.reading import FactReader
from keepwell.facts.schema import TABLES
from keepwell.facts.store import FactStore
from keepwell.metrics import evaluate as evaluating
from keepwell.metrics.evaluate import NO_SETTINGS
from keepwell.metrics.shown import shown
from tests.metrics.measuring import measured, metrics
from tests.metrics.mixed import FIRST, company

NIGHTS = [date(2024, 3, day) for day in (1, 2, 3, 12, 13)]
METRICS = metrics("""
    uses: {count: rows, from: usage_daily, where: value > 1, over: 30 days}
    total: {sum: value, from: usage_daily, over: 45 days}
    highest: {max: value, from: usage_daily, over: 20 days}
    lowest: {min: value, from: usage_daily}
    busy: {share: value > 2, from: usage_daily, over: 60 days}
    usual: {mean: value, from: usage_daily, over: 14 days}
    usual_before: {formula: 'before(usual, 9 days)'}
    days_used: {count: rows, from: usage_daily, per: day, then: count, over: 90 days}
    days_at_all: {count_distinct: day, from: usage_daily, where: value > 2, over: 70 days}
    best_day: {sum: value, from: usage_daily, per: day, then: max, over: 90 days}
    quiet: {days_since_last: day, from: usage_daily, where: value > 3}
    new_person: {days_since_first: person_id, from: usage_daily, over: 60 days}
    own_left_out:
      label: X
      sum: value
      from: usage_daily
      where: coalesce(person.is_internal, false) = false
      over: 90 days
    """)


@pytest.fixture(autouse=True)
def _vast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluating, "VAST", 0)


KEY = TABLES["usage_daily"].key
EITHER = pytest.mark.parametrize("store", ["mixed", "for itself"], indirect=True)


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FactStore:
    """A store to which usage came in on every night of NIGHTS, of the days up to two before. With
    "for itself" without mergers, closures and roll-ups."""
    made = FactStore(tmp_path / "facts")
    tables = dict(company())
    usage = tables.pop("usage_daily")
    if getattr(request, "param", "mixed") == "for itself":
        for name in ("merges", "account_periods"):
            tables.pop(name, None)
        tables["accounts"] = [{**row, "parent_account_id": None} for row in tables["accounts"]]
    for name, found in tables.items():
        put(made, NIGHTS[0], name, found)
    for before, night in zip([FIRST, *NIGHTS], NIGHTS, strict=False):
        days = before - timedelta(days=2), night - timedelta(days=2)
        came = [row for row in usage if days[0] <= day_of(row) < days[1]]
        put(made, night, "usage_daily", came)
    with made.writer("cover") as writer:
        families = {f"usage_daily/{kind}" for kind in {row["metric"] for row in usage}}
        covered = dict.fromkeys(
            ["accounts", "people", "usage_daily", *sorted(families)], (FIRST, NIGHTS[-1])
        )
        writer.cover("crm", covered, arrived_at=at(NIGHTS[0]))
    return made


def day_of(row: Mapping[str, Any]) -> date:
    found = row["day"]
    return found if isinstance(found, date) else date.fromisoformat(found)


def at(night: date) -> datetime:
    return datetime(night.year, night.month, night.day, 6, tzinfo=UTC)


def put(store: FactStore, night: date, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    schema = incoming_schema(TABLES[table])
    known = [{k: v for k, v in row.items() if k in schema.names} for row in rows]
    with store.writer("import") as writer:
        writer.put(table, conform(table, known, schema), source_id="crm", arrived_at=at(night))


def found(store: FactStore, *days: date, known: Known | None = None) -> pa.Table:
    facts = FactReader(store, known or Known.at(at(max(days) + timedelta(days=1))))
    return measured(METRICS, facts, days).table.sort_by([("account_id", "ascending")])


def anew(store: FactStore, *days: date, known: Known | None = None) -> pa.Table:
    """The same with nothing kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FactReader, "keeps", lambda *_: False)
        return found(store, *days, known=known)


def kept(store: FactStore) -> set[Path]:
    return {p for p in store.place.root.glob(".added/*/*/*") if not p.name.startswith(".")}


@EITHER
def test_a_night_after_a_night_reads_what_is_kept_and_says_the_same(store: FactStore) -> None:
    for night in NIGHTS:
        assert found(store, night).equals(anew(store, night))
    files = {Path(f).name for f in store.files("usage_daily")}
    ways = {p.parent for p in kept(store)}
    assert len(ways) > 4
    assert kept(store) == {way / name for way in ways for name in files}
    values = found(store, NIGHTS[-1])
    assert len(set(values["metric/total"].to_pylist())) > 5
    assert values["metric/own_left_out"] != values["metric/total"]


@EITHER
def test_several_days_are_the_same_too(store: FactStore) -> None:
    assert found(store, *NIGHTS).equals(anew(store, *NIGHTS))
    assert kept(store)


def test_what_is_kept_is_what_is_read(store: FactStore) -> None:
    values = found(store, NIGHTS[-1])
    for place in kept(store):
        table = pa.table({}) if place.read_bytes() == NO_ROWS else pq.read_table(place)
        if "n uses" in table.column_names:
            column = table.schema.get_field_index("n uses")
            more = table.set_column(column, table.field(column), pc.add(table["n uses"], 1))
            pq.write_table(more, place)
    assert found(store, NIGHTS[-1])["metric/uses"] != values["metric/uses"]


def test_a_past_day_is_read_as_it_was_known(store: FactStore) -> None:
    found(store, NIGHTS[-1])
    for night in NIGHTS:
        for known in (Known.at(at(night)), Known(at(night), at(NIGHTS[-1]))):
            assert found(store, night, known=known).equals(anew(store, night, known=known))


def test_a_correction_and_a_row_that_is_gone_count_at_once(store: FactStore) -> None:
    before = found(store, NIGHTS[-1])
    late = NIGHTS[-1] + timedelta(days=2)
    usage = [row for row in company()["usage_daily"] if day_of(row) < NIGHTS[0]]
    put(store, late, "usage_daily", [{**row, "value": 100} for row in usage[-40:]])
    keys = pa.Table.from_pylist([{k: row.get(k) for k in KEY} for row in usage[30:]])
    with store.writer("import") as writer:
        days = FIRST, NIGHTS[0] - timedelta(days=1)
        assert writer.close_missing(
            "usage_daily", keys, source_id="crm", arrived_at=at(late), days=days
        )
    known = Known.at(at(late))
    corrected = found(store, NIGHTS[-1], known=known)
    assert corrected.equals(anew(store, NIGHTS[-1], known=known))
    assert corrected["metric/total"] != before["metric/total"]
    assert found(store, NIGHTS[-1]).equals(before)


def test_who_is_left_out_now_is_left_out_of_what_was_kept(store: FactStore) -> None:
    before = found(store, NIGHTS[-1])
    late = NIGHTS[-1] + timedelta(days=1)
    people = [{**row, "is_internal": True} for row in company()["people"][:6]]
    put(store, late, "people", people)
    known = Known.at(at(late))
    after = found(store, NIGHTS[-1], known=known)
    assert after.equals(anew(store, NIGHTS[-1], known=known))
    assert after["metric/own_left_out"] != before["metric/own_left_out"]


def test_to_show_what_runs_keeps_nothing(store: FactStore) -> None:
    facts = FactReader(store, Known.at(at(NIGHTS[-1])))
    text = shown(METRICS, METRICS.metrics, facts, NIGHTS[-1], NO_SETTINGS).text()
    assert "usage_daily of 64 days added up" in text
    assert "kept by an earlier night" in " ".join(text.replace("--", "").split())
    assert not kept(store)


@pytest.mark.parametrize("left", [0, 5, 200])
def test_what_a_power_cut_has_left_is_made_anew(store: FactStore, left: int) -> None:
    values = found(store, NIGHTS[-1])
    for place in kept(store):
        place.write_bytes(place.read_bytes()[:left])
    assert found(store, NIGHTS[-1]).equals(values)


def test_a_full_disk_keeps_nothing_and_fails_nothing(store: FactStore) -> None:
    code = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
from pathlib import Path
from keepwell.facts.store import FactStore
from keepwell.metrics import evaluate
from tests.metrics.test_adding import NIGHTS, found
evaluate.VAST = 0
print(found(FactStore(Path({str(store.place.root)!r})), NIGHTS[-1]).num_rows)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(found(store, NIGHTS[-1]).num_rows), done.stderr
    sizes = [p.stat().st_size for p in store.place.root.glob(".added/*/*/.*")]
    assert not sizes


def test_where_nothing_can_be_kept_all_is_added_up(store: FactStore) -> None:
    (store.place.root / ".added").write_text("not a folder", "utf-8")
    assert found(store, NIGHTS[-1]).equals(anew(store, NIGHTS[-1]))


def test_what_nobody_needs_is_thrown_away(store: FactStore) -> None:
    found(store, NIGHTS[-2])
    some = next(iter(kept(store))).parent
    gone, half, young = (some / name for name in ("gone.parquet", ".half", ".young"))
    for path in (gone, half, young):
        path.write_bytes(b"")
    os.utime(half, (0, half.stat().st_mtime - HALF_FOR - 60))
    unused = some.with_name("unused")
    unused.mkdir()
    os.utime(unused, (0, unused.stat().st_mtime - UNUSED_FOR - 60))
    put(store, NIGHTS[-1] + timedelta(days=1), "usage_daily",
        [{**company()["usage_daily"][0], "day": NIGHTS[-1], "value": 3}])  # fmt: skip
    found(store, NIGHTS[-1] + timedelta(days=1))
    assert young.exists()
    assert not any(path.exists() for path in (gone, half, unused))
