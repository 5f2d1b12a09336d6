"""keepwell score"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from keepwell.cli.options import A_DAY, Command, as_of_option, open_project, project_option

if TYPE_CHECKING:
    from keepwell.cycle.night import Outcome
    from keepwell.facts.engines.dialects import Dialect

DIALECTS = ("postgres", "spark", "snowflake", "bigquery", "databricks", "trino")


@click.command(cls=Command)
@project_option
@as_of_option("The day to score. Default: the last one that the facts cover.")
@click.option("--from", "first", metavar="DAY", help=f"The first day of a range. {A_DAY}")
@click.option("--to", "last", metavar="DAY", help="The last day of a range. Default: as --as-of.")
@click.option(
    "--restate",
    is_flag=True,
    help="Score days that are scored already anew, with what is known today. The old result of"
    " each day stays readable.",
)
@click.option(
    "--plan",
    is_flag=True,
    help="Print the SQL that scoring the day would run, and neither count nor write anything.",
)
@click.option(
    "--dialect",
    type=click.Choice(DIALECTS),
    help="With --plan: the SQL as it would be in that engine, which is not asked. That for"
    " Snowflake, BigQuery, Databricks and Trino is compiled and checked, not run.",
)
def score(
    project: Path | None,
    as_of: str | None,
    first: str | None,
    last: str | None,
    restate: bool,
    plan: bool,
    dialect: Dialect | None,
) -> None:
    """Score a day or a range of days, and keep the result.

    A past day is scored with what was known when it ended. A day that is over and was scored keeps
    its result, so the same command may be run again at any time.

    Examples:

    \b
      keepwell score
      keepwell score --as-of 2026-03-01
      keepwell score --from 2026-01-01 --to yesterday
      keepwell score --plan > tonight.sql
      keepwell score --plan --dialect snowflake
    """
    from keepwell.cli.console import say, show
    from keepwell.cli.portfolio import overview
    from keepwell.cli.progress import over_days

    opened = open_project(project)
    if plan:
        if first is not None or last is not None or restate:
            raise click.UsageError("--plan shows one day: name it with --as-of")
        click.echo(opened.plan(as_of, dialect=dialect), nl=False)
        return
    if dialect is not None:
        raise click.UsageError("--dialect goes with --plan")
    with over_days("Scoring") as progress:
        outcome = opened.score(
            as_of, first=first, last=last, restate=restate, progress=progress, on_wait=say
        )
    for line in told(outcome):
        click.echo(line)
    show(overview(opened, max([*outcome.scored, *outcome.stood])))
    click.echo("Next: keepwell accounts, then keepwell explain ACCOUNT")


def told(outcome: Outcome) -> list[str]:
    """What was done, in words."""
    lines = []
    if outcome.scored:
        word = "Restated" if outcome.restated else "Scored"
        days = outcome.scored
        many = f"{len(days):,} days, {days[0]} to {days[-1]}" if len(days) > 1 else f"{days[0]}"
        lines.append(f"{word} {many}.")
    if outcome.stood:
        stood = outcome.stood
        many = f"{len(stood):,} days were" if len(stood) > 1 else f"{stood[0]} was"
        lines.append(f"{many} scored already and stand{'s' if len(stood) == 1 else ''};"
                     " --restate scores again.")  # fmt: skip
    return lines
