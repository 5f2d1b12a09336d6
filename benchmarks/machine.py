"""The machine in words, without its name, and the memory that a process took."""

from __future__ import annotations

import os
import platform
import resource
import sys
from importlib.metadata import version


def described() -> str:
    """Cores, memory, kind of system, and the versions of what the figures depend on."""
    gibibytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(
        f"{name} {version(package)}"
        for name, package in (("DuckDB", "duckdb"), ("Ibis", "ibis-framework"))
    )
    return (
        f"{cores()} cores, {gibibytes:.0f} GiB of memory, {platform.system()}"
        f" ({platform.machine()}), Python {platform.python_version()}, {versions}"
    )


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def peak_memory() -> int:
    """The most memory that this process held so far, in bytes."""
    return bytes_of(resource.getrusage(resource.RUSAGE_SELF))


def bytes_of(usage: resource.struct_rusage) -> int:
    """The peak memory that a system tells in its own unit."""
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
