"""A mapping says what is wrong with it: file, line, column, what was expected, nearest name."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from keepwell.ingest import mapping
from keepwell.ingest.load import Context
from keepwell.kit.errors import DefinitionErrors, KeepwellError, Problem
from tests.ingest.conftest import ACCOUNTS, Desk

HEAD = """\
source: test
currency: USD
tables:
"""


def _problems(text: str) -> list[Problem]:
    with pytest.raises(DefinitionErrors) as caught:
        mapping.loads(dedent(text), "map.yaml")
    return list(caught.value.problems)


def _in_table(rule: str) -> list[Problem]:
    return _problems(HEAD + rule)


TICKETS = """\
  - from: t.csv
    to: tickets
    fields:
      ticket_id: id
      account_id: account
      opened_at: opened
"""


def test_a_sound_mapping_loads() -> None:
    loaded = mapping.loads(HEAD + TICKETS, "map.yaml")
    assert loaded.mapping.source == "test"
    assert loaded.mapping.tables[0].fields["ticket_id"].column == "id"


@pytest.mark.parametrize(
    ("field", "line", "message", "near"),
    [
        ("      sevrity: prio\n", 10, "table 'tickets' has no column 'sevrity'", "severity"),
        ("      severity: {colum: prio}\n", 10, "is not known here", "column"),
        ("      severity: {column: a, value: b}\n", 10, "found column and value", None),
        ("      severity: {value: hihg}\n", 10, "'hihg' is not one of low, medium", "high"),
        ("      severity: {column: p, values: {a: hgih}}\n", 10, "'hgih' is not one of", "high"),
        ("      severity: {column: p, values: {a: low, A: high}}\n", 10, "two spellings", None),
        ("      reopen_count: {value: many}\n", 10, "'many' is not a number", None),
        ("      reopen_count: {column: n, date: '%Y'}\n", 10, "is int, no day", None),
        ("      reopen_count: {column: n, number: '12,3'}\n", 10, "how numbers are written", None),
        ("      severity: {column: n, scale: 0.1}\n", 10, "is text, no number", None),
        ("      closed_at: {column: n, date: '%d.%m'}\n", 10, "has no year", None),
        ("      closed_at: {column: n, date: '%d.%m.%Q'}\n", 10, "has %Q", None),
        ("      closed_at: {value: soon}\n", 10, "'soon' is not a day", None),
        ("      category: {column: n, match: '(a'}\n", 10, "is no regular expression", None),
        ("      category: {column: n, match: 'a'}\n", 10, "has 0 groups", None),
        ("      category: {column: n, else: x}\n", 10, "no meaning without values", None),
        ("      category: {expression: evil(a)}\n", 10, "evil() in 'evil(a)' is not allowed", None),
        ("      category: {column: n, as: share}\n", 10, "belongs to `to: metrics` only", None),
        ("    covers: [bug]\n", 10, "table 'tickets' has no kinds", None),
        ("    account: x\n", 10, "belongs to `to: metrics` only", None),
        ("    wher: a > 1\n", 10, "is not known here", "where"),
    ],
)
def test_a_wrong_field(field: str, line: int, message: str, near: str | None) -> None:
    (problem,) = _in_table(TICKETS + field)
    assert message in problem.message
    assert (problem.file, problem.line, problem.nearest) == ("map.yaml", line, near)
    assert problem.column > 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "is no mapping"),
        ("source: test\n", "is missing"),
        ("source: test\ntables: []\n", "at least 1"),
        ("source: 1 test\ntables: []\n", "should match pattern"),
        ("source: a\nsource: b\n", "this key stands twice"),
        ("source: test\ntimezone: Europe/Berlinn\ntables: []\n", "is not a time zone"),
        ("source: test\ncurrency: dollars\ntables: []\n", "should match pattern"),
        ("source: !!python/object/apply:os.system ['true']\n", "the tag"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "anchors and aliases"),
        ("source: [unclosed\n", "this is not YAML"),
        (HEAD + "  - {from: t.csv, to: ticket, fields: {}}\n", "no canonical table 'ticket'"),
        (HEAD + "  - {from: t.csv, to: features, fields: {}}\n", "no canonical table 'features'"),
    ],
)
def test_a_wrong_file(text: str, message: str) -> None:
    assert any(message in p.text() for p in _problems(text))


def test_all_problems_are_told_at_once() -> None:
    found = _in_table("  - from: t.csv\n    to: tickets\n    fields: {ticket_idd: x}\n")
    assert [p.message.split(" ")[0] for p in found] == [
        "tickets.ticket_id", "tickets.account_id", "tickets.opened_at", "table",
    ]  # fmt: skip


def test_amounts_need_a_currency() -> None:
    text = """
    source: test
    tables:
      - from: i.csv
        to: invoices
        fields: {invoice_id: id, account_id: a, amount: b}
    """
    (problem,) = _problems(text)
    assert problem.message == "the currency of the amounts is not said"


def test_metrics_need_an_account_and_a_day() -> None:
    found = _in_table("  - {from: s.csv, to: metrics, group: true, fields: {Logins: x}}\n")
    told = " ".join(p.message for p in found)
    assert "needs account" in told
    assert "needs as_of" in told
    assert "no meaning with" in told
    assert "is not a metric key" in told


def test_unpivot_names_fields() -> None:
    text = """\
  - from: s.csv
    to: usage_daily
    fields: {account_id: a, day: d, metric: m}
    unpivot: {columns: {Logins: login}, name: metric, value: valu}
"""
    told = {p.message for p in _in_table(text)}
    assert "table 'usage_daily' has no column 'valu'" in told
    assert "'metric' is mapped under fields too" in told


def test_a_file_that_is_no_text_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(KeepwellError, match="cannot be read"):
        mapping.load(tmp_path / "none.yaml")
    path = tmp_path / "map.yaml"
    path.write_bytes(b"source: \xff\n")
    with pytest.raises(KeepwellError, match="not UTF-8"):
        mapping.load(path)


def test_columns_that_a_file_does_not_have_are_named_with_the_place_in_the_mapping(
    desk: Desk,
) -> None:
    desk.file("accounts.csv", "identity,name\na,A\n")
    with pytest.raises(DefinitionErrors) as caught:
        desk.run(ACCOUNTS.replace("name: id", "name: Nam"))
    told = [(p.line, p.field, p.nearest) for p in caught.value.problems]
    assert told == [(6, "tables.0.fields.account_id", None), (6, "tables.0.fields.name", "name")]
    assert desk.store.files("accounts") == []


def test_an_expression_that_does_not_fit_the_columns_is_told_before_anything_is_stored(
    desk: Desk,
) -> None:
    desk.file("accounts.csv", "id,name\na,A\n")
    with pytest.raises(DefinitionErrors, match="cannot be computed"):
        desk.run(ACCOUNTS.replace("name: id", "name: {expression: 'round(id || name, id)'}"))
    assert desk.store.files("accounts") == []


def test_a_file_that_the_mapping_does_not_name(desk: Desk) -> None:
    desk.file("acounts.csv", "id\na\n")
    with pytest.raises(KeepwellError, match=r"did you mean 'acounts\.csv'"):
        desk.run(ACCOUNTS)
    desk.file("accounts.csv", "id\na\n")
    two = ACCOUNTS + "  - {from: plans.csv, to: plans, fields: {plan_id: id, name: id}}\n"
    notes = desk.run(two).notes
    assert notes == (
        "acounts.csv is not in the mapping and was not read",
        "no file for `from: plans.csv`",
    )


def test_an_unknown_metric_is_told_with_the_nearest(desk: Desk) -> None:
    desk.file("sheet.csv", "id,n\na,1\n")
    rule = "from: sheet.csv, to: metrics, account: id, as_of: 2026-03-01, fields: {logins_30: n}"
    text = f"{HEAD}  - {{{rule}}}\n"
    with pytest.raises(DefinitionErrors) as caught:
        desk.run(text, context=Context(metrics={"logins_30d": "count"}))
    assert caught.value.problems[0].nearest == "logins_30d"
