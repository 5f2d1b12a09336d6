"""A bucket of an object store, through the store that comes with `deltalake`."""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from keepwell.kit import deltalog
from keepwell.kit.errors import KeepwellError
from keepwell.kit.journal import LEASE, Journal, Numbered
from keepwell.kit.place import understandable
from keepwell.kit.storage import OnWait, Storage, StoredFile

if TYPE_CHECKING:
    import pyarrow.dataset as ds
    from pyarrow.fs import PyFileSystem

_OPTIONS = {"max_retries": "4", "retry_timeout": "30s", "connect_timeout": "5s"}
_CHUNK = 1 << 20
_MOST_FOOTERS = 2_000
_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_METADATA_ENDPOINT",
    "AWS_SKIP_SIGNATURE",
)
_FIRST_COMMIT = "_delta_log/00000000000000000000.json"


class Bucket(Storage):
    """A place such as `s3://bucket/prefix`. Credentials are those of the environment."""

    def __init__(self, address: str, lease: timedelta = LEASE) -> None:
        self.where = address.rstrip("/")
        self._journal = Journal(_Entries(self), lease)
        self._fragments: dict[str, ds.ParquetFileFragment] = {}

    def manifest(self) -> str | None:
        with self.explained():
            return self._journal.text()

    def replace_manifest(self, text: str) -> None:
        with self.explained():
            self._journal.replace(text)

    @contextmanager
    def exclusive(
        self, purpose: str, timeout: float | None, on_wait: OnWait | None
    ) -> Iterator[bool]:
        with self.explained(), self._journal.held(purpose, timeout, on_wait) as died:
            yield died

    def assert_held(self) -> None:
        self._journal.assert_held()

    def folders(self, below: str) -> list[str]:
        return [found.base_name for found in self._listed(below) if not found.is_file]

    def files(self, below: str) -> list[StoredFile]:
        return [
            StoredFile(found.path, found.mtime.timestamp())
            for found in self._listed(below, recursive=True)
            if found.is_file
        ]

    def read(self, name: str) -> str:
        with self._files.open_input_file(name) as file:
            return bytes(file.read()).decode("utf-8")

    def write(self, name: str, text: str) -> None:
        self._upload(name, io.BytesIO(text.encode("utf-8")))

    def exists(self, name: str) -> bool:
        return bool(self._files.get_file_info(name).is_file)

    def remove(self, names: Iterable[str], folder: str | None = None) -> None:
        for name in names:
            self._files.delete_file(name)

    def now(self) -> float:
        self.write("clock", "touched")
        return float(self._files.get_file_info("clock").mtime.timestamp())

    def make_durable(self, names: Iterable[str]) -> None:
        """What the store has accepted is durable."""

    @contextmanager
    def incoming(self, folder: str) -> Iterator[Path]:
        with (
            understandable(tempfile.gettempdir()),
            tempfile.TemporaryDirectory(prefix="keepwell-") as temporary,
        ):
            yield Path(temporary, "rows.parquet")

    def adopt(self, path: Path, name: str) -> None:
        with path.open("rb") as file:
            self._upload(name, file)

    def parquet(self, name: str, size: int) -> Any:
        return self._files.open_input_file(name)

    def fragment(self, name: str, size: int) -> ds.ParquetFileFragment:
        """A Parquet file of so many bytes as a part of a data set; its footer is read once."""
        import pyarrow.dataset as ds

        if len(self._fragments) > _MOST_FOOTERS:
            self._fragments.clear()
        if name not in self._fragments:
            form = ds.ParquetFileFormat(
                default_fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=True)
            )
            self._fragments[name] = form.make_fragment(name, self._files, file_size=size)
        return self._fragments[name]

    def table(self, name: str, version: int | None = None) -> DeltaTable:
        return DeltaTable(f"{self.where}/{name}", version=version, storage_options=_OPTIONS)

    def create_table(
        self,
        name: str,
        schema: pa.Schema,
        partition_by: list[str] | None = None,
        configuration: Mapping[str, str | None] | None = None,
    ) -> DeltaTable:
        return DeltaTable.create(
            f"{self.where}/{name}",
            schema,
            partition_by=partition_by,
            configuration=configuration,
            storage_options=_OPTIONS,
            post_commithook_properties=deltalog.NO_HOOKS,
        )

    @contextmanager
    def explained(self) -> Iterator[None]:
        _assert_credentials(self.where)
        try:
            yield
        except (KeepwellError, FileNotFoundError):
            raise
        except Exception as error:
            found = _refusal(str(error))
            if found is None:
                raise
            what, todo = found
            raise KeepwellError(what, where=self.where, todo=todo) from error

    @cached_property
    def _files(self) -> PyFileSystem:
        from deltalake.fs import DeltaStorageHandler
        from pyarrow.fs import PyFileSystem

        return PyFileSystem(DeltaStorageHandler(self.where, dict(_OPTIONS)))

    def _listed(self, below: str, *, recursive: bool = False) -> list[Any]:
        from pyarrow.fs import FileSelector

        selector = FileSelector(below, allow_not_found=True, recursive=recursive)
        return list(self._files.get_file_info(selector))

    def _upload(self, name: str, content: BinaryIO) -> None:
        # The library's stream takes bytes alone, and is given them only by a buffer that is larger
        # than what is written at once.
        with self._files.open_output_stream(name, buffer_size=2 * _CHUNK) as stream:
            while part := content.read(_CHUNK):
                stream.write(part)


class _Entries(Numbered):
    """Entries of a journal as objects of a bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self.where = bucket.where

    def numbers(self) -> Sequence[int]:
        return [int(name) for name in self._bucket.folders("journal") if name.isdigit()]

    def create(self, number: int, text: str) -> bool:
        # The one thing of the library that is put only where nothing is: the first commit of a
        # table. So each entry is a table without rows, and its description is the text.
        try:
            DeltaTable.create(
                f"{self._bucket.where}/{_folder(number)}",
                pa.schema([("entry", pa.string())]),
                description=text,
                storage_options=_OPTIONS,
                commit_properties=deltalog.AT_ONCE,
                post_commithook_properties=deltalog.NO_HOOKS,
            )
        except DeltaError:
            if number not in self.numbers():
                # It is not there: something else has failed.
                raise
            return False
        return True

    def get(self, number: int) -> str:
        lines = self._bucket.read(f"{_folder(number)}/{_FIRST_COMMIT}").split("\n")
        actions = [json.loads(line) for line in lines if line]
        [text] = [a["metaData"]["description"] for a in actions if "metaData" in a]
        return str(text)

    def forget(self, numbers: Sequence[int]) -> None:
        self._bucket.remove(f"{_folder(number)}/{_FIRST_COMMIT}" for number in numbers)


def _folder(number: int) -> str:
    return f"journal/{number:012}"


def _assert_credentials(where: str) -> None:
    # Without any the library would look for a cloud's own machine around it, and wait for it.
    if where.startswith("s3:") and not any(map(os.environ.get, _CREDENTIALS)):
        raise KeepwellError(
            "there are no credentials for the bucket in the environment",
            where=where,
            expected="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            todo="set them, and AWS_REGION; on a machine of the cloud with a role of its own set"
            " AWS_METADATA_ENDPOINT",
        )


_REFUSALS = (
    ("NoSuchBucket", "there is no such bucket", "make the bucket, or mend its name"),
    (
        "403 Forbidden",
        "the object store does not let one in",
        "see that AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN are right",
    ),
    (
        "401 Unauthorized",
        "the object store does not let one in",
        "see that the credentials in the environment are right",
    ),
    (
        "error sending request",
        "the object store cannot be reached",
        "see that it runs and that AWS_ENDPOINT_URL and AWS_REGION are right; then run it again",
    ),
    (
        "Server returned non-2xx status code",
        "the object store could not answer",
        "see what it says, then run it again: nothing is half done",
    ),
)
"""By what the library says: what happened, and what to do."""


def _refusal(said: str) -> tuple[str, str] | None:
    return next(((what, todo) for sign, what, todo in _REFUSALS if sign in said), None)
