"""keepwell explain"""

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


@click.command(cls=Command)
@click.argument("account")
@click.argument("metrics", metavar="[METRIC]...", nargs=-1)
@project_option
@as_of_option("A scored day. Default: the last one.")
@click.option(
    "--since",
    metavar="DAY",
    help="Show what moved the score since this scored day. Default: the one nearest to 30 days"
    " before.",
)
@pairs_option(
    "--whatif",
    "whatif",
    "METRIC=VALUE",
    "nps_latest=9",
    "Show the score with another value of a metric.",
)
@scorecard_option
@click.option(
    "--sql",
    is_flag=True,
    help="Print the SQL that counts the metrics of the scorecard, or only each METRIC.",
)
@click.option("--full", is_flag=True, help="Show every part of the change and every way up.")
@data_options
def explain(
    account: str,
    metrics: tuple[str, ...],
    project: Path | None,
    as_of: str | None,
    since: str | None,
    whatif: dict[str, str],
    scorecard: str | None,
    sql: bool,
    full: bool,
    fmt: str | None,
    output: Path | None,
) -> None:
    """Show why an account has its score and what would raise it.

    The whole tree, what moved it since, the shortest way to the next tier, and accounts alike.
    ACCOUNT is an id, a name, or a part of a name that only one account has. `earned` and `lost` are
    in points of the score; what was earned adds up to it. With --sql, the statements behind the
    measures instead, in the SQL of the engine where the facts are.

    Examples:

    \b
      keepwell explain acc-0042
      keepwell explain "Blue Harbour" --since 2026-01-01
      keepwell explain acc-0042 --whatif daily_active_share=75%
      keepwell explain acc-0042 --format json
      keepwell explain acc-0042 --sql nps_latest
    """
    from keepwell.app.days_scored import plan_of
    from keepwell.cli.output import deliver, write_text
    from keepwell.cli.render import explain as render

    opened = open_project(project)
    if sql:
        if since is not None or whatif or full or fmt is not None:
            raise click.UsageError("--sql goes with --as-of, --scorecard and --output only")
        write_text(opened.sql(account, metrics, as_of=as_of, scorecard=scorecard), output)
        return
    if metrics:
        raise click.UsageError("METRIC is for --sql; a name with blanks needs quotes")
    found = opened.explain(
        account, as_of=as_of, since=since, scorecard=scorecard, whatif=whatif or None
    )
    card = plan_of(opened, found.explanation.scorecard, found.info).scorecard
    deliver(
        fmt,
        output,
        table=lambda width: render.explained(found, card, width, full=full),
        rows=lambda: [
            {"account": found.account, "date": found.day, **row}
            for row in render.line_rows(found.explanation)
        ],
        document=found.to_dict,
    )
