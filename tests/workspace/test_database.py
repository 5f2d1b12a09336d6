"""Creating, upgrading and refusing the workspace's file."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from keepwell.kit.errors import KeepwellError
from keepwell.workspace import Workspace, database
from keepwell.workspace.models import Base

MIGRATIONS = Path(database.__file__).parent / "migrations"


def sql(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(statement).fetchall()
        connection.commit()
    return found


def test_the_migrations_make_the_tables_of_the_models(tmp_path: Path) -> None:
    engine = database.open_engine(tmp_path / "workspace.db")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []
        assert context.get_current_revision() == database.NEWEST
    engine.dispose()


def test_the_newest_migration_is_the_one_that_is_looked_for() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [database.NEWEST]
    numbers = [s.revision for s in scripts.walk_revisions()]
    assert numbers == sorted(numbers, reverse=True)


def test_what_was_recorded_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "workspace.db"
    with Workspace(path) as workspace:
        first = workspace.record_override(
            account_id="acme",
            scorecard="enterprise",
            kind="value",
            points=40,
            reason="why",
            author="ada",
            expires_on=date(2999, 1, 1),
        )
    with Workspace(path) as workspace:
        assert [o.id for o in workspace.overrides()] == [first]
    assert sql(path, "PRAGMA journal_mode") == [("wal",)]


def test_an_interrupted_creation_is_done_again(tmp_path: Path) -> None:
    path = tmp_path / "workspace.db"
    path.touch()
    with Workspace(path) as workspace:
        assert workspace.overrides() == []
    empty = tmp_path / "wal.db"
    sql(empty, "PRAGMA journal_mode = WAL")
    with Workspace(empty) as workspace:
        assert workspace.overrides() == []


def test_opening_an_existing_file_does_not_load_alembic(tmp_path: Path) -> None:
    path = tmp_path / "workspace.db"
    Workspace(path).close()
    code = (
        "import sys; from pathlib import Path; from keepwell.workspace import Workspace;"
        f"Workspace(Path({str(path)!r})).overrides(); sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=MIGRATIONS.parents[2])


def test_a_file_of_a_newer_keepwell_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "workspace.db"
    Workspace(path).close()
    sql(path, "UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(KeepwellError) as error:
        Workspace(path)
    assert "newer Keepwell (version 0999" in error.value.what
    assert error.value.where == str(path)


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but long enough to be looked at " * 40, encoding="utf-8")
    foreign = tmp_path / "foreign.db"
    sql(foreign, "CREATE TABLE customers (id)")
    for path in (text, foreign):
        before = path.read_bytes()
        with pytest.raises(KeepwellError) as error:
            Workspace(path)
        assert error.value.what == "this is not a workspace"
        assert path.read_bytes() == before


def test_a_writer_that_does_not_end_is_waited_for_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    path = tmp_path / "workspace.db"
    with Workspace(path) as workspace, closing(sqlite3.connect(path)) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(KeepwellError) as error:
            workspace.record_assessment(
                account_id="acme", question_key="q", author="ada", answer_code="x"
            )
        assert "another process has been writing" in error.value.what
        assert workspace.assessments() == []
        other.execute("ROLLBACK")
        workspace.record_assessment(
            account_id="acme", question_key="q", author="ada", answer_code="x"
        )
        assert len(workspace.assessments()) == 1
