"""keepwell demo"""

from __future__ import annotations

from pathlib import Path

import click

from keepwell.cli.options import Command


@click.command(cls=Command)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--accounts",
    default=200,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many customers.",
)
@click.option("--seed", default=7, show_default=True, help="Another seed is another company.")
@click.option("--end", metavar="DAY", help="Its last day, such as 2026-03-01. Default: yesterday.")
@click.option(
    "--score/--no-score", default=True, help="Score 16 days of its last quarter. Default: yes."
)
def demo(folder: Path, accounts: int, seed: int, end: str | None, score: bool) -> None:
    """Make an example company, import it and score it.

    18 months of a believable B2B software vendor, simulated with a seed and imported as yours would
    be: seasonal customers, churns, owners that change, champions that fall silent, late and dirty
    rows.

    Example:

    \b
      keepwell demo company
      keepwell accounts --project company --limit 15
    """
    from keepwell.app.days import day_of
    from keepwell.app.demo import make_demo
    from keepwell.cli.console import say, show
    from keepwell.cli.progress import over_days
    from keepwell.kit import clock

    last = day_of(end, clock.today("Europe/London"))
    with over_days("Working") as progress:
        project = make_demo(
            folder,
            accounts=accounts,
            seed=seed,
            end=last,
            score=score,
            say=say,
            progress=progress,
        )
    if score:
        from keepwell.cli.portfolio import overview

        show(overview(project))
    click.echo(
        "Next:\n"
        f"  cd {folder}\n"
        + ("" if score else "  keepwell score\n")
        + "  keepwell accounts           the whole portfolio, the lowest scores first\n"
        "  keepwell explain ACCOUNT    why an account has its score\n"
        "  keepwell status             what is fresh, late or set aside"
    )
