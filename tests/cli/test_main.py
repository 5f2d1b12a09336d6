"""What the entry promises: quick help, exit codes, one clear message, never a stack trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import environment, keepwell

HEAVY = {"alembic", "deltalake", "duckdb", "ibis", "openpyxl", "pyarrow", "pydantic", "rich",
         "sqlalchemy", "sqlglot", "yaml"}  # fmt: skip
BROKEN = """
import sys
import click
from keepwell.cli import main

def boom():
    {fault}

main.cli.add_command(click.Command("boom", callback=boom))
sys.exit(main.run(["boom", *sys.argv[1:]]))
"""


def imported(stderr: str) -> set[str]:
    """The top-level packages in the report of -X importtime."""
    names = {line.rpartition("|")[2].strip() for line in stderr.splitlines() if "|" in line}
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("arguments", [["--help"], ["explain", "--help"], ["--version"]])
def test_help_imports_no_engine(arguments: list[str]) -> None:
    done = keepwell(*arguments, python=("-X", "importtime"))
    assert done.returncode == 0
    found = imported(done.stderr)
    assert "click" in found
    assert found & HEAVY == set()


def test_a_folder_without_a_project_is_named(tmp_path: Path) -> None:
    done = keepwell("accounts", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "there is no keepwell.yaml" in done.stderr
    assert "keepwell init DIR" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_command_gets_the_nearest_one() -> None:
    done = keepwell("acounts")
    assert done.returncode == 2
    assert "There is no command 'acounts'. Did you mean 'accounts'?" in done.stderr


def test_a_missing_argument_is_wrong_input() -> None:
    done = keepwell("explain")
    assert done.returncode == 2
    assert "ACCOUNT" in done.stderr


def broken(fault: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BROKEN.format(fault=fault), *arguments],
        env=environment(**more),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def test_a_users_mistake_is_one_message_with_code_2() -> None:
    fault = (
        "from keepwell.kit.errors import KeepwellError; "
        "raise KeepwellError('72', where='row 3', expected='a share', todo='write 72%')"
    )
    done = broken(fault)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "keepwell: row 3: 72",
        "  expected: a share",
        "  to do: write 72%",
    ]


def test_what_nobody_expected_is_one_sentence_and_a_file(tmp_path: Path) -> None:
    done = broken("raise RuntimeError('the tree is on fire')", TMPDIR=str(tmp_path))
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first == (
        "keepwell: something unexpected went wrong (RuntimeError: the tree is on fire)"
    )
    (log,) = tmp_path.glob("keepwell-*.log")
    assert str(log) in second
    assert "Traceback" in log.read_text("utf-8")


def test_debug_shows_the_trace() -> None:
    fault = "raise RuntimeError('the tree is on fire')"
    source = BROKEN.replace('click.Command("boom"', 'Command("boom"').replace(
        "import click", "import click\nfrom keepwell.cli.options import Command"
    )
    done = subprocess.run(
        [sys.executable, "-c", source.format(fault=fault), "--debug"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_an_error_without_words_is_told_too() -> None:
    done = broken("raise AssertionError")
    assert done.returncode == 1
    assert "something unexpected went wrong (AssertionError" in done.stderr.splitlines()[0]


def test_a_reader_that_leaves_early_is_no_error() -> None:
    fault = "[click.echo('x' * 1000) for _ in range(1000)]"
    process = subprocess.Popen(
        [sys.executable, "-c", BROKEN.format(fault=fault)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    complaint = process.stderr.read()
    process.wait()
    process.stderr.close()
    assert complaint == ""


@pytest.mark.skipif(os.name == "nt", reason="named pipes are of Unix")
def test_ctrl_c_stops_without_a_trace(tmp_path: Path) -> None:
    (tmp_path / "keepwell.yaml").write_text("name: x\nscorecards: [enterprise]\n", "utf-8")
    (tmp_path / "scorecards").mkdir()
    pipe = tmp_path / "scorecards" / "slow.yaml"
    os.mkfifo(pipe)
    # A shell that runs the tests in the background has them ignore it, and so would the command.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "keepwell", "check"],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    # Opening for writing waits until the command reads, so it is certainly at work then. A signal
    # that comes just before it waits for data is heeded when the file ends.
    with pipe.open("w"):
        process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped" in complaint
    assert "Traceback" not in complaint
