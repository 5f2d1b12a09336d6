"""Reading: derived tables and columns, the project's defaults, and the small context."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from keepwell.facts.arrow import conform, ibis_schema, visible_schema
from keepwell.facts.context import Cover, Merge, Period, Rate
from keepwell.facts.known import Known
from keepwell.facts.memory import MemoryFacts
from keepwell.facts.reading import Facts
from keepwell.facts.schema import TABLES
from keepwell.kit.errors import KeepwellError


def read(facts: Facts, table: str, *columns: str) -> list[dict[str, Any]]:
    expression = facts.table(table)
    if columns:
        expression = expression.select(*columns)
    found: list[dict[str, Any]] = facts.con.to_pyarrow(expression).to_pylist()
    return sorted(found, key=lambda row: [str(v) for v in row.values()])


def touch(ident: str, direction: str, at: str, **more: Any) -> dict[str, Any]:
    return {
        "touchpoint_id": ident,
        "account_id": "a",
        "kind": "email",
        "direction": direction,
        "occurred_at": f"2026-03-{at}:00",
        **more,
    }


def replies(*rows: dict[str, Any]) -> dict[str, str]:
    found = read(MemoryFacts({"touchpoints": rows}), "touchpoints", "touchpoint_id", "replied_at")
    assert len(found) == len(rows)
    return {r["touchpoint_id"]: r["replied_at"].strftime("%dT%H") for r in found if r["replied_at"]}


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_its_columns_and_is_empty_where_nothing_was_given(name: str) -> None:
    facts = MemoryFacts({})
    assert facts.table(name).schema() == ibis_schema(TABLES[name])
    assert read(facts, name) == []


def test_an_account_without_zone_or_currency_has_the_project_s() -> None:
    given = [
        {"account_id": "a", "name": "A", "status": "active"},
        {"account_id": "b", "name": "B", "status": "active", "timezone": "", "currency": ""},
        {"account_id": "c", "name": "C", "status": "active", "timezone": "Asia/Tokyo",
         "currency": "JPY"},
    ]  # fmt: skip
    facts = MemoryFacts(
        {"accounts": given}, project_timezone="Europe/Berlin", project_currency="EUR"
    )
    assert facts.account_zones() == {"a": "Europe/Berlin", "b": "Europe/Berlin", "c": "Asia/Tokyo"}
    assert [r["currency"] for r in read(facts, "accounts", "account_id", "currency")] == [
        "EUR", "EUR", "JPY",
    ]  # fmt: skip


def test_the_answer_that_names_the_message_wins() -> None:
    assert replies(
        touch("m1", "out", "01T10", thread_key="t"),
        touch("early", "in", "01T11", thread_key="t"),
        touch("named", "in", "01T15", in_reply_to="m1"),
        touch("again", "in", "01T16", in_reply_to="m1"),
    ) == {"m1": "01T15"}


def test_else_the_next_message_of_the_thread_is_the_answer() -> None:
    assert replies(
        touch("before", "in", "01T08", thread_key="t"),
        touch("m1", "out", "01T10", thread_key="t"),
        touch("m2", "out", "01T12", thread_key="t"),
        touch("note", "both", "01T13", thread_key="t"),
        touch("answer", "in", "02T09", thread_key="t"),
        touch("m3", "out", "03T09", thread_key="t"),
    ) == {"m1": "02T09", "m2": "02T09"}


def test_no_answer_comes_from_elsewhere_or_before() -> None:
    assert (
        replies(
            touch("m1", "out", "01T10", thread_key="t"),
            touch("same instant", "in", "01T10", thread_key="t", in_reply_to="m1"),
            touch("earlier", "in", "01T09", in_reply_to="m1"),
            touch("other thread", "in", "01T11", thread_key="u"),
            touch("other account", "in", "01T12", thread_key="t", account_id="b"),
            touch("no thread", "out", "01T10"),
            touch("nothing", "in", "01T13"),
        )
        == {}
    )


def test_a_survey_was_asked_when_sent_or_else_when_answered() -> None:
    survey = {"survey_key": "s", "kind": "nps", "account_id": "a", "score": 9}
    facts = MemoryFacts(
        {
            "survey_responses": [
                {"response_id": "1", "sent_at": "2026-03-01", **survey},
                {"response_id": "2", "responded_at": "2026-03-02", **survey},
                {"response_id": "3", "sent_at": "2026-03-03", "responded_at": "2026-03-09",
                 **survey},
            ]
        }
    )  # fmt: skip
    assert [r["asked_at"].day for r in read(facts, "survey_responses", "response_id", "asked_at")
            ] == [1, 2, 3]  # fmt: skip


def test_features_and_what_a_subscription_entitles_to() -> None:
    held = {"account_id": "a", "status": "active", "start_on": "2026-01-01", "mrr": 100,
            "currency": "EUR"}  # fmt: skip
    facts = MemoryFacts(
        {
            "plan_features": [
                {"plan_id": "pro", "feature_key": "sso", "kind": "advanced", "label": "SSO"},
                {"plan_id": "pro", "feature_key": "board", "kind": "core", "label": "Boards"},
                {"plan_id": "basic", "feature_key": "board", "kind": "core", "label": "Boards"},
            ],
            "subscriptions": [
                {"subscription_id": "1", "plan_id": "basic", "value_from": "2026-01-01",
                 "value_to": "2026-02-01", **held},
                {"subscription_id": "1", "plan_id": "pro", "value_from": "2026-02-01", **held},
                {"subscription_id": "2", "plan_id": "pro", "value_from": "2026-02-01", **held},
            ],
        }
    )  # fmt: skip
    assert [(r["feature_key"], r["kind"], r["label"]) for r in read(facts, "features")] == [
        ("board", "core", "Boards"),
        ("sso", "advanced", "SSO"),
    ]
    entitled = read(facts, "entitlements", "plan_id", "feature_key", "value_from", "value_to")
    assert entitled == [
        {"plan_id": "basic", "feature_key": "board", "value_from": date(2026, 1, 1),
         "value_to": date(2026, 2, 1)},
        {"plan_id": "pro", "feature_key": "board", "value_from": date(2026, 2, 1),
         "value_to": None},
        {"plan_id": "pro", "feature_key": "sso", "value_from": date(2026, 2, 1),
         "value_to": None},
    ]  # fmt: skip


def test_what_people_with_a_role_did() -> None:
    usage = {"day": "2026-03-01", "metric": "login", "account_id": "a"}
    facts = MemoryFacts(
        {
            "usage_daily": [
                {**usage, "person_id": "p", "value": 3},
                {**usage, "person_id": "q", "value": 5},
                {**usage, "value": 8},
                {**usage, "person_id": "p", "account_id": "b", "value": 13},
            ],
            "person_roles": [
                {"person_id": "p", "account_id": "a", "role": "champion",
                 "valid_from": "2026-01-01", "valid_to": "2026-06-01"},
                {"person_id": "q", "account_id": "a", "role": "champion",
                 "valid_from": "2026-01-01"},
                {"person_id": "q", "account_id": "a", "role": "sponsor",
                 "valid_from": "2026-01-01"},
            ],
            "touchpoints": [touch("qbr", "both", "01T10", kind="qbr", status="held")],
            "touchpoint_people": [
                {"touchpoint_id": "qbr", "person_id": "q", "part": "attendee", "attended": True},
                {"touchpoint_id": "qbr", "person_id": "z", "part": "attendee"},
                {"touchpoint_id": "unknown", "person_id": "q", "part": "attendee"},
            ],
        }
    )  # fmt: skip
    used = read(facts, "role_usage", "person_id", "role", "value")
    assert used == [
        {"person_id": "p", "role": "champion", "value": Decimal(3)},
        {"person_id": "q", "role": "champion", "value": Decimal(5)},
        {"person_id": "q", "role": "sponsor", "value": Decimal(5)},
    ]
    seen = read(facts, "attendances", "account_id", "person_id", "attended", "kind", "status")
    assert seen == [
        {"account_id": "a", "person_id": "q", "attended": True, "kind": "qbr", "status": "held"},
        {"account_id": "a", "person_id": "z", "attended": None, "kind": "qbr", "status": "held"},
    ]
    roles = read(facts, "role_touchpoints", "person_id", "role", "touchpoint_id")
    assert [(r["person_id"], r["role"]) for r in roles] == [("q", "champion"), ("q", "sponsor")]


def test_what_people_entered_is_read_with_the_stored_rows() -> None:
    rating = {"account_id": "a", "question_key": "fit", "author_id": "u", "assessed_at":
              "2026-03-01", "answer_number": 4}  # fmt: skip
    schema = visible_schema(TABLES["assessments"])
    entered = conform("assessments", [{"assessment_id": "2", **rating}], schema)
    facts = MemoryFacts(
        {"assessments": [{"assessment_id": "1", **rating}]},
        extra={"assessments": entered.drop_columns(["quote", "source_id"])},
    )
    found = read(facts, "assessments", "assessment_id", "source_id", "answer_number")
    assert found == [
        {"assessment_id": "1", "source_id": "memory", "answer_number": Decimal(4)},
        {"assessment_id": "2", "source_id": "workspace", "answer_number": Decimal(4)},
    ]


def test_only_what_was_known_is_read() -> None:
    known = datetime(2026, 3, 1, tzinfo=UTC)
    ticket = {"ticket_id": "t", "account_id": "a", "opened_at": "2026-01-01"}
    given = [
        {**ticket, "status": "open", "known_from": "2026-01-01", "known_to": "2026-03-01"},
        {**ticket, "status": "closed", "known_from": "2026-03-01"},
        {**ticket, "ticket_id": "late", "known_from": "2026-01-01", "ingested_at": "2026-03-02"},
    ]
    facts = MemoryFacts({"tickets": given}, Known.at(known))
    assert [r["status"] for r in read(facts, "tickets")] == ["closed"]
    earlier = MemoryFacts({"tickets": given}, Known(datetime(2026, 2, 1, tzinfo=UTC), known))
    assert [r["status"] for r in read(earlier, "tickets")] == ["open"]


def test_context() -> None:
    facts = MemoryFacts(
        {
            "accounts": [{"account_id": "b", "name": "B", "status": "active",
                          "timezone": "Asia/Tokyo"}],
            "account_periods": [
                {"period_id": "1", "account_id": "b", "kind": "seasonal_closure",
                 "start_on": "2025-12-20", "end_on": "2026-01-06", "recurs_yearly": True},
                {"period_id": "2", "account_id": "a", "kind": "onboarding",
                 "start_on": "2026-01-01"},
            ],
            "merges": [
                {"merge_id": "1", "entity_type": "account", "loser_id": "b", "winner_id": "a",
                 "merged_at": "2026-03-01T20:00:00"},
                {"merge_id": "2", "entity_type": "account", "loser_id": "c", "winner_id": "a",
                 "merged_at": "2026-03-01T04:00:00"},
                {"merge_id": "3", "entity_type": "account", "loser_id": "d", "winner_id": "a",
                 "merged_at": "2026-03-01T20:00:00", "undone_at": "2026-03-05"},
                {"merge_id": "4", "entity_type": "person", "loser_id": "p", "winner_id": "q",
                 "merged_at": "2026-03-01T20:00:00"},
            ],
            "fx_rates": [{"day": "2026-03-01", "from_ccy": "EUR", "to_ccy": "USD",
                          "rate": "1.083412345"}],
        },
        project_timezone="America/New_York",
    )  # fmt: skip
    assert facts.periods() == [
        Period("a", "onboarding", date(2026, 1, 1), None, False),
        Period("b", "seasonal_closure", date(2025, 12, 20), date(2026, 1, 6), True),
    ]
    assert facts.merges() == [
        Merge("c", "a", date(2026, 2, 28)),
        Merge("b", "a", date(2026, 3, 2)),
    ]
    assert facts.rates() == [Rate(date(2026, 3, 1), "EUR", "USD", Decimal("1.083412345"))]


def _covers(*spans: tuple[str, str, str]) -> Sequence[dict[str, Any]]:
    return [
        {"source": "crm", "family": family, "from_day": first, "to_day": last, "state": "complete"}
        for family, first, last in spans
    ]


def test_overlapping_and_adjacent_covered_days_are_joined() -> None:
    facts = MemoryFacts(
        {
            "coverage": [
                *_covers(
                    ("tickets", "2026-01-01", "2026-01-31"),
                    ("tickets", "2026-01-10", "2026-01-12"),
                    ("tickets", "2026-02-01", "2026-02-03"),
                    ("tickets", "2026-02-05", "2026-02-06"),
                    ("invoices", "2026-02-01", "2026-02-28"),
                ),
                {"source": "crm", "family": "invoices", "from_day": "2026-03-01",
                 "to_day": "2026-03-01", "state": "retired"},
            ]
        }
    )  # fmt: skip
    assert facts.coverage() == [
        Cover("crm", "invoices", date(2026, 2, 1), date(2026, 2, 28)),
        Cover("crm", "invoices", date(2026, 3, 1), date(2026, 3, 1), "retired"),
        Cover("crm", "tickets", date(2026, 1, 1), date(2026, 2, 3)),
        Cover("crm", "tickets", date(2026, 2, 5), date(2026, 2, 6)),
    ]


def test_given_rows_are_taken_as_complete() -> None:
    tables = {
        "accounts": [{"account_id": "a", "name": "A", "status": "active"}],
        "invoices": [],
        "touchpoints": [
            touch("1", "out", "03T23", kind="qbr"),
            touch("2", "out", "01T10"),
        ],
    }
    begin, zone = date(1900, 1, 1), "Asia/Tokyo"
    assert MemoryFacts(tables, project_timezone=zone).coverage() == [
        Cover("memory", "accounts", begin, date(2026, 3, 4)),
        Cover("memory", "touchpoints.email", date(2026, 3, 1), date(2026, 3, 4)),
        Cover("memory", "touchpoints.qbr", date(2026, 3, 4), date(2026, 3, 4)),
        Cover("memory", "invoices", begin, date(2026, 3, 4)),
    ]
    until = MemoryFacts(tables, until=date(2026, 3, 31)).coverage()
    assert {c.to_day for c in until} == {date(2026, 3, 31)}
    given = [Cover("s", "tickets", date(2026, 1, 1), date(2026, 1, 2))]
    assert MemoryFacts(tables, coverage=given).coverage() == given


@pytest.mark.parametrize(
    ("table", "row", "message"),
    [
        ("ticket", {}, "did you mean 'tickets'"),
        ("tickets", {"ticketid": "x"}, "did you mean 'ticket_id'"),
        ("tickets", {"opened_at": "yesterday"}, "tickets.opened_at: 'yesterday' does not fit"),
        ("invoices", {"issued_on": datetime(2026, 1, 1, tzinfo=UTC)}, "does not fit"),
        ("invoices", {"amount": "a lot"}, "does not fit"),
        ("role_usage", {"account_id": "a"}, "made when reading"),
    ],
)
def test_rows_that_do_not_fit_are_explained(table: str, row: dict[str, Any], message: str) -> None:
    with pytest.raises(KeepwellError, match=message):
        MemoryFacts({table: [row]})


def test_an_unknown_table_or_column_has_near_names() -> None:
    with pytest.raises(KeepwellError, match="did you mean 'tickets'"):
        MemoryFacts({}).table("ticket")
    with pytest.raises(KeepwellError, match="did you mean 'opened_at'"):
        MemoryFacts({}).table("tickets", ["ticket_id", "opened"])


def test_named_columns_come_in_the_table_s_order() -> None:
    facts = MemoryFacts({"touchpoints": [touch("m", "out", "01T10")], "accounts": [
        {"account_id": "a", "name": "A", "status": "active"}]})  # fmt: skip
    lean = facts.table("touchpoints", {"occurred_at", "touchpoint_id"})
    assert lean.columns == ("touchpoint_id", "occurred_at")
    assert facts.con.to_pyarrow(lean).num_rows == 1
    assert "JOIN" not in facts.query("SELECT sql FROM duckdb_views() WHERE NOT internal")[0][0]
    asked = facts.table("touchpoints", ["replied_at", "kind"])
    assert facts.con.to_pyarrow(asked).to_pylist() == [{"kind": "email", "replied_at": None}]
    zones = facts.table("accounts", ["timezone"])
    assert facts.con.to_pyarrow(zones).to_pylist() == [{"timezone": "UTC"}]
