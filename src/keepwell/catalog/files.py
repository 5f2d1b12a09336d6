"""Finding the built-in definition files."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable


def definitions() -> Iterator[tuple[str, str]]:
    """Every built-in definition file as (name, text), in a fixed order."""
    root = files("keepwell.catalog")
    for folder in ("metrics", "scorecards", "segments"):
        for file in sorted(_yaml(root / folder), key=lambda f: f.name):
            yield f"catalog/{folder}/{file.name}", file.read_text(encoding="utf-8")


def _yaml(folder: Traversable) -> Iterator[Traversable]:
    if folder.is_dir():
        yield from (f for f in folder.iterdir() if f.name.endswith(".yaml"))
