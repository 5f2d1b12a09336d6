"""How a project is found, and options that are more than text."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from keepwell.cli.lazy import DefaultGroup
from keepwell.cli.main import cli
from keepwell.cli.options import find_project, pairs_option, project_option


def test_the_nearest_project_above_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "acme" / "scorecards" / "old"
    inside.mkdir(parents=True)
    (tmp_path / "keepwell.yaml").touch()
    (tmp_path / "acme" / "keepwell.yaml").touch()
    monkeypatch.chdir(inside)
    assert find_project(None) == tmp_path / "acme"
    assert find_project(tmp_path) == tmp_path


def test_without_any_project_it_is_this_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_project(None) == tmp_path


@pytest.mark.parametrize(
    ("arguments", "variable", "expected"),
    [
        (["look", "-C", "own"], None, "own"),
        (["look", "--project", "own"], "var", "own"),
        (["-C", "group", "look"], None, "group"),
        (["-C", "group", "look", "-C", "own"], None, "own"),
        (["look"], "var", "var"),
        (["look"], None, "None"),
    ],
)
def test_the_nearest_saying_of_the_project_wins(
    arguments: list[str], variable: str | None, expected: str
) -> None:
    @click.command()
    @project_option
    def look(project: Path | None) -> None:
        click.echo(str(project))

    group = click.Group("keepwell", params=cli.params, commands={"look": look})
    group.callback = lambda project: None
    done = CliRunner().invoke(group, arguments, env={"KEEPWELL_PROJECT": variable})
    assert done.output.strip() == expected


@click.command()
@pairs_option("--set", "sets", "PATH=VALUE", "usage.weight=40", "Change a field.")
def change(sets: dict[str, str]) -> None:
    click.echo(sorted(sets.items()))


def test_pairs_are_read_up_to_the_first_equals_sign() -> None:
    done = CliRunner().invoke(change, ["--set", "a.when=b = 2", "--set", " c = 3 "])
    assert done.output.strip() == "[('a.when', 'b = 2'), ('c', '3')]"


@pytest.mark.parametrize("pair", ["usage.weight", "=40", "usage.weight="])
def test_half_a_pair_is_refused_with_an_example(pair: str) -> None:
    done = CliRunner().invoke(change, ["--set", pair])
    assert done.exit_code == 2
    assert "for example usage.weight=40" in done.output


@click.group(cls=DefaultGroup)
def say() -> None:
    """Say something."""


@say.command()
@click.argument("words", nargs=-1)
@click.option("--loud", is_flag=True)
def add(words: tuple[str, ...], loud: bool) -> None:
    click.echo(f"add {' '.join(words)}{'!' if loud else ''}")


@say.command("list")
def list_() -> None:
    click.echo("list")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["acme", "--loud"], "add acme!"),
        (["--loud", "acme"], "add acme!"),
        (["add", "list"], "add list"),
        (["list"], "list"),
    ],
)
def test_add_is_meant_where_no_command_is_named(arguments: list[str], expected: str) -> None:
    assert CliRunner().invoke(say, arguments).output.strip() == expected


def test_the_groups_own_help_is_not_taken_for_an_account() -> None:
    assert "Say something." in CliRunner().invoke(say, ["--help"]).output
