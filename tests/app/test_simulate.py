"""The portfolio under changed definitions, without a trace."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from keepwell.app.project import Project
from keepwell.kit.errors import DefinitionErrors, KeepwellError
from tests.cycle.company import LAST, Company


def trace(folder: Path) -> dict[str, int]:
    """Every file of the history and the facts, with its size."""
    files = [p for name in ("facts", "history") for p in (folder / "data" / name).rglob("*")]
    return {str(p): p.stat().st_size for p in files if p.is_file()}


def test_fields_are_set_by_path_and_nothing_is_stored(company: Company) -> None:
    project = company.project
    before = trace(company.folder)
    found = project.simulate(
        sets={"support.weight": "60", "usage/logins.bands": "{90: 100, else: 0}"}
    )
    assert trace(company.folder) == before
    scores = {r["account"]: r for r in project.accounts(reasons=False)}
    assert (found.day, found.scorecard) == (LAST, "care")
    assert sum(found.before.values()) == sum(found.after.values()) == 12
    tiers = [r["tier"] for r in scores.values()]
    assert {t: tiers.count(t) for t in tiers} == found.before
    moves = found.moves.rows()
    for move in moves:
        old = scores[move["account"]]
        assert (move["before"], move["tier_before"]) == (old["score"], old["tier"])
        assert move["change"] == pytest.approx(move["after"] - move["before"])
    assert [abs(m["change"]) for m in moves] == sorted(
        (abs(m["change"]) for m in moves), reverse=True
    )
    assert found.tier_changes
    assert {m["account"] for m in found.tier_changes} < {m["account"] for m in moves}
    # Each of a10's numbers by hand: logins 0, the share as it was, tickets at 60 of 140.
    row = company.row("care", LAST, "a10")
    usage = (60 * 0 + 40 * row["points/usage/share"]) / 100
    tickets = 10 + 50  # four of them, and a promoter
    total = (50 * usage + 60 * tickets + 15 * 100) / (50 + 60 + 15)
    [ten] = [m for m in moves if m["account"] == "a10"]
    assert ten["after"] == pytest.approx(total, abs=1e-9)
    assert "Logins a week" in ten["why"]
    assert found.average_after == pytest.approx(
        sum({**{a: r["score"] for a, r in scores.items()},
             **{m["account"]: m["after"] for m in moves}}.values()) / 12
    )  # fmt: skip


def test_a_changed_copy_or_a_folder_of_changes_is_laid_on_the_project(company: Company) -> None:
    copy = company.folder.parent / "copy"
    copy.mkdir()
    for name in ("keepwell.yaml", "metrics", "scorecards"):
        source = company.folder / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
    project = company.project
    same = project.simulate(with_dir=copy)
    assert len(same.moves) == 0
    assert same.before == same.after
    some = company.folder.parent / "some" / "metrics"
    some.mkdir(parents=True)
    (some / "tickets.yaml").write_text(
        "metrics:\n  monthly_tickets: {label: Tickets in 90 days, count: rows, from: tickets, "
        "over: 90 days, unit: count}\n"
    )
    few = project.simulate(with_dir=some.parent)
    assert {m["why"].partition(" −")[0] for m in few.moves} <= {"Tickets in 90 days"}
    assert few.before == same.before


@pytest.mark.parametrize(
    ("sets", "what"),
    [
        ({"usag.weight": "40"}, "there is no component 'usag'"),
        ({"minimum_covrage": "40%"}, "'minimum_covrage' names no field"),
        ({"components": "{}"}, "'components' names no field"),
        ({}, "what should change?"),
    ],
)
def test_a_path_that_leads_nowhere_is_answered_with_near_ones(
    scored: Project, sets: dict[str, str], what: str
) -> None:
    with pytest.raises(KeepwellError) as raised:
        scored.simulate(sets=sets)
    assert what in raised.value.what


@pytest.mark.parametrize(
    ("sets", "what"),
    [
        ({"usage.weight": "heavy"}, "heavy"),
        ({"usage/logins.bands": "{20: 100}"}, "else"),
        ({"usage.wieght": "40"}, "unknown field"),
        ({"bond.metric": "bnod"}, "no metric is called 'bnod'"),
    ],
)
def test_a_value_that_does_not_fit_is_told_as_in_a_file(
    scored: Project, sets: dict[str, str], what: str
) -> None:
    with pytest.raises(DefinitionErrors) as raised:
        scored.simulate(sets=sets)
    [problem] = raised.value.problems
    assert what in problem.text()
    assert f"--set {next(iter(sets))}" in problem.text()


def test_a_folder_without_definitions_is_refused(scored: Project, tmp_path: Path) -> None:
    with pytest.raises(KeepwellError, match="no definitions in"):
        scored.simulate(with_dir=tmp_path)
    with pytest.raises(KeepwellError, match="there is no folder"):
        scored.simulate(with_dir=tmp_path / "nowhere")
