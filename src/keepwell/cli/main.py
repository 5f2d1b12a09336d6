"""The entry: what to do is in the commands, what happens when it goes wrong is here."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from keepwell import __version__
from keepwell.cli.lazy import LazyGroup
from keepwell.cli.options import project_option
from keepwell.kit.errors import KeepwellError

WRONG_INPUT = 2
UNEXPECTED = 1
STOPPED = 130

_COMMANDS = {
    "init": "init:init",
    "demo": "demo:demo",
    "sheet": "sheet:sheet",
    "import": "imports:import_",
    "status": "status:status",
    "check": "check:check",
    "schema": "schema:schema",
    "facts": "facts:facts",
    "score": "score:score",
    "accounts": "accounts:accounts",
    "explain": "explain:explain",
    "simulate": "simulate:simulate",
    "assess": "assess:assess",
    "override": "override:override",
    "export": "export:export",
}


@click.group(
    cls=LazyGroup,
    lazy={name: f"keepwell.cli.commands.{place}" for name, place in _COMMANDS.items()},
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="keepwell")
@project_option
@click.option(
    "--debug", is_flag=True, expose_value=False, help="Show the trace of an unexpected error."
)
def cli(project: Path | None) -> None:
    """Customer health scores that explain themselves.

    A company's data goes in, every account gets a score for every day, and each score says why.

    Begin with an example company:

    \b
      keepwell demo company
      cd company
      keepwell accounts
      keepwell explain ACCOUNT

    Or with one spreadsheet and nothing else:

    \b
      keepwell sheet --template enterprise scores.xlsx
      keepwell sheet scores.xlsx --scorecard enterprise
    """


def main() -> None:
    """Run the command line and leave with its exit code: 0 done, 1 something unexpected, 2 wrong
    input or definitions, 130 stopped by Ctrl-C."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code. Messages go to stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a sign shows a question mark instead of failing.
            stream.reconfigure(errors="replace")
    try:
        code = cli.main(list(arguments), prog_name="keepwell", standalone_mode=False)
        sys.stdout.flush()
    except click.UsageError as error:
        error.show()
        return WRONG_INPUT
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except KeepwellError as error:
        click.echo(f"keepwell: {error.text()}", err=True)
        return WRONG_INPUT
    except (click.Abort, KeyboardInterrupt):
        click.echo("keepwell: stopped; nothing is half done, run it again to go on", err=True)
        return STOPPED
    except BrokenPipeError:
        _let_go_of_stdout()
        return UNEXPECTED
    except Exception as error:
        return _unexpected(error, "--debug" in arguments)
    return code if isinstance(code, int) else 0


def _let_go_of_stdout() -> None:
    """The reader has gone (`| head`): what is still buffered has nowhere to go, quietly."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


def _unexpected(error: Exception, with_trace: bool) -> int:
    """One sentence, and the details where a bug report can find them."""
    import tempfile
    import traceback

    trace = "".join(traceback.format_exception(error))
    told = f"{type(error).__name__}: {error}".splitlines()[0]
    click.echo(f"keepwell: something unexpected went wrong ({told})", err=True)
    if with_trace:
        click.echo(trace, err=True)
        return UNEXPECTED
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="keepwell-", suffix=".log", delete=False, encoding="utf-8"
        ) as file:
            file.write(trace)
        click.echo(f"  details: {file.name}; --debug shows them here", err=True)
    except OSError:
        click.echo("  --debug shows the details", err=True)
    return UNEXPECTED
