"""What the commands have in common: their options, and how they find the project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from keepwell.app.project import Project

_F = TypeVar("_F", bound=Callable[..., Any])

MARKER = "keepwell.yaml"
FORMATS = ("table", "json", "csv", "parquet")
A_DAY = "A date such as 2026-03-01, or today, yesterday, last."


class Command(click.Command):
    """A command that also takes --debug; the entry point looks at it when something breaks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(
            click.Option(
                ["--debug"],
                is_flag=True,
                expose_value=False,
                help="Show the trace of an unexpected error.",
            )
        )


def pairs_option(name: str, to: str, metavar: str, example: str, text: str) -> Callable[[_F], _F]:
    """An option NAME=VALUE that may be given several times, given as a dictionary `to`."""

    def parsed(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
        found = {}
        for pair in given:
            key, sign, value = (part.strip() for part in pair.partition("="))
            if not (key and sign and value):
                raise click.BadParameter(f"'{pair}' is not {metavar}; for example {example}")
            found[key] = value
        return found

    return click.option(
        name,
        to,
        multiple=True,
        metavar=metavar,
        callback=parsed,
        help=f"{text} May be given several times.",
    )


def project_option(command: _F) -> _F:
    """-C/--project: the folder of the project, given as `project` (None: look for it)."""
    return click.option(
        "-C",
        "--project",
        metavar="DIR",
        envvar="KEEPWELL_PROJECT",
        type=click.Path(path_type=Path),
        callback=_from_group,
        help="The project's folder. Default: this folder or the nearest one above it that has"
        " keepwell.yaml.",
    )(command)


def _from_group(context: click.Context, _: click.Parameter, value: Path | None) -> Path | None:
    given: Path | None = context.find_root().params.get("project")
    from_line = context.get_parameter_source("project") == click.core.ParameterSource.COMMANDLINE
    return value if from_line or given is None else given


def data_options(command: _F) -> _F:
    """--format and --output, given as `fmt` and `output`."""
    command = click.option(
        "-o",
        "--output",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write to this file. Its ending (.json, .csv, .parquet) tells the format.",
    )(command)
    return click.option(
        "--format",
        "fmt",
        type=click.Choice(FORMATS),
        help="How to write the data. Default: table. Parquet needs a file or a pipe.",
    )(command)


def as_of_option(text: str) -> Callable[[_F], _F]:
    """--as-of, given as `as_of`."""
    return click.option("--as-of", metavar="DAY", help=f"{text} {A_DAY}")


def scorecard_option(command: _F) -> _F:
    """--scorecard, given as `scorecard`."""
    return click.option(
        "--scorecard",
        metavar="KEY",
        help="One of the project's scorecards. Default: its first one.",
    )(command)


def author_option(text: str) -> Callable[[_F], _F]:
    """--author, given as `author`."""
    return click.option(
        "--author", envvar="KEEPWELL_AUTHOR", show_envvar=True, required=True, help=text
    )


def find_project(given: Path | None) -> Path:
    """The folder that was given, or the nearest one at or above the current folder that is a
    project; the current folder where there is none, so that opening it says what is missing."""
    if given is not None:
        return given
    here = Path.cwd()
    return next((f for f in (here, *here.parents) if (f / MARKER).is_file()), here)


def has_project(given: Path | None) -> bool:
    """Whether one is named, or there is one at or above the current folder."""
    return given is not None or (find_project(None) / MARKER).is_file()


def open_project(given: Path | None) -> Project:
    """The project to work on. Raises KeepwellError where there is none or it cannot be used. Of an
    engine that no test has run, this is said."""
    from keepwell.app import project
    from keepwell.cli.console import say

    opened = project.open(find_project(given))
    if opened.caution:
        say(opened.caution)
    return opened
