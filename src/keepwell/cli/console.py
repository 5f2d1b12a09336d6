"""Where text goes: stdout for answers, stderr for what happens meanwhile."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from rich.console import Console, RenderableType

_MOVING: ContextVar[Console | None] = ContextVar("moving", default=None)
PIPED_WIDTH = 160
"""Where nobody says how wide the reader is, a table may be so wide."""


def out() -> Console:
    """A console on stdout as it is now. Plain where it is no terminal; names are never markup."""
    return _console(sys.stdout.isatty(), stderr=False)


def err() -> Console:
    """A console on stderr as it is now."""
    return _console(sys.stderr.isatty(), stderr=True)


def _console(terminal: bool, stderr: bool) -> Console:
    width = PIPED_WIDTH if not terminal and "COLUMNS" not in os.environ else None
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def to_file() -> Console:
    """A console whose text is for a file."""
    nowhere = io.StringIO()
    return Console(file=nowhere, width=PIPED_WIDTH, highlight=False, markup=False, emoji=False)


def show(renderable: RenderableType) -> None:
    """Print one thing to stdout."""
    console = out()
    sys.stdout.write(text_of(renderable, console))


def text_of(renderable: RenderableType, console: Console) -> str:
    """What that console would print, without blanks at the ends of lines."""
    with console.capture() as captured:
        console.print(renderable)
    return "".join(line.rstrip() + "\n" for line in captured.get().splitlines())


def say(text: str) -> None:
    """A line about what happens, on stderr."""
    (_MOVING.get() or err()).print(text, style="dim", soft_wrap=True)


@contextmanager
def moving(console: Console) -> Iterator[None]:
    """While a bar moves on that console, lines go above it."""
    before = _MOVING.set(console)
    try:
        yield
    finally:
        _MOVING.reset(before)


def watched() -> bool:
    """Whether a person sees stderr, so that a bar may move there."""
    return sys.stderr.isatty()
