"""Measures Keepwell on this machine and prints one table.

python -m benchmarks              sizes S and M
python -m benchmarks S            S alone; L on demand only
python -m benchmarks --only night
python -m benchmarks --list
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.company import REPOSITORY, SIZES
from benchmarks.figures import Figure
from benchmarks.machine import described
from benchmarks.table import lines, rendered
from benchmarks.works import WORKS, Work


@dataclass(frozen=True)
class Run:
    """What came of a work: figures, and remarks in words."""

    figures: list[Figure]
    remarks: list[str]
    failed: bool = False


def main(arguments: Sequence[str]) -> int:
    """Measure and print; 1 where anything failed, else 0."""
    options = _parsed(arguments)
    if options.list:
        width = max(map(len, WORKS))
        for work in WORKS.values():
            print(f"{work.name.ljust(width)}  {' '.join(work.sizes):7}  {work.about()}")
        return 0
    print(described())
    found: list[tuple[str, Figure]] = []
    remarks: list[str] = []
    failed = False
    with tempfile.TemporaryDirectory(prefix="keepwell-bench-") as scratch:
        for work, size in _chosen(options.only, options.sizes or ["S", "M"]):
            print(f"measuring {work.name} {size}".rstrip(), "…", file=sys.stderr)
            run = measured(work, size, Path(scratch))
            found += [(size, figure) for figure in run.figures]
            remarks += [f"{work.name} {size}".rstrip() + f": {text}" for text in run.remarks]
            failed = failed or run.failed
    print()
    if found:
        print(rendered(lines(found)))
        print()
    for remark in remarks:
        print(remark)
    return int(failed)


def measured(work: Work, size: str, scratch: Path) -> Run:
    """Measure in a process of its own, whose peak memory is then that of the work."""
    result = scratch / "result.json"
    result.unlink(missing_ok=True)
    # The peak of a process begins with that of the one that started it, which therefore is small:
    # it imports neither Keepwell nor an engine.
    command = [sys.executable, "-m", "benchmarks.works", work.name, size, str(scratch), str(result)]
    kept = scratch / f"kept by {work.name} {size}"
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env={**os.environ, "KEEPWELL_CACHE": str(kept)},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode or not result.exists():
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Run([], [f"failed: {last}"], failed=True)
    told = json.loads(result.read_text(encoding="utf-8"))
    remarks = [t for t in told if isinstance(t, str)]
    return Run([Figure(**t) for t in told if not isinstance(t, str)], remarks)


def _chosen(only: Sequence[str] | None, sizes: Sequence[str]) -> Iterator[tuple[Work, str]]:
    """The works and their sizes, with those by whose figures others are divided."""
    names = list(only or WORKS)
    wanted = set(names)
    while names:
        needed = WORKS[names.pop()].needs
        if needed and needed not in wanted:
            wanted.add(needed)
            names.append(needed)
    for work in WORKS.values():
        if work.name in wanted:
            for size in [s for s in SIZES if s in sizes and s in work.sizes] or [""]:
                if size or not work.sizes:
                    yield work, size


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measures Keepwell on this machine."
    )
    parser.add_argument("sizes", nargs="*", metavar="SIZE", help="S, M or L; default: S and M")
    parser.add_argument("--only", action="append", choices=list(WORKS), metavar="NAME",
                        help="this alone, and what it is divided by; may be repeated")  # fmt: skip
    parser.add_argument("--list", action="store_true", help="say what can be measured")
    options = parser.parse_args(arguments)
    for unknown in set(options.sizes) - set(SIZES):
        parser.error(f"there is no size {unknown}; expected {', '.join(SIZES)}")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
