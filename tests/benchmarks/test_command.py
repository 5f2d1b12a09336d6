"""What is printed: which works are chosen, ratios, and limits that are missed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks.figures import GB, Figure
from benchmarks.table import lines, rendered
from benchmarks.works import WORKS


def test_ratios_are_to_the_named_figure_of_the_same_size() -> None:
    found = [
        ("S", Figure("by hand", seconds=0.2)),
        ("M", Figure("by hand", seconds=2.0)),
        ("M", Figure("night", seconds=3.0, memory=2 * GB, against="by hand",
                     reach={"seconds": 5, "memory": 1 * GB, "ratio": 2})),
    ]  # fmt: skip
    night = lines(found)[2]
    assert night.ratio == 1.5
    assert night.missed() == ["memory"]
    text = rendered(lines(found))
    assert "1.50×  by hand  5 s, 1 GB (missed), 2×" in text
    assert "on disk" not in text


def test_what_a_figure_is_divided_by_is_measured_before_it() -> None:
    chosen = [(work.name, size) for work, size in command._chosen(["varied", "help"], ["S"])]
    assert chosen == [("help", ""), ("reference", "S"), ("night", "S"), ("varied", "S")]
    assert [size for work, size in command._chosen(["history"], ["S", "L"])] == ["S"]


def test_list_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed] == list(WORKS)
    assert all(line.rstrip().endswith(".") for line in printed)


def test_a_work_that_fails_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPWELL_DATA", str(tmp_path))
    run = command.measured(WORKS["import"], "", tmp_path)
    assert not run.failed
    assert "not measured" in run.remarks[0]
    run = command.measured(WORKS["night"], "XL", tmp_path)
    assert run.failed
    assert run.remarks == ["failed: KeyError: 'XL'"]
