"""keepwell check"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from keepwell.cli.options import Command, data_options, open_project, project_option


@click.command(cls=Command)
@project_option
@data_options
def check(project: Path | None, fmt: str | None, output: Path | None) -> int:
    """Check all definitions and say every problem at once.

    One line per problem: file:line:column: field: what is wrong; what was expected; the nearest
    known name. The exit code is 0 where there is none, else 2.

    Example:

    \b
      keepwell check --project acme
    """
    from keepwell.cli.output import deliver
    from keepwell.kit.errors import DefinitionErrors, Problem

    problems: tuple[Problem, ...] = ()
    told = ""
    try:
        count = open_project(project).check()
        told = f"{count:,} definitions are in order."
    except DefinitionErrors as error:
        problems = error.problems
    if fmt in (None, "table") and output is None:
        for problem in problems:
            click.echo(problem.text())
        if problems:
            told = f"{len(problems):,} problem{'s' if len(problems) != 1 else ''}."
        click.echo(told, err=bool(problems))
    else:
        deliver(
            fmt,
            output,
            table=lambda _: "\n".join(p.text() for p in problems) or told,
            rows=lambda: [asdict(p) for p in problems],
        )
    return 2 if problems else 0
