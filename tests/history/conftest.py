"""Every place in which history can be kept: what holds in one holds in all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from keepwell.history import History
from keepwell.history.places import kept
from tests.conftest import Bucket

SCHEMA = "keepwell_history"
_numbers: Iterator[int] = count()


@pytest.fixture
def new_prefix(bucket: Bucket) -> Callable[[], str]:
    """Makes the address of an empty place in a bucket."""
    return lambda: f"{bucket.address}/test-{next(_numbers)}/history"


@pytest.fixture(params=["folder", "bucket", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty place, as keepwell.yaml names it."""
    if request.param == "folder":
        return str(tmp_path / "history")
    if request.param == "bucket":
        new_prefix: Callable[[], str] = request.getfixturevalue("new_prefix")
        return new_prefix()
    return str(request.getfixturevalue("postgres"))


@pytest.fixture
def history(place: str) -> History:
    """A history in that place."""
    return opened(place)


def opened(place: str) -> History:
    """The history at a place."""
    return History(kept(place, Path(), SCHEMA))
