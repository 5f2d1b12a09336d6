"""What the values of a file's columns look like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from keepwell.facts.model import Column
from keepwell.ingest import questions
from keepwell.ingest.checks import FALSE, NUMERIC, TIMES, TRUE
from keepwell.ingest.convert import as_text, cleaned
from keepwell.ingest.numbers import LOOKS_WRITTEN, PLAIN
from keepwell.ingest.questions import SHAPES
from keepwell.ingest.tables import Opened
from keepwell.ingest.vocabulary import plain_name
from keepwell.kit.views import quoted, text

SAMPLE = 10_000
MOST_VALUES = 25
_NOTHING = ("n/a", "na", "null", "none", "nan", "-", "--", "#n/a", "unknown")


@dataclass(frozen=True)
class ColumnProfile:
    """A column's values, of a sample: counts, and shares from 0 to 1 of those that are filled.

    values are the most frequent ones, all of them where there are few. nothing are texts that
    probably mean that there is no value.
    """

    name: str
    kind: str
    rows: int
    filled: int
    distinct: int
    numbers: float
    written_numbers: float
    whole: float
    days: float
    booleans: float
    emails: float
    values: tuple[str, ...]
    nothing: tuple[str, ...]
    least: float | None
    most: float | None

    @property
    def plain(self) -> str:
        return plain_name(self.name)

    @property
    def is_unique(self) -> bool:
        return self.filled == self.rows > 0 and self.distinct == self.rows

    @property
    def repeats(self) -> bool:
        return self.distinct < 0.98 * self.filled

    @property
    def is_time(self) -> bool:
        return self.days > 0.95

    @property
    def is_number(self) -> bool:
        return self.numbers + self.written_numbers > 0.95 and not self.is_time

    @property
    def few(self) -> bool:
        """Whether the values are a handful of words."""
        return 0 < self.distinct <= MOST_VALUES and (self.rows > self.distinct or self.rows < 20)

    def fits(self, column: Column) -> float:
        """How well the values suit a canonical column: 0 not at all, 1 fully."""
        if self.filled == 0:
            return 0.3
        if column.type in TIMES:
            return self.days
        if column.type in NUMERIC:
            share = self.whole if column.type == "int" else self.numbers + self.written_numbers
            return 0.0 if self.is_time and self.kind != "VARCHAR" else share
        if column.type == "bool":
            return self.booleans
        if column.name == "email":
            return self.emails
        if column.values:
            return 0.9 if self.few else 0.0
        if self.is_time or (self.kind in ("DOUBLE", "FLOAT") and self.whole < 1):
            return 0.2
        return 0.9


def profiles(con: duckdb.DuckDBPyConnection, opened: Opened) -> dict[str, ColumnProfile]:
    """The profile of every column, of the file's first rows."""
    return {name: _profile(con, opened, name) for name in opened.types}


def _profile(con: duckdb.DuckDBPyConnection, opened: Opened, name: str) -> ColumnProfile:
    kind = opened.types[name]
    value = as_text("c", kind)
    rows = con.table(opened.view).limit(SAMPLE).project(f"{cleaned(name, kind)} AS c")
    rows = rows.project(f"{value} AS v")
    listed = ", ".join(text(n) for n in _NOTHING)
    days = " OR ".join(f"regexp_full_match(v, {text(s.pattern)})" for s in SHAPES)
    words = ", ".join(text(w) for w in (*TRUE, *FALSE))
    plain = f"regexp_full_match(v, {text(PLAIN)})"
    wanted = {
        "rows": "count(*)",
        "nothing": f"count(*) FILTER (WHERE lower(v) IN ({listed}))",
        "filled": f"count(*) FILTER (WHERE v IS NOT NULL AND lower(v) NOT IN ({listed}))",
        "distinct": f"count(DISTINCT v) FILTER (WHERE lower(v) NOT IN ({listed}))",
        "numbers": f"count(*) FILTER (WHERE {plain})",
        "written": f"count(*) FILTER (WHERE NOT {plain} AND "
        f"regexp_full_match(v, {text(LOOKS_WRITTEN)}))",
        "whole": r"count(*) FILTER (WHERE regexp_full_match(v, '[+-]?\d+(\.0*)?'))",
        "days": f"count(*) FILTER (WHERE {days})",
        "booleans": f"count(*) FILTER (WHERE lower(v) IN ({words}))",
        "emails": r"count(*) FILTER (WHERE regexp_full_match(v, '[^@\s]+@[^@\s]+\.[^@\s]+'))",
        "least": f"min(TRY_CAST(CASE WHEN {plain} THEN v END AS DOUBLE))",
        "most": f"max(TRY_CAST(CASE WHEN {plain} THEN v END AS DOUBLE))",
    }
    found = rows.aggregate(", ".join(f"{e} AS {quoted(n)}" for n, e in wanted.items())).fetchone()
    row: Mapping[str, float] = dict(zip(wanted, found or [0] * len(wanted), strict=True))
    filled = row["filled"]
    counted = rows.filter("v IS NOT NULL").aggregate("v, count(*) AS n", "v")
    top = counted.order("n DESC, v").limit(MOST_VALUES + len(_NOTHING)).fetchall()
    nothing = tuple(v for v, _ in top if v.lower() in _NOTHING) if row["nothing"] else ()

    def share(of: str) -> float:
        return min(1.0, row[of] / filled) if filled else 0.0

    return ColumnProfile(
        name, kind, int(row["rows"]), int(filled), int(row["distinct"]),
        share("numbers"), share("written"), share("whole"), share("days"),
        share("booleans"), share("emails"),
        tuple(v for v, _ in top if v.lower() not in _NOTHING)[:MOST_VALUES], nothing,
        row["least"], row["most"],
    )  # fmt: skip


def asked(con: duckdb.DuckDBPyConnection, opened: Opened, name: str) -> str:
    """What is unclear about the days of a column: 'order' of day and month, 'mixed' formats, or
    nothing ('')."""
    if opened.types[name] != "VARCHAR":
        return ""
    rows = con.table(opened.view).project(f"{cleaned(name, 'VARCHAR')} AS v")
    if isinstance(questions.dates(rows, "v", None), tuple):
        return ""
    # Whoever can be answered by saying which comes first is written in one format.
    told = questions.dates(rows, "v", True)
    return "order" if isinstance(told, tuple) else "mixed"
