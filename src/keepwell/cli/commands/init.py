"""keepwell init"""

from __future__ import annotations

from pathlib import Path

import click

from keepwell.cli.options import Command


@click.command(cls=Command)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--framework",
    required=True,
    metavar="KEY",
    help="leading-indicators, value-realization, enterprise, portfolio-360 or plan-tiered.",
)
@click.option("--copy", is_flag=True, help="Copy the whole framework instead of extending it.")
@click.option("--name", help="The company's name. Default: that of the folder.")
@click.option("--timezone", default="UTC", show_default=True, help="Where days end at midnight.")
@click.option("--currency", default="EUR", show_default=True, help="ISO 4217.")
def init(
    folder: Path, framework: str, copy: bool, name: str | None, timezone: str, currency: str
) -> None:
    """Make a new project folder with a framework ready to edit.

    It gets keepwell.yaml, the framework extended by name, a .gitignore and a README. Files that are
    there already are not touched.

    Example:

    \b
      keepwell init acme --framework enterprise --timezone Europe/Berlin
    """
    from keepwell.app.init import init_project

    made = init_project(
        folder, framework, copy=copy, name=name, timezone=timezone, currency=currency
    )
    for path in made:
        click.echo(f"  {path}")
    click.echo(
        "Next:\n"
        f"  cd {folder}\n"
        "  keepwell import --suggest PATH -o mapping.yaml   how your files become facts\n"
        "  keepwell import PATH --map mapping.yaml"
    )
