"""The command line as users run it: a process of its own, or in this one where that is enough."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from keepwell.cli.main import run

SOURCES = Path(__file__).resolve().parents[2] / "src"


def environment(**more: str) -> dict[str, str]:
    """The environment of a keepwell process: the sources that are tested, and a width."""
    own = {k: v for k, v in os.environ.items() if not k.startswith("KEEPWELL_")}
    return {**own, "PYTHONPATH": str(SOURCES), "COLUMNS": "100", **more}


def keepwell(
    *arguments: str | Path,
    cwd: Path | None = None,
    python: tuple[str, ...] = (),
    more: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run keepwell to its end."""
    return subprocess.run(
        [sys.executable, *python, "-m", "keepwell", *map(str, arguments)],
        cwd=cwd,
        env=environment(**(more or {})),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


class Here:
    """keepwell in this process: exit code and what it wrote."""

    def __init__(self, captured: pytest.CaptureFixture[str]) -> None:
        self.captured = captured

    def __call__(self, *arguments: str | Path) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of a command."""
        self.captured.readouterr()
        try:
            code = run([str(a) for a in arguments])
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        out, err = self.captured.readouterr()
        return code, out, err

    def good(self, *arguments: str | Path) -> str:
        """stdout of a command that ends well."""
        code, out, err = self(*arguments)
        assert code == 0, err
        return out
