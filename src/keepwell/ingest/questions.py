"""What a column leaves open, and must be asked before anything is converted.

Whether 03/04/2025 is in March or April, 1.234 more than a thousand, 72 a share: where the values
decide it themselves nobody is asked, and nothing is ever guessed.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from keepwell.ingest.convert import ISO, Written, in_units, is_iso
from keepwell.ingest.numbers import LOOKS_WRITTEN, PLAIN
from keepwell.kit.views import quoted, text

_TIME = r"([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(\s?[AaPp][Mm])?)?"
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")


@dataclass(frozen=True)
class Shape:
    """A way of writing days: what it is called, and what its values look like as a whole."""

    name: str
    pattern: str
    formats: tuple[str, ...] = ()


def _parted(sign: str) -> tuple[Shape, ...]:
    escaped = "\\" + sign
    return tuple(
        Shape(f"{sign}{digits}", rf"\d{{1,2}}{escaped}\d{{1,2}}{escaped}\d{{{digits}}}" + _TIME)
        for digits in (4, 2)
    )


SHAPES = (
    Shape("iso", ISO),
    *_parted("/"),
    *_parted("."),
    *_parted("-"),
    Shape("y/m/d", r"\d{4}/\d{1,2}/\d{1,2}" + _TIME, ("%Y/%m/%d",)),
    Shape("compact", r"(19|20)\d{6}", ("%Y%m%d",)),
    Shape("d mon y", r"\d{1,2}\.? [A-Za-z]{3,9},? \d{4}" + _TIME,
          ("%d %b %Y", "%d %B %Y", "%d. %b %Y", "%d. %B %Y")),
    Shape("mon d y", r"[A-Za-z]{3,9} \d{1,2},? \d{4}" + _TIME,
          ("%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y")),
    Shape("d-mon-y", r"\d{1,2}-[A-Za-z]{3}-\d{4}" + _TIME, ("%d-%b-%Y",)),
    Shape("d-mon-yy", r"\d{1,2}-[A-Za-z]{3}-\d{2}" + _TIME, ("%d-%b-%y",)),
)  # fmt: skip


@dataclass(frozen=True)
class Question:
    """What is unclear in a column, with an example, and how to answer it."""

    message: str
    expected: str


@dataclass(frozen=True)
class _Seen:
    shape: Shape
    count: int
    example: str
    day_like: str | None
    month_like: str | None


def dates(
    rows: duckdb.DuckDBPyRelation, column: str, day_first: bool | None
) -> tuple[str, ...] | Question:
    """The formats in which the days of a text column are written; empty where they are ISO.

    Values that look like no day at all are nobody's question: they are rejected one by one.
    """
    name = quoted(column)
    counts = rows.aggregate(f"count({name}), count(*) FILTER (WHERE {is_iso(name)})").fetchone()
    if counts is None or counts[0] == counts[1]:
        return ()
    found = _seen(rows, name)
    if len(found) > 1:
        shown = " and ".join(f"'{s.example}' ({_rows(s.count)})" for s in found[:3])
        return Question(
            f"days are written in two formats: {shown}",
            "one format; if both are meant, list them: date: ['%Y-%m-%d', '%d/%m/%Y']",
        )
    if not found:
        return ()
    only = found[0]
    return _formats(only, day_first)


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def _seen(rows: duckdb.DuckDBPyRelation, name: str) -> list[_Seen]:
    wanted = []
    for shape in SHAPES:
        fits = f"regexp_full_match({name}, {text(shape.pattern)})"
        first = f"TRY_CAST(regexp_extract({name}, '^(\\d+)\\D(\\d+)', 1) AS INT)"
        second = f"TRY_CAST(regexp_extract({name}, '^(\\d+)\\D(\\d+)', 2) AS INT)"
        wanted += [
            f"count(*) FILTER (WHERE {fits})",
            f"min({name}) FILTER (WHERE {fits})",
            f"min({name}) FILTER (WHERE {fits} AND {first} > 12)",
            f"min({name}) FILTER (WHERE {fits} AND {second} > 12)",
        ]
    row = rows.aggregate(", ".join(wanted)).fetchone() or ()
    found = [
        _Seen(shape, row[4 * i], row[4 * i + 1], row[4 * i + 2], row[4 * i + 3])
        for i, shape in enumerate(SHAPES)
        if row and row[4 * i]
    ]
    return sorted(found, key=lambda s: -s.count)


def _formats(seen: _Seen, day_first: bool | None) -> tuple[str, ...] | Question:
    if seen.shape.name == "iso":
        return ()
    if seen.shape.formats:
        return tuple(f + clock for f in seen.shape.formats for clock in _CLOCKS)
    sign, year = seen.shape.name[0], "%Y" if seen.shape.name.endswith("4") else "%y"
    if seen.day_like and seen.month_like:
        return Question(
            f"days are written in two formats: '{seen.day_like}' and '{seen.month_like}'",
            "the day always first or the month always first; if one of them is a mistake, say "
            f"which is meant (date: '%d{sign}%m{sign}{year}') and the other rows are set aside",
        )
    if day_first is None and sign == ".":
        day_first = True
    if seen.day_like or seen.month_like:
        is_day_first = seen.day_like is not None
        if day_first is not None and day_first != is_day_first:
            said = "true" if day_first else "false"
            return Question(
                f"`day_first: {said}` does not fit '{seen.day_like or seen.month_like}'",
                "date: the format of this column, such as '%m/%d/%Y'",
            )
        day_first = is_day_first
    if day_first is None:
        return Question(
            f"'{seen.example}': is the day first or the month?",
            "day_first: true (or false) for the mapping, or date: '%d/%m/%Y' for the column",
        )
    order = ("%d", "%m") if day_first else ("%m", "%d")
    return tuple(sign.join((*order, year)) + clock for clock in _CLOCKS)


def number(rows: duckdb.DuckDBPyRelation, column: str) -> Question | None:
    """What must be asked about numbers in a text column that are written with separators."""
    name = quoted(column)
    odd = f"NOT regexp_full_match({name}, {text(PLAIN)})"
    looks = f"regexp_full_match({name}, {text(LOOKS_WRITTEN)})"
    row = rows.aggregate(
        f"count(*) FILTER (WHERE {odd} AND {looks}), max({name}) FILTER (WHERE {odd} AND {looks})"
    ).fetchone()
    if row is None or not row[0]:
        return None
    return Question(
        f"numbers are written like '{row[1]}': how is that meant?",
        "number: how 1234.56 would be written in this column, such as '1,234.56', '1.234,56', "
        "'$1,234.56' or '1234.56%'",
    )


def share(
    rows: duckdb.DuckDBPyRelation, column: str, kind: str, written: Written
) -> Question | None:
    """What must be asked about shares: whether 72 is 72% or 0.72."""
    if written.scale is not None or (written.number and written.number.percent):
        return None
    name = quoted(column)
    value = in_units(name, kind, written)
    above = f"abs({value}) > 1"
    if kind == "VARCHAR":
        above += f" AND NOT ends_with({name}, '%')"
    row = rows.aggregate(
        f"count(*) FILTER (WHERE {above}), max({value}) FILTER (WHERE {above})"
    ).fetchone()
    if row is None or not row[0]:
        return None
    example = f"{row[1]:g}"
    return Question(
        f"{_rows(row[0])} with values like {example}, which is no share: is {example}% meant, or "
        f"{row[1] / 100:g}?",
        "values from 0 to 1 or with a percent sign; `scale: 0.01` says that they are in percent",
    )
