"""What a definition file says beside its values: its comments, and the lines of one definition."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from keepwell.definitions.yaml import Document, FieldPath

TRAILING = re.compile(r"\s#\s+([^'\"]*)$")


@dataclass(frozen=True)
class Comment:
    """A comment, with the field that it stands before or beside; no field: the file's head."""

    path: FieldPath
    text: str


def comments(text: str, document: Document) -> list[Comment]:
    """Every comment of a file in its order. Lines that follow each other are one comment."""
    at_line: dict[int, FieldPath] = {}
    for path, position in document.positions.items():
        if path and len(path) <= len(at_line.get(position.line, path)):
            at_line[position.line] = path
    found: list[Comment] = []
    waiting: list[str] = []
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        stripped = line.strip()
        if stripped.startswith("#"):
            waiting.append(stripped.removeprefix("#").removeprefix(" "))
            continue
        path = at_line.get(number, ())
        if waiting:
            found.append(
                Comment(() if not found and number <= _first(lines) else path, "\n".join(waiting))
            )
            waiting = []
        trailing = TRAILING.search(line)
        if trailing and path:
            found.append(Comment(path, trailing[1].strip()))
    return found


def _first(lines: list[str]) -> int:
    """The number of the first line that is neither empty nor a comment."""
    return next(
        (n for n, line in enumerate(lines, start=1) if line.strip() and not line.startswith("#")), 0
    )


def as_markdown(text: str) -> str:
    """A comment as Markdown: a list that follows a sentence gets the empty line that it needs."""
    out: list[str] = []
    for line in text.splitlines():
        if line.startswith("- ") and out and not out[-1].startswith(("- ", "  ")):
            out.append("")
        out.append(line)
    return "\n".join(out)


def own_lines(text: str, line: int) -> str:
    """The definition whose key stands on that line, without indentation, comments inside kept."""
    lines = text.splitlines()[line - 1 :]
    indent = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(part[indent:] for part in _until_next(lines, indent)).rstrip()


def _until_next(lines: list[str], indent: int) -> Iterator[str]:
    pending: list[str] = []
    for number, line in enumerate(lines):
        depth = len(line) - len(line.lstrip())
        if number and line.strip() and depth <= indent:
            # What stands before the next definition at this depth is a remark on that one.
            return
        if not line.strip():
            pending.append(line)
            continue
        yield from pending
        pending = []
        yield line
