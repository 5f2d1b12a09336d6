"""A small library and files for tests of sheets."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from keepwell.definitions.library import Library
from keepwell.definitions.loading import load

METRICS = """
metrics:
  active_people: {label: Active people, unit: people, assessed: {from: 0, to: 100000}}
  seats: {label: Licensed seats, unit: people, assessed: {from: 1, to: 100000}}
  active_share: {label: Active share, unit: share, formula: active_people / seats}
  mood: {label: Mood of the team, assessed: [good, fair, poor]}
  asked: {label: Times asked, unit: count, assessed: {from: 0, to: 100}}
  nps:
    label: NPS answer
    unit: points
    assessed: {from: 0, to: 10}
    states: {no_response: asked > 0}
  age_days: {label: Age in days, unit: days, formula: days_since(account.customer_since)}
  spare: {label: Of no concern, unit: count, assessed: {from: 0, to: 10}}
  expected: {label: Expected share, unit: share, formula: account.expected_active_ratio}
"""
SCORECARD = """
scorecard: small
label: Small
minimum_coverage: 50%
tiers:
  - {key: green, label: Green, from: 80}
  - {key: red, label: Red, from: 0}
components:
  usage:
    weight: 60
    components:
      share: {metric: active_share, bands: {70%: 100, 50%: 60, else: 0}}
      age: {metric: age_days, bands: {365: 100, else: 50}, weight: 0}
  people:
    weight: 40
    components:
      mood: {metric: mood, choices: {good: 10, fair: 5, poor: 0}, out_of: 10}
      nps: {metric: nps, bands: {9: 10, 7: 5, else: 0}, out_of: 10, states: {no_response: 2}}
"""


@cache
def small() -> Library:
    """A scorecard of four measures: usage 60 (share; age without weight), people 40."""
    return load([("metrics/small.yaml", METRICS), ("scorecards/small.yaml", SCORECARD)])


def csv_file(folder: Path, *rows: Sequence[object], name: str = "sheet.csv") -> Path:
    """A CSV file of these rows."""
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return path


def xlsx_file(folder: Path, *rows: Sequence[Any], formats: dict[str, str] | None = None) -> Path:
    """A workbook of these rows; `formats`: number formats by cell."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    for cell, form in (formats or {}).items():
        sheet[cell].number_format = form
    path = folder / "sheet.xlsx"
    book.save(path)
    return path
