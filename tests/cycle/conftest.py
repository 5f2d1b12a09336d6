"""What the tests of the daily pass share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cycle.company import LAST, Company, template


@pytest.fixture(scope="session")
def scored_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scored project that no test may change."""
    return template(tmp_path_factory.getbasetemp() / "small-company")


@pytest.fixture
def company(scored_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Company:
    """A copy of the scored project, on the morning after its last day."""
    folder = shutil.copytree(scored_folder, tmp_path / "company")
    found = Company(folder, monkeypatch)
    found.at(LAST.fromordinal(LAST.toordinal() + 1), 7)
    return found
