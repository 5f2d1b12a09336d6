"""keepwell status"""

from __future__ import annotations

from pathlib import Path

import click

from keepwell.cli.options import Command, data_options, open_project, project_option


@click.command(cls=Command)
@project_option
@click.option(
    "--quarantine", is_flag=True, help="Show each row that was set aside, with number and reason."
)
@data_options
def status(project: Path | None, quarantine: bool, fmt: str | None, output: Path | None) -> None:
    """Show what data is there, late, set aside or missing.

    Per source and table: rows, first and last day, and its age against what is expected; the rows
    in quarantine by reason; and the metrics of the scorecards that nothing feeds, with what would.

    Examples:

    \b
      keepwell status
      keepwell status --quarantine --format csv --output quarantine.csv
      keepwell status --format json
    """
    from keepwell.cli.output import deliver
    from keepwell.cli.render import status as render

    opened = open_project(project)
    if quarantine:
        rows = opened.quarantine().to_arrow()
        deliver(
            fmt,
            output,
            table=lambda width: render.quarantine(rows.to_pylist(), width),
            rows=lambda: rows,
        )
        return
    found = opened.status()
    deliver(
        fmt,
        output,
        table=lambda width: render.status(found, opened.settings.name, width),
        rows=lambda: render.feed_rows(found.feeds),
        document=lambda: found,
    )
