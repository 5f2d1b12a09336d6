"""Keepwell: explained, tested customer health scores, as code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Project", "Table", "__version__", "open", "sheet", "suggest"]

if TYPE_CHECKING:
    from keepwell.app.project import Project, open, sheet, suggest
    from keepwell.app.table import Table


def __getattr__(name: str) -> Any:
    """Load the Python API on first use, so that `keepwell --help` need not import an engine."""
    if name in ("Project", "open", "sheet", "suggest"):
        from keepwell.app import project

        return getattr(project, name)
    if name == "Table":
        from keepwell.app.table import Table

        return Table
    raise AttributeError(f"module 'keepwell' has no attribute {name!r}")
