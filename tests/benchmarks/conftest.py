"""A small company, made once as the large ones are."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.company import Company
from benchmarks.generator import make

SMALL = Company(60)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds the company SMALL."""
    folder = tmp_path_factory.mktemp("bench")
    make(SMALL, folder / SMALL.name)
    return folder


@pytest.fixture
def _cached(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPWELL_BENCH", str(cache))
    # Restored afterwards, for what is measured sets it.
    monkeypatch.setenv("KEEPWELL_NOW", "2026-04-01T04:00:00+00:00")
