"""A bucket as a place of tables, and what is said where it is not there or not open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, Field
from deltalake.schema import PrimitiveType

from keepwell.kit import deltalog
from keepwell.kit.bucket import Bucket
from keepwell.kit.errors import KeepwellError
from keepwell.kit.place import Place, Writer
from keepwell.kit.storage import Folder, Storage
from tests import conftest

_numbers: Iterator[int] = count()
SCHEMA = pa.schema([("value", pa.int64())])


@pytest.fixture
def address(bucket: conftest.Bucket) -> str:
    return f"{bucket.address}/bucket-{next(_numbers)}"


@pytest.fixture(params=["folder", "bucket"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Both kinds of storage: what holds of one holds of the other."""
    if request.param == "folder":
        return Folder(tmp_path / "place")
    return Bucket(request.getfixturevalue("address"))


def test_files_of_a_storage(storage: Storage, tmp_path: Path) -> None:
    assert storage.files("tables") == []
    assert storage.folders("tables") == []
    assert not storage.exists("a/b.txt")
    with pytest.raises(FileNotFoundError):
        storage.read("a/b.txt")
    storage.write("a/b.txt", "Grüße")
    storage.write("a/c/d e%20.txt", "x" * 3_000_000)
    assert storage.read("a/b.txt") == "Grüße"
    assert len(storage.read("a/c/d e%20.txt")) == 3_000_000
    assert storage.exists("a/b.txt")
    assert storage.folders("a") == ["c"]
    assert sorted(f.name for f in storage.files("a")) == ["a/b.txt", "a/c/d e%20.txt"]
    with storage.exclusive("test", None, None):
        now = storage.now()
        assert all(abs(f.modified - now) < 600 for f in storage.files("a"))
    with storage.incoming("rows") as path:
        pq.write_table(pa.table({"value": [1, 2]}), path)
        size = path.stat().st_size
        storage.adopt(path, "rows/x.parquet")
    assert pq.read_table(storage.parquet("rows/x.parquet", size))["value"].to_pylist() == [1, 2]
    fragment = storage.fragment("rows/x.parquet", size)
    assert fragment.to_table()["value"].to_pylist() == [1, 2]
    storage.remove(["a/b.txt", "a/never.txt"])
    assert not storage.exists("a/b.txt")
    storage.remove(["a/c/d e%20.txt"], folder="a/c")
    assert storage.folders("a") == []


def test_what_a_writer_left_behind_is_swept(address: str) -> None:
    place = Place(Bucket(address), retention=timedelta(0))
    name = place.table_name("accounts")
    with place.lock("import") as writer:
        writer.storage.create_table(name, SCHEMA)
        writer.commit({"accounts": 0})
    with pytest.raises(ZeroDivisionError), place.lock("import") as writer:
        half_way(writer)
    assert place.storage.folders("tables") == ["accounts"]
    assert not place.storage.exists(f"{name}/orphan.parquet")
    manifest = place.manifest()
    assert manifest.tables == {"accounts": 2}
    assert not deltalog.is_ahead(place.storage, name, 2)
    assert [f.name for f in place.storage.table(name, 2).schema().fields] == ["value"]


def half_way(writer: Writer) -> None:
    """A table more, a file more and a commit more, and then no further."""
    name = writer.place.table_name("accounts")
    writer.storage.create_table(writer.place.table_name("never"), SCHEMA)
    writer.storage.write(f"{name}/orphan.parquet", "x")
    widen(writer.storage.table(name), "half")
    raise ZeroDivisionError


def widen(opened: DeltaTable, column: str) -> None:
    """A commit on top of the version that was opened."""
    opened.alter.add_columns(
        [Field(column, PrimitiveType("string"))],
        commit_properties=deltalog.AT_ONCE,
        post_commithook_properties=deltalog.NO_HOOKS,
    )


def test_a_table_that_somebody_else_has_written_to_is_not_written_over(address: str) -> None:
    place = Place(Bucket(address))
    name = place.table_name("accounts")
    with place.lock("import") as writer:
        mine = writer.storage.create_table(name, SCHEMA)
        writer.commit({"accounts": 0})
    with place.lock("import"):
        widen(place.storage.table(name), "theirs")
    with pytest.raises(KeepwellError, match="has written at the same time"), place.lock("import"):
        widen(mine, "mine")
    visible = place.storage.table(name, place.manifest().tables["accounts"])
    assert [f.name for f in visible.schema().fields] == ["value"]


def test_a_bucket_that_is_not_there(bucket: conftest.Bucket) -> None:
    place = Place(Bucket("s3://keepwell-nowhere/history"))
    with pytest.raises(KeepwellError, match="there is no such bucket") as error:
        place.manifest()
    assert error.value.where == "s3://keepwell-nowhere/history"
    with pytest.raises(KeepwellError, match="there is no such bucket"), place.lock("score"):
        pytest.fail("a bucket that is not there")


def test_a_store_that_is_away(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(KeepwellError, match="cannot be reached") as error:
        Place(Bucket(address)).manifest()
    assert "AWS_ENDPOINT_URL" in (error.value.todo or "")


def test_without_credentials_nobody_is_asked(
    bucket: conftest.Bucket, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = bucket.log.read_text("utf-8")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(KeepwellError, match="no credentials") as error:
        Place(Bucket(address)).manifest()
    assert "AWS_SECRET_ACCESS_KEY" in (error.value.expected or "")
    assert bucket.log.read_text("utf-8") == before


def test_wrong_credentials(tmp_path: Path) -> None:
    # From its second request on the server asks who it is.
    with conftest.bucket_server(tmp_path, INITIAL_NO_AUTH_ACTION_COUNT="1") as strict:
        place = Place(Bucket(f"{strict.address}/history"))
        with pytest.raises(KeepwellError, match="does not let one in") as error:
            place.manifest()
        assert "AWS_SECRET_ACCESS_KEY" in (error.value.todo or "")
        assert "something" not in error.value.text()
        with pytest.raises(KeepwellError, match="does not let one in"), place.lock("score"):
            pytest.fail("nobody may write there")
