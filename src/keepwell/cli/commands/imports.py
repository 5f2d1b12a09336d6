"""keepwell import"""

from __future__ import annotations

from pathlib import Path

import click

from keepwell.cli.options import Command, data_options, has_project, open_project, project_option


@click.command("import", cls=Command)
@click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@project_option
@click.option(
    "--map",
    "mapping",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The mapping of the files' columns. Not needed where names are canonical.",
)
@click.option("--source", metavar="NAME", help="The source's name, where no mapping says it.")
@click.option("--dry-run", is_flag=True, help="Do everything on a copy and store nothing.")
@click.option(
    "--suggest",
    is_flag=True,
    help="Import nothing; propose a mapping for these files as YAML. Needs no project.",
)
@data_options
def import_(
    paths: tuple[Path, ...],
    project: Path | None,
    mapping: Path | None,
    source: str | None,
    dry_run: bool,
    suggest: bool,
    fmt: str | None,
    output: Path | None,
) -> None:
    """Bring files into the canonical tables.

    Their columns may have any names: a mapping says what they mean, and --suggest proposes one.
    PATH is a file (CSV, XLSX, Parquet) or a folder of them. Rows that cannot be taken
    are set aside with file, row number and reason, and counted; all others are stored at once. The
    same file again changes nothing; a corrected row becomes a new version.

    Examples:

    \b
      keepwell import --suggest exports/ -o mapping.yaml
      keepwell import exports/ --map mapping.yaml --dry-run
      keepwell import exports/ --map mapping.yaml
    """
    from keepwell.app.project import suggest as suggest_without
    from keepwell.cli.console import say
    from keepwell.cli.output import deliver, write_text
    from keepwell.cli.render import imports as render

    if suggest:
        propose = open_project(project).suggest if has_project(project) else suggest_without
        write_text(propose(paths), output)
        return
    opened = open_project(project)
    report = opened.import_files(
        paths, mapping=mapping, dry_run=dry_run, source=source, say=say, on_wait=say
    )
    deliver(
        fmt,
        output,
        table=lambda width: render.report(report, width),
        rows=lambda: render.rows(report),
        document=lambda: render.document(report),
    )
