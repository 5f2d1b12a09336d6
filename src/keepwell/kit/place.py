"""Delta tables behind one pointer: many tables become visible at once or not at all."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from keepwell.kit import clock, deltalog
from keepwell.kit.errors import KeepwellError
from keepwell.kit.storage import MANIFEST, Folder, Storage

TABLES = "tables"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FULL_TEXTS = ("no space left on device", "disk quota exceeded", "file too large", "os error 28")


@dataclass(frozen=True)
class Manifest:
    """What readers see: the version of every table. `retired` are files that no version named
    here needs, kept a while for readers of an older manifest (path → seconds since 1970)."""

    schema_version: int
    generation: int
    written_at: datetime
    tables: Mapping[str, int] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    retired: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Delta tables in a folder or a bucket, seen through its manifest.

    `version` is the layout that this Keepwell writes; `upgrades[n]` brings layout n to n + 1: it
    writes new table versions and returns what `Writer.commit` takes, so that the old data stays
    readable until it has finished. Files that are no longer needed are kept for `retention`.
    """

    at: Path | Storage
    version: int = 1
    upgrades: Mapping[int, Upgrade] = field(default_factory=dict)
    retention: timedelta = timedelta(hours=1)
    storage: Storage = field(init=False)

    def __post_init__(self) -> None:
        at = self.at if isinstance(self.at, Storage) else Folder(self.at)
        object.__setattr__(self, "storage", at)

    @property
    def where(self) -> str:
        """How messages call it."""
        return self.storage.where

    @property
    def root(self) -> Path:
        """The folder. Raises ValueError for a place that is none of this machine's."""
        if not isinstance(self.storage, Folder):
            raise ValueError(f"{self.where} is not a folder")
        return self.storage.path

    def manifest(self) -> Manifest:
        """What is visible now; an empty manifest where nothing was written yet.

        An older layout is upgraded first. Raises KeepwellError for a damaged manifest and for one
        of a newer Keepwell.
        """
        found = self.visible()
        if found.schema_version < self.version:
            with self.lock("upgrade"):
                found = self.visible()
        return found

    @contextmanager
    def lock(
        self,
        purpose: str,
        timeout: float | None = None,
        on_wait: Callable[[str], None] | None = None,
    ) -> Iterator[Writer]:
        """Hold the place for writing; first mends what a killed writer left behind.

        Raises KeepwellError when the lock is not free within `timeout` seconds, and, instead of
        the system's own error, when the disk is full or the folder may not be written.
        """
        with (
            understandable(self.where),
            self.storage.explained(),
            self.storage.exclusive(purpose, timeout, on_wait) as previous_died,
        ):
            writer = Writer(self, self._begin())
            writer.repair(thorough=previous_died)
            writer.upgrade()
            try:
                yield writer
            except BaseException:
                # Gives the room on a full disk back. What fails here the next writer mends.
                with suppress(Exception):
                    writer.repair(thorough=True)
                raise

    def table_path(self, table: str) -> Path:
        """The folder of a table, where this place is a folder; see `table_name`."""
        return self.root / self.table_name(table)

    def table_name(self, table: str) -> str:
        """A table's folder below the root. Raises ValueError for a name that is not a plain file
        name."""
        if not _NAME.fullmatch(table):
            raise ValueError(f"'{table}' cannot name a table")
        return f"{TABLES}/{table}"

    def _begin(self) -> Manifest:
        found = self.visible()
        if self.storage.manifest() is None:
            # Before any table: tables without a manifest are a damage, never a beginning.
            write_manifest(self.storage, found)
        return found

    def _empty(self) -> Manifest:
        if self.storage.folders(TABLES):
            raise KeepwellError(
                f"{MANIFEST} is missing, but there are tables",
                where=self.where,
                todo=f"restore {MANIFEST} from a backup, or move the folder away to begin anew",
            )
        return Manifest(self.version, 0, clock.now())

    def visible(self) -> Manifest:
        """What is visible now, also where its layout is older than the present one."""
        stored = self.storage.manifest()
        if stored is None:
            return self._empty()
        path = f"{self.where}/{MANIFEST}"
        try:
            raw = json.loads(stored)
            layout = int(raw["schema_version"])
            if layout > self.version:
                raise KeepwellError(
                    f"written by a newer Keepwell (layout {layout})",
                    where=path,
                    expected=f"layout {self.version} or older",
                    todo="upgrade Keepwell on this machine",
                )
            return Manifest(
                schema_version=layout,
                generation=int(raw["generation"]),
                written_at=datetime.fromisoformat(raw["written_at"]),
                tables={str(k): int(v) for k, v in raw["tables"].items()},
                extra=dict(raw["extra"]),
                retired={str(k): float(v) for k, v in raw["retired"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise KeepwellError(
                f"the manifest cannot be read ({error})",
                where=path,
                todo="restore the file from a backup; the tables beside it are untouched",
            ) from error


class Writer:
    """What the holder of a place's lock may do."""

    def __init__(self, place: Place, manifest: Manifest) -> None:
        self.place = place
        self.manifest = manifest

    @property
    def storage(self) -> Storage:
        """Where the tables are."""
        return self.place.storage

    def table_path(self, table: str) -> Path:
        """The folder where the Delta table is or shall be, where this place is a folder."""
        path = self.place.table_path(table)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def version(self, table: str) -> int | None:
        """The visible version of a table, None where it does not exist."""
        return self.manifest.tables.get(table)

    def commit(
        self,
        tables: Mapping[str, int],
        extra: Mapping[str, Any] | None = None,
    ) -> Manifest:
        """Make these table versions visible, all at once, and return the new manifest.

        Tables not named keep their version; `extra` is merged over what was there. May be called
        several times under one lock.
        """
        self._commit(tables, extra or {}, self.manifest.schema_version)
        return self.manifest

    def repair(self, *, thorough: bool) -> None:
        """Bring every table back to its visible version and remove traces of a killed writer."""
        present = self.storage.folders(TABLES)
        unknown = [t for t in present if t not in self.manifest.tables]
        listed = present if thorough else unknown
        files = {t: [f.name for f in self.storage.files(f"{TABLES}/{t}")] for t in listed}
        self.storage.assert_held()
        self.manifest = self.place.visible()
        for table, names in files.items():
            if table in self.manifest.tables:
                self._sweep(table, names)
            else:
                self.storage.remove(names, folder=f"{TABLES}/{table}")
        restored: dict[str, int] = {}
        for table, version in self.manifest.tables.items():
            name = self.place.table_name(table)
            if deltalog.is_ahead(self.storage, name, version):
                opened = self.storage.table(name)
                opened.restore(version, commit_properties=deltalog.AT_ONCE,
                               post_commithook_properties=deltalog.NO_HOOKS)  # fmt: skip
                restored[table] = opened.version()
        if restored:
            self._commit(restored, {}, self.manifest.schema_version)

    def upgrade(self) -> None:
        """Run the upgrades that lead from the manifest's layout to the present one."""
        while (layout := self.manifest.schema_version) < self.place.version:
            step = self.place.upgrades.get(layout)
            if step is None:
                raise KeepwellError(
                    f"layout {layout} is too old for this Keepwell",
                    where=self.place.where,
                    todo="open it once with an older release, which upgrades it",
                )
            done = step(self)
            self._commit(done.tables, done.extra, layout + 1)

    def _commit(
        self,
        tables: Mapping[str, int],
        extra: Mapping[str, Any],
        schema_version: int,
    ) -> None:
        before = self.manifest
        now = self.storage.now()
        needed_since = now - self.place.retention.total_seconds()
        retired = self._without_expired(before.retired, needed_since, now)
        for table, version in tables.items():
            name = self.place.table_name(table)
            old = before.tables.get(table, -1)
            changes = deltalog.changes(self.storage, name, old, version)
            deltalog.make_durable(self.storage, name, old, version, changes.added)
            self.storage.remove(f"{name}/{gone}" for gone in changes.orphaned)
            retired.update({f"{table}/{p}": now for p in changes.retired})
            for p in changes.added:
                retired.pop(f"{table}/{p}", None)
        after = replace(
            before,
            schema_version=schema_version,
            generation=before.generation + 1,
            # Never before what is visible already, even if somebody set the clock back.
            written_at=max(before.written_at, clock.now()),
            tables={**before.tables, **tables},
            extra={**before.extra, **extra},
            retired=retired,
        )
        write_manifest(self.storage, after)
        self.manifest = after
        self._checkpoint(before, tables, needed_since)

    def _without_expired(
        self, retired: Mapping[str, float], needed_since: float, now: float
    ) -> dict[str, float]:
        kept = {p: min(at, now) for p, at in retired.items() if at > needed_since}
        self.storage.remove(f"{TABLES}/{path}" for path in retired.keys() - kept.keys())
        return kept

    def _checkpoint(self, before: Manifest, tables: Mapping[str, int], needed_since: float) -> None:
        every = deltalog.CHECKPOINT_EVERY
        for table, version in tables.items():
            if version // every > before.tables.get(table, 0) // every:
                # The commit is done and visible; a missing checkpoint only makes opening slower.
                with suppress(OSError, DeltaError):
                    name = self.place.table_name(table)
                    deltalog.checkpoint(self.storage, name, version, needed_since)

    def _sweep(self, table: str, files: Sequence[str]) -> None:
        """Remove those of a table's files that neither it nor a reader of an older one needs."""
        name = self.place.table_name(table)
        opened = self.storage.table(name, self.manifest.tables[table])
        known = {f"{name}/{path}" for path in deltalog.live_paths(opened)}
        known |= {f"{TABLES}/{path}" for path in self.manifest.retired}
        log = f"{name}/_delta_log/"
        self.storage.remove(
            f for f in files if (".tmp" in f if f.startswith(log) else f not in known)
        )


@dataclass(frozen=True)
class Upgraded:
    """What an upgrade step wrote; the arguments of `Writer.commit`."""

    tables: Mapping[str, int] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


Upgrade = Callable[[Writer], Upgraded]


def write_manifest(storage: Storage, manifest: Manifest) -> None:
    """Replace the manifest atomically and durably."""
    text = json.dumps(
        {
            "schema_version": manifest.schema_version,
            "generation": manifest.generation,
            "written_at": manifest.written_at.isoformat(),
            "tables": dict(sorted(manifest.tables.items())),
            "extra": dict(manifest.extra),
            "retired": dict(manifest.retired),
        },
        indent=1,
    )
    storage.replace_manifest(text)


def live_files(place: Place, manifest: Manifest, table: str) -> list[str]:
    """Absolute paths of the table's Parquet files at the manifest's version; none where the table
    does not exist. Partition columns are not in the files but in their paths (`month=2026-03`)."""
    version = manifest.tables.get(table)
    if version is None:
        return []
    path = place.table_path(table)
    return [str(path / f) for f in deltalog.live_paths(DeltaTable(path, version=version))]


@contextmanager
def understandable(where: str | Path) -> Iterator[None]:
    """Turn a full disk, missing permissions, and a table that somebody else has written to
    meanwhile into a KeepwellError that says what to do."""
    try:
        yield
    except KeepwellError:
        raise
    except TableNotFoundError as error:
        raise KeepwellError(
            f"a table that the manifest names is missing ({error})",
            where=str(where),
            todo="restore the folder from a backup",
        ) from error
    except CommitFailedError as error:
        raise KeepwellError(
            "another process has written at the same time; nothing was changed",
            where=str(where),
            todo="run the same command again",
        ) from error
    except Exception as error:
        if _is_full(error):
            raise KeepwellError(
                "the disk is full, or a limit of file sizes is reached; nothing was changed",
                where=str(where),
                todo="make room and run the same command again",
            ) from error
        if isinstance(error, PermissionError) or getattr(error, "errno", None) == errno.EROFS:
            raise KeepwellError(
                f"the folder may not be written ({error})",
                where=str(where),
                todo="give this user the right to write there",
            ) from error
        raise


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    text = str(error).lower()
    return any(t in text for t in _FULL_TEXTS)
