"""keepwell override"""

from __future__ import annotations

from pathlib import Path

import click

from keepwell.cli.lazy import DefaultGroup
from keepwell.cli.options import (
    Command,
    author_option,
    data_options,
    open_project,
    project_option,
    scorecard_option,
)


@click.group(cls=DefaultGroup)
def override() -> None:
    """Record, list or withdraw people's corrections of scores.

    A score or a component is corrected with a reason and an end; the computed score stays visible
    beside it. `add` may be left out.

    Examples:

    \b
      keepwell override acc-0042 --by -10 --reason "sponsor left" --expires 2026-06-30 --author ana
      keepwell override list
      keepwell override withdraw ov-000001 --author ana --reason "new sponsor found"
    """


@override.command(cls=Command)
@click.argument("account")
@click.option("--to", "points", metavar="POINTS", type=float, help="The new value, 0 to 100.")
@click.option("--by", "difference", metavar="POINTS", type=float, help="A difference: 5 or -10.")
@click.option(
    "--path",
    default="",
    metavar="COMPONENT",
    help="A component such as usage/active_users. Default: the whole score.",
)
@scorecard_option
@click.option(
    "--reason", required=True, metavar="TEXT", help="Why the computed score is not right."
)
@author_option("Who answers for it.")
@click.option("--expires", required=True, metavar="DAY", help="The last day it holds.")
@click.option("--starts", metavar="DAY", help="The first day it holds. Default: today.")
@project_option
def add(
    account: str,
    points: float | None,
    difference: float | None,
    path: str,
    scorecard: str | None,
    reason: str,
    author: str,
    expires: str,
    starts: str | None,
    project: Path | None,
) -> None:
    """Record a value (--to) or a difference (--by) for a score.

    Example:

    \b
      keepwell override add acc-0042 --path relationship --to 40 --reason "sponsor left" \\
        --expires 2026-06-30 --author ana@example.com
    """
    opened = open_project(project)
    notes: list[str] = []
    record = opened.override(
        account,
        points,
        difference=difference,
        path=path,
        scorecard=scorecard,
        reason=reason,
        author=author,
        expires=expires,
        starts=starts,
        say=notes.append,
    )
    click.echo(f"Recorded {record}. It counts from the next scoring on: keepwell score")
    for note in notes:
        click.echo(f"Note: {note}", err=True)


@override.command("list", cls=Command)
@click.option("--withdrawn", is_flag=True, help="Those that were withdrawn too.")
@project_option
@data_options
def list_(withdrawn: bool, project: Path | None, fmt: str | None, output: Path | None) -> None:
    """List the recorded overrides, newest first.

    Example:

    \b
      keepwell override list --withdrawn
    """
    from keepwell.cli.output import deliver
    from keepwell.cli.render.decisions import overrides

    table = open_project(project).overrides(withdrawn)
    deliver(
        fmt,
        output,
        table=lambda width: overrides(table.rows(), width),
        rows=table.to_arrow,
    )


@override.command(cls=Command)
@click.argument("id")
@author_option("Who withdraws it.")
@click.option("--reason", required=True, metavar="TEXT", help="Why.")
@project_option
def withdraw(id: str, author: str, reason: str, project: Path | None) -> None:
    """Withdraw an override by its ID. Days that were scored with it stay as they are.

    Example:

    \b
      keepwell override withdraw ov-000001 --author ana --reason "new sponsor found"
    """
    open_project(project).withdraw(id, by=author, reason=reason)
    click.echo(f"Withdrew {id}.")
