"""What Keepwell needs of a Delta table's log beyond what the library offers."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.transaction import CommitProperties, PostCommitHookProperties

if TYPE_CHECKING:
    from keepwell.kit.storage import Storage

CHECKPOINT_EVERY = 10
"""A table gets a checkpoint whenever its version passes a multiple of this."""

NO_HOOKS = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
"""For writes below a manifest: checkpoints are made only for versions that a manifest names."""


AT_ONCE = CommitProperties(max_commit_retries=0)
"""A commit on top of the version that was opened, or none: never on top of somebody else's."""


@dataclass(frozen=True)
class Changes:
    """What a range of commits did to the files of a table; paths are relative to the table.

    added: live afterwards. retired: live before, not any more. orphaned: came and went in between.
    """

    added: tuple[str, ...]
    retired: tuple[str, ...]
    orphaned: tuple[str, ...]


def commit_file(table: str, version: int) -> str:
    """The log file of that version of the table in that folder."""
    return f"{table}/_delta_log/{version:020}.json"


def is_ahead(storage: Storage, table: str, version: int) -> bool:
    """Whether a commit after `version` exists."""
    return storage.exists(commit_file(table, version + 1))


def latest_version(table: Path) -> int:
    """The newest committed version of the table, by the names of its log files."""
    with os.scandir(table / "_delta_log") as log:
        names = [e.name for e in log if e.name.endswith(".json")]
    return max(_version_of(n) for n in names if _is_versioned(n))


def live_paths(table: DeltaTable) -> list[str]:
    """The files of an opened table, relative to its folder.

    The library's own list of URIs is of no use here: it escapes the folder's name and not the
    rest, so that a folder with a blank in its name cannot be read.
    """
    return [unquote(path) for path in pa.table(table.get_add_actions())["path"].to_pylist()]


def changes(storage: Storage, table: str, after: int, upto: int) -> Changes:
    """What the commits after version `after` up to and including `upto` did to the files."""
    first: dict[str, str] = {}
    last: dict[str, str] = {}
    for version in range(after + 1, upto + 1):
        for line in storage.read(commit_file(table, version)).split("\n"):
            action = json.loads(line) if line else {}
            for kind in ("add", "remove"):
                if kind in action:
                    path = unquote(action[kind]["path"])
                    first.setdefault(path, kind)
                    last[path] = kind
    return Changes(
        added=tuple(p for p, kind in last.items() if kind == "add"),
        retired=tuple(p for p, kind in last.items() if kind == "remove" == first[p]),
        orphaned=tuple(p for p, kind in last.items() if kind == "remove" and first[p] == "add"),
    )


def make_durable(
    storage: Storage, table: str, after: int, upto: int, added: tuple[str, ...]
) -> None:
    """Force the new data files and commits to the disk, so that the manifest may name them."""
    commits = [commit_file(table, version) for version in range(after + 1, upto + 1)]
    storage.make_durable([*(f"{table}/{path}" for path in added), *commits])


def sync_file(path: Path) -> None:
    """Force a file's content to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(path: Path) -> None:
    """Force a folder's entries to the disk, where the system can (not on Windows)."""
    if os.name == "posix":
        sync_file(path)


def checkpoint(storage: Storage, table: str, version: int, needed_since: float) -> None:
    """Write a checkpoint of that version and delete the log that no reader can need any more.

    Needed are the newest checkpoint made before `needed_since` (seconds since 1970), and all after
    it: a reader that opened a manifest after that instant finds its version there.
    """
    storage.table(table, version).create_checkpoint()
    log = {f.name.rpartition("/")[2]: f for f in storage.files(f"{table}/_delta_log")}
    points = {n: f for n, f in log.items() if ".checkpoint" in n and n.endswith(".parquet")}
    old = [n for n, f in points.items() if _is_versioned(n) and f.modified <= needed_since]
    base = max(map(_version_of, old), default=0)
    storage.remove(
        file.name
        for name, file in log.items()
        if (name in points or name.endswith(".json"))
        and _is_versioned(name)
        and _version_of(name) < base
    )


def _is_versioned(name: str) -> bool:
    return name[:20].isdigit()


def _version_of(name: str) -> int:
    return int(name[:20])
