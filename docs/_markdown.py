"""The few pieces of Markdown that generated pages are put together from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def code(text: object) -> str:
    """Inline code, safe for a table cell; empty for an empty text."""
    shown = str(text).replace("|", "\\|").replace("\n", " ").strip()
    if not shown:
        return ""
    return f"`` {shown} ``" if "`" in shown else f"`{shown}`"


def cell(text: object) -> str:
    """A text on one line, in which nothing is taken for a column border or for HTML."""
    line = " ".join(str(text).split())
    return line.replace("|", "\\|").replace("<", "&lt;")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table without the columns that are empty throughout; the empty text if it has no rows."""
    body = list(rows)
    kept = [i for i in range(len(head)) if any(row[i] for row in body)]
    lines = ["| " + " | ".join(row[i] for i in kept) + " |" for row in (head, *body)]
    if not body:
        return ""
    return "\n".join([lines[0], "|" + " --- |" * len(kept), *lines[1:]])


def block(text: str, language: str = "") -> str:
    """A fenced block of code."""
    fence = "````" if "```" in text else "```"
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def page(*parts: str) -> str:
    """The parts that are not empty, with a blank line between them."""
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


def details(title: str, *parts: str) -> str:
    """A box that opens on a click."""
    inside = page(*parts).splitlines()
    return "\n".join([f'??? note "{title}"', "", *(f"    {line}".rstrip() for line in inside)])
