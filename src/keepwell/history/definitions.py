"""The definitions that made the scores, kept for ever under their hash."""

from __future__ import annotations

import re
from pathlib import Path

from keepwell.kit.errors import KeepwellError
from keepwell.kit.place import replace_file, understandable

_HASH = re.compile(r"[A-Za-z0-9_-]{6,128}")


def keep(root: Path, key: str, text: str) -> None:
    """Store a definition's text under its hash; what is there already stays as it is.

    Raises ValueError for a hash that cannot be a file name.
    """
    path = _path(root, key)
    if not path.exists():
        with understandable(root):
            replace_file(path, text)


def load(root: Path, key: str) -> str:
    """The text that was kept under that hash. Raises KeepwellError where there is none."""
    path = _path(root, key)
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KeepwellError(
            f"the definition {key} was not kept",
            where=str(path.parent),
            todo="restore the folder from a backup; scores made with it stay readable",
        ) from None


def _path(root: Path, key: str) -> Path:
    if not _HASH.fullmatch(key):
        raise ValueError(f"'{key}' is not the hash of a definition")
    return root / "definitions" / f"{key}.json"
