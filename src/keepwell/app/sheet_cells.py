"""One cell of a sheet to a metric's value: strict, and an ambiguous one is asked back."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

from keepwell.definitions.metric import Metric
from keepwell.definitions.scorecard import Scorecard
from keepwell.ingest.numbers import PLAIN, NumberStyle, plain, share
from keepwell.kit.errors import KeepwellError, did_you_mean, nearest

NOT_APPLICABLE = "not_applicable"
MOST_FRACTION = 2.0
"""Up to here a bare number is a share in a column that holds other fractions: 1.05 is 105%."""

_NO_VALUE = frozenset({"", "-", "–", "—", "?"})
_UNKNOWN = frozenset({"unknown", "missing"})
_NOT_APPLICABLE = frozenset({"notapplicable", "na"})
_YES_NO = {"yes": "yes", "y": "yes", "true": "yes", "1": "yes"} | dict.fromkeys(
    ("no", "n", "false", "0"), "no"
)
_DOT_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}\.\d\d0")
_STYLES = tuple(NumberStyle("", *signs) for signs in (",.", ".,", " .", " ,", "'.", "’."))
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ].*)?")


@dataclass(frozen=True)
class Cell:
    """What a cell says of a metric: a value, a name for having none, or neither."""

    value: float | str | date | None = None
    named: str | None = None


EMPTY = Cell()


def compact(name: str) -> str:
    """A name without case, blanks, underscores and signs: 'Logins, 30 days' is 'logins30days'."""
    return re.sub(r"[\W_]+", "", name.casefold())


def as_text(cell: object) -> str | None:
    """A cell as people would write it; None where it is empty, or is no number (NaN)."""
    if cell is None:
        return None
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        if math.isnan(cell):
            return None
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, Decimal):
        return None if cell.is_nan() else plain(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    text = str(cell).strip()
    return None if text in _NO_VALUE else text


@dataclass(frozen=True)
class Reader:
    """How the cells of one metric are read.

    choices: the categories that it may be, None where any text will do. states: names for having
    no value. fractions: whether the column holds bare fractions, so that 1.05 is 105%.
    """

    metric: Metric
    choices: Sequence[str] | None
    states: Sequence[str]
    fractions: bool = False

    @classmethod
    def of(cls, metric: Metric, key: str, scorecard: Scorecard | None = None) -> Reader:
        """The reader of a metric, with the categories and states that the scorecard knows."""
        choices = metric.choices if metric.is_text else None
        states = dict.fromkeys([NOT_APPLICABLE, *metric.states])
        judged: dict[str, None] = {}
        for _, leaf in scorecard.leaves() if scorecard else ():
            for value, measure in leaf.variants():
                if (measure.metric or leaf.metric) == key:
                    judged |= dict.fromkeys(measure.choices or {})
                    states |= dict.fromkeys(leaf.states)
                if leaf.by_metric == key and value not in (None, "else"):
                    judged[str(value)] = None
        if metric.is_text and choices is None and judged:
            choices = list(judged)
        return cls(metric, choices, list(states))

    def read(self, text: str | None) -> Cell:
        """What the cell says. Raises KeepwellError that says what is wrong with it."""
        if text is None or text.strip() in _NO_VALUE:
            return EMPTY
        text = text.strip()
        if text.startswith("#") and text.rstrip("!?/0A").isupper():
            raise KeepwellError(f"the spreadsheet shows the error {text}", expected=self.expected)
        word = compact(text)
        for choice in self.choices or ():
            if compact(choice) == word:
                return Cell(choice)
        if self.metric.unit == "yes_no" and word in _YES_NO:
            return Cell(_YES_NO[word])
        for state in self.states:
            if compact(state) == word:
                return Cell(named=state)
        if word in _NOT_APPLICABLE:
            return Cell(named=NOT_APPLICABLE)
        if word in _UNKNOWN:
            return EMPTY
        if self.metric.is_text:
            return Cell(self._category(text))
        if self.metric.is_date:
            return Cell(day(text))
        return Cell(self._within(self._number(text), text))

    @property
    def expected(self) -> str:
        """What a cell may hold, in a few words."""
        names = [s.replace("_", " ") for s in self.states if s != NOT_APPLICABLE]
        or_named = "".join(f", or '{n}'" for n in names)
        if self.choices is not None:
            return "one of " + ", ".join(self.choices) + or_named
        if self.metric.is_text:
            return "a text"
        if self.metric.is_date:
            return "a day such as 2026-03-14" + or_named
        limits = self.metric.limits
        if self.metric.unit == "share":
            shown = "a share: 72% or 0.72"
            low_high = (f"{100 * x:g}%" for x in (limits.from_, limits.to)) if limits else None
        else:
            shown = f"a number ({self.metric.unit})" if self.metric.unit else "a number"
            low_high = (f"{x:.15g}" for x in (limits.from_, limits.to)) if limits else None
        if low_high is not None:
            shown += " from " + " to ".join(low_high)
        return shown + or_named

    def _category(self, text: str) -> str:
        if self.choices is None:
            return text
        known = [*self.choices, *(s for s in self.states if s != NOT_APPLICABLE)]
        raise KeepwellError(
            f"'{self.metric.label}' is never '{_short(text)}'",
            expected=self.expected,
            todo=did_you_mean(_words(text), [_words(k) for k in known]),
        )

    def _number(self, text: str) -> float:
        if self.metric.unit == "share":
            return self._share(text)
        if re.fullmatch(PLAIN, text) and not _DOT_THOUSANDS.fullmatch(text):
            return float(text)
        percent = text.endswith("%") and re.fullmatch(PLAIN, text[:-1].strip())
        what = f"{text} is a percentage, '{self.metric.label}' is none" if percent else None
        raise self._no_number(text, what)

    def _share(self, text: str) -> float:
        is_plain = re.fullmatch(PLAIN, text.removesuffix("%").strip())
        if not is_plain:
            raise self._no_number(text)
        if not text.endswith("%") and 1 < abs(float(text)) <= MOST_FRACTION:
            if self.fractions:
                return float(text)
            other = f"{plain(Decimal(text) * 100)}%"
            raise self._asked(text, other, f"{text}%")
        try:
            return float(share(text))
        except KeepwellError:
            raise self._asked(text, f"{text}%", plain(Decimal(text) / 100)) from None

    def _asked(self, text: str, one: str, other: str) -> KeepwellError:
        return KeepwellError(
            f"{text} is not a share: is {one} or {other} meant?",
            expected=self.expected,
            todo=f"write {one} or {other}",
        )

    def _no_number(self, text: str, what: str | None = None) -> KeepwellError:
        what = what or f"'{_short(text)}' is not a number"
        return KeepwellError(what, expected=self.expected, todo=self._hint(text))

    def _hint(self, text: str) -> str | None:
        """How a text that is no plain number could be meant."""
        sign = "%" if text.endswith("%") and self.metric.unit == "share" else ""
        readings = [r + sign for r in _readings(text.removesuffix("%").strip())]
        if (readings and not text.endswith("%")) or sign:
            return "write " + " or ".join(readings) if readings else None
        numbers = re.findall(r"[+-]?\d+(?:\.\d+)?", text)
        if len(numbers) == 1 and not text.endswith("%"):
            return f"write the number alone: {numbers[0]}"
        if compact(text) in ("none", "nil", "zero"):
            return "write 0, or leave the cell empty where it is not known"
        near = nearest(_words(text), [_words(s) for s in self.states])
        return f"did you mean '{near}'?" if near else None

    def _within(self, number: float, text: str) -> float:
        limits = self.metric.limits
        if limits is not None and not limits.from_ <= number <= limits.to:
            side, limit = ("less", limits.from_) if number < limits.from_ else ("more", limits.to)
            shown = f"{100 * limit:g}%" if self.metric.unit == "share" else f"{limit:.15g}"
            raise KeepwellError(
                f"{text} is {side} than {shown}, the {'least' if side == 'less' else 'most'} that "
                f"'{self.metric.label}' can be",
                expected=self.expected,
            )
        return number


def holds_fractions(texts: Iterable[str | None]) -> bool:
    """Whether a column holds bare fractions (0.72), and nothing that could only be a percentage
    without its sign (72)."""
    bare = [abs(float(t)) for t in texts if t is not None and re.fullmatch(PLAIN, t)]
    return any(0 < x < 1 for x in bare) and all(x <= MOST_FRACTION for x in bare)


def day(text: str) -> date:
    """A day written as 2026-03-14; a time after it is left. Raises KeepwellError."""
    match = _DAY.fullmatch(text.strip())
    try:
        if match:
            return date.fromisoformat(match[1])
    except ValueError:
        pass
    raise KeepwellError(
        f"'{_short(text)}' is not a day",
        expected="year, month and day: 2026-03-14",
    )


def _readings(text: str) -> list[str]:
    """The numbers that a text with separators may mean: '1,200' is 1200 or 1.2."""
    found: dict[str, None] = {}
    for style in _STYLES:
        if re.fullmatch(style.pattern, text):
            body = re.sub(r"\s", "", text).replace(style.thousands, "")
            found[plain(Decimal(body.replace(style.point, ".")))] = None
    return list(found)


def _words(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name.casefold()).strip()


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
