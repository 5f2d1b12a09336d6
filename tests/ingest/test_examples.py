"""The mappings under examples/, on the files that they are for."""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from keepwell.facts.store import FactStore
from keepwell.ingest import mapping
from keepwell.ingest.load import load
from keepwell.ingest.report import ImportReport
from tests.ingest.conftest import NOW, Desk

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SOME_EVENTS = 20_000


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPWELL_NOW", NOW)


def _import(desk: Desk, example: str, *paths: Path) -> ImportReport:
    return load(desk.store, paths, mapping.load(EXAMPLES / example / "mapping.yaml"))


def _one(sql: str) -> tuple[Any, ...]:
    with duckdb.connect() as con:
        found = con.sql(sql).fetchone()
    assert found is not None
    return found


def _count(report: ImportReport, table: str) -> int:
    return sum(t.new for t in report.tables if t.table == table)


def test_every_example_loads() -> None:
    found = sorted(EXAMPLES.glob("*/mapping.yaml"))
    assert {p.parent.name for p in found} >= {
        "churnsim", "online_retail", "plan-tiered-sheet", "saasguard", "telco",
    }  # fmt: skip
    assert all(mapping.load(p).mapping.tables for p in found)


def test_the_printed_sheet_is_read_cell_by_cell(desk: Desk) -> None:
    report = _import(desk, "plan-tiered-sheet", EXAMPLES / "plan-tiered-sheet" / "sheet.csv")
    assert report.rejected == 0
    read: dict[str, dict[str, object]] = {}
    for row in desk.rows("assessments"):
        value = row["answer_code"] or int(row["answer_number"])
        read.setdefault(row["account_id"], {})[row["question_key"]] = value
    keys = ("plan_tier", "days_since_last_login", "dashboard_refreshes_7d",
            "days_since_data_update", "tickets_30d", "nps_latest", "payment_days_late")  # fmt: skip
    assert {name: tuple(values[k] for k in keys) for name, values in read.items()} == {
        "Dimas": ("tier_1", 2, 5, 6, 1, 10, 0),
        "Amanda": ("tier_2", 5, 3, 10, 2, 8, 0),
        "Andi": ("tier_3", 8, 2, 12, 1, 7, 0),
        "Budi": ("tier_1", 25, 0, 40, 4, 6, 5),
        "Siti": ("tier_2", 60, 0, 70, 0, "no_response", 30),
    }


def test_a_company_of_six_tables(data_dir: Path, desk: Desk) -> None:
    source = data_dir / "saasguard"
    for path in source.glob("*.parquet"):
        if path.name != "usage_events.parquet":
            shutil.copy(path, desk.folder)
    events = pq.ParquetFile(source / "usage_events.parquet")
    pq.write_table(
        events.read_row_group(0).slice(0, SOME_EVENTS), desk.folder / "usage_events.parquet"
    )
    report = _import(desk, "saasguard", desk.folder)
    assert report.rejected == 0
    assert {t: _count(report, t) for t in ("accounts", "plans", "subscriptions", "tickets")} == {
        "accounts": 1_500, "plans": 4, "subscriptions": 1_500, "tickets": 10_426,
    }  # fmt: skip
    assert _count(report, "usage_events") == SOME_EVENTS
    assert sum(v for v in desk.values("usage_daily", "value")) == SOME_EVENTS
    uses = {(r["metric"], r["feature_key"]) for r in desk.rows("usage_daily")}
    assert ("feature_use", "report_view") in uses
    assert ("api_call", None) in uses
    answered = _one(
        f"SELECT count(*) FROM '{source}/expansion_outreach_log.parquet'"
        " WHERE outcome <> 'no_response' AND outreach_channel IN ('email', 'in_app')"
    )[0]
    replies = [r for r in desk.rows("touchpoints") if r["in_reply_to"]]
    assert len(replies) == answered > 100
    ticket = _one(
        "SELECT ticket_id, created_date::timestamp + resolution_time * interval 1 hour"
        f" FROM '{source}/support_tickets.parquet' ORDER BY 1 LIMIT 1"
    )
    (found,) = [r for r in desk.rows("tickets") if r["ticket_id"] == ticket[0]]
    assert found["first_resolved_at"].replace(tzinfo=None) == ticket[1]
    keys = {r["question_key"] for r in desk.rows("assessments")}
    assert keys == {"compliance_gap", "vendor_risk_flags"}
    again = load(desk.store, [desk.folder], mapping.load(EXAMPLES / "saasguard" / "mapping.yaml"))
    assert again.stored == 0


def test_one_sheet(data_dir: Path, desk: Desk) -> None:
    path = data_dir / "telco" / "telco.csv"
    report = _import(desk, "telco", path)
    assert report.rejected == 0
    raw = _one(
        "SELECT count(*), count(*) FILTER (WHERE Churn = 'Yes'), sum(MonthlyCharges::decimal(9,2))"
        f" FROM read_csv('{path}', all_varchar = true)"
    )
    accounts = desk.rows("accounts")
    assert len(accounts) == raw[0]
    assert sum(r["status"] == "churned" for r in accounts) == raw[1]
    assert {r["churned_on"] for r in accounts} == {None, date(2026, 1, 31)}
    assert sum(r["mrr"] for r in desk.rows("subscriptions")) == raw[2]
    first = {r["question_key"]: r["answer_number"] for r in desk.rows("assessments")
             if r["account_id"] == "7590-VHVEG"}  # fmt: skip
    assert first == {"products_owned": Decimal(1), "addons_owned": Decimal(1)}


def test_invoice_lines_of_two_files_that_overlap(data_dir: Path, desk: Desk) -> None:
    folder = data_dir / "online_retail"
    report = _import(desk, "online_retail", folder)
    assert report.rejected == 0
    old, new = sorted(folder.glob("*.parquet"), key=lambda p: "2010_2011" in p.name)
    last = _one(f"SELECT max(InvoiceDate) FROM '{old}'")[0]
    assert last == "2010-12-09 20:01:00", "the mapping names it"
    known = f"\"Customer ID\" IS NOT NULL AND NOT Invoice LIKE 'C%' FROM '{old}'"
    taken = f"CustomerID IS NOT NULL AND InvoiceDate > '{last}' FROM '{new}'"

    def total(value: str, condition: str) -> tuple[Any, ...]:
        where, source = condition.split(" FROM ")
        return _one(f"SELECT {value} FROM {source} WHERE {where}")

    sold = (
        total("sum(Quantity * Price)", known)[0]
        + total("sum(Quantity * UnitPrice)", taken.replace(" FROM", " AND Quantity > 0 FROM"))[0]
    )
    back = (
        total("-sum(Quantity * Price)", known.replace("NOT Invoice", "Invoice"))[0]
        + total("-sum(Quantity * UnitPrice)", taken.replace(" FROM", " AND Quantity < 0 FROM"))[0]
    )
    invoices = desk.rows("invoices")
    assert float(sum(r["amount"] for r in invoices)) == pytest.approx(sold, abs=0.01)
    assert float(sum(r["amount_refunded"] for r in invoices)) == pytest.approx(back, abs=0.01)
    numbered = total("count(DISTINCT Invoice)", f"\"Customer ID\" IS NOT NULL FROM '{old}'")[0]
    assert sum(r["invoice_id"][-6:].isdigit() for r in invoices) == numbered
    assert {r["currency"] for r in invoices} == {"GBP"}
    customers = set(desk.values("accounts", "account_id"))
    assert "17850" in customers
    assert customers == {r["account_id"] for r in invoices}
    assert max(r["issued_on"] for r in invoices) == date(2011, 12, 9)


def test_accounts_subscriptions_and_daily_counts(data_dir: Path, desk: Desk) -> None:
    source = data_dir / "churnsim"
    for name in ("account.parquet", "subscription.parquet"):
        shutil.copy(source / name, desk.folder)
    events = pq.ParquetFile(source / "event_daily.parquet").read_row_group(0).slice(0, SOME_EVENTS)
    pq.write_table(events, desk.folder / "event_daily.parquet")
    report = _import(desk, "churnsim", desk.folder)
    assert report.rejected == 0
    assert (_count(report, "accounts"), _count(report, "subscriptions")) == (14_641, 57_238)
    assert _count(report, "usage_daily") == SOME_EVENTS
    begun = _one(
        f"SELECT min(start_date) FROM '{source}/subscription.parquet' WHERE account_id = 622"
    )
    (account,) = [r for r in desk.rows("accounts") if r["account_id"] == "622"]
    assert (account["customer_since"].isoformat(), account["region"]) == (
        begun[0],
        _one(f"SELECT country FROM '{source}/account.parquet' WHERE id = 622")[0],
    )


def test_an_import_is_the_same_in_another_store(data_dir: Path, desk: Desk) -> None:
    """Coverage and rows depend on the files alone."""
    path = data_dir / "telco" / "telco.csv"
    one = _import(desk, "telco", path)
    other = load(
        FactStore(desk.folder.parent / "other"), [path],
        mapping.load(EXAMPLES / "telco" / "mapping.yaml"),
    )  # fmt: skip
    assert one == other
