"""A proposed mapping is one that loads, says what it is unsure of, and brings the rows in."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from keepwell.ingest import mapping
from keepwell.ingest.load import load
from keepwell.ingest.proposal import scalar
from keepwell.ingest.suggest import suggest
from keepwell.kit.errors import KeepwellError
from tests.ingest.conftest import Desk

CUSTOMERS = """
Client ID,Company Name,Vertical,Country,CSM,Client Since,Churn Date,ARR (EUR),Favourite Colour
C-1,Alpha GmbH,Retail,DE,kim,2024-01-15,,12000,red
C-2,Beta AG,Retail,CH,kim,2024-03-01,2025-06-30,6000,blue
C-3,Gamma SA,Media,FR,lee,2025-02-01,,24000,green
"""
CASES = """
Case Number,Client ID,Urgency,Created,Resolved,Topic
100,C-1,P1,2025-05-01 10:00,2025-05-01 12:00,bug
101,C-1,P3,2025-05-03 10:00,,how_to
102,C-3,P4,2025-05-09 09:30,2025-05-10 09:30,bug
103,C-2,catastrophe,2025-05-11 09:30,,bug
"""
BILLS = """
Invoice No;Client ID;Invoice Date;Due;Total;Paid On;Payment Status
R1;C-1;15.01.2025;14.02.2025;1.000,50;10.02.2025;settled
R2;C-2;15.01.2025;14.02.2025;500,00;;outstanding
R3;C-3;15.02.2025;17.03.2025;2.000,00;01.03.2025;settled
"""
TRACKS = """
uuid,client_id,user_email,event_name,timestamp
e1,C-1,a@alpha.de,login,2025-05-01T10:00:00Z
e2,C-1,a@alpha.de,export,2025-05-01T10:05:00Z
e3,C-3,c@gamma.fr,login,2025-05-02T10:00:00Z
"""


def _rule(text: str, table: str) -> str:
    """The part of a proposal that is about a table."""
    parts = re.split(r"\n(?=  - from:)", text)
    (found,) = [p for p in parts if f"to: {table}\n" in p]
    return found


def _written(text: str, table: str, field: str) -> str:
    (found,) = re.findall(rf"^      {field}: ?(.*)$", _rule(text, table), re.MULTILINE)
    return str(found)


@pytest.fixture
def files(desk: Desk) -> Desk:
    desk.file("customers.csv", CUSTOMERS)
    desk.file("support_cases.csv", CASES)
    desk.file("invoices_export.csv", BILLS)
    desk.file("tracks.csv", TRACKS)
    return desk


def test_files_of_a_company_are_recognised(files: Desk) -> None:
    text = suggest([files.folder])
    assert _written(text, "accounts", "account_id").startswith("Client ID")
    assert _written(text, "accounts", "name").startswith("Company Name")
    assert _written(text, "accounts", "customer_since").startswith("Client Since")
    assert "case when" in _written(text, "accounts", "status")
    assert "# not used: Favourite Colour (blue, green, red)" in text
    assert "/ 12" in _written(text, "subscriptions", "mrr")
    assert _written(text, "tickets", "opened_at").startswith("Created")
    assert "number: '1.234,56'" in _written(text, "invoices", "amount")
    assert "group: true" in _rule(text, "usage_daily")
    assert "currency: EUR  # check" in text


def test_enumerations_get_the_nearest_value_and_unsure_ones_a_mark(files: Desk) -> None:
    tickets = _rule(suggest([files.folder]), "tickets")
    for line in ("P1: critical", "P3: medium", "P4: low"):
        assert f"{line}\n" in tickets
    assert re.search(r"catastrophe: \w+  # check", tickets)


def test_the_proposal_imports_as_it_is(files: Desk) -> None:
    text = suggest([files.folder])
    report = load(files.store, [files.folder], mapping.loads(text))
    assert report.rejected == 0, report
    assert len(files.rows("accounts")) == 3
    assert files.values("invoices", "invoice_id", "amount", "status")[0][1:] == (
        pytest.approx(1000.5), "paid",
    )  # fmt: skip
    assert files.values("usage_daily", "metric") == ["export", "login", "login"]
    assert len(files.rows("tickets")) == 4


def test_the_same_columns_in_several_files_are_one_rule(desk: Desk) -> None:
    desk.file("customers.csv", CUSTOMERS)
    for month in ("2025-01", "2025-02"):
        desk.file(f"usage_{month}.csv", f"client_id,day,metric,n\nC-1,{month}-01,login,5\n")
    text = suggest([desk.folder])
    assert "- from: 'usage_*.csv'" in text
    load(desk.store, [desk.folder], mapping.loads(text))
    assert len(desk.rows("usage_daily")) == 2


def test_ambiguous_days_and_missing_values_are_marked(desk: Desk) -> None:
    desk.file(
        "customers.csv", "customer_id,name,created\n1,A,03/04/2025\n2,B,n/a\n3,C,05/06/2025\n"
    )
    text = suggest([desk.folder])
    assert "day_first: true  # check" in text
    assert "empty: [n/a]  # check" in text
    mapping.loads(text)


def test_a_sheet_offers_the_metrics_that_it_names(desk: Desk) -> None:
    desk.file("portfolio.csv", "Customer,Logins 30 days,Tickets,Shoe size\nA,5,1,42\nB,7,0,43\n")
    text = suggest(
        [desk.folder], metrics={"logins_30d": "Logins, 30 days", "tickets_30d": "Tickets"}
    )
    rule = _rule(text, "metrics")
    assert "      logins_30d: Logins 30 days  # check" in rule
    assert "      tickets_30d: Tickets  # check" in rule
    assert "Shoe size" in rule.partition("# not used:")[2]


def test_hostile_names_and_values_stay_text(desk: Desk) -> None:
    hostile = ["customer_id", "a: b", "# c", "'", "{x", "- y", "yes", "new\nline", "*z", "\\", "ü"]
    path = desk.folder / "customers.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(hostile)
        writer.writerow(["1", *["v: 'x' # \n {"] * (len(hostile) - 1)])
        writer.writerow(["2", *["!"] * (len(hostile) - 1)])
    text = suggest([path])
    loaded = mapping.loads(text)
    assert loaded.mapping.tables[0].fields["account_id"].column == "customer_id"


@pytest.mark.parametrize(
    "value",
    ["yes", "No", "1", "2025-01-01", "a: b", "'", "", " x", "null", "~", "Naïve", "a\nb", "\u2028",
     "x #y", "Kunde Nr."],
)  # fmt: skip
def test_a_scalar_reads_back_as_itself(value: str) -> None:
    from keepwell.definitions import yaml

    found = yaml.parse(f"a: {scalar(value)}\n", "x").value["a"]
    assert found == value


def test_files_that_look_like_nothing_are_told(desk: Desk) -> None:
    desk.file("colours.csv", "red,green\n1,2\n3,4\n")
    with pytest.raises(KeepwellError, match="none of the files looks like"):
        suggest([desk.folder])


def test_unknown_files_beside_known_ones_are_listed(desk: Desk) -> None:
    desk.file("customers.csv", CUSTOMERS)
    desk.file("colours.csv", "red,green\n1,2\n3,4\n")
    text = suggest([desk.folder])
    assert "# check: colours.csv was not recognised" in text
    assert "#   red (1, 3)" in text


def test_real_files_are_recognised(data_dir: Path, desk: Desk) -> None:
    text = suggest([data_dir / "saasguard"])
    for table in ("accounts", "subscriptions", "tickets", "opportunities", "touchpoints",
                  "usage_events", "usage_daily", "metrics"):  # fmt: skip
        assert _rule(text, table)
    assert "      new_business: new" in text.replace("          ", "      ")
