"""Errors written for the person who reads them: what, where, what was expected, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


class KeepwellError(Exception):
    """A problem that the user can mend. The command line prints it without a stack trace."""

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        todo: str | None = None,
    ) -> None:
        self.what = what
        self.where = where
        self.expected = expected
        self.todo = todo
        super().__init__(self.text())

    def text(self) -> str:
        """The whole message: one line for each of what, expected and todo."""
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.todo:
            lines.append(f"  to do: {self.todo}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a definition file. Lines and columns count from 1."""

    file: str
    line: int
    column: int
    field: str
    message: str
    expected: str | None = None
    nearest: str | None = None

    def text(self) -> str:
        parts = [f"{self.file}:{self.line}:{self.column}: {self.field}: {self.message}"]
        if self.expected:
            parts.append(f"expected {self.expected}")
        if self.nearest:
            parts.append(f"did you mean '{self.nearest}'?")
        return "; ".join(parts)


class DefinitionErrors(KeepwellError):
    """All problems of a project's definitions at once, in the order of files and lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.line, p.column, p.field)))
        count = len(self.problems)
        head = f"{count} problem{'s' if count != 1 else ''} in the definitions"
        super().__init__("\n".join([head, *("  " + p.text() for p in self.problems)]))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or None where nothing comes near."""
    found = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence for `todo`: the nearest known names, or all of them where they are few."""
    names = sorted(set(known))
    close = get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(f"'{c}'" for c in close) + "?"
    if len(names) <= 12:
        return "known are: " + ", ".join(names) if names else "none is known yet"
    return f"{len(names)} names are known, none is like it"
