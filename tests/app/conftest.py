"""What the tests of the app share: the small company of the daily pass, scored."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from keepwell.app.project import Project
from tests.cycle.company import LAST, Company, template


@pytest.fixture(scope="session")
def scored_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scored project that no test may change."""
    return template(tmp_path_factory.getbasetemp() / "small-company")


@pytest.fixture
def company(scored_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Company:
    """A copy of the scored project, on the morning after its last day."""
    found = Company(shutil.copytree(scored_folder, tmp_path / "company"), monkeypatch)
    found.at(LAST + timedelta(days=1), 7)
    return found


@pytest.fixture(scope="session")
def scored(scored_folder: Path) -> Iterator[Project]:
    """The scored project, to be looked at only."""
    with pytest.MonkeyPatch.context() as patch:
        company = Company(scored_folder, patch)
        company.at(LAST + timedelta(days=1), 7)
        yield company.project
