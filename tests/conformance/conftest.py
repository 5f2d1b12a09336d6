"""The same rows in DuckDB and in the engine of a module, which says by `put` how they get there."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from keepwell.app.demo import make_demo
from keepwell.app.project import Project
from keepwell.app.project import open as open_project
from keepwell.facts.known import Known
from keepwell.facts.places import source
from keepwell.facts.warehouse import Warehouse
from tests.conformance.suite import END, SCORED, Put, mixed
from tests.warehouses import stored


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example company in embedded facts, scored on two days with all five frameworks."""
    folder = tmp_path_factory.mktemp("example") / "company"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEEPWELL_NOW", f"{END + timedelta(days=1)}T04:00:00+00:00")
        made = make_demo(folder, accounts=30, end=END, score=False)
        shutil.copytree(folder, folder.with_name("unscored"))
        made.score(days=SCORED)
    return folder


@pytest.fixture(scope="module")
def there(put: Put) -> Warehouse:
    told = put("mixed", stored(mixed()))
    found = source(told.place, Path(), told.schema, told.tables)
    assert isinstance(found, Warehouse)
    return found


@pytest.fixture(scope="module")
def projects(
    put: Put, example: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Project, Project]:
    """The example company as it is, and with its facts in the engine."""
    here = open_project(example)
    told = put("example", stored(here.source.reader(Known.latest())))
    folder = tmp_path_factory.mktemp("elsewhere") / "company"
    shutil.copytree(example.with_name("unscored"), folder)
    settings = (example / "keepwell.yaml").read_text("utf-8")
    (folder / "keepwell.yaml").write_text(settings + told.settings(), encoding="utf-8")
    shutil.rmtree(folder / "data" / "facts")
    project = open_project(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEEPWELL_NOW", f"{END + timedelta(days=1)}T04:00:00+00:00")
        project.score(days=SCORED)
    return here, project
