"""What a source gives of a table is kept with the days that it covers."""

from __future__ import annotations

from datetime import date

from keepwell.facts.context import Cover
from keepwell.facts.known import Known
from keepwell.facts.reading import FactReader
from keepwell.ingest.report import ImportReport
from tests.ingest.conftest import Desk

MAPPING = """
source: {source}
complete_through: {end}
tables:
  - from: accounts.csv
    to: accounts
    fields: {{account_id: id, name: id, status: {{value: active}}}}
  - from: tickets.csv
    to: tickets
    fields: {{ticket_id: id, account_id: {{value: a}}, opened_at: opened{more}}}
"""
ESCALATED = ", escalated_at: escalated"
JANUARY, FEBRUARY = date(2026, 1, 31), date(2026, 2, 28)


def delivered(
    desk: Desk, tickets: str, more: str = "", end: date = JANUARY, source: str = "desk"
) -> ImportReport:
    """Import these tickets by a mapping with `more` columns."""
    desk.file("accounts.csv", "id\na\n")
    desk.file("tickets.csv", tickets)
    return desk.run(MAPPING.format(source=source, end=end, more=more))


def ticket_covers(desk: Desk) -> list[Cover]:
    """What is covered of tickets at present."""
    facts = FactReader(desk.store, Known.latest())
    return [c for c in facts.coverage() if c.family == "tickets"]


def escalations_known(desk: Desk) -> list[tuple[str, date, date]]:
    """The days on which each source says who was escalated."""
    covers = [c for c in ticket_covers(desk) if c.columns and "escalated_at" in c.columns]
    return [(c.source, c.from_day, c.to_day) for c in covers]


def test_a_column_is_given_where_it_is_mapped_though_it_is_empty(desk: Desk) -> None:
    delivered(desk, "id,opened\n1,2026-01-01\n")
    [cover] = ticket_covers(desk)
    assert cover.columns == frozenset({"ticket_id", "account_id", "opened_at"})
    delivered(desk, "id,opened,escalated\n1,2026-01-01,\n", ESCALATED)
    assert escalations_known(desk) == [("desk", date(2026, 1, 1), JANUARY)]
    before = desk.store.place.manifest()
    delivered(desk, "id,opened,escalated\n1,2026-01-01,\n", ESCALATED)
    assert desk.store.place.manifest() == before


def test_a_constant_says_that_there_is_none(desk: Desk) -> None:
    delivered(desk, "id,opened\n1,2026-01-01\n", ", escalated_at: {value: null}")
    assert escalations_known(desk) == [("desk", date(2026, 1, 1), JANUARY)]


def test_a_column_that_comes_later_is_given_from_then_on(desk: Desk) -> None:
    delivered(desk, "id,opened\n1,2026-01-01\n")
    told = delivered(desk, "id,opened,escalated\n2,2026-02-05,\n", ESCALATED, FEBRUARY)
    assert escalations_known(desk) == [("desk", date(2026, 2, 1), FEBRUARY)]
    assert told.notes == ()
    # With the whole history it is given for all of it.
    delivered(desk, "id,opened,escalated\n1,2026-01-01,\n2,2026-02-05,\n", ESCALATED, FEBRUARY)
    assert escalations_known(desk) == [("desk", date(2026, 1, 1), FEBRUARY)]


def test_a_column_that_is_left_out_is_not_given_on_the_days_that_follow(desk: Desk) -> None:
    delivered(desk, "id,opened,escalated\n1,2026-01-01,2026-01-02\n", ESCALATED)
    told = delivered(desk, "id,opened\n2,2026-02-05\n", end=FEBRUARY)
    assert escalations_known(desk) == [("desk", date(2026, 1, 1), JANUARY)]
    assert told.notes == ()


def test_a_file_that_does_not_come_takes_no_column_away(desk: Desk) -> None:
    bugs = """
  - from: bugs.csv
    to: tickets
    fields: {ticket_id: id, account_id: {value: a}, opened_at: opened, escalated_at: escalated}
"""
    desk.file("accounts.csv", "id\na\n")
    desk.file("tickets.csv", "id,opened\n1,2026-01-01\n")
    bugs_file = desk.file("bugs.csv", "id,opened,escalated\nb,2026-01-02,2026-01-03\n")
    desk.run(MAPPING.format(source="desk", end=JANUARY, more="") + bugs)
    bugs_file.unlink()
    desk.file("tickets.csv", "id,opened\n2,2026-02-05\n")
    desk.run(MAPPING.format(source="desk", end=FEBRUARY, more="") + bugs)
    assert escalations_known(desk) == [("desk", date(2026, 1, 1), FEBRUARY)]


def test_rows_that_come_again_without_a_column_take_it_back(desk: Desk) -> None:
    both = "id,opened,escalated\n1,2026-01-01,2026-01-02\n2,2026-01-05,\n"
    delivered(desk, both, ESCALATED)
    told = delivered(desk, "id,opened\n1,2026-01-01\n2,2026-01-05\n")
    [note] = told.notes
    assert note == (
        "tickets.escalated_at had values that the files no longer have: what is counted from it is"
        " unknown until they have it again"
    )
    assert escalations_known(desk) == []
    assert len(ticket_covers(desk)) == 1
    delivered(desk, both, ESCALATED)
    assert escalations_known(desk) == [("desk", date(2026, 1, 1), JANUARY)]


def test_each_source_gives_its_own_columns(desk: Desk) -> None:
    delivered(desk, "id,opened,escalated\n1,2026-01-01,\n", ESCALATED)
    delivered(desk, "id,opened\n2,2026-01-03\n", source="chat")
    assert escalations_known(desk) == [("desk", date(2026, 1, 1), JANUARY)]
    assert {c.source for c in ticket_covers(desk)} == {"desk", "chat"}
