"""The tree of a score: every component and measure, what it earned and what it lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from keepwell.cli.render import format as fmt
from keepwell.cli.render.tiers import glyph
from keepwell.scoring.explain import Explanation, Line
from keepwell.scoring.leaves import HELD, KNOWN, MISSING, NOT_APPLICABLE, STALE, UNRECOGNISED

_INDENT = 2
_GAP = 2
_LEAST_LABEL = 26
_LONGEST_VALUE = 18
_BAR = 20
_TITLES = {
    "value": "value", "points": "points", "weight": "weight", "earned": "earned",
    "lost": "lost", "data": "data", "bar": "",
}  # fmt: skip
_LEFT = ("data", "bar")
_OPTIONAL = ("bar", "lost")
"""What goes first where room is short: the lost points follow from the others."""


@dataclass(frozen=True)
class _Row:
    line: Line
    cells: Mapping[str, Text]
    notes: tuple[str, ...]


def tree(explanation: Explanation, width: int, currency: str | None = None) -> RenderableType:
    """The whole tree in that many characters; notes stand below the line that they are about."""
    scale = max((x.weight for x in explanation.lines), default=0.0)
    rows = [
        _Row(line, _cells(line, scale, currency), notes(explanation, line, currency))
        for line in explanation.lines
    ]
    columns, label = _layout(rows, width)
    parts: list[RenderableType] = [_heading(columns, label)]
    for row in rows:
        parts.append(_line(row, columns, label))
        indent = _INDENT * len(row.line.path)
        parts += [
            Padding(Text(f"↳ {note}", "dim"), (0, 0, 0, indent), expand=False) for note in row.notes
        ]
    return Group(*parts)


def _cells(line: Line, scale: float, currency: str | None) -> dict[str, Text]:
    out = line.points is None
    value = fmt.measured(line.value, line.unit, currency) if line.is_leaf else ""
    if cell_len(value) > _LONGEST_VALUE:
        value = set_cell_size(value, _LONGEST_VALUE - 1).rstrip() + "…"
    mark = glyph(None if out else line.colour)
    return {
        "value": Text(value),
        "points": Text.assemble(mark, " ", fmt.points(line.points)),
        "weight": Text(fmt.share(line.weight, 1), "dim" if out else ""),
        "earned": Text(fmt.UNKNOWN if out else fmt.part(line.contribution)),
        "lost": Text(fmt.UNKNOWN if out else fmt.part(line.lost), "" if line.lost else "dim"),
        "data": Text(data_words(line), _data_style(line)),
        "bar": _bar(line, scale),
    }


def _bar(line: Line, scale: float) -> Text:
    """What was earned and what was lost, on one scale for all lines."""
    if not scale or line.points is None:
        return Text("")
    whole = round(_BAR * line.weight / scale)
    earned = round(whole * line.points / 100)
    return Text.assemble(("█" * earned, "cyan"), ("░" * (whole - earned), "dim"))


def _layout(rows: Sequence[_Row], width: int) -> tuple[dict[str, int], int]:
    """The width of each column that has room, and of the labels."""
    natural = {
        key: max([cell_len(title), *(r.cells[key].cell_len for r in rows)])
        for key, title in _TITLES.items()
    }
    label = max(
        (_INDENT * (len(r.line.path) - 1) + cell_len(r.line.label) for r in rows), default=0
    )
    columns = dict(natural)

    def room() -> int:
        return width - sum(w + _GAP for w in columns.values())

    for key in _OPTIONAL:
        if room() < min(label, _LEAST_LABEL if key != "bar" else label):
            del columns[key]
    return columns, max(min(label, room()), _LEAST_LABEL // 2)


def _heading(columns: Mapping[str, int], label: int) -> Text:
    cells = {key: Text(_TITLES[key]) for key in columns}
    text = _joined(Text(""), cells, columns, label)
    text.stylize("dim")
    return text


def _line(row: _Row, columns: Mapping[str, int], label: int) -> Text:
    depth = len(row.line.path) - 1
    style = "bold" if depth == 0 else "" if row.line.points is not None else "dim"
    room = label - _INDENT * depth
    name = row.line.label
    if cell_len(name) > room:
        name = set_cell_size(name, room - 1).rstrip() + "…"
    return _joined(Text(" " * (_INDENT * depth) + name, style), row.cells, columns, label)


def _joined(first: Text, cells: Mapping[str, Text], columns: Mapping[str, int], label: int) -> Text:
    first.pad_right(max(0, label - first.cell_len))
    parts = [first]
    for key, width in columns.items():
        cell = cells[key].copy()
        missing = max(0, width - cell.cell_len)
        cell.pad_right(missing) if key in _LEFT else cell.pad_left(missing)
        parts += [Text(" " * _GAP), cell]
    text = Text.assemble(*parts, no_wrap=True)
    text.rstrip()
    return text


def data_words(line: Line) -> str:
    """How fresh the data behind a measure is, or why there is none."""
    if not line.is_leaf:
        return ""
    old = "" if line.age is None else "today" if line.age == 0 else f"{line.age} d old"
    if line.state == KNOWN:
        return old or "known"
    if line.state in (HELD, STALE):
        return f"{line.state}, {old}" if old else line.state
    if line.state == UNRECOGNISED:
        return "not recognised"
    return fmt.words(line.state)


def _data_style(line: Line) -> str:
    if line.state == KNOWN:
        return "dim"
    return "" if line.state == NOT_APPLICABLE else "yellow"


def notes(explanation: Explanation, line: Line, currency: str | None = None) -> tuple[str, ...]:
    """What a reader must know beside the numbers: missing data, and who carries its weight."""
    found = []
    if line.points is None and line.printed > 0:
        # Where nothing below a component counts, it is said once, at the component.
        above = explanation.line(line.path[:-1]) if len(line.path) > 1 else None
        said_above = above is not None and above.points is None
        if not said_above:
            why = _why_out(line, currency) or _nothing_below(explanation, line)
            found.append(why + _carried(explanation, line))
        elif line.state == UNRECOGNISED:
            found.append(_why_out(line, currency))
        elif above is not None and _shared_why(explanation, above) is None:
            found.append(line.why or _shared_why(explanation, line) or "")
    elif line.is_leaf:
        found += _stand_in(line)
    if line.final is not None and line.points is not None and line.final != line.points:
        found.append(f"{fmt.points(line.final)} points after adjustments and overrides")
    return tuple(text for text in found if text)


def _nothing_below(explanation: Explanation, line: Line) -> str:
    why = _shared_why(explanation, line)
    return "nothing below it has data that counts" + (f": {why}" if why else "")


def _shared_why(explanation: Explanation, line: Line) -> str | None:
    """Why all the leaves below a component are missing, where it is the same for all of them."""
    below = {x.why for x in explanation.leaves if x.path[: len(line.path)] == line.path}
    return below.pop() if len(below) == 1 else None


def _why_out(line: Line, currency: str | None) -> str:
    if not line.is_leaf:
        return ""
    if line.state == NOT_APPLICABLE:
        return "does not apply to this account"
    if line.state == STALE:
        return f"the last value is too old to count{_of_age(line)}"
    if line.state == UNRECOGNISED:
        value = fmt.measured(line.value, line.unit, currency)
        return f"'{value}' has no points in this scorecard"
    return _no_data(line) if line.state == MISSING else f"{fmt.words(line.state)}: no data"


def _no_data(line: Line) -> str:
    return f"no data: {line.why}" if line.why else "no data"


def _of_age(line: Line) -> str:
    return "" if line.age is None else f" ({line.age} d)"


def _carried(explanation: Explanation, line: Line) -> str:
    carriers = [x.label for x in heirs(explanation, line)]
    share = fmt.share(line.printed, 1)
    if not carriers:
        return f"; nothing carries its {share} of the weight"
    return f"; its {share} of the weight goes to {fmt.listed(carriers)}"


def heirs(explanation: Explanation, line: Line) -> list[Line]:
    """The lines that carry the weight of one that is left out: its neighbours, or those of the
    nearest component around it that has any."""
    for depth in range(len(line.path) - 1, -1, -1):
        around = line.path[:depth]
        found = [
            x
            for x in explanation.lines
            if x.path[:-1] == around and x.path != line.path[: depth + 1] and x.weight > 0
        ]
        if found:
            return found
    return []


def _stand_in(line: Line) -> list[str]:
    """What counts in the place of a value that is not there."""
    if line.state == KNOWN or line.points is None:
        return []
    own = line.points * line.out_of / 100
    scale = "" if line.out_of == 100 else f" of {fmt.number(line.out_of)}"
    counts = f"counts as {fmt.number(own)}{scale} points"
    if line.state == HELD:
        return [f"the last known value stands in{_of_age(line)}"]
    if line.state == STALE:
        return [f"the last value is too old{_of_age(line)}; {counts}"]
    if line.state == MISSING:
        return [f"{_no_data(line)}; {counts}"]
    return [f"{fmt.words(line.state)} {counts}"]
