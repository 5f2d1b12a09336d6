"""Many Delta tables behind one pointer: all at once or not at all, and mended after a fault."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from keepwell.kit import deltalog
from keepwell.kit.errors import KeepwellError
from keepwell.kit.place import Place, Upgraded, Writer, live_files


def append(writer: Writer, table: str, *values: int, **more: int) -> int:
    """A commit to the Delta table that is not visible yet; the new version."""
    path = writer.table_path(table)
    columns = {"value": list(values), **{k: [v] * len(values) for k, v in more.items()}}
    write_deltalake(
        path,
        pa.table(columns),
        mode="append",
        schema_mode="merge",
        post_commithook_properties=deltalog.NO_HOOKS,
    )
    return deltalog.latest_version(path)


def values(place: Place, table: str) -> list[int]:
    found: list[int] = []
    for file in live_files(place, place.manifest(), table):
        found += pq.read_table(file)["value"].to_pylist()
    return sorted(found)


def test_nothing_is_visible_before_the_commit(tmp_path: Path) -> None:
    place = Place(tmp_path / "facts")
    assert place.manifest().tables == {}
    with place.lock("import") as writer:
        versions = {t: append(writer, t, 1, 2) for t in ("accounts", "tickets")}
        assert place.manifest().tables == {}
        assert values(place, "accounts") == []
        writer.commit(versions, {"imported": ["a.csv"]})
        assert values(place, "accounts") == values(place, "tickets") == [1, 2]
    with place.lock("import") as writer:
        assert writer.version("accounts") == 0
        assert writer.version("other") is None
        writer.commit({"tickets": append(writer, "tickets", 3)}, {"rows": 3})
    manifest = place.manifest()
    assert manifest.tables == {"accounts": 0, "tickets": 1}
    assert manifest.extra == {"imported": ["a.csv"], "rows": 3}
    assert manifest.generation == 2
    assert values(place, "tickets") == [1, 2, 3]


@pytest.mark.parametrize("died", [False, True], ids=["raised", "killed"])
def test_what_was_not_committed_is_undone(tmp_path: Path, died: bool) -> None:
    place = Place(tmp_path / "facts")
    with place.lock("import") as writer:
        writer.commit({"accounts": append(writer, "accounts", 1)})
    if died:
        # What a killed process leaves: commits, files in no log, and the note of the lock.
        writer = Writer(place, place.manifest())
        fill(writer)
        (place.root / ".lock.json").write_text("{}", encoding="utf-8")
    else:
        with pytest.raises(ZeroDivisionError), place.lock("import") as writer:
            fill_and_fail(writer)
    assert values(place, "accounts") == [1]
    with place.lock("import") as writer:
        assert not writer.table_path("tickets").exists()
        path = writer.table_path("accounts")
        assert {f.name for f in DeltaTable(path).schema().fields} == {"value"}
        on_disk = {str(p) for p in path.rglob("*.parquet")}
        assert on_disk == set(live_files(place, writer.manifest, "accounts"))
        assert not list(place.root.rglob("*.tmp"))
        version = append(writer, "accounts", 4)
        assert version == writer.manifest.tables["accounts"] + 1
        writer.commit({"accounts": version})
    assert values(place, "accounts") == [1, 4]


def fill(writer: Writer) -> None:
    """Commits and files that no manifest will name."""
    append(writer, "accounts", 2, extra=5)
    append(writer, "accounts", 3)
    append(writer, "tickets", 1)
    path = writer.table_path("accounts")
    pq.write_table(pa.table({"value": [9]}), path / "orphan.parquet")
    (path / "_delta_log" / "_commit_1234.json.tmp").write_text("{", encoding="utf-8")
    (writer.place.root / "MANIFEST.json.1-2.tmp").write_text("{", encoding="utf-8")


def fill_and_fail(writer: Writer) -> None:
    fill(writer)
    raise ZeroDivisionError


def test_a_relative_folder_is_the_same_wherever_the_process_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = Place(Path("facts"))
    with place.lock("import") as writer:
        writer.commit({"accounts": append(writer, "accounts", 1)})
    with pytest.raises(ZeroDivisionError), place.lock("import") as writer:
        fill_and_fail(writer)
    assert values(place, "accounts") == [1]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert values(place, "accounts") == [1]
    with place.lock("import"):
        pass
    assert values(place, "accounts") == [1]


def test_a_checkpoint_ahead_of_the_manifest_does_no_harm(tmp_path: Path) -> None:
    place = Place(tmp_path / "facts")
    with place.lock("import") as writer:
        writer.commit({"accounts": append(writer, "accounts", 1)})
        append(writer, "accounts", 2)
        DeltaTable(writer.table_path("accounts")).create_checkpoint()
    assert values(place, "accounts") == [1]
    with place.lock("import"):
        pass
    assert values(place, "accounts") == [1]


def test_files_stay_for_readers_of_an_older_manifest(tmp_path: Path) -> None:
    patient = Place(tmp_path / "facts")
    with patient.lock("import") as writer:
        writer.commit({"accounts": append(writer, "accounts", 1)})
    older = patient.manifest()
    with patient.lock("import") as writer:
        path = writer.table_path("accounts")
        write_deltalake(path, pa.table({"value": [2]}), mode="overwrite")
        writer.commit({"accounts": deltalog.latest_version(path)})
    [old] = live_files(patient, older, "accounts")
    assert pq.read_table(old)["value"].to_pylist() == [1]
    with patient.lock("import") as writer:
        writer.commit({"accounts": append(writer, "accounts", 3)})
    assert Path(old).exists()
    hasty = Place(tmp_path / "facts", retention=timedelta(0))
    with hasty.lock("import") as writer:
        writer.commit({"accounts": append(writer, "accounts", 4)})
    assert not Path(old).exists()
    assert values(hasty, "accounts") == [2, 3, 4]
    assert hasty.manifest().retired == {}


def test_the_log_stays_short(tmp_path: Path) -> None:
    place = Place(tmp_path / "facts", retention=timedelta(0))
    for value in range(4 * deltalog.CHECKPOINT_EVERY):
        with place.lock("import") as writer:
            writer.commit({"accounts": append(writer, "accounts", value)})
    log = list((tmp_path / "facts/tables/accounts/_delta_log").iterdir())
    assert len(log) <= 2 * deltalog.CHECKPOINT_EVERY + 4
    assert values(place, "accounts") == list(range(4 * deltalog.CHECKPOINT_EVERY))


def test_an_older_manifest_finds_its_log_within_the_retention(tmp_path: Path) -> None:
    place = Place(tmp_path / "facts")
    with place.lock("import") as writer:
        writer.commit({"accounts": append(writer, "accounts", 0)})
    older = place.manifest()
    for value in range(1, 2 * deltalog.CHECKPOINT_EVERY + 2):
        with place.lock("import") as writer:
            writer.commit({"accounts": append(writer, "accounts", value)})
    assert len(live_files(place, older, "accounts")) == 1
    assert len(list((tmp_path / "facts").rglob("*.checkpoint.parquet"))) == 2


def doubled(writer: Writer) -> Upgraded:
    """A made-up step from layout 1 to 2: every value is doubled."""
    path = writer.table_path("accounts")
    old = [v for f in live_files(writer.place, writer.manifest, "accounts") for v in read(f)]
    write_deltalake(path, pa.table({"value": [2 * v for v in old]}), mode="overwrite")
    return Upgraded({"accounts": deltalog.latest_version(path)}, {"doubled": True})


def read(file: str) -> list[int]:
    found: list[int] = pq.read_table(file)["value"].to_pylist()
    return found


def renamed(writer: Writer) -> Upgraded:
    """A made-up step from layout 2 to 3, which changes no table."""
    return Upgraded({}, {"steps": [*writer.manifest.extra.get("steps", []), "renamed"]})


def test_an_older_layout_is_upgraded_step_by_step(tmp_path: Path) -> None:
    root = tmp_path / "facts"
    with Place(root).lock("import") as writer:
        writer.commit({"accounts": append(writer, "accounts", 1, 2)})
    place = Place(root, version=3, upgrades={1: doubled, 2: renamed})
    manifest = place.manifest()
    assert manifest.schema_version == 3
    assert manifest.extra == {"doubled": True, "steps": ["renamed"]}
    assert values(place, "accounts") == [2, 4]
    with place.lock("import") as writer:
        writer.commit({"accounts": append(writer, "accounts", 5)})
    assert values(place, "accounts") == [2, 4, 5]
    with pytest.raises(KeepwellError) as newer:
        Place(root).manifest()
    assert "newer Keepwell" in newer.value.what
    with pytest.raises(KeepwellError), Place(root).lock("import"):
        pytest.fail("an older Keepwell writes to a newer layout")


def test_a_failed_upgrade_leaves_the_old_data(tmp_path: Path) -> None:
    root = tmp_path / "facts"
    with Place(root).lock("import") as writer:
        writer.commit({"accounts": append(writer, "accounts", 1)})

    def broken(writer: Writer) -> Upgraded:
        doubled(writer)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Place(root, version=2, upgrades={1: broken}).manifest()
    assert values(Place(root), "accounts") == [1]
    upgraded = Place(root, version=2, upgrades={1: doubled})
    upgraded.manifest()
    assert values(upgraded, "accounts") == [2]
    with pytest.raises(KeepwellError) as too_old:
        Place(root, version=9, upgrades={}).manifest()
    assert "too old" in too_old.value.what


@pytest.mark.parametrize("damaged", ["", "{", "[]", "{}", json.dumps({"schema_version": 1})])
def test_a_damaged_manifest_is_said_to_be_so(tmp_path: Path, damaged: str) -> None:
    place = Place(tmp_path / "facts")
    with place.lock("import") as writer:
        writer.commit({"accounts": append(writer, "accounts", 1)})
    manifest = tmp_path / "facts" / "MANIFEST.json"
    manifest.write_text(damaged, encoding="utf-8")
    with pytest.raises(KeepwellError) as error:
        place.manifest()
    assert error.value.where == str(manifest)


def test_a_lost_manifest_does_not_lose_the_tables(tmp_path: Path) -> None:
    place = Place(tmp_path / "facts")
    with place.lock("import") as writer:
        writer.commit({"accounts": append(writer, "accounts", 1)})
    kept = (place.root / "MANIFEST.json").read_bytes()
    (place.root / "MANIFEST.json").unlink()
    with pytest.raises(KeepwellError):
        place.manifest()
    with pytest.raises(KeepwellError), place.lock("import"):
        pytest.fail("tables without a manifest look like a new place")
    (place.root / "MANIFEST.json").write_bytes(kept)
    assert values(place, "accounts") == [1]


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "a b"])
def test_a_table_is_named_like_a_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a table"):
        Place(tmp_path).table_path(name)
