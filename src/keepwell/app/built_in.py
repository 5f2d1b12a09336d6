"""The built-in definitions, loaded once."""

from __future__ import annotations

from functools import cache

from keepwell import catalog
from keepwell.definitions.library import Library
from keepwell.definitions.loading import load
from keepwell.metrics.checks import check_rows


@cache
def built_in() -> Library:
    """The library of everything that comes with Keepwell."""
    return load(catalog.definitions())


def checked(library: Library) -> Library:
    """The library, after its row expressions were held against the canonical tables.

    Raises DefinitionErrors with all problems.
    """
    check_rows(library)
    return library
