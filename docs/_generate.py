"""Writes the pages that are made from the code and the catalogue into docs/reference/generated/.

Run by `make docs` before the site is built. Fails if a page and the navigation do not agree.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml
from _catalog import metrics_page, segments_page
from _code import command_line_page, python_api_page, tables_page
from _frameworks import framework_pages

DOCS = Path(__file__).resolve().parent
GENERATED = DOCS / "reference" / "generated"
NOTICE = "<!-- Made by docs/_generate.py; changes here are lost. -->\n\n"

PAGES: dict[str, Callable[[], str]] = {
    "command-line.md": command_line_page,
    "metrics.md": metrics_page,
    "python-api.md": python_api_page,
    "segments.md": segments_page,
    "tables.md": tables_page,
}


def pages() -> dict[str, str]:
    """Every generated page: its path below GENERATED and its Markdown."""
    made = {path: make() for path, make in PAGES.items()}
    return made | {f"frameworks/{name}": text for name, text in framework_pages().items()}


def write(folder: Path, made: dict[str, str]) -> None:
    """Writes the pages, touching only what changed, and removes those that are no longer made."""
    for name, text in made.items():
        path = folder / name
        whole = NOTICE + text.rstrip() + "\n"
        if not path.exists() or path.read_text("utf-8") != whole:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(whole, "utf-8")
    for path in folder.rglob("*.md"):
        if path.relative_to(folder).as_posix() not in made:
            path.unlink()


def navigation_problems() -> Iterator[str]:
    """A sentence for each page that the navigation names in vain or leaves out."""
    settings = yaml.safe_load((DOCS.parent / "mkdocs.yml").read_text("utf-8"))
    named = set(_leaves(settings["nav"]))
    there = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    for page in sorted(named - there):
        yield f"mkdocs.yml names docs/{page}, which does not exist"
    for page in sorted(there - named):
        yield f"docs/{page} is not in the navigation of mkdocs.yml"


def _leaves(nav: object) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        for value in nav.values():
            yield from _leaves(value)
    elif isinstance(nav, list):
        for entry in nav:
            yield from _leaves(entry)


def main() -> int:
    made = pages()
    write(GENERATED, made)
    problems = list(navigation_problems())
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(made)} pages generated")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
