"""What is there and how fresh it is; coverage, quarantine and the list of imports."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from keepwell.facts import quality
from keepwell.facts.arrow import conform, incoming_schema
from keepwell.facts.context import Cover
from keepwell.facts.covering import gaps
from keepwell.facts.known import Known
from keepwell.facts.reading import FactReader
from keepwell.facts.schema import TABLES
from keepwell.facts.store import FactStore, FactWriter
from keepwell.facts.versions import Counts
from keepwell.kit.errors import KeepwellError

AT = datetime(2026, 3, 5, 6, tzinfo=UTC)


def put(w: FactWriter, table: str, *given: dict[str, Any], source: str = "crm") -> Counts:
    rows = conform(table, given, incoming_schema(TABLES[table]))
    return w.put(table, rows, source_id=source, arrived_at=AT)


def reader(store: FactStore) -> FactReader:
    return FactReader(store, Known.latest())


def day(number: int, month: int = 3) -> date:
    return date(2026, month, number)


def test_only_days_that_are_not_recorded_yet_are_recorded(store: FactStore) -> None:
    def cover(first: int, last: int) -> None:
        with store.writer("import") as w:
            w.cover("crm", {"tickets": (day(first), day(last))}, arrived_at=AT)

    cover(3, 5)
    before = store.place.manifest()
    cover(3, 4)
    assert store.place.manifest() == before
    cover(10, 11)
    cover(1, 12)
    facts = reader(store)
    assert facts.coverage() == [Cover("crm", "tickets", day(1), day(12))]
    rows = facts.con.to_pyarrow(facts.table("coverage")).to_pylist()
    assert sorted((r["from_day"].day, r["to_day"].day) for r in rows) == [
        (1, 2), (3, 5), (6, 9), (10, 11), (12, 12),
    ]  # fmt: skip
    with pytest.raises(KeepwellError, match="before it begins"):
        cover(5, 4)


def test_coverage_is_known_from_its_arrival_on(store: FactStore) -> None:
    with store.writer("import") as w:
        w.cover("crm", {"tickets": (day(1), day(2))}, arrived_at=AT)
    before = datetime(2026, 3, 4, tzinfo=UTC)
    assert FactReader(store, Known.at(before)).coverage() == []
    assert len(FactReader(store, Known(before, AT)).coverage()) == 1


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        ([], [(1, 9)]),
        ([(1, 9)], []),
        ([(1, 3)], [(4, 9)]),
        ([(7, 20)], [(1, 6)]),
        ([(3, 4), (6, 6)], [(1, 2), (5, 5), (7, 9)]),
        ([(11, 12)], [(1, 9)]),
    ],
)
def test_gaps(recorded: list[tuple[int, int]], expected: list[tuple[int, int]]) -> None:
    spans = [(day(a), day(b)) for a, b in recorded]
    assert gaps((day(1), day(9)), spans) == [(day(a), day(b)) for a, b in expected]


def test_feeds_tell_rows_days_and_freshness(store: FactStore) -> None:
    usage = {"account_id": "a", "metric": "login", "value": 1}
    with store.writer("import") as w:
        put(w, "usage_daily", {**usage, "day": "2026-02-01"}, {**usage, "day": "2026-02-20"})
        put(w, "plans", {"plan_id": "p", "name": "Pro"}, source="billing")
        put(w, "touchpoints",
            {"touchpoint_id": "1", "account_id": "a", "kind": "email",
             "occurred_at": "2026-03-01T22:00:00"})  # fmt: skip
        w.cover("crm", {"touchpoints.email": (day(1), day(5)), "tickets": (day(1), day(5))})
        w.cover("old", {"invoices": (day(1, 1), day(31, 1))})
        w.cover("old", {"invoices": (day(1, 2), day(1, 2))}, state="retired")
    facts = FactReader(store, Known.latest(), project_timezone="Asia/Tokyo")
    found = {(f.source, f.table): f for f in quality.feeds(facts, day(8))}
    assert list(found) == [
        ("billing", "plans"), ("crm", "tickets"), ("crm", "touchpoints"), ("crm", "usage_daily"),
        ("old", "invoices"),
    ]  # fmt: skip
    assert found["crm", "usage_daily"] == quality.Feed(
        "crm", "usage_daily", 2, day(1, 2), day(20, 2), AT, None, 16, 7, "stale"
    )
    assert found["crm", "touchpoints"] == quality.Feed(
        "crm", "touchpoints", 1, day(2), day(2), AT, day(5), 3, 14, "fresh"
    )
    assert (found["crm", "tickets"].rows, found["crm", "tickets"].state) == (0, "fresh")
    assert (found["billing", "plans"].age_days, found["billing", "plans"].state) == (3, "fresh")
    assert found["old", "invoices"].state == "retired"
    patient = {f.table: f.state for f in quality.feeds(facts, day(8), {"usage_daily": 16})}
    assert patient["usage_daily"] == "fresh"


def test_a_kind_that_is_late_by_itself_is_told_apart(store: FactStore) -> None:
    usage = {"account_id": "a", "value": 1}
    with store.writer("import") as w:
        put(w, "usage_daily", {**usage, "metric": "login", "day": "2026-03-07"},
            {**usage, "metric": "api", "day": "2026-02-20"},
            {**usage, "metric": "api", "day": "2026-02-19"})  # fmt: skip
        login, api, rare = (f"usage_daily.{kind}" for kind in ("login", "api", "rare"))
        until = {"usage_daily": day(7), login: day(7), rare: day(7), api: day(20, 2)}
        w.cover("crm", {name: (day(1, 2), last) for name, last in until.items()})
    facts = reader(store)
    late = quality.Feed("crm", api, 2, day(19, 2), day(20, 2), AT, day(20, 2), 16, 7, "stale")
    assert [f for f in quality.feeds(facts, day(8)) if f.table != "usage_daily"] == [late]
    assert [f.table for f in quality.feeds(facts, day(8), {api: 16})] == ["usage_daily"]
    assert [f.table for f in quality.feeds(facts, day(20))] == ["usage_daily"]


def test_what_was_never_covered_is_taken_back_from_its_arrival_on(store: FactStore) -> None:
    later = AT + timedelta(days=9)
    with store.writer("import") as w:
        spans = [(day(1), day(3)), (day(4), day(5)), (day(6), day(7))]
        for span in spans:
            w.cover("crm", dict.fromkeys(["tickets", "invoices"], span), arrived_at=AT)
        w.cover("desk", {"tickets": spans[0]}, arrived_at=AT)
    with store.writer("import") as w:
        w.uncover("crm", {"tickets": day(4)}, arrived_at=later)

    def covered(known: Known) -> dict[tuple[str, str], date]:
        return {(c.source, c.family): c.to_day for c in FactReader(store, known).coverage()}

    others = {("crm", "invoices"): day(7), ("desk", "tickets"): day(3)}
    assert covered(Known.latest()) == {("crm", "tickets"): day(4), **others}
    assert covered(Known(AT, later)) == {("crm", "tickets"): day(7), **others}
    before = store.place.manifest()
    with store.writer("import") as w:
        w.uncover("crm", {"tickets": day(4)}, arrived_at=later)
    assert store.place.manifest() == before


def _rejected(number: int, reason: str, file: str = "t.csv") -> dict[str, Any]:
    return {"source_id": "crm", "file": file, "table": "tickets", "row_number": number,
            "reason": reason, "field": "opened_at", "raw": '{"opened": "?"}'}  # fmt: skip


def _import(store: FactStore, sha: str, rejected: list[dict[str, Any]], new: int = 0) -> None:
    at = AT + timedelta(hours=quality.imports(store).num_rows)
    with store.writer("import") as w:
        if rejected:
            w.quarantine(rejected)
        w.note_import(file="t.csv", sha256=sha, source_id="crm", table="tickets", rows=9,
                      counts=Counts(new=new), rejected=len(rejected), at=at)  # fmt: skip


def test_a_file_imported_again_replaces_its_rejected_rows(store: FactStore) -> None:
    with store.writer("import") as w:
        w.quarantine([_rejected(1, "empty", file="other.csv")])
    bad = [_rejected(7, "no date"), _rejected(3, "no date"), _rejected(5, "unknown account")]
    _import(store, "one", bad, new=6)
    kept = quality.quarantine(store)
    assert kept["row_number"].to_pylist() == [1, 3, 5, 7]
    assert kept["raw"][0].as_py() == '{"opened": "?"}'
    assert [(r.file, r.reason, r.field, r.rows) for r in quality.rejects(store)] == [
        ("other.csv", "empty", "opened_at", 1),
        ("t.csv", "no date", "opened_at", 2),
        ("t.csv", "unknown account", "opened_at", 1),
    ]
    before = store.place.manifest()
    _import(store, "one", bad)
    assert store.place.manifest() == before
    _import(store, "two", [], new=3)
    assert quality.quarantine(store)["row_number"].to_pylist() == [1]
    noted = quality.imports(store).to_pylist()
    assert [(n["sha256"], n["rows"], n["new"], n["rejected"]) for n in noted] == [
        ("one", 9, 6, 3),
        ("two", 9, 3, 0),
    ]


def test_an_empty_store_has_nothing_to_tell(store: FactStore) -> None:
    assert quality.feeds(reader(store), day(8)) == []
    assert quality.rejects(store) == []
    assert quality.imports(store).num_rows == 0
    assert reader(store).account_zones() == {}
