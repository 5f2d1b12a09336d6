"""What an import leaves behind: versions, coverage, the ledger; and what a dry run does not."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from keepwell.ingest.load import Context, load
from keepwell.ingest.report import ImportReport
from keepwell.kit.errors import DefinitionErrors, KeepwellError
from tests.ingest.conftest import ACCOUNTS, Desk, of

TICKETS = """
source: test
tables:
  - from: accounts.csv
    to: accounts
    fields: {account_id: id, name: name, status: {value: active}}
  - from: "tickets*.csv"
    to: tickets
    fields: {ticket_id: id, account_id: account, opened_at: opened, severity: sev}
"""


def _files(desk: Desk, *tickets: str, name: str = "tickets.csv") -> None:
    desk.file("accounts.csv", "id,name\na,Alpha\nb,Beta\n")
    desk.file(name, "\n".join(["id,account,opened,sev", *tickets]) + "\n")


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _spans(desk: Desk, family: str) -> list[tuple[date, date]]:
    """The stretches that are covered, adjacent ones joined."""
    rows = sorted((r["from_day"], r["to_day"]) for r in desk.rows("coverage")
                  if r["family"] == family)  # fmt: skip
    found: list[tuple[date, date]] = []
    for first, last in rows:
        if found and first <= found[-1][1] + timedelta(days=1):
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


def _covered(desk: Desk) -> dict[str, tuple[date, date]]:
    """The one stretch of every family."""
    found = {}
    for family in {r["family"] for r in desk.rows("coverage")}:
        (found[family],) = _spans(desk, family)
    return found


def test_a_dry_run_tells_all_and_changes_nothing(desk: Desk) -> None:
    _files(desk, "1,a,2026-03-01,low", "2,zz,2026-03-02,low")
    told = desk.run(TICKETS, dry_run=True)
    assert told.dry_run
    assert not desk.store.place.root.exists()
    done = desk.run(TICKETS)
    assert told.tables == done.tables
    assert dict(told.covered) == dict(done.covered)
    before = _tree(desk.store.place.root)
    _files(desk, "1,a,2026-03-01,high", "3,b,2026-03-04,low")
    tickets = of(desk.run(TICKETS, dry_run=True), "tickets")
    assert (tickets.new, tickets.changed, tickets.unchanged) == (1, 1, 0)
    assert _tree(desk.store.place.root) == before


def test_a_dry_run_sees_one_moment_whatever_is_imported_meanwhile(desk: Desk) -> None:
    _files(desk, "1,a,2026-03-01,low")
    desk.run(TICKETS)
    _files(desk, "1,a,2026-03-01,low", "2,b,2026-03-04,low")
    meanwhile: list[ImportReport] = []

    def say(_: str) -> None:
        if not meanwhile:
            meanwhile.append(desk.run(TICKETS))

    told = load(desk.store, [desk.folder], desk.mapping(TICKETS), dry_run=True, say=say)
    assert of(meanwhile[0], "tickets").new == 1
    assert (of(told, "tickets").new, of(told, "tickets").unchanged) == (1, 1)
    assert desk.values("tickets", "ticket_id") == ["1", "2"]


def test_the_same_files_again_change_nothing(desk: Desk) -> None:
    _files(desk, "1,a,2026-03-01,low", "2,zz,2026-03-02,low", "1,b,2026-03-01,low")
    desk.run(TICKETS)
    before = _tree(desk.store.place.root)
    again = desk.run(TICKETS)
    assert (of(again, "tickets").unchanged, again.stored, again.rejected) == (1, 0, 2)
    after = _tree(desk.store.place.root)
    assert {n for n in after if n.endswith(".parquet")} == {
        n for n in before if n.endswith(".parquet")
    }
    assert len(desk.quarantined()) == 2


def test_a_corrected_row_becomes_a_version_and_leaves_the_quarantine(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    _files(desk, "1,a,2026-03-01,low", "2,a,2026-03-02,urgent")
    desk.run(TICKETS)
    assert len(desk.quarantined()) == 1
    monkeypatch.setenv("KEEPWELL_NOW", "2026-03-20T10:00:00+00:00")
    _files(desk, "1,a,2026-03-01,high", "2,a,2026-03-02,critical")
    tickets = of(desk.run(TICKETS), "tickets")
    assert (tickets.new, tickets.changed, tickets.rejected) == (1, 1, 0)
    assert desk.values("tickets", "ticket_id", "severity") == [("1", "high"), ("2", "critical")]
    first, second = sorted(
        (v for v in desk.versions("tickets") if v["ticket_id"] == "1"),
        key=lambda v: v["ingested_at"],
    )
    assert (first["severity"], second["severity"]) == ("low", "high")
    assert first["known_to"] == second["known_from"] == second["ingested_at"]
    assert desk.quarantined() == []


def test_what_a_source_changed_at_a_stated_time_are_versions_in_its_order(desk: Desk) -> None:
    _files(desk)
    desk.file("tickets-1.csv", "id,account,opened,sev,changed\n"
              "1,a,2026-03-01,low,2026-03-01\n1,a,2026-03-01,high,2026-03-03\n")  # fmt: skip
    desk.file("tickets-2.csv", "id,account,opened,sev,changed\n1,a,2026-03-01,medium,2026-03-02\n")
    (desk.folder / "tickets.csv").unlink()
    desk.run(TICKETS.replace("severity: sev", "severity: sev, source_updated_at: changed"))
    found = sorted(desk.versions("tickets"), key=lambda v: v["known_from"])
    assert [v["severity"] for v in found] == ["low", "medium", "high"]
    assert [v["known_from"].date() for v in found[1:]] == [_day("2026-03-02"), _day("2026-03-03")]


def test_many_files_are_stored_as_one(desk: Desk) -> None:
    _files(desk)
    (desk.folder / "tickets.csv").unlink()
    for i in range(15):
        desk.file(f"tickets-{i:02}.csv", f"id,account,opened,sev\n{i},a,2026-03-01,low\n"
                  f"x{i},zz,2026-03-01,low\n")  # fmt: skip
    tickets = of(desk.run(TICKETS), "tickets")
    assert tickets.file == "tickets-00.csv … tickets-14.csv (15 files)"
    assert (tickets.read, tickets.new, tickets.rejected) == (30, 15, 15)
    noted = [r for r in desk.versions("_imports") if r["table"] == "tickets"]
    assert len(noted) == 15
    assert {(r["rows"], r["new"], r["rejected"]) for r in noted} == {(2, 1, 1)}
    assert {f for f, _, _, _ in desk.quarantined()} == {r["file"] for r in noted}


def test_the_ledger_tells_of_every_file(desk: Desk) -> None:
    _files(desk, "1,a,2026-03-01,low", "2,zz,2026-03-02,low")
    desk.run(TICKETS)
    noted = {r["table"]: r for r in desk.versions("_imports")}
    assert noted["tickets"]["file"] == "tickets.csv"
    assert (noted["tickets"]["rows"], noted["tickets"]["rejected"]) == (2, 1)
    assert len(noted["tickets"]["sha256"]) == 64
    assert desk.values("sources", "source", "kind", "timezone") == [("test", "file", "UTC")]


USAGE = """
source: test
{more}
tables:
  - from: accounts.csv
    to: accounts
    fields: {{account_id: id, name: id, status: {{value: active}}}}
  - from: usage.csv
    to: usage_daily
    covers: [export]
    fields: {{account_id: {{value: a}}, metric: m, day: d, value: {{value: 1}}}}
  - from: tickets.csv
    to: tickets
    fields: {{ticket_id: id, account_id: {{value: a}}, opened_at: opened}}
"""


def _usage(desk: Desk, usage: list[str], tickets: list[str], more: str = "") -> None:
    for path in desk.folder.iterdir():
        path.unlink()
    desk.file("accounts.csv", "id\na\n")
    desk.file("usage.csv", "\n".join(["d,m", *usage]) + "\n")
    if tickets:
        lines = [f"{t},{t}" for t in tickets]
        desk.file("tickets.csv", "\n".join(["id,opened", *lines]) + "\n")
    desk.run(USAGE.format(more=more))


def _day(text: str) -> date:
    return date.fromisoformat(text)


def test_families_are_covered_from_their_first_day_to_the_last_of_the_run(desk: Desk) -> None:
    _usage(desk, ["2026-01-05,login", "2026-01-20,api"], ["2025-12-01", "2026-02-10"])
    begin, end = _day("1900-01-01"), _day("2026-02-10")
    usage = (_day("2026-01-05"), end)
    assert _covered(desk) == {
        "accounts": (begin, end),
        "usage_daily": usage,
        "usage_daily.login": usage,
        "usage_daily.api": usage,
        "usage_daily.export": usage,
        "tickets": (_day("2025-12-01"), end),
    }


def test_a_mapping_may_say_how_far_the_files_go(desk: Desk) -> None:
    _usage(desk, ["2026-01-05,login"], [], "complete_through: 2026-02-28")
    assert _covered(desk)["usage_daily.login"] == (_day("2026-01-05"), _day("2026-02-28"))


def test_no_day_to_come_is_covered(desk: Desk) -> None:
    _usage(desk, ["2026-01-05,login"], [], "complete_through: 2027-01-01")
    assert _covered(desk)["usage_daily.login"][1] == _day("2026-03-15")


def test_a_kind_that_stays_away_in_the_next_delivery_is_covered_still(desk: Desk) -> None:
    _usage(desk, ["2026-01-05,login", "2026-01-31,api"], ["2026-01-10"])
    _usage(desk, ["2026-02-03,login", "2026-02-20,login"], ["2026-02-20"])
    covered = _covered(desk)
    assert covered["usage_daily.api"] == (_day("2026-01-05"), _day("2026-02-20"))
    assert covered["tickets"] == (_day("2026-01-10"), _day("2026-02-20"))


def test_a_delivery_that_was_missed_leaves_a_gap(desk: Desk) -> None:
    _usage(desk, ["2026-01-05,login", "2026-01-31,login"], [])
    _usage(desk, ["2026-02-20,login"], [])
    assert _spans(desk, "usage_daily.login") == [
        (_day("2026-01-05"), _day("2026-01-31")),
        (_day("2026-02-20"), _day("2026-02-20")),
    ]


def test_what_is_stated_for_today_covers_no_usage(desk: Desk) -> None:
    metrics = """
  - {from: accounts.csv, to: metrics, account: id, as_of: 2026-03-15, fields: {n: n}}
"""
    desk.file("accounts.csv", "id,n\na,1\n")
    desk.file("usage.csv", "d,m\n2026-01-05,login\n")
    desk.run(USAGE.format(more="") + metrics)
    assert _covered(desk)["usage_daily.login"][1] == _day("2026-01-05")
    assert _covered(desk)["assessments.n"] == (_day("2026-03-15"), _day("2026-03-15"))


def test_canonical_files_need_no_mapping(desk: Desk) -> None:
    desk.file("accounts.csv", "account_id,name,status\na,Alpha,active\n")
    desk.file("tickets-2026-03.csv", "ticket_id,account_id,opened_at\n1,a,2026-03-01\n")
    report = desk.run(None)
    assert report.source == "files"
    assert desk.values("tickets", "ticket_id") == ["1"]
    invoices = "invoice_id,account_id,amount\n1,a,5\n"
    desk.file("invoices.csv", invoices)
    with pytest.raises(DefinitionErrors, match="currency"):
        desk.run(None)
    desk.run(None, context=Context(currency="EUR"))
    assert desk.values("invoices", "currency") == ["EUR"]


def test_other_files_are_told_to_be_suggested_for(desk: Desk) -> None:
    desk.file("customers.csv", "id\na\n")
    with pytest.raises(KeepwellError, match=r"--suggest customers\.csv"):
        desk.run(None)
    (desk.folder / "customers.csv").unlink()
    desk.file("tickets.csv", "ticket_id,acount_id\n1,a\n")
    with pytest.raises(KeepwellError) as caught:
        desk.run(None)
    assert caught.value.what == "table 'tickets' has no column 'acount_id'"
    assert "did you mean 'account_id'" in str(caught.value.expected)


def test_nothing_is_stored_where_one_file_is_wrong(desk: Desk) -> None:
    desk.file("accounts.csv", "id\na\n")
    desk.file("usage.csv", "d,m\n")
    with pytest.raises(KeepwellError, match="no rows"):
        desk.run(USAGE.format(more=""))
    assert desk.store.files("accounts") == []


def test_progress_is_told(desk: Desk) -> None:
    desk.file("accounts.csv", "id\na\n")
    told: list[str] = []
    load(desk.store, [desk.folder], desk.mapping(ACCOUNTS), say=told.append)
    assert told == ["reading accounts.csv", "storing accounts"]
