"""The example company as a project: its files imported as a user would import them, and scored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from keepwell.app.init import init_project
from keepwell.app.project import Project, open
from keepwell.kit import clock
from keepwell.kit.errors import KeepwellError

SCORECARDS = (
    "enterprise", "leading-indicators", "value-realization", "portfolio-360", "plan-tiered",
)  # fmt: skip
WEEKS = 13

_SETTINGS = """\
name: Quayside
timezone: Europe/London
currency: EUR
scorecards:
{cards}
peers:
  by: [size_band, plan_tier, industry]
  at_least: 8
fresh_for: {{usage_daily: 7 days}}
"""


def scored_days(end: date) -> list[date]:
    """The days of the example's history: every seventh of a quarter, yesterday's yesterday, and
    those that the portfolio compares with."""
    weekly = {end - timedelta(days=7 * n) for n in range(WEEKS)}
    return sorted(weekly | {end - timedelta(days=n) for n in (1, 30, 90)})


def make_demo(
    folder: Path,
    *,
    accounts: int = 200,
    seed: int = 7,
    end: date | None = None,
    score: bool = True,
    say: Callable[[str], None] = lambda _: None,
    progress: Callable[[int, int, date], None] | None = None,
) -> Project:
    """Simulate the company up to yesterday (or `end`), import its files and score its last days.

    Raises KeepwellError where the folder holds a project already.
    """
    from keepwell.demo import simulate, write_files

    if (folder / "keepwell.yaml").exists():
        raise KeepwellError(f"{folder} holds a project already", todo="choose another folder")
    end = end or clock.today("Europe/London") - timedelta(days=1)
    say(f"Making {accounts} customers over 18 months, up to {end}")
    company = simulate(seed=seed, accounts=accounts, end=end)
    delivered = write_files(company, folder / "sources")
    init_project(folder, "enterprise", name="Quayside", timezone="Europe/London")
    cards = "\n".join(f"  - {card}" for card in SCORECARDS)
    (folder / "keepwell.yaml").write_text(_SETTINGS.format(cards=cards), encoding="utf-8")
    project = open(folder)
    stored = rejected = 0
    for step, (place, mapping) in enumerate(delivered.steps(), start=1):
        say(f"Importing {step} of {len(delivered.steps())}: {mapping.stem}, {place.name}")
        report = project.import_files([place], mapping=mapping)
        stored, rejected = stored + report.stored, rejected + report.rejected
    say(f"Imported {stored:,} rows; {rejected} rows are in quarantine, for good reasons")
    if score:
        days = scored_days(end)
        say(f"Scoring {len(days)} days with {len(SCORECARDS)} scorecards")
        project.score(days=days, progress=progress)
    return project
