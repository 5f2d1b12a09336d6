"""What the tests of facts share."""

from __future__ import annotations

from pathlib import Path

import pytest

from keepwell.facts.store import FactStore


@pytest.fixture
def store(tmp_path: Path) -> FactStore:
    """An empty store."""
    return FactStore(tmp_path / "facts")
