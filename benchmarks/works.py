"""What can be measured, by name; each in a process of its own, so that its memory is its own."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from benchmarks.figures import Figure


@dataclass(frozen=True)
class Work:
    """place: module and function, which takes a size and a folder for what it writes. sizes: those
    that it is measured with; none where it has no size. needs: the work that comes before it, since
    its figures are divided by those of the other, or it goes on with what the other has written."""

    name: str
    place: str
    sizes: tuple[str, ...]
    needs: str = ""

    def figures(self, size: str, scratch: Path) -> Iterator[Figure | str]:
        """Measure it in this process: figures, and remarks in words."""
        return self._function()(size, scratch)

    def about(self) -> str:
        """What it measures, in a sentence."""
        return " ".join((self._function().__doc__ or "").split())

    def _function(self) -> Callable[[str, Path], Iterator[Figure | str]]:
        module, _, function = self.place.partition(":")
        found: Callable[[str, Path], Iterator[Figure | str]] = getattr(
            import_module(f"benchmarks.{module}"), function
        )
        return found


_ALL = ("S", "M", "L")
WORKS: dict[str, Work] = {
    work.name: work
    for work in (
        Work("help", "starting:help_", ()),
        Work("import", "saasguard:importing", ()),
        Work("score", "saasguard:scoring", (), needs="import"),
        Work("command", "starting:score", (), needs="import"),
        Work("company", "nights:company", _ALL),
        Work("reference", "nights:reference", _ALL),
        Work("values", "nights:values", _ALL, needs="reference"),
        Work("night", "nights:night", _ALL, needs="reference"),
        Work("varied", "nights:varied", _ALL, needs="night"),
        Work("windows-by-hand", "windows:reference", _ALL),
        Work("windows", "windows:values", _ALL, needs="windows-by-hand"),
        Work("frameworks", "several:every_framework", _ALL),
        Work("backfill", "several:backfill", ("S", "M")),
        Work("churnsim", "churnsim:embedded", ()),
        Work("churnsim-postgres", "churnsim:postgres", ()),
        Work("postgres", "warehouses:postgres", ("S", "M"), needs="reference"),
        Work("spark", "warehouses:spark", ("S", "M"), needs="reference"),
        Work("history", "history_size:year", ("S", "M")),
        Work("years", "history_size:nights", ("S", "M")),
    )
}


def main(name: str, size: str, scratch: str, result: str) -> None:
    """Measure in this process; figures and remarks go to the file `result` as JSON."""
    found = list(WORKS[name].figures(size, Path(scratch)))
    told = [f if isinstance(f, str) else dataclasses.asdict(f) for f in found]
    Path(result).write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
