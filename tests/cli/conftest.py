"""keepwell in this process, in a terminal of 160 columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import Here

SHEET = Path(__file__).resolve().parents[2] / "examples" / "plan-tiered-sheet"


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    monkeypatch.setenv("COLUMNS", "160")
    for name in ("KEEPWELL_PROJECT", "KEEPWELL_AUTHOR"):
        monkeypatch.delenv(name, raising=False)
    return Here(capsys)


@pytest.fixture
def sheet_project(here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the facts of a sheet."""
    monkeypatch.setenv("KEEPWELL_NOW", "2026-01-10T12:00:00+00:00")
    folder = tmp_path / "acme"
    here.good("init", folder, "--framework", "plan-tiered")
    here.good("import", SHEET / "sheet.csv", "--map", SHEET / "mapping.yaml", "-C", folder)
    return folder
