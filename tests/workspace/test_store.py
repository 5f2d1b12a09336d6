"""What people decide is recorded, taken back, and read as it was known at an instant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from keepwell.kit.errors import KeepwellError
from keepwell.workspace import Assessment, Override, Workspace

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Clock:
    """Sets the clock of Keepwell."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.set(MONDAY)

    def set(self, instant: datetime) -> None:
        self._monkeypatch.setenv("KEEPWELL_NOW", instant.isoformat())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def workspace(tmp_path: Path, clock: Clock) -> Iterator[Workspace]:
    with Workspace(tmp_path / "it's a folder" / "workspace.db") as opened:
        yield opened


def assess(workspace: Workspace, **given: Any) -> str:
    usual = {
        "account_id": "acme",
        "question_key": "stated_outcome",
        "author": "ada",
        "answer_code": "helpful",
    }
    return workspace.record_assessment(**{**usual, **given})


def override(workspace: Workspace, **given: Any) -> str:
    usual = {
        "account_id": "acme",
        "scorecard": "enterprise",
        "kind": "value",
        "points": 40,
        "reason": "the champion leaves in May",
        "author": "ada",
        "starts_on": date(2026, 3, 2),
        "expires_on": date(2026, 4, 30),
    }
    return workspace.record_override(**{**usual, **given})


def test_an_assessment_comes_back_as_it_was_given(workspace: Workspace) -> None:
    before = MONDAY - timedelta(days=3)
    first = assess(
        workspace,
        answer_code=None,
        answer_number=Decimal("7.10"),
        rationale="said so in the review",
        quote="it's – “fine”",
        assessed_at=before.astimezone(timezone(timedelta(hours=5, minutes=30))),
        expires_on=date(2026, 6, 30),
    )
    assert workspace.assessments() == [
        Assessment(
            id=first,
            account_id="acme",
            question_key="stated_outcome",
            answer_code=None,
            answer_number=Decimal("7.10"),
            rationale="said so in the review",
            quote="it's – “fine”",
            author="ada",
            assessed_at=before,
            recorded_at=MONDAY,
            expires_on=date(2026, 6, 30),
            supersedes_id=None,
            withdrawn_at=None,
            withdrawn_by=None,
        )
    ]
    assert str(workspace.assessments()[0].answer_number) == "7.10"


def test_an_answer_supersedes_the_last_one_that_stands(workspace: Workspace) -> None:
    first = assess(workspace)
    assess(workspace, account_id="other")
    assess(workspace, question_key="other")
    second = assess(workspace, answer_code="waste")
    workspace.withdraw("assessment", second, "bob", "wrong account")
    third = assess(workspace, answer_code="okay")
    superseded = {a.id: a.supersedes_id for a in workspace.assessments(include_withdrawn=True)}
    assert (superseded[first], superseded[second], superseded[third]) == (None, first, first)


def test_an_override_comes_back_as_it_was_given(workspace: Workspace) -> None:
    first = override(workspace, path="usage/active_users", kind="difference", points="-12.5")
    assert workspace.overrides() == [
        Override(
            id=first,
            account_id="acme",
            scorecard="enterprise",
            path="usage/active_users",
            kind="difference",
            points=Decimal("-12.5"),
            reason="the champion leaves in May",
            author="ada",
            created_at=MONDAY,
            starts_on=date(2026, 3, 2),
            expires_on=date(2026, 4, 30),
            withdrawn_at=None,
            withdrawn_by=None,
        )
    ]


def test_an_override_holds_on_its_first_and_last_day(workspace: Workspace) -> None:
    override(workspace)
    held = {
        day: len(workspace.overrides(day))
        for day in (date(2026, 3, 1), date(2026, 3, 2), date(2026, 4, 30), date(2026, 5, 1))
    }
    assert list(held.values()) == [0, 1, 1, 0]
    assert len(workspace.overrides()) == 1


def test_reading_as_of_an_instant(workspace: Workspace, clock: Clock) -> None:
    first = override(workspace)
    clock.set(MONDAY + 2 * HOUR)
    second = override(workspace, account_id="other")
    rating = assess(workspace)
    clock.set(MONDAY + 4 * HOUR)
    workspace.withdraw("override", first, "bob", "agreed otherwise")
    workspace.withdraw("assessment", rating, "bob", "mixed up")

    def known(hours: float, **how: Any) -> list[str]:
        found = workspace.overrides(known=MONDAY + hours * HOUR, **how)
        return [o.id for o in found]

    assert known(-1) == []
    assert known(0) == known(1) == [first]
    assert known(2) == known(3.9) == [first, second]
    assert known(4) == known(5) == [second]
    assert known(5, include_withdrawn=True) == [first, second]
    assert [o.id for o in workspace.overrides()] == [second]
    assert workspace.overrides(known=MONDAY + 3 * HOUR)[0].withdrawn_at is None
    taken_back = workspace.overrides(include_withdrawn=True)[0]
    assert (taken_back.withdrawn_at, taken_back.withdrawn_by) == (MONDAY + 4 * HOUR, "bob")
    assert workspace.assessments() == []
    assert [a.id for a in workspace.assessments(MONDAY + 3 * HOUR)] == [rating]
    assert workspace.assessments(MONDAY + HOUR) == []


def test_every_change_is_in_the_audit_trail(workspace: Workspace, clock: Clock) -> None:
    rating = assess(workspace, answer_code=None, answer_number=Decimal("7.5"))
    clock.set(MONDAY + HOUR)
    corrected = override(workspace)
    workspace.withdraw("override", corrected, "bob", "agreed otherwise")
    entries = workspace.audit()
    assert [(e.actor, e.action, e.subject) for e in entries] == [
        ("bob", "override.withdrawn", corrected),
        ("ada", "override.recorded", corrected),
        ("ada", "assessment.recorded", rating),
    ]
    assert entries[0].detail == {"reason": "agreed otherwise"}
    assert entries[1].detail["points"] == "40"
    assert entries[2].detail["answer_number"] == "7.5"
    assert (entries[1].at, entries[2].at) == (MONDAY + HOUR, MONDAY)
    assert workspace.audit(limit=1) == entries[:1]


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"reason": "  "}, "reason is missing"),
        ({"reason": None}, "reason is missing"),
        ({"author": None}, "author is missing"),
        ({"account_id": ""}, "account is missing"),
        ({"scorecard": ""}, "scorecard is missing"),
        ({"expires_on": None}, "expiry is missing"),
        ({"expires_on": date(2026, 3, 1)}, "before it starts"),
        ({"kind": "factor"}, "'factor' is no kind"),
        ({"points": 101}, "off the scale"),
        ({"points": -1}, "off the scale"),
        ({"points": -101, "kind": "difference"}, "off the scale"),
        ({"points": "many"}, "points is 'many'"),
        ({"points": float("nan")}, "points is nan"),
        ({"path": "/usage"}, "not the path"),
        ({"path": "usage; drop table"}, "not the path"),
    ],
)
def test_overrides_that_are_refused(workspace: Workspace, given: dict[str, Any], what: str) -> None:
    with pytest.raises(KeepwellError) as error:
        override(workspace, **given)
    assert what in error.value.what
    assert workspace.overrides(include_withdrawn=True) == []
    assert workspace.audit() == []


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"author": ""}, "author is missing"),
        ({"account_id": " "}, "account is missing"),
        ({"question_key": ""}, "question is missing"),
        ({"answer_code": None}, "no answer"),
        ({"answer_code": " "}, "answer is missing"),
        ({"answer_number": 3}, "two answers"),
        ({"answer_code": None, "answer_number": float("inf")}, "answer is inf"),
        ({"assessed_at": MONDAY + HOUR}, "assessed at"),
        ({"expires_on": date(2026, 3, 1)}, "before it was made"),
    ],
)
def test_assessments_that_are_refused(
    workspace: Workspace, given: dict[str, Any], what: str
) -> None:
    with pytest.raises(KeepwellError) as error:
        assess(workspace, **given)
    assert what in error.value.what
    assert workspace.assessments(include_withdrawn=True) == []
    assert workspace.audit() == []


def test_withdrawals_that_are_refused(workspace: Workspace) -> None:
    first = override(workspace)
    for by, reason, id_, what in (
        ("", "why", first, "author is missing"),
        ("bob", "", first, "reason is missing"),
        ("bob", "why", "ov-00001", "there is no override 'ov-00001'"),
        ("bob", "why", "as-000001", "there is no override"),
    ):
        with pytest.raises(KeepwellError) as error:
            workspace.withdraw("override", id_, by, reason)
        assert what in error.value.what
    with pytest.raises(KeepwellError) as unknown:
        workspace.withdraw("override", "ov-00001", "bob", "why")
    assert unknown.value.todo == f"did you mean '{first}'?"
    workspace.withdraw("override", first, "bob", "why")
    with pytest.raises(KeepwellError, match="was withdrawn by bob on 2026-03-02"):
        workspace.withdraw("override", first, "ada", "again")
    assert len(workspace.audit()) == 2


def test_an_instant_without_a_time_zone_is_refused(workspace: Workspace) -> None:
    naive = MONDAY.replace(tzinfo=None)
    with pytest.raises(ValueError, match="no time zone"):
        workspace.assessments(known=naive)
    with pytest.raises(ValueError, match="no time zone"):
        assess(workspace, assessed_at=naive)
