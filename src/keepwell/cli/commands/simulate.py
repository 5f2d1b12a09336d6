"""keepwell simulate"""

from __future__ import annotations

from pathlib import Path

import click

from keepwell.cli.options import (
    Command,
    as_of_option,
    data_options,
    open_project,
    pairs_option,
    project_option,
    scorecard_option,
)

SHOWN = 20


@click.command(cls=Command)
@project_option
@click.option(
    "--with",
    "with_dir",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder with changed definitions, as a project has them.",
)
@pairs_option(
    "--set", "sets", "PATH=VALUE", "usage.weight=40", "Change one field of the scorecard."
)
@as_of_option("The day whose facts are scored. Default: the last scored one.")
@scorecard_option
@click.option(
    "--limit",
    metavar="N",
    default=SHOWN,
    show_default=True,
    type=click.IntRange(min=0),
    help="Show at most so many accounts in the table; 0 is all.",
)
@data_options
def simulate(
    project: Path | None,
    with_dir: Path | None,
    sets: dict[str, str],
    as_of: str | None,
    scorecard: str | None,
    limit: int,
    fmt: str | None,
    output: Path | None,
) -> None:
    """Show what changed definitions would do to the portfolio.

    How many accounts would be in each tier, who would change, and why. Nothing is stored.

    Examples:

    \b
      keepwell simulate --set usage.weight=40 --set minimum_coverage=60%
      keepwell simulate --set "usage/active_users/daily.bands={80%: 100, 60%: 70, else: 30}"
      keepwell simulate --with ../acme-draft
    """
    from keepwell.cli.output import deliver
    from keepwell.cli.portfolio import tiers_of
    from keepwell.cli.render import simulation as render

    opened = open_project(project)
    found = opened.simulate(with_dir=with_dir, sets=sets, as_of=as_of, scorecard=scorecard)
    tiers = tiers_of(opened, found.scorecard)
    deliver(
        fmt,
        output,
        table=lambda width: render.simulation(found, tiers, width, limit),
        rows=found.moves.to_arrow,
        document=found.to_dict,
    )
