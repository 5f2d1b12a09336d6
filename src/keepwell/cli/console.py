"""Where text goes: stdout for answers, stderr for what happens meanwhile."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from rich.console import Console, RenderableType

PIPED_WIDTH = 160
"""Where nobody says how wide the reader is, a table may be so wide."""


def out(width: int | None = None) -> Console:
    """A console on stdout as it is now. Plain where it is no terminal; names are never markup."""
    return _console(sys.stdout.isatty(), stderr=False, width=width)


def err() -> Console:
    """A console on stderr as it is now."""
    return _console(sys.stderr.isatty(), stderr=True, width=None)


def _console(terminal: bool, stderr: bool, width: int | None) -> Console:
    if width is None and not terminal and "COLUMNS" not in os.environ:
        width = PIPED_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def show(renderable: RenderableType) -> None:
    """Print one thing to stdout."""
    out().print(renderable)


def say(text: str) -> None:
    """A line about what happens, on stderr."""
    err().print(text, style="dim", soft_wrap=True)


def watched() -> bool:
    """Whether a person sees stderr, so that a bar may move there."""
    return sys.stderr.isatty()


Say = Callable[[str], None]
