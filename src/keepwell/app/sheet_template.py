"""An empty sheet for a scorecard: a column per metric, explained in notes and a second page."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from keepwell.app.built_in import built_in
from keepwell.app.sheet_cells import Reader
from keepwell.app.sheet_reading import EXAMPLE
from keepwell.definitions.library import Library, inputs
from keepwell.definitions.metric import Metric
from keepwell.definitions.scorecard import Component, Measure
from keepwell.definitions.values import number
from keepwell.kit.errors import KeepwellError
from keepwell.scoring.plan import Node, Plan

ROWS = 1000
"""How far down the sheet offers lists of categories."""

_MOST_IN_LIST = 255  # Excel's limit for a list that is written out
_HEAD = PatternFill("solid", fgColor="1F3A5F")
_EXAMPLE_FILL = PatternFill("solid", fgColor="F2F2F2")
_GOOD = {"high": "higher is better", "low": "lower is better", None: ""}


def write_template(scorecard_key: str, file: str | Path, library: Library | None = None) -> Path:
    """Write the empty sheet of a scorecard as .xlsx, or plainly as .csv; the path that was written.

    A column for the account and one for each metric that the scorecard reads, whichever the plan of
    an account; the second row is an example, which score_sheet() passes over as soon as there are
    others. Raises KeepwellError for a file that is there already or cannot be written.
    """
    library = library or built_in()
    plan = Plan(library.scorecard(scorecard_key), library)
    path = Path(file)
    writers = {".xlsx": _write_workbook, ".csv": _write_csv}
    if path.suffix.lower() not in writers:
        raise KeepwellError(
            "a template is a workbook or CSV", where=str(path), expected="FILE.xlsx or FILE.csv"
        )
    if path.exists():
        raise KeepwellError(
            "there is a file already", where=str(path), todo="name another one, or remove it"
        )
    try:
        writers[path.suffix.lower()](plan, path)
    except OSError as error:
        raise KeepwellError(f"cannot be written: {error.strerror}", where=str(path)) from None
    return path


def _write_workbook(plan: Plan, path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    _accounts(sheet, plan)
    _guide(book.create_sheet("Guide"), plan)
    book.save(path)


def _write_csv(plan: Plan, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["account", *plan.metrics])
        examples = [plan.library.metrics[key].example for key in plan.metrics]
        rows.writerow([EXAMPLE, *("" if e is None else e for e in examples)])


@dataclass(frozen=True)
class _Use:
    """One way in which a metric is judged: in which leaf, for which plan, by what measure."""

    node: Node
    when: str
    measure: Measure


def _uses(plan: Plan, key: str) -> list[_Use]:
    found = []
    for leaf in plan.leaves:
        for value, measure in leaf.component.variants():
            if (measure.metric or leaf.component.metric) == key:
                when = f"{leaf.component.by_metric} = {value}" if value is not None else ""
                found.append(_Use(leaf, when, measure))
    return found


# --- the first page: what is filled in ------------------------------------------------------------


def _accounts(sheet: Worksheet, plan: Plan) -> None:
    sheet.title = "Accounts"
    sheet.freeze_panes = "B2"
    sheet["A1"] = "account"
    sheet["A2"] = EXAMPLE
    _note(sheet, "A1", "The account's id or name, one row per account. Leave the example in row 2 "
                       "or overwrite it: it is not scored once there are other rows.")  # fmt: skip
    sheet.column_dimensions["A"].width = 22
    for at, key in enumerate(plan.metrics, 2):
        letter = get_column_letter(at)
        metric = plan.library.metrics[key]
        reader = Reader.of(metric, key, plan.scorecard)
        sheet[f"{letter}1"] = key
        _note(sheet, f"{letter}1", _explained(plan, key, metric, reader))
        sheet[f"{letter}2"] = example(metric)
        sheet.column_dimensions[letter].width = max(12, len(key) + 2)
        form = _number_format(metric)
        if form:
            sheet.column_dimensions[letter].number_format = form
            sheet[f"{letter}2"].number_format = form
        _offer(sheet, letter, reader)
    for cell in sheet[1]:
        cell.font, cell.fill = Font(bold=True, color="FFFFFF"), _HEAD
    for cell in sheet[2]:
        cell.font, cell.fill = Font(italic=True, color="7F7F7F"), _EXAMPLE_FILL


def example(metric: Metric) -> float | int | str | date | None:
    """The metric's example as a workbook holds it; None where it has none."""
    given = metric.example
    if given is None:
        return None
    if metric.is_date:
        return date.fromisoformat(str(given))
    if metric.is_text:
        return str(given)
    value = number(given)
    return int(value) if value.is_integer() and metric.unit != "share" else value


def _number_format(metric: Metric) -> str | None:
    if metric.unit == "share":
        return "0%"
    return "yyyy-mm-dd" if metric.is_date else None


def _note(sheet: Worksheet, place: str, text: str) -> None:
    comment = Comment(text, "Keepwell")
    comment.width, comment.height = 380, 60 + 18 * (len(text) // 50 + text.count("\n"))
    sheet[place].comment = comment


def _explained(plan: Plan, key: str, metric: Metric, reader: Reader) -> str:
    uses = _uses(plan, key)
    places = dict.fromkeys(use.node.name for use in uses)
    lines = [metric.label, metric.description, f"Unit: {metric.unit or 'number'}",
             f"Allowed: {reader.expected}; empty: missing; n/a: does not apply"]  # fmt: skip
    if _GOOD[metric.good]:
        lines.append(f"Direction: {_GOOD[metric.good]}")
    made_of = [i for i in dict.fromkeys(inputs(metric)) if i in plan.library.metrics]
    if made_of and not metric.is_aggregate:
        lines.append("Or remove this column and give what it is made of: " + ", ".join(made_of))
    lines.append("Judged in: " + ", ".join(places) if places else "Used by: " + _context(plan, key))
    return "\n".join(line for line in lines if line)


def _context(plan: Plan, key: str) -> str:
    """Where a scorecard reads a metric that no leaf judges."""
    card = plan.scorecard
    found = [leaf.name for leaf in plan.leaves if leaf.component.by_metric == key]
    found += [n.name for n in plan.nodes
              if n.component.applies_when and key in n.component.applies_when.names]  # fmt: skip
    found += [f"adjustment {k}" for k, a in card.adjustments.items() if key in a.when.names]
    if card.applies_to is not None and key in card.applies_to.names:
        found.append("applies_to")
    return ", ".join(found)


def _offer(sheet: Worksheet, letter: str, reader: Reader) -> None:
    """A list to choose from, in the cells of a category."""
    if reader.choices is None:
        return
    offered = [*reader.choices, *(s for s in reader.states if s not in reader.choices)]
    formula = '"' + ",".join(offered) + '"'
    if len(formula) > _MOST_IN_LIST or any('"' in o or "," in o for o in offered):
        return
    validation = DataValidation("list", formula1=formula, allow_blank=True, errorStyle="warning",
                                showErrorMessage=True)  # fmt: skip
    validation.error = f"Expected {reader.expected}"[:225]
    sheet.add_data_validation(validation)
    validation.add(f"{letter}2:{letter}{ROWS}")


# --- the second page: how it is judged -----------------------------------------------------------


_COLUMNS = {"Component": 42, "Share of the score": 12, "Measure": 30, "Metric": 32, "Unit": 14,
            "For": 24, "Points": 60, "Without a value": 40}  # fmt: skip


def _guide(sheet: Worksheet, plan: Plan) -> None:
    sheet.freeze_panes = "A2"
    sheet.append(list(_COLUMNS))
    for letter, width in zip("ABCDEFGH", _COLUMNS.values(), strict=True):
        sheet.column_dimensions[letter].width = width
    for row in _guide_rows(plan):
        sheet.append(row)
    for cell in sheet[1]:
        cell.font, cell.fill = Font(bold=True, color="FFFFFF"), _HEAD
    for cells in sheet.iter_rows(min_row=2):
        for cell in cells:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
        cells[1].number_format = "0.0%"


def _guide_rows(plan: Plan) -> Iterator[list[str | float]]:
    judged = set()
    for leaf in plan.leaves:
        for value, measure in leaf.component.variants():
            key = measure.metric or leaf.component.metric or ""
            judged.add(key)
            metric = plan.library.metrics[key]
            label = leaf.component.label or metric.label
            when = f"{leaf.component.by_metric} = {value}" if value is not None else ""
            yield [leaf.name, leaf.printed_share, label, key, metric.unit, when,
                   judgement(measure, metric), _no_value(plan, leaf, measure)]  # fmt: skip
    for key in plan.metrics:
        if key not in judged:
            metric = plan.library.metrics[key]
            yield ["", "", metric.label, key, metric.unit, "", f"used by {_context(plan, key)}", ""]


def judgement(measure: Measure, metric: Metric) -> str:
    """Bands, ranges or choices in words, on the scale that the scorecard prints."""

    def shown(value: float) -> str:
        return f"{100 * value:.6g}%" if metric.unit == "share" else f"{value:.15g}"

    if measure.bands is not None:
        parts = [f"{b.op} {shown(b.limit)}: {b.points:g}" for b in measure.bands.bands]
        parts.append(f"else: {measure.bands.otherwise:g}")
    elif measure.ranges is not None:
        parts = [
            f"{shown(r.from_)} to {shown(r.to)}: {r.points[0]:g} to {r.points[1]:g}"
            for r in measure.ranges
        ]
    else:
        parts = [f"{choice}: {points:g}" for choice, points in (measure.choices or {}).items()]
    scale = "" if measure.out_of == 100 else f" (out of {measure.out_of:g})"
    return "; ".join(parts) + scale


def _no_value(plan: Plan, leaf: Node, measure: Measure) -> str:
    component: Component = leaf.component
    parts = [f"{s.replace('_', ' ')}: {p:g}" for s, p in component.states.items()]
    policy = plan.scorecard.missing_policy(leaf.path)
    points = getattr(policy, "points", None)
    parts.append(f"missing: {points:g} points" if points is not None
                 else "missing: left out, its siblings carry its weight")  # fmt: skip
    return "; ".join(parts)
