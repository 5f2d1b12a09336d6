"""What takes longer to work out than to read: kept between processes in the user's cache folder.

It follows from its key and from Keepwell's code alone, so that it may be thrown away at any time,
and nothing fails where it cannot be kept.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

FOLDER_VARIABLE = "KEEPWELL_CACHE"
"""The environment variable that names another folder; empty: nothing is kept."""

MOST_FILES = 4096
MOST_CODES = 3
_WRITTEN_BY = ("ibis-framework", "sqlglot", "duckdb")
_HOME_OF_CACHES = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def kept(
    key: Sequence[object],
    make: Callable[[], T],
    pack: Callable[[T], str],
    unpack: Callable[[str], T],
) -> T:
    """What `make` gives, from the shelf if an earlier process has put it there.

    key: values whose repr() says all that it depends on. unpack: from the text that `pack` gives;
    ValueError, TypeError or KeyError say that the text is not one.
    """
    folder = _folder()
    if folder is None:
        return make()
    name = hashlib.blake2b(repr(tuple(key)).encode(), digest_size=24).hexdigest()
    with suppress(OSError, ValueError, TypeError, KeyError):
        return unpack((folder / name).read_text("utf-8"))
    made = make()
    with suppress(OSError):
        _write(folder, name, pack(made))
    return made


def _write(folder: Path, name: str, text: str) -> None:
    handle, written = tempfile.mkstemp(dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(written).replace(folder / name)
    except BaseException:
        Path(written).unlink(missing_ok=True)
        raise


@cache
def _folder() -> Path | None:
    """Where this version of the code keeps things; None where nothing can be kept."""
    place = _place()
    if place is None:
        return None
    folder = place / _code()
    try:
        if not folder.is_dir():
            place.parent.mkdir(parents=True, exist_ok=True)
            for made in (place, folder):
                # Whatever the umask says: see _is_ours.
                made.mkdir(mode=0o700, exist_ok=True)
            _make_room(place, MOST_CODES)
        if not all(map(_is_ours, (place, folder))):
            return None
        _make_room(folder, MOST_FILES)
    except OSError:
        return None
    return folder


def _place() -> Path | None:
    named = os.environ.get(FOLDER_VARIABLE)
    if named is not None:
        return Path(named) if named else None
    folder = Path(os.environ.get(_HOME_OF_CACHES, "") or "~/.cache").expanduser()
    return folder / "keepwell" if folder.is_absolute() else None


def _is_ours(folder: Path) -> bool:
    """Whether nobody else can put a text there, for it will be run as SQL."""
    if sys.platform == "win32":
        return True
    found = folder.stat()
    return found.st_uid == os.geteuid() and not found.st_mode & _OTHERS_MAY_WRITE


def _make_room(folder: Path, most: int) -> None:
    """Leave the newest things; half of them, so that this is not done every time."""
    there = list(os.scandir(folder))
    if len(there) <= most:
        return
    there.sort(key=lambda entry: entry.stat().st_mtime)
    for entry in there[: -max(most // 2, 1)]:
        if entry.is_dir():
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            Path(entry.path).unlink(missing_ok=True)


@cache
def _code() -> str:
    """A name that changes with all that writes what is kept."""
    code = hashlib.blake2b(digest_size=12)
    for package in _WRITTEN_BY:
        code.update(f"{package} {version(package)}\n".encode())
    root = Path(__file__).parents[1]
    for path in sorted(root.rglob("*.py")):
        code.update(path.read_bytes())
    return code.hexdigest()
