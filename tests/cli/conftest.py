"""keepwell in this process, in a terminal of 160 columns."""

from __future__ import annotations

import pytest

from tests.cli.running import Here


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    monkeypatch.setenv("COLUMNS", "160")
    for name in ("KEEPWELL_PROJECT", "KEEPWELL_AUTHOR"):
        monkeypatch.delenv(name, raising=False)
    return Here(capsys)
