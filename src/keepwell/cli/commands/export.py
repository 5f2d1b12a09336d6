"""keepwell export"""

from __future__ import annotations

from pathlib import Path

import click

from keepwell.cli.options import (
    A_DAY,
    Command,
    data_options,
    open_project,
    project_option,
    scorecard_option,
)

SHOWN = 50


@click.command(cls=Command)
@project_option
@click.option("--from", "first", metavar="DAY", help=f"The first day. {A_DAY}")
@click.option("--to", "last", metavar="DAY", help="The last day. Default: the last scored one.")
@click.option(
    "--what",
    default="scores",
    show_default=True,
    type=click.Choice(("scores", "measures")),
    help="scores: a row per account and day. measures: a row per account, day and measure.",
)
@scorecard_option
@data_options
def export(
    project: Path | None,
    first: str | None,
    last: str | None,
    what: str,
    scorecard: str | None,
    fmt: str | None,
    output: Path | None,
) -> None:
    """Write scores or measures of any range of scored days.

    Without days it is the last one.

    Examples:

    \b
      keepwell export --from 2026-01-01 --to today --output scores.parquet
      keepwell export --what measures --format csv > measures.csv
    """
    from keepwell.cli.output import deliver
    from keepwell.cli.render.exported import exported

    opened = open_project(project)
    table = opened.export(first, last, what=what, scorecard=scorecard).to_arrow()
    deliver(fmt, output, table=lambda width: exported(table, width, SHOWN), rows=lambda: table)
