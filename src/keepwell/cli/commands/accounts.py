"""keepwell accounts"""

from __future__ import annotations

from pathlib import Path

import click

from keepwell.cli.options import (
    Command,
    as_of_option,
    data_options,
    open_project,
    project_option,
    scorecard_option,
)


@click.command(cls=Command)
@project_option
@as_of_option("A scored day. Default: the last one.")
@scorecard_option
@click.option(
    "--where",
    metavar="EXPRESSION",
    help="Only these: an expression over columns, metrics and account.ATTRIBUTE.",
)
@click.option(
    "--sort", metavar="COLUMN", help="Order by this column, -COLUMN falling. Default: score."
)
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="At most so many accounts.")
@click.option("--columns", metavar="A,B,…", help="Show these columns, in this order.")
@data_options
def accounts(
    project: Path | None,
    as_of: str | None,
    scorecard: str | None,
    where: str | None,
    sort: str | None,
    limit: int | None,
    columns: str | None,
    fmt: str | None,
    output: Path | None,
) -> None:
    """Show the portfolio, the lowest scores first.

    Every account's score, tier, changes, coverage, first reason, ARR and renewal. What has no room
    in the terminal is in every other format; segments are columns too.

    Examples:

    \b
      keepwell accounts --limit 15
      keepwell accounts --where "tier = 'red' and arr > 50000" --sort -arr
      keepwell accounts --columns name,score,tier,rfm_segment
      keepwell accounts --format csv --output portfolio.csv
    """
    from rich.console import RenderableType

    from keepwell.cli.output import deliver
    from keepwell.cli.portfolio import headline, tiers_of
    from keepwell.cli.render import portfolio as render

    opened = open_project(project)
    table = opened.accounts(as_of, scorecard=scorecard, where=where, sort=sort, limit=limit)
    chosen = _chosen(columns, table.columns)

    def drawn(width: int) -> RenderableType:
        # The headline counts all accounts, also where only some are shown.
        every = table if limit is None else opened.accounts(
            as_of, scorecard=scorecard, where=where, reasons=False
        )  # fmt: skip
        rows = table.rows()
        return render.lines(
            [
                headline(opened, every, every.rows()),
                "",
                render.accounts(rows, tiers_of(opened, scorecard), width, chosen),
                render.shown_of(len(rows), len(every), sort),
            ]
        )

    data = table.to_arrow()
    deliver(fmt, output, table=drawn, rows=lambda: data.select(chosen) if chosen else data)


def _chosen(columns: str | None, known: list[str]) -> list[str]:
    from keepwell.kit.errors import KeepwellError, did_you_mean

    chosen = [c.strip() for c in (columns or "").split(",") if c.strip()]
    for name in chosen:
        if name not in known:
            raise KeepwellError(f"there is no column '{name}'", todo=did_you_mean(name, known))
    return chosen
