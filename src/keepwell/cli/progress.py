"""A bar on stderr while something long goes on; nothing where nobody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

from keepwell.cli.console import err, moving, watched

Days = Callable[[int, int, date], None]


@contextmanager
def over_days(title: str) -> Iterator[Days | None]:
    """A function to tell (done, total, day) to; None where stderr is no terminal."""
    if not watched():
        yield None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=err(),
        transient=True,
    )
    with bar, moving(bar.console):
        task = bar.add_task(title, total=None)

        def tell(done: int, total: int, day: date) -> None:
            bar.update(task, completed=done, total=total, description=f"{title} {day}")

        yield tell
