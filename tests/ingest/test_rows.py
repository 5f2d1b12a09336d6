"""Rows: strict conversion, one by one, and every row that cannot be used says why."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from keepwell.kit.errors import DefinitionErrors
from tests.ingest.conftest import Desk, of

TICKETS = """
source: test
timezone: Europe/Berlin
tables:
  - from: accounts.csv
    to: accounts
    fields: {account_id: id, name: id, status: {value: active}}
  - from: tickets.csv
    to: tickets
    fields:
      ticket_id: id
      account_id: account
      opened_at: opened
      severity: {column: prio, values: {P1: critical, p2: high, '-': null}}
      reopen_count: reopened
"""


def _tickets(desk: Desk, *lines: str) -> Desk:
    desk.file("accounts.csv", "id\na\nb\n")
    desk.file("tickets.csv", "\n".join(["id,account,opened,prio,reopened", *lines]) + "\n")
    return desk


def test_each_wrong_row_is_set_aside_with_its_reason(desk: Desk) -> None:
    _tickets(
        desk,
        "1,a,2026-03-01,p1,0",
        ",a,2026-03-01,p1,0",
        "3,,2026-03-01,p1,0",
        "4,c,2026-03-01,p1,0",
        "5,a,,p1,0",
        "6,a,2026-02-30,p1,0",
        "7,a,tomorrow,p1,0",
        "8,a,2026-04-01,p1,0",
        "9,a,0026-03-01,p1,0",
        "10,a,2026-03-01,urgent,0",
        "11,a,2026-03-01,p1,1.5",
        "12,a,2026-03-01,p1,many",
        "1,b,2026-03-01,p1,0",
        "1,a,2026-03-01,p1,0",
        "14,a,2026-03-01,p1,0,extra",
        "15,b,2026-03-02T08:00:00Z,-,",
    )
    report = of(desk.run(TICKETS), "tickets")
    assert desk.values("tickets", "ticket_id", "severity") == [("1", "critical"), ("15", None)]
    assert (report.read, report.new, report.rejected, report.joined) == (16, 2, 13, 1)
    assert desk.quarantined() == [
        ("tickets.csv", 3, "ticket_id", "required and empty"),
        ("tickets.csv", 4, "account_id", "required and empty"),
        ("tickets.csv", 5, "account_id", "account is not known"),
        ("tickets.csv", 6, "opened_at", "required and empty"),
        ("tickets.csv", 7, "opened_at", "not an instant"),
        ("tickets.csv", 8, "opened_at", "not an instant"),
        ("tickets.csv", 9, "opened_at", "day in the future"),
        ("tickets.csv", 10, "opened_at", "day out of range"),
        ("tickets.csv", 11, "severity", "value is not in the list"),
        ("tickets.csv", 12, "reopen_count", "not a whole number"),
        ("tickets.csv", 13, "reopen_count", "not a whole number"),
        ("tickets.csv", 14, "ticket_id", "same key as an earlier row, other content"),
        ("tickets.csv", 16, "", "row cannot be split into columns: columns: 6, in the header: 5"),
    ]
    told = {(r.field, r.reason): r for r in report.rejections}
    wrong = told["reopen_count", "not a whole number"]
    assert wrong.count == 2
    assert [(e.row, e.value) for e in wrong.examples] == [(12, "1.5"), (13, "many")]
    (raw,) = [r["raw"] for r in desk.versions("_quarantine") if r["row_number"] == 11]
    assert json.loads(raw) == {
        "id": "10", "account": "a", "opened": "2026-03-01", "prio": "urgent", "reopened": "0",
    }  # fmt: skip


def test_at_most_three_examples_are_shown(desk: Desk) -> None:
    _tickets(desk, *(f"{i},zz,2026-03-01,p1,0" for i in range(9)))
    (rejection,) = of(desk.run(TICKETS), "tickets").rejections
    assert (rejection.count, len(rejection.examples)) == (9, 3)
    assert len(desk.quarantined()) == 9
    assert rejection.text() == (
        "account_id: account is not known (9: row 2 'zz', row 3 'zz', row 4 'zz', …)"
    )


def test_an_account_of_an_earlier_run_is_known_and_a_rejected_one_is_not(desk: Desk) -> None:
    _tickets(desk, "1,a,2026-03-01,p1,0")
    desk.run(TICKETS)
    (desk.folder / "accounts.csv").unlink()
    _tickets(desk, "2,a,2026-03-01,p1,0")
    (desk.folder / "accounts.csv").write_text("id,extra\nc,1,2\n")
    desk.file("tickets.csv", "id,account,opened,prio,reopened\n2,a,2026-03-01,p1,0\n"
              "3,c,2026-03-01,p1,0\n")  # fmt: skip
    desk.run(TICKETS)
    assert desk.values("tickets", "ticket_id") == ["1", "2"]
    assert ("tickets.csv", 3, "account_id", "account is not known") in desk.quarantined()


@pytest.mark.parametrize(
    ("zone", "opened", "expected"),
    [
        ("Europe/Berlin", "2026-01-15 12:00", "2026-01-15T11:00"),
        ("Europe/Berlin", "2025-07-15T12:00:00", "2025-07-15T10:00"),
        ("Europe/Berlin", "2025-07-15T12:00:00+00:00", "2025-07-15T12:00"),
        ("Europe/Berlin", "2025-07-15 12:00:00-0530", "2025-07-15T17:30"),
        ("America/New_York", "2025-03-09 02:30:00", "2025-03-09T07:30"),
        ("Asia/Kolkata", "2025-07-15", "2025-07-14T18:30"),
        ("UTC", "2024-02-29", "2024-02-29T00:00"),
        ("UTC", "2025-07-15T12:00:00.123456Z", "2025-07-15T12:00:00.123456"),
    ],
)
def test_instants_with_and_without_a_zone(
    zone: str, opened: str, expected: str, desk: Desk
) -> None:
    _tickets(desk, f"1,a,{opened},p1,0").run(TICKETS.replace("Europe/Berlin", zone))
    (found,) = desk.values("tickets", "opened_at")
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


USAGE = """
source: test
timezone: {zone}
{more}
tables:
  - from: accounts.csv
    to: accounts
    fields: {{account_id: id, name: id, status: {{value: active}}}}
  - from: usage.csv
    to: usage_daily
    fields:
      account_id: {{value: a}}
      metric: {{value: login}}
      day: {day}
      value: n
"""


def _days(
    desk: Desk, days: list[str], day: str = "d", more: str = "", zone: str = "UTC"
) -> list[Any]:
    desk.file("accounts.csv", "id\na\n")
    lines = [f"{d};{i}" for i, d in enumerate(days)]
    desk.file("usage.csv", "\n".join(["d;n", *lines]) + "\n")
    desk.run(USAGE.format(zone=zone, more=more, day=day))
    return desk.values("usage_daily", "day")


def test_the_day_of_an_instant_is_local(desk: Desk) -> None:
    days = [
        "2025-12-31T23:30:00Z",
        "2026-01-02T00:30:00+01:00",
        "2026-01-03 23:59:59",
        "2026-01-05",
    ]
    assert _days(desk, days, zone="Europe/Berlin") == [
        date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3), date(2026, 1, 5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("days", "day", "more", "expected"),
    [
        (["25.12.2025", "01.02.2026"], "d", "", ["2025-12-25", "2026-02-01"]),
        (["25/12/2025", "01/02/2026"], "d", "", ["2025-12-25", "2026-02-01"]),
        (["12/25/2025", "01/02/2026"], "d", "", ["2025-12-25", "2026-01-02"]),
        (["01/02/2026"], "d", "day_first: true", ["2026-02-01"]),
        (["01/02/2026 13:45"], "d", "day_first: false", ["2026-01-02"]),
        (["1/2/26", "3/4/26"], "d", "day_first: false", ["2026-01-02", "2026-03-04"]),
        (["5 Jan 2026", "12 February 2026"], "d", "", ["2026-01-05", "2026-02-12"]),
        (["Jan 5, 2026"], "d", "", ["2026-01-05"]),
        (["20260105"], "d", "", ["2026-01-05"]),
        (["2026/01/05"], "d", "", ["2026-01-05"]),
        (["1767571200"], "{column: d, date: epoch}", "", ["2026-01-05"]),
        (["1767571200000"], "{column: d, date: epoch_ms}", "", ["2026-01-05"]),
        (["2026-01"], "{column: d, date: '%Y-%m'}", "", ["2026-01-01"]),
        (["05|01|2026"], "{column: d, date: '%d|%m|%Y'}", "", ["2026-01-05"]),
        (
            ["2026-01-05", "06/01/2026"],
            "{column: d, date: ['iso', '%d/%m/%Y']}",
            "",
            ["2026-01-05", "2026-01-06"],
        ),
    ],
)
def test_days_as_they_are_written(
    days: list[str], day: str, more: str, expected: list[str], desk: Desk
) -> None:
    assert _days(desk, days, day, more) == [date.fromisoformat(d) for d in expected]


@pytest.mark.parametrize(
    ("days", "more", "message"),
    [
        (
            ["2025-12-25", "25/12/2025"],
            "",
            "in two formats: '2025-12-25' (1 row) and '25/12/2025'",
        ),
        (["25/12/2025", "12/25/2025"], "", "in two formats: '25/12/2025' and '12/25/2025'"),
        (["25.12.2025", "5 Jan 2026"], "", "in two formats"),
        (["03/04/2025"], "", "'03/04/2025': is the day first or the month?"),
        (["25/12/2025"], "day_first: false", "`day_first: false` does not fit '25/12/2025'"),
    ],
)
def test_unclear_days_are_asked_for(days: list[str], more: str, message: str, desk: Desk) -> None:
    with pytest.raises(DefinitionErrors) as caught:
        _days(desk, days, "d", more)
    (problem,) = caught.value.problems
    assert message in problem.message
    assert "usage.csv, column d" in problem.message
    assert (problem.field, problem.line) == ("tables.1.fields.day", 13)
    assert desk.store.files("usage_daily") == []


def test_a_declared_format_rejects_rows_of_another(desk: Desk) -> None:
    days = ["25/12/2025", "12/25/2025", "26/12/2025"]
    assert len(_days(desk, days, "{column: d, date: '%d/%m/%Y'}")) == 2
    assert desk.quarantined() == [("usage.csv", 3, "day", "not a day")]


INVOICES = """
source: test
currency: EUR
{more}
tables:
  - from: accounts.csv
    to: accounts
    fields: {{account_id: id, name: id, status: {{value: active}}}}
  - from: invoices.csv
    to: invoices
    fields: {{invoice_id: id, account_id: {{value: a}}, amount: {amount}}}
"""


def _amounts(desk: Desk, amounts: list[str], amount: str = "x", more: str = "") -> list[Any]:
    desk.file("accounts.csv", "id\na\n")
    lines = [f"{i};{a}" for i, a in enumerate(amounts)]
    desk.file("invoices.csv", "\n".join(["id;x", *lines]) + "\n")
    desk.run(INVOICES.format(amount=amount, more=more))
    return [v for _, v in desk.values("invoices", "invoice_id", "amount")]


def test_numbers_in_a_declared_style_of_the_mapping_or_the_column(desk: Desk) -> None:
    assert _amounts(desk, ["1.234,50", "7"], more="number: 1.234,56") == [
        Decimal("1234.5"), Decimal(7),
    ]  # fmt: skip
    assert _amounts(desk, ["$1,234.50"], "{column: x, number: '$1,234.56'}")[0] == Decimal("1234.5")
    assert _amounts(desk, ["123450"], "{column: x, scale: 0.01}")[0] == Decimal("1234.5")


@pytest.mark.parametrize("amount", ["1,234", "1.234,50", "$5", "12 EUR", "1 234"])
def test_numbers_in_an_undeclared_style_are_asked_for(amount: str, desk: Desk) -> None:
    with pytest.raises(DefinitionErrors) as caught:
        _amounts(desk, ["5", amount])
    (problem,) = caught.value.problems
    assert f"written like '{amount}': how is that meant?" in problem.message
    assert "'1,234.56'" in str(problem.expected)


def test_empty_values_defaults_and_the_rest_of_a_list(desk: Desk) -> None:
    desk.file("accounts.csv", "id,plan,size\na,n/a,Big\nb,,small\nc,gold,?\n")
    desk.run(
        """
        source: test
        empty: [N/A, '?']
        tables:
          - from: accounts.csv
            to: accounts
            fields:
              account_id: id
              name: {column: plan, default: {expression: "'no plan of ' || id"}}
              status: {value: active}
              segment: {column: size, values: {big: enterprise}, else: {column: size}}
              region: {column: plan, values: {gold: 1}, else: other, default: none}
        """
    )
    assert desk.values("accounts", "account_id", "name", "segment", "region") == [
        ("a", "no plan of a", "enterprise", "other"),
        ("b", "no plan of b", "small", "other"),
        ("c", "gold", None, "1"),
    ]


def test_a_text_that_the_list_does_not_have_is_rejected(desk: Desk) -> None:
    desk.file("accounts.csv", "id,size\na,big\nb,huge\n")
    desk.run(
        """
        source: test
        tables:
          - from: accounts.csv
            to: accounts
            fields: {account_id: id, name: id, status: {value: active},
                     segment: {column: size, values: {big: enterprise}}}
        """
    )
    assert desk.quarantined() == [("accounts.csv", 3, "segment", "value is not in the list")]


def test_where_leaves_rows_out_and_counts_them(desk: Desk) -> None:
    _tickets(desk, "1,a,2026-03-01,p1,0", "2,a,2026-03-01,p1,x", "3,a,2026-03-01,p1,2")
    rule = TICKETS.replace("to: tickets", "to: tickets\n    where: reopened > 0")
    report = of(desk.run(rule), "tickets")
    assert (report.read, report.left_out, report.new) == (3, 1, 1)
    assert desk.quarantined() == [("tickets.csv", 3, "where", "cannot be computed")]


def test_an_expression_that_fails_for_a_row_rejects_it(desk: Desk) -> None:
    _tickets(desk, "1,a,2026-03-01,p1,5", "2,a,2026-03-01,p1,x")
    text = TICKETS.replace(
        "reopen_count: reopened", "closed_at: {expression: opened + reopened hours}"
    )
    desk.run(text)
    assert desk.values("tickets", "ticket_id") == ["1"]
    assert desk.quarantined() == [("tickets.csv", 3, "closed_at", "cannot be computed")]


def test_rows_of_one_key_are_added_up_where_the_mapping_says_so(desk: Desk) -> None:
    desk.file("accounts.csv", "id\na\n")
    desk.file(
        "lines.csv",
        "inv,at,qty,price\n1,2026-01-03,2,1.10\n1,2026-01-02,1,0.05\n2,2026-01-04,1,9\n",
    )
    report = desk.run(
        """
        source: test
        currency: EUR
        tables:
          - from: accounts.csv
            to: accounts
            fields: {account_id: id, name: id, status: {value: active}}
          - from: lines.csv
            to: invoices
            group: true
            fields: {invoice_id: inv, account_id: {value: a}, issued_on: at,
                     amount: {expression: qty * price}}
        """
    )
    assert desk.values("invoices", "invoice_id", "issued_on", "amount") == [
        ("1", date(2026, 1, 2), Decimal("2.25")),
        ("2", date(2026, 1, 4), Decimal(9)),
    ]
    assert (of(report, "invoices").read, of(report, "invoices").joined) == (3, 1)


def test_columns_become_rows(desk: Desk) -> None:
    desk.file("accounts.csv", "id\na\nb\n")
    desk.file("wide.csv", "id,day,Logins,Exports\na,2026-01-02,5,\nb,2026-01-02,0,x\n")
    desk.run(
        """
        source: test
        tables:
          - from: accounts.csv
            to: accounts
            fields: {account_id: id, name: id, status: {value: active}}
          - from: wide.csv
            to: usage_daily
            unpivot: {columns: {Logins: login, Exports: export}, name: metric, value: value}
            fields: {account_id: id, day: day}
        """
    )
    assert desk.values("usage_daily", "account_id", "metric", "value") == [
        ("a", "login", Decimal(5)), ("b", "login", Decimal(0)),
    ]  # fmt: skip
    assert desk.quarantined() == [("wide.csv", 3, "value", "not a number")]


SHEET = """
source: sheet
tables:
  - from: sheet.csv
    to: accounts
    fields: {account_id: id, name: id, status: {value: active}}
  - from: sheet.csv
    to: metrics
    account: id
    as_of: 2026-03-01
    expires: 35 days
    fields:
      logins_30d: Logins
      nps_latest: {column: NPS, values: {No resp: no_response}}
      monthly_active_share: {column: Active, as: share}
      advocacy_member: {column: Member, as: yes_no}
      renews_on: {column: Renewal, as: date}
      industry: {column: Industry, as: text}
"""


def test_a_sheet_supplies_metrics(desk: Desk) -> None:
    desk.file(
        "sheet.csv",
        """
        id,Logins,NPS,Active,Member,Renewal,Industry
        a,12,9,72%,Yes,2026-09-30,retail
        b,,No resp,0.5,no,,
        c,many,none,,perhaps,soon,
        """,
    )
    report = desk.run(SHEET)
    rows = desk.values("assessments", "account_id", "question_key", "answer_number", "answer_code")
    assert rows == [
        ("a", "advocacy_member", None, "yes"),
        ("a", "industry", None, "retail"),
        ("a", "logins_30d", Decimal(12), None),
        ("a", "monthly_active_share", Decimal("0.72"), None),
        ("a", "nps_latest", Decimal(9), None),
        ("a", "renews_on", None, "2026-09-30"),
        ("b", "advocacy_member", None, "no"),
        ("b", "monthly_active_share", Decimal("0.5"), None),
        ("b", "nps_latest", None, "no_response"),
    ]
    row = desk.rows("assessments")[0]
    assert row["assessed_at"] == datetime(2026, 3, 1, tzinfo=UTC)
    assert row["expires_at"] == datetime(2026, 4, 5, tzinfo=UTC)
    assert row["author_id"] == "import:sheet"
    told = {(r.field, r.reason) for r in of(report, "assessments").rejections}
    assert told == {
        ("advocacy_member", "neither yes nor no"),
        ("logins_30d", "not a number"),
        ("nps_latest", "not a number"),
        ("renews_on", "not a day"),
    }


def test_72_in_a_column_of_shares_is_asked_back(desk: Desk) -> None:
    desk.file("sheet.csv", "id,Logins,NPS,Active,Member,Renewal,Industry\na,,,72,,,\nb,,,30%,,,\n")
    with pytest.raises(DefinitionErrors) as caught:
        desk.run(SHEET)
    (problem,) = caught.value.problems
    assert "is 72% meant, or 0.72?" in problem.message
    desk.run(SHEET.replace("as: share", "as: share, scale: 0.01"))
    rows = dict(desk.values("assessments", "account_id", "answer_number"))
    assert rows == {"a": Decimal("0.72"), "b": Decimal("0.3")}


def test_parquet_types_are_taken_as_they_are(desk: Desk) -> None:
    desk.file("accounts.csv", "id\n17850\n")
    at = datetime.fromisoformat("2025-07-01T12:00")
    table = pa.table(
        {
            "id": [1, 2, 3],
            "customer": [17850.0, 17850.0, None],
            "at": pa.array([at, at, at], pa.timestamp("ns")),
            "score": [4.5, float("nan"), 1.0],
        }
    )
    pq.write_table(table, desk.folder / "t.parquet")
    desk.run(
        """
        source: test
        timezone: Europe/London
        tables:
          - from: accounts.csv
            to: accounts
            fields: {account_id: id, name: id, status: {value: active}}
          - from: t.parquet
            to: survey_responses
            where: customer is not null
            fields: {response_id: id, survey_key: {value: x}, kind: {value: nps},
                     account_id: customer, responded_at: at, score: score}
        """
    )
    assert desk.values("survey_responses", "response_id", "account_id", "score") == [
        ("1", "17850", Decimal("4.5")), ("2", "17850", None),
    ]  # fmt: skip
    assert desk.rows("survey_responses")[0]["responded_at"] == datetime(2025, 7, 1, 11, tzinfo=UTC)
