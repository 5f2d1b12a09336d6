"""keepwell sheet"""

from __future__ import annotations

from pathlib import Path

import click

from keepwell.cli.options import A_DAY, Command, data_options


@click.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--scorecard",
    metavar="KEY",
    help="What to score with: leading-indicators, value-realization, enterprise, portfolio-360,"
    " plan-tiered, …",
)
@click.option(
    "--template",
    metavar="KEY",
    help="Write the empty sheet of this scorecard to FILE (.xlsx or .csv) instead.",
)
@click.option("--ignore", metavar="COLUMN", multiple=True, help="Leave out this column.")
@click.option("--worksheet", metavar="NAME", help="Of a workbook. Default: the first visible one.")
@click.option("--as-of", metavar="DAY", help=f"The day on which ages end. Default: today. {A_DAY}")
@click.option("--explain", metavar="ACCOUNT", help="Show the whole score of one account.")
@data_options
def sheet(
    file: Path,
    scorecard: str | None,
    template: str | None,
    ignore: tuple[str, ...],
    worksheet: str | None,
    as_of: str | None,
    explain: str | None,
    fmt: str | None,
    output: Path | None,
) -> None:
    """Score one spreadsheet, without any project.

    FILE is CSV, XLSX or Parquet: one row per account, columns are keys or labels of metrics.

    Examples:

    \b
      keepwell sheet --template enterprise scores.xlsx
      keepwell sheet scores.xlsx --scorecard enterprise
      keepwell sheet scores.csv --scorecard plan-tiered --explain acme
      keepwell sheet scores.csv --scorecard plan-tiered --format json
    """
    from keepwell.app import sheet as sheets
    from keepwell.app.days import day_of
    from keepwell.cli.console import say
    from keepwell.cli.output import deliver
    from keepwell.cli.render import sheet as render
    from keepwell.kit import clock

    if (template is None) == (scorecard is None):
        raise click.UsageError("Name either --scorecard KEY or --template KEY.")
    if template is not None:
        sheets.write_template(template, file)
        click.echo(
            f"Wrote {file}. Fill in a row per account, then:\n"
            f"  keepwell sheet {file} --scorecard {template}"
        )
        return
    assert scorecard is not None
    result = sheets.score_sheet(
        file,
        scorecard,
        ignore=ignore,
        worksheet=worksheet,
        as_of=day_of(as_of, clock.today("UTC")),
    )
    for note in result.notes:
        say(f"Note: {note}")
    if explain is not None:
        account = render.account_of(result, explain)
        deliver(
            fmt,
            output,
            table=lambda width: render.account(result, account, width),
            rows=lambda: render.measures(account),
            document=account.to_dict,
        )
        return
    deliver(
        fmt,
        output,
        table=lambda width: render.sheet(result, width),
        rows=lambda: result.table(every=True).to_arrow(),
        document=result.rows,
    )
