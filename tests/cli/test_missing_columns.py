"""A column that no source gives is no zero: from the file to what `status` and `explain` say."""

from __future__ import annotations

from pathlib import Path

import pytest

from keepwell.app.project import Project, open
from keepwell.scoring.explain import Line
from tests.cli.running import Here

SETTINGS = "name: Desk\ntimezone: UTC\ncurrency: EUR\nscorecards: [desk]\nsegmentations: []\n"
CARD = """\
scorecard: desk
label: Desk
tiers: [{key: good, label: Good, from: 50}, {key: poor, label: Poor, from: 0}]
minimum_coverage: 10%
components:
  tickets: {weight: 40, metric: tickets_30d, bands: {"<=5": 100, else: 0}}
  escalations: {weight: 60, metric: ticket_escalations_90d, bands: {"<=0": 100, else: 20}}
"""
ACCOUNTS = "account_id,name,status\na,Acme,active\n"
NEVER = "ticket_id,account_id,opened_at\n1,a,2025-11-01\n2,a,2026-03-01\n"
NONE_YET = "ticket_id,account_id,opened_at,escalated_at\n1,a,2025-11-01,\n2,a,2026-03-01,\n"
ONE = "ticket_id,account_id,opened_at,escalated_at\n1,a,2025-11-01,\n2,a,2026-03-01,2026-03-01\n"
WHY = "no source fills tickets.escalated_at"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without facts, on 2 March 2026."""
    monkeypatch.setenv("KEEPWELL_NOW", "2026-03-02T06:00:00+00:00")
    made = tmp_path / "desk"
    (made / "scorecards").mkdir(parents=True)
    (made / "keepwell.yaml").write_text(SETTINGS, encoding="utf-8")
    (made / "scorecards" / "desk.yaml").write_text(CARD, encoding="utf-8")
    return made


def imported(folder: Path, tickets: str) -> Project:
    """The project after an import of these tickets."""
    files = folder.parent / "files"
    files.mkdir(exist_ok=True)
    (files / "accounts.csv").write_text(ACCOUNTS, encoding="utf-8")
    (files / "tickets.csv").write_text(tickets, encoding="utf-8")
    project = open(folder)
    project.import_files([files])
    return project


def scored(folder: Path, tickets: str) -> Project:
    """The project after an import and a pass."""
    project = imported(folder, tickets)
    project.score("2026-03-01", restate=True)
    return project


def escalations(project: Project) -> Line:
    """How they count for the only account."""
    line = project.explain("Acme").explanation.line(("escalations",))
    assert line is not None
    return line


def test_a_column_that_no_source_gives_is_missing_until_a_file_has_it(folder: Path) -> None:
    project = scored(folder, NEVER)
    line = escalations(project)
    assert (line.value, line.points, line.state, line.why) == (None, None, "missing", WHY)
    explained = project.explain("Acme").explanation
    assert (explained.score, explained.coverage) == (100, 0.4)
    [unfed] = project.status().unfed
    assert unfed.metric == "ticket_escalations_90d"
    assert unfed.wants == "tickets.escalated_at, which no source fills"

    # A column that the file has is given, though nothing was escalated so far.
    project = scored(folder, NONE_YET)
    line = escalations(project)
    assert (line.value, line.points, line.state, line.why) == (0, 100, "known", "")
    assert project.status().unfed == ()

    line = escalations(scored(folder, ONE))
    assert (line.value, line.points) == (1, 20)


def test_it_is_said_at_the_command_line(folder: Path, here: Here) -> None:
    scored(folder, NEVER)
    explained = " ".join(here.good("explain", "Acme", "-C", folder).split())
    assert f"↳ no data: {WHY}; its 60% of the weight goes to Tickets, 30 days" in explained
    status = here.good("status", "-C", folder)
    assert "1 metric of the scorecards that nothing feeds" in status
    assert "tickets.escalated_at, which no source fills" in status


def test_a_day_is_explained_by_what_was_known_then(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored(folder, NEVER)
    monkeypatch.setenv("KEEPWELL_NOW", "2026-03-03T06:00:00+00:00")
    project = imported(folder, ONE)
    assert escalations(project).why == WHY
    assert project.status().unfed == ()
