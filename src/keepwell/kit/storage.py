"""Where files are kept: a folder of this machine, or a bucket of an object store."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from keepwell.kit import deltalog
from keepwell.kit.locks import exclusive, file_system_time

MANIFEST = "MANIFEST.json"
LOCK = ".lock"

OnWait = Callable[[str], None]


@dataclass(frozen=True)
class StoredFile:
    """A file: its name below the storage's root, and when it was written, in seconds since 1970
    by the clock of the storage."""

    name: str
    modified: float


class Storage(ABC):
    """A tree of files by names such as `tables/portfolio/month=2026-03/x.parquet`, with one text
    that is replaced as a whole, the manifest, and one writer at a time.

    Data files never change once they are written. `where` is how messages call it.
    """

    where: str

    @abstractmethod
    def manifest(self) -> str | None:
        """The manifest's text; None where there is none yet."""

    def explained(self) -> AbstractContextManager[None]:
        """Turns what the storage refuses into KeepwellErrors that say what to do."""
        return nullcontext()

    @abstractmethod
    def replace_manifest(self, text: str) -> None:
        """Put the manifest in the place of the earlier one: readers see the one or the other.

        Only for the holder of the lock. Raises KeepwellError where somebody else holds it now.
        """

    @abstractmethod
    def exclusive(
        self, purpose: str, timeout: float | None, on_wait: OnWait | None
    ) -> AbstractContextManager[bool]:
        """Be the only writer while the body runs; True where the one before died in the middle.

        Raises KeepwellError when that is not possible within `timeout` seconds.
        """

    @abstractmethod
    def assert_held(self) -> None:
        """Raises KeepwellError where somebody else has become the writer meanwhile.

        What was listed before this call was written by this writer or an earlier one, so that it
        may be removed; what is listed later may be somebody's who is at work.
        """

    @abstractmethod
    def folders(self, below: str) -> list[str]:
        """The names of the folders in that folder; none where there is no such folder."""

    @abstractmethod
    def files(self, below: str) -> list[StoredFile]:
        """All files below that folder, at any depth; none where there is no such folder."""

    @abstractmethod
    def read(self, name: str) -> str:
        """A file's text. Raises FileNotFoundError."""

    @abstractmethod
    def write(self, name: str, text: str) -> None:
        """Write a text file, which is there as a whole or not at all."""

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Whether there is a file of that name."""

    @abstractmethod
    def remove(self, names: Iterable[str], folder: str | None = None) -> None:
        """Remove files; those that are not there are no matter. With `folder` they are all that
        is in it, and it goes too."""

    @abstractmethod
    def now(self) -> float:
        """Seconds since 1970 by the clock that stamps the files."""

    @abstractmethod
    def make_durable(self, names: Iterable[str]) -> None:
        """See that these files outlast a power failure."""

    @abstractmethod
    def incoming(self, folder: str) -> AbstractContextManager[Path]:
        """A path of this machine at which a file for that folder can be written."""

    @abstractmethod
    def adopt(self, path: Path, name: str) -> None:
        """Take the file that was written at a path of `incoming`, under that name."""

    @abstractmethod
    def parquet(self, name: str, size: int) -> Any:
        """A Parquet file of so many bytes, as pyarrow.parquet.read_table takes it."""

    @abstractmethod
    def fragment(self, name: str, size: int) -> Any:
        """A Parquet file of so many bytes as a part of an Arrow data set (ParquetFileFragment)."""

    @abstractmethod
    def table(self, name: str, version: int | None = None) -> DeltaTable:
        """The Delta table in that folder, at that version or the newest."""

    @abstractmethod
    def create_table(
        self,
        name: str,
        schema: pa.Schema,
        partition_by: list[str] | None = None,
        configuration: Mapping[str, str | None] | None = None,
    ) -> DeltaTable:
        """A new Delta table without rows in that folder."""


class Folder(Storage):
    """A folder of this machine. The operating system frees its lock when a process dies."""

    def __init__(self, path: Path) -> None:
        # A process that changes its working directory still means the same folder.
        self.path = path.absolute()
        self.where = str(self.path)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Folder) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)

    def manifest(self) -> str | None:
        try:
            return (self.path / MANIFEST).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def replace_manifest(self, text: str) -> None:
        replace_file(self.path / MANIFEST, text)

    @contextmanager
    def exclusive(
        self, purpose: str, timeout: float | None, on_wait: OnWait | None
    ) -> Iterator[bool]:
        held = exclusive(self.path / LOCK, purpose, timeout=timeout, on_wait=on_wait)
        with held as previous_died:
            for leftover in self.path.glob(f"{MANIFEST}.*.tmp"):
                leftover.unlink(missing_ok=True)
            yield previous_died

    def assert_held(self) -> None:
        """Nobody can take the lock while its holder lives."""

    def folders(self, below: str) -> list[str]:
        folder = self.path / below
        return [p.name for p in folder.iterdir() if p.is_dir()] if folder.is_dir() else []

    def files(self, below: str) -> list[StoredFile]:
        return [
            StoredFile(found.relative_to(self.path).as_posix(), found.stat().st_mtime)
            for folder, _, names in os.walk(self.path / below)
            for found in (Path(folder, name) for name in names)
        ]

    def read(self, name: str) -> str:
        return (self.path / name).read_text(encoding="utf-8")

    def write(self, name: str, text: str) -> None:
        replace_file(self.path / name, text)

    def exists(self, name: str) -> bool:
        return (self.path / name).exists()

    def remove(self, names: Iterable[str], folder: str | None = None) -> None:
        if folder is not None:
            shutil.rmtree(self.path / folder)
            return
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    def now(self) -> float:
        return file_system_time(self.path / LOCK)

    def make_durable(self, names: Iterable[str]) -> None:
        paths = [self.path / name for name in names]
        for path in paths:
            deltalog.sync_file(path)
        for folder in {path.parent for path in paths}:
            deltalog.sync_folder(folder)

    @contextmanager
    def incoming(self, folder: str) -> Iterator[Path]:
        target = self.path / folder
        target.mkdir(parents=True, exist_ok=True)
        # What is left of it after a fault is swept away like any file that no table names.
        yield target / f"{secrets.token_hex(8)}.tmp.parquet"

    def adopt(self, path: Path, name: str) -> None:
        path.rename(self.path / name)

    def parquet(self, name: str, size: int) -> Path:
        return self.path / name

    def fragment(self, name: str, size: int) -> Any:
        import pyarrow.dataset as ds
        from pyarrow.fs import LocalFileSystem

        return ds.ParquetFileFormat().make_fragment(str(self.path / name), LocalFileSystem())

    def table(self, name: str, version: int | None = None) -> DeltaTable:
        return DeltaTable(self.path / name, version=version)

    def create_table(
        self,
        name: str,
        schema: pa.Schema,
        partition_by: list[str] | None = None,
        configuration: Mapping[str, str | None] | None = None,
    ) -> DeltaTable:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return DeltaTable.create(
            path,
            schema,
            partition_by=partition_by,
            configuration=configuration,
            post_commithook_properties=deltalog.NO_HOOKS,
        )


def replace_file(path: Path, text: str) -> None:
    """Write a text file so that readers see the old or the new content, also after power loss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{time.monotonic_ns()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    deltalog.sync_folder(path.parent)
