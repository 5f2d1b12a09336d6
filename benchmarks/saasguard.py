"""A company of six foreign tables: imported by its mapping, and scored."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import keepwell
from benchmarks.company import REPOSITORY, data_folder
from benchmarks.figures import Figure, Watch, figure, watched
from benchmarks.starting import NOT_THERE, SAASGUARD_ENDS
from keepwell.app.init import init_project
from keepwell.app.project import Project

EXAMPLE = REPOSITORY / "examples" / "saasguard"
NIGHTS = 3


def importing(_: str, scratch: Path) -> Iterator[Figure | str]:
    """The import of 1.02 million events and of all else that the six files hold."""
    data = data_folder() / "saasguard"
    if not data.is_dir():
        yield NOT_THERE
        return
    folder = scratch / "saasguard"
    init_project(folder, "enterprise", timezone="UTC", currency="USD")
    shutil.copy(EXAMPLE / "metrics.yaml", folder / "metrics")
    project = keepwell.open(folder)
    with watched() as watch:
        project.import_files([data], mapping=EXAMPLE / "mapping.yaml")
    yield figure("import of saasguard", watch, reach={"seconds": 10})


def scoring(_: str, scratch: Path) -> Iterator[Figure | str]:
    """Its last days, one after the other, as one process does them."""
    folder = scratch / "saasguard"
    if not folder.exists():
        yield NOT_THERE
        return
    first, *others = _nights(keepwell.open(folder))
    yield figure("score of saasguard, first of all", first, reach={"seconds": 3})
    next_ = min(others, key=lambda w: w.seconds)
    yield figure("score of saasguard, the next ones", next_, reach={"seconds": 3})


def _nights(project: Project) -> list[Watch]:
    found = []
    for back in range(NIGHTS, -1, -1):
        with watched() as watch:
            project.score(SAASGUARD_ENDS - timedelta(days=back))
        found.append(watch)
    return found
