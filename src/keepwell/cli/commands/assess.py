"""keepwell assess"""

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
)


@click.group(cls=DefaultGroup)
def assess() -> None:
    """Record, list or withdraw people's ratings and values.

    A rating or a value of a metric for one account, which wins over the data until it expires.
    `add` may be left out.

    Examples:

    \b
      keepwell assess acc-0042 stated_outcome helpful --author ana@example.com
      keepwell assess list
      keepwell assess withdraw as-000003 --author ana@example.com --reason "wrong account"
    """


@assess.command(cls=Command)
@click.argument("account")
@click.argument("metric")
@click.argument("answer")
@author_option("Who says so.")
@click.option("--rationale", metavar="TEXT", help="Why.")
@click.option("--quote", metavar="TEXT", help="What the customer said, word for word.")
@click.option(
    "--expires", metavar="DAY", help="The last day it holds. Default: as the metric says."
)
@project_option
def add(
    account: str,
    metric: str,
    answer: str,
    author: str,
    rationale: str | None,
    quote: str | None,
    expires: str | None,
    project: Path | None,
) -> None:
    """Record a rating or a value of a metric.

    ANSWER is one of the metric's answers, or a number (72%, 0.72, 9). It wins over what the data
    says until it expires, and counts from the next scoring on.

    Example:

    \b
      keepwell assess add acc-0042 nps_latest 9 --author ana@example.com --rationale "QBR"
    """
    opened = open_project(project)
    record = opened.assess(
        account, metric, answer, author=author, rationale=rationale, quote=quote, expires=expires
    )
    click.echo(f"Recorded {record}. It counts from the next scoring on: keepwell score")


@assess.command("list", cls=Command)
@click.option("--withdrawn", is_flag=True, help="Those that were withdrawn too.")
@project_option
@data_options
def list_(withdrawn: bool, project: Path | None, fmt: str | None, output: Path | None) -> None:
    """List the recorded ratings and values, newest first.

    Example:

    \b
      keepwell assess list --format csv
    """
    from keepwell.cli.output import deliver
    from keepwell.cli.render.decisions import assessments

    table = open_project(project).assessments(withdrawn)
    deliver(
        fmt,
        output,
        table=lambda width: assessments(table.rows(), width),
        rows=table.to_arrow,
    )


@assess.command(cls=Command)
@click.argument("id")
@author_option("Who withdraws it.")
@click.option("--reason", required=True, metavar="TEXT", help="Why.")
@project_option
def withdraw(id: str, author: str, reason: str, project: Path | None) -> None:
    """Withdraw a rating or value by its ID. Days that were scored with it stay as they are.

    Example:

    \b
      keepwell assess withdraw as-000003 --author ana@example.com --reason "wrong account"
    """
    open_project(project).withdraw(id, by=author, reason=reason)
    click.echo(f"Withdrew {id}.")
