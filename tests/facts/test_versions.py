"""Every version of a row is kept, and a row that is known already is no news."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from keepwell.facts.arrow import conform, incoming_schema
from keepwell.facts.engine import connect
from keepwell.facts.incoming import FEW_KINDS
from keepwell.facts.known import BEGINNING, Known
from keepwell.facts.reading import FactReader
from keepwell.facts.schema import TABLES
from keepwell.facts.store import FactStore
from keepwell.facts.versions import Counts
from keepwell.kit.errors import KeepwellError

MARCH = datetime(2026, 3, 2, 6, tzinfo=UTC)
APRIL = datetime(2026, 4, 2, 6, tzinfo=UTC)
MAY = datetime(2026, 5, 2, 6, tzinfo=UTC)


def rows(table: str, *given: dict[str, Any]) -> pa.Table:
    return conform(table, given, incoming_schema(TABLES[table]))


def put(store: FactStore, at: datetime, table: str, *given: dict[str, Any]) -> Counts:
    with store.writer("import") as w:
        return w.put(table, rows(table, *given), source_id="crm", arrived_at=at)


def read(store: FactStore, table: str, known: Known | None = None) -> list[dict[str, Any]]:
    reader = FactReader(store, known or Known.latest())
    found: list[dict[str, Any]] = reader.con.to_pyarrow(reader.table(table)).to_pylist()
    return found


def stored(store: FactStore, table: str) -> list[dict[str, Any]]:
    files = store.files(table)
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        found = con.execute(
            f"SELECT * FROM read_parquet({files!r}) ORDER BY known_from, known_to NULLS LAST"
        )
        names = [d[0] for d in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def account(name: str, **more: Any) -> dict[str, Any]:
    return {"account_id": "a", "name": name, "status": "active", **more}


def ticket(ident: str, **more: Any) -> dict[str, Any]:
    opened = more.pop("opened_at", "2026-02-01T09:00:00")
    return {"ticket_id": ident, "account_id": "a", "opened_at": opened, **more}


def test_first_version_is_known_since_the_row_s_own_time(store: FactStore) -> None:
    put(store, MARCH, "tickets", ticket("t1"))
    put(store, MARCH, "accounts", account("Acme", customer_since="2024-05-06"))
    put(store, MARCH, "plans", {"plan_id": "p", "name": "Pro"})
    put(store, MARCH, "people", {"person_id": "p", "account_id": "a"})
    put(store, MARCH, "survey_responses",
        {"response_id": "r", "survey_key": "s", "kind": "nps", "account_id": "a",
         "responded_at": "2026-01-05T10:00:00"})  # fmt: skip
    [t], [a], [p] = stored(store, "tickets"), stored(store, "accounts"), stored(store, "plans")
    # The day of an account may begin 26 hours before the same day ends in the project's time zone.
    assert t["known_from"] == datetime(2026, 2, 1, 9, tzinfo=UTC) - timedelta(hours=26)
    assert a["known_from"] == datetime(2024, 5, 6, tzinfo=UTC)
    assert p["known_from"] == BEGINNING
    [survey] = stored(store, "survey_responses")
    assert survey["known_from"] == datetime(2026, 1, 5, 10, tzinfo=UTC) - timedelta(hours=26)
    for row in (t, a, p):
        assert row["known_assumed"] is True
        assert row["known_to"] is None
        assert row["ingested_at"] == MARCH
        assert row["source_id"] == "crm"


def test_an_export_with_times_of_change_does_not_hide_what_happened_before_them(
    store: FactStore,
) -> None:
    changed = "2026-02-20T00:00:00"
    put(store, MARCH, "tickets", ticket("t1", source_updated_at=changed))
    put(store, MARCH, "tickets", ticket("future", opened_at="2026-12-24T00:00:00"))
    put(store, MARCH, "people",
        {"person_id": "p", "account_id": "a", "source_updated_at": changed})  # fmt: skip
    by_id = {r["ticket_id"]: r for r in stored(store, "tickets")}
    assert by_id["t1"]["known_from"] < datetime(2026, 2, 1, 9, tzinfo=UTC)
    # Never known before it arrived; and where nothing else dates a row, its source does.
    assert by_id["future"]["known_from"] == MARCH
    assert stored(store, "people")[0]["known_from"] == datetime(2026, 2, 20, tzinfo=UTC)


def test_a_row_that_was_changed_before_its_day_shows_as_it_was_on_that_day(
    store: FactStore,
) -> None:
    meeting = {"touchpoint_id": "m", "account_id": "a", "kind": "qbr",
               "occurred_at": "2026-02-25T09:00:00"}  # fmt: skip
    history = [
        {**meeting, "status": status, "source_updated_at": f"2026-02-{day}T00:00:00"}
        for day, status in (("10", "planned"), ("12", "no_show"), ("26", "held"))
    ]
    put(store, MARCH, "touchpoints", *history)

    def status(day: int) -> list[str]:
        known = Known(datetime(2026, 2, day, 12, tzinfo=UTC), APRIL)
        return [r["status"] for r in read(store, "touchpoints", known)]

    assert [status(d) for d in (20, 25, 27)] == [[], ["no_show"], ["held"]]
    assert put(store, APRIL, "touchpoints", *history).changed == 0


def test_importing_again_writes_nothing(store: FactStore) -> None:
    given = [ticket("t1"), ticket("t2", severity="high")]
    assert put(store, MARCH, "tickets", *given) == Counts(new=2)
    before = store.place.manifest()
    files = sorted(p.name for p in store.place.root.rglob("*") if p.is_file())
    assert put(store, APRIL, "tickets", *given) == Counts(unchanged=2)
    assert store.place.manifest() == before
    assert sorted(p.name for p in store.place.root.rglob("*") if p.is_file()) == files


def test_provenance_is_no_change(store: FactStore) -> None:
    put(store, MARCH, "tickets", ticket("t1", source_key="7"))
    again = ticket("t1", source_key="8", source_updated_at="2026-03-30T00:00:00")
    assert put(store, APRIL, "tickets", again) == Counts(unchanged=1)


def test_a_correction_is_a_new_version_from_its_arrival(store: FactStore) -> None:
    put(store, MARCH, "accounts", account("Acme"), account("Beta") | {"account_id": "b"})
    assert put(store, APRIL, "accounts", account("Acme Ltd")) == Counts(changed=1)
    versions = [v for v in stored(store, "accounts") if v["account_id"] == "a"]
    assert [(v["name"], v["known_to"], v["known_assumed"]) for v in versions] == [
        ("Acme", APRIL, True),
        ("Acme Ltd", None, False),
    ]
    assert versions[1]["known_from"] == versions[1]["ingested_at"] == APRIL

    def names(known: Known) -> list[str]:
        return sorted(r["name"] for r in read(store, "accounts", known))

    moment = timedelta(microseconds=1)
    assert names(Known.at(APRIL - moment)) == ["Acme", "Beta"]
    assert names(Known.at(APRIL)) == ["Acme Ltd", "Beta"]
    assert names(Known.latest()) == ["Acme Ltd", "Beta"]
    # A day of February is scored with what was known then, and that had not arrived before March.
    assert names(Known(MARCH - timedelta(days=20), APRIL)) == ["Acme", "Beta"]
    assert names(Known.at(MARCH - timedelta(days=20))) == []
    # Scored in March, the day of March keeps its result whatever came in April.
    assert names(Known(MARCH, MARCH)) == names(Known(MARCH, MAY)) == ["Acme", "Beta"]


def test_a_correction_moves_a_row_to_another_day(store: FactStore) -> None:
    put(store, MARCH, "tickets", ticket("t1"), ticket("t2", opened_at="2026-02-03T00:00:00"))
    put(store, APRIL, "tickets", ticket("t1", opened_at="2026-01-15T00:00:00"))
    current = {r["ticket_id"]: r["opened_at"].date() for r in read(store, "tickets")}
    assert current == {"t1": date(2026, 1, 15), "t2": date(2026, 2, 3)}


def test_a_value_that_returns_is_a_version_of_its_own(store: FactStore) -> None:
    for at, name in ((MARCH, "Acme"), (APRIL, "Other"), (MAY, "Acme")):
        put(store, at, "accounts", account(name))
    assert [v["name"] for v in stored(store, "accounts")] == ["Acme", "Other", "Acme"]
    assert [r["name"] for r in read(store, "accounts", Known.at(APRIL))] == ["Other"]


def test_several_corrections_of_one_instant_leave_the_last(store: FactStore) -> None:
    for name in ("One", "Two", "Three"):
        put(store, MARCH, "accounts", account(name, customer_since="2026-03-02"))
    put(store, APRIL, "accounts", account("Four"))
    put(store, APRIL, "accounts", account("Five"))
    assert [r["name"] for r in read(store, "accounts", Known.at(MARCH))] == ["Three"]
    assert [r["name"] for r in read(store, "accounts", Known.at(APRIL))] == ["Five"]
    assert len(stored(store, "accounts")) == 5


def test_empty_and_missing_parts_of_a_key_are_the_same(store: FactStore) -> None:
    usage = {"account_id": "a", "day": "2026-03-01", "metric": "login", "value": 3}
    put(store, MARCH, "usage_daily", {**usage, "person_id": "", "feature_key": ""})
    assert put(store, MARCH, "usage_daily", usage) == Counts(unchanged=1)
    assert put(store, APRIL, "usage_daily", {**usage, "value": 4}) == Counts(changed=1)
    assert put(store, APRIL, "usage_daily", {**usage, "person_id": "p"}) == Counts(new=1)
    assert sorted(r["person_id"] or "-" for r in read(store, "usage_daily")) == ["-", "p"]


def test_rows_that_are_alike_collapse(store: FactStore) -> None:
    assert put(store, MARCH, "tickets", ticket("t1"), ticket("t1"), ticket("t2")) == Counts(new=2)
    assert len(read(store, "tickets")) == 2


def test_rows_of_one_key_form_versions_in_the_source_s_order(store: FactStore) -> None:
    history = [
        ticket("t1", status="closed", source_updated_at="2026-02-20T00:00:00"),
        ticket("t1", status="open", source_updated_at="2026-02-01T09:00:00"),
        ticket("t1", status="waiting", source_updated_at="2026-02-10T00:00:00"),
        ticket("t1", status="waiting", source_updated_at="2026-02-12T00:00:00"),
        ticket("t2", status="open"),
    ]
    assert put(store, MARCH, "tickets", *history) == Counts(new=2, changed=2)
    versions = [v for v in stored(store, "tickets") if v["ticket_id"] == "t1"]
    assert [(v["status"], str(v["known_from"].date()), v["known_assumed"]) for v in versions] == [
        ("open", "2026-01-31", True),
        ("waiting", "2026-02-10", True),
        ("closed", "2026-02-20", True),
    ]
    assert [v["known_to"] for v in versions] == [*[v["known_from"] for v in versions[1:]], None]

    def status(day: int) -> list[str]:
        known = Known(datetime(2026, 2, day, 12, tzinfo=UTC), APRIL)
        return [r["status"] for r in read(store, "tickets", known) if r["ticket_id"] == "t1"]

    assert [status(d) for d in (1, 11, 25)] == [["open"], ["waiting"], ["closed"]]
    before = store.place.manifest()
    assert put(store, APRIL, "tickets", *history) == Counts(unchanged=4, outdated=0)
    assert store.place.manifest() == before


def test_a_history_that_continues_a_stored_row_holds_from_its_arrival(store: FactStore) -> None:
    put(store, MARCH, "tickets", ticket("t1", source_updated_at="2026-02-01T09:00:00"))
    history = [
        ticket("t1", status=status, source_updated_at=f"2026-03-{day}T00:00:00")
        for day, status in ((10, "waiting"), (20, "closed"))
    ]
    assert put(store, APRIL, "tickets", *history) == Counts(changed=2)
    assert [r["status"] for r in read(store, "tickets", Known.at(APRIL))] == ["closed"]
    middle = Known(datetime(2026, 3, 15, tzinfo=UTC), MAY)
    assert [r["status"] for r in read(store, "tickets", middle)] == [None]
    assert put(store, MAY, "tickets", *history).changed == 0


def test_an_older_export_does_not_replace_what_is_newer(store: FactStore) -> None:
    put(store, MARCH, "tickets", ticket("t1", status="b", source_updated_at="2026-02-20T00:00:00"))
    older = ticket("t1", status="a", source_updated_at="2026-02-10T00:00:00")
    assert put(store, APRIL, "tickets", older) == Counts(outdated=1)
    assert [r["status"] for r in read(store, "tickets")] == ["b"]


def test_rows_of_one_key_that_differ_without_an_order_are_refused(store: FactStore) -> None:
    for second in (None, "2026-02-01T00:00:00"):
        with pytest.raises(KeepwellError) as raised:
            put(store, MARCH, "tickets",
                ticket("t1", status="open", source_updated_at=second),
                ticket("t1", status="closed", source_updated_at=second))  # fmt: skip
        assert "ticket_id t1" in raised.value.what
    assert read(store, "tickets") == []
    assert store.place.manifest().tables == {}


def test_rows_that_should_have_been_rejected_are_refused(store: FactStore) -> None:
    good = rows("tickets", ticket("t1"))
    bad = {
        "no column 'ticket'": good.append_column("ticket", pa.array(["x"])),
        "tickets.ticket_id is empty in 1 of 1 rows": rows("tickets", ticket("")),
        "does not fit": good.drop_columns("reopen_count").append_column(
            "reopen_count", pa.array(["many"])
        ),
    }
    for message, table in bad.items():
        with pytest.raises(KeepwellError, match=message), store.writer("import") as w:
            w.put("tickets", table, source_id="crm", arrived_at=MARCH)
    for name, message in (("ticketz", "tickets"), ("features", "made when reading")):
        with pytest.raises(KeepwellError, match=message), store.writer("import") as w:
            w.put(name, good, source_id="crm", arrived_at=MARCH)


def test_rows_come_as_relation_stream_or_file(store: FactStore, tmp_path: Path) -> None:
    with duckdb.connect() as con:
        relation = con.sql(
            "SELECT 't' || range AS ticket_id, 'a' AS account_id,"
            " TIMESTAMP '2026-02-01 09:00:00' AS opened_at FROM range(3)"
        )
        file = tmp_path / "tickets.parquet"
        relation.write_parquet(str(file))
        with store.writer("import") as w:
            assert w.put("tickets", relation, source_id="s", arrived_at=MARCH) == Counts(new=3)
            stream = relation.to_arrow_table().to_reader(max_chunksize=1)
            assert w.put("tickets", stream, source_id="s", arrived_at=MARCH) == Counts(unchanged=3)
            assert w.put("tickets", file, source_id="s", arrived_at=MARCH) == Counts(unchanged=3)


def test_a_missing_row_is_closed_and_may_return(store: FactStore) -> None:
    put(store, MARCH, "tickets", ticket("t1"), ticket("t2"), ticket("t3"))
    with store.writer("import") as w:
        w.put("tickets", rows("tickets", ticket("x")), source_id="other", arrived_at=MARCH)
    keep = pa.table({"ticket_id": ["t1"]})
    with store.writer("import") as w:
        closed = w.close_missing("tickets", keep, source_id="crm", arrived_at=APRIL)
        again = w.close_missing("tickets", keep, source_id="crm", arrived_at=APRIL)
    assert (closed, again) == (2, 0)
    assert sorted(r["ticket_id"] for r in read(store, "tickets")) == ["t1", "x"]
    assert len(read(store, "tickets", Known.at(MARCH))) == 4
    deleted = [v for v in stored(store, "tickets") if v["deleted_at"] is not None]
    assert {(v["ticket_id"], v["known_to"], v["deleted_at"]) for v in deleted} == {
        ("t2", APRIL, APRIL),
        ("t3", APRIL, APRIL),
    }
    assert put(store, MAY, "tickets", ticket("t2")) == Counts(new=1)
    assert [r["ticket_id"] for r in read(store, "tickets", Known.at(APRIL))].count("t2") == 0
    back = [v for v in stored(store, "tickets") if v["ticket_id"] == "t2"][-1]
    assert (back["known_from"], back["known_assumed"]) == (MAY, False)


def test_closing_can_be_bounded_to_the_days_that_a_source_gave(store: FactStore) -> None:
    put(store, MARCH, "tickets", ticket("old", opened_at="2026-01-01T00:00:00"), ticket("gone"))
    with store.writer("import") as w:
        none = pa.table({"ticket_id": pa.array([], pa.string())})
        days = (date(2026, 2, 1), date(2026, 2, 28))
        assert w.close_missing("tickets", none, source_id="crm", arrived_at=APRIL, days=days) == 1
    assert [r["ticket_id"] for r in read(store, "tickets")] == ["old"]


def test_tables_of_one_import_appear_together_or_not_at_all(store: FactStore) -> None:
    def write(fail: bool) -> None:
        with store.writer("import") as w:
            w.put("accounts", rows("accounts", account("A")), source_id="s", arrived_at=MARCH)
            w.put("tickets", rows("tickets", ticket("t")), source_id="s", arrived_at=MARCH)
            assert read(store, "accounts") == []
            if fail:
                raise RuntimeError("the network is gone")

    with pytest.raises(RuntimeError, match="network"):
        write(fail=True)
    assert read(store, "accounts") == read(store, "tickets") == []
    write(fail=False)
    assert len(read(store, "accounts")) == len(read(store, "tickets")) == 1


def test_small_files_are_joined_and_stay_sorted(store: FactStore) -> None:
    first = date(2026, 1, 1)
    for n in range(18):
        day = (first + timedelta(days=17 - n)).isoformat()
        put(store, MARCH, "usage_daily",
            {"account_id": "a", "day": day, "metric": "login", "value": n})  # fmt: skip
    assert len(store.files("usage_daily")) < 5
    assert len(read(store, "usage_daily")) == 18
    largest = max(store.files("usage_daily"), key=lambda f: Path(f).stat().st_size)
    with duckdb.connect() as con:
        days = [d for (d,) in con.execute(f"SELECT day FROM '{largest}'").fetchall()]
    assert len(days) >= 16
    assert days == sorted(days)


@pytest.mark.parametrize("kinds", [3, FEW_KINDS * 2])
def test_added_rows_are_sorted_by_kind_and_day_however_many_kinds_there_are(
    store: FactStore, kinds: int
) -> None:
    def some(ending: str) -> list[dict[str, Any]]:
        chance = random.Random(kinds)
        return [
            {
                "advocacy_id": f"{n}{ending}",
                "account_id": "a",
                # Ten comes before nine, as texts do.
                "kind": None if n % 7 == 0 else f"kind {n % kinds}",
                "occurred_at": f"2026-02-{chance.randint(1, 28):02}T00:00:00",
            }
            for n in range(kinds * 2)
        ]

    def sorted_files() -> list[str]:
        """The first kind of every file that is in order."""
        found = []
        with duckdb.connect() as con:
            for file in store.files("advocacy"):
                con.execute("SELECT kind, occurred_at FROM read_parquet(?)", [file])
                there = con.fetchall()
                if there == sorted(there, key=lambda r: (r[0] is None, *r)):
                    found.append(there[0][0])
        return found

    first = some("")
    assert put(store, MARCH, "advocacy", *first).new == len(first)
    assert sorted_files() == ["kind 0"]
    corrected = [r | {"kind": "corrected"} if n % 5 == 0 else r for n, r in enumerate(first)]
    counts = put(store, APRIL, "advocacy", *corrected, *some("later"))
    assert (counts.new, counts.changed) == (len(first), len(first[::5]))
    assert "corrected" in sorted_files()


def test_a_writer_may_work_with_the_connection_that_the_rows_are_of(store: FactStore) -> None:
    with connect(keep_order=True) as con:
        con.execute("CREATE TABLE made AS SELECT 't' || range AS ticket_id FROM range(3)")
        later = "*, 'a' AS account_id, TIMESTAMP '2026-02-01 09:00:00' AS opened_at"
        relation = con.table("made").project(later)
        with store.writer("import", con=con) as w:
            assert w.put("tickets", relation, source_id="s", arrived_at=MARCH) == Counts(new=3)
            assert w.put("tickets", relation, source_id="s", arrived_at=MARCH) == Counts(
                unchanged=3
            )
            keep = con.table("made").limit(1)
            closed = w.close_missing("tickets", keep, source_id="s", arrived_at=APRIL)
        assert closed == 2
        # It is still the caller's.
        assert con.table("made").aggregate("count(*)").fetchone() == (3,)
    assert len(read(store, "tickets")) == 1


def test_every_past_state_can_be_read_again(store: FactStore) -> None:
    chance = random.Random(7)
    now: dict[tuple[str, str | None], int] = {}
    past: list[tuple[datetime, dict[tuple[str, str | None], int]]] = []
    for n in range(16):
        at = MARCH + timedelta(hours=n)
        keys = [(f"a{chance.randrange(6)}", chance.choice([None, "p", "q"])) for _ in range(9)]
        batch = {key: chance.randrange(3) for key in keys}
        given = [
            {"account_id": a, "person_id": p, "day": "2026-03-01", "metric": "login", "value": v}
            for (a, p), v in batch.items()
        ]
        with store.writer("import") as w:
            table = rows("usage_daily", *given)
            counts = w.put("usage_daily", table, source_id="crm", arrived_at=at)
            assert counts == Counts(
                new=sum(k not in now for k in batch),
                changed=sum(k in now and now[k] != v for k, v in batch.items()),
                unchanged=sum(k in now and now[k] == v for k, v in batch.items()),
            )
            now = {**now, **batch}
            if n % 4 == 3:
                gone = w.close_missing("usage_daily", table, source_id="crm", arrived_at=at)
                assert gone == len(now) - len(batch)
                now = batch
        past.append((at, now))
    for at, then in past:
        found = read(store, "usage_daily", Known.at(at))
        assert len(found) == len(then)
        assert {(r["account_id"], r["person_id"]): int(r["value"]) for r in found} == then
