"""Figures as the lines of one table for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.figures import GB, MB, Figure

HEADS = (
    "what",
    "size",
    "seconds",
    "of cores",
    "memory",
    "read",
    "on disk",
    "ratio",
    "of",
    "to reach",
)
TEXTS = ("what", "size", "of", "to reach")


@dataclass(frozen=True)
class Line:
    """A figure with its size, and its ratio to the figure that it names, where that is known."""

    size: str
    figure: Figure
    ratio: float | None

    def measured(self) -> Mapping[str, float | None]:
        """What was measured, by the words of Figure.reach."""
        figure = self.figure
        return {
            "seconds": figure.seconds,
            "memory": figure.memory,
            "disk": figure.disk,
            "ratio": self.ratio,
        }

    def missed(self) -> list[str]:
        """The words of what is above its limit."""
        measured = self.measured()
        return [
            word
            for word, limit in self.figure.reach.items()
            if (found := measured[word]) is not None and found > limit
        ]

    def cells(self) -> tuple[str, ...]:
        """The texts under HEADS."""
        figure = self.figure
        return (
            figure.what,
            self.size,
            seconds(figure.seconds),
            seconds(figure.cpu),
            size(figure.memory),
            size(figure.read),
            size(figure.disk),
            "" if self.ratio is None else f"{self.ratio:.2f}×",
            "" if self.ratio is None else str(figure.against),
            self._limits(),
        )

    def _limits(self) -> str:
        missed = self.missed()
        return ", ".join(
            f"{limit_text(word, limit)}{' (missed)' if word in missed else ''}"
            for word, limit in self.figure.reach.items()
        )


def lines(found: Sequence[tuple[str, Figure]]) -> list[Line]:
    """The figures, each with its size, with their ratios to one another."""
    by_name = {(of, f.what): f.seconds for of, f in found}
    made = []
    for of, figure in found:
        base = by_name.get((of, figure.against)) if figure.against else None
        ratio = figure.seconds / base if figure.seconds is not None and base else None
        made.append(Line(of, figure, ratio))
    return made


def rendered(found: Sequence[Line]) -> str:
    """The table as text; numbers stand right. Columns in which nothing stands are left out."""
    rows = [HEADS, *(line.cells() for line in found)]
    columns = [c for c in zip(*rows, strict=True) if any(c[1:])]
    made = []
    for column in columns:
        width = max(map(len, column))
        is_text = column[0] in TEXTS
        made.append([cell.ljust(width) if is_text else cell.rjust(width) for cell in column])
    made_rows = ["  ".join(cells).rstrip() for cells in zip(*made, strict=True)]
    made_rows.insert(1, "─" * max(map(len, made_rows)))
    return "\n".join(made_rows)


def limit_text(word: str, limit: float) -> str:
    """A limit as it is said, such as 5 s, 1 GB, 0.8×."""
    if word in ("memory", "disk"):
        return f"{limit / GB:g} GB"
    return f"{limit:g}" + ("×" if word == "ratio" else " s")


def seconds(value: float | None) -> str:
    """Seconds with three digits that count."""
    if value is None:
        return ""
    return f"{value:.3f} s" if value < 1 else f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def size(value: float | None) -> str:
    """Bytes in the unit that fits, in thousands."""
    if value is None:
        return ""
    if value >= GB:
        return f"{value / GB:.2f} GB"
    return f"{value / MB:.0f} MB" if value >= 10 * MB else f"{value / MB:.1f} MB"
