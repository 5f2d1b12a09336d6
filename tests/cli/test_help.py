"""Every command explains itself, and every example in a help text is one that parses."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from keepwell.cli.main import cli

COMMANDS = ["init", "demo", "sheet", "import", "status", "check", "schema", "facts", "score",
            "accounts", "explain", "simulate", "assess", "override", "export"]  # fmt: skip
DATA = ["sheet", "import", "status", "check", "accounts", "explain", "simulate", "assess list",
        "override list", "export"]  # fmt: skip
WITHOUT_PROJECT = {"init", "demo", "sheet", "schema", "facts ddl"}


def walked(
    group: click.Group, above: click.Context, name: str = ""
) -> Iterator[tuple[str, click.Command]]:
    for key in group.list_commands(above):
        command = group.get_command(above, key)
        assert command is not None
        full = f"{name} {key}".strip()
        yield full, command
        if isinstance(command, click.Group):
            yield from walked(command, click.Context(command, info_name=key, parent=above), full)


ALL = dict(walked(cli, click.Context(cli, info_name="keepwell")))
LEAVES = {name: c for name, c in ALL.items() if not isinstance(c, click.Group)}


def examples(command: click.Command) -> list[str]:
    text = (command.help or "").replace("\\\n", " ")
    return [x.strip() for x in text.splitlines() if x.strip().startswith("keepwell ")]


def parse(line: str) -> None:
    """Parse a command line as far as click does before it calls the command."""
    words = shlex.split(re.sub(r" > \S+\.\w+$", "", line))
    above, group = click.Context(cli, info_name="keepwell"), cli
    arguments = words[1:]
    command: click.Command = group
    while isinstance(command, click.Group):
        context = command.make_context(command.name, list(arguments), parent=above)
        _, found, arguments = command.resolve_command(
            context, [*context._protected_args, *context.args]
        )
        assert found is not None
        above, command = context, found
    command.make_context(command.name, list(arguments), parent=above)


def test_the_commands_are_those_of_the_table() -> None:
    assert cli.list_commands(click.Context(cli)) == COMMANDS


@pytest.mark.parametrize("name", ALL)
def test_a_command_has_a_short_help_and_examples_that_parse(name: str) -> None:
    command = ALL[name]
    assert "..." not in command.get_short_help_str(limit=64)
    lines = examples(command)
    assert lines
    for line in lines:
        parse(line)


def test_the_examples_at_the_top_parse() -> None:
    for line in examples(cli):
        parse(line)


@pytest.mark.parametrize("name", LEAVES)
def test_every_option_says_what_it_means(name: str) -> None:
    options = [p for p in LEAVES[name].params if isinstance(p, click.Option)]
    assert [o.name for o in options if not o.help] == []
    assert "--debug" in {text for o in options for text in o.opts}


@pytest.mark.parametrize("name", DATA)
def test_a_command_that_prints_data_has_every_format(name: str) -> None:
    options = {text: p for p in LEAVES[name].params for text in p.opts}
    choice = options["--format"].type
    assert isinstance(choice, click.Choice)
    assert list(choice.choices) == ["table", "json", "csv", "parquet"]
    assert "--output" in options


@pytest.mark.parametrize(
    "name", sorted(set(LEAVES) - {"init", "demo", "sheet", "schema", "facts ddl"})
)
def test_a_command_that_needs_a_project_can_be_told_which(name: str) -> None:
    options = {text: p for p in LEAVES[name].params for text in p.opts}
    assert {"-C", "--project"} <= set(options)
    assert options["--project"].envvar == "KEEPWELL_PROJECT"
