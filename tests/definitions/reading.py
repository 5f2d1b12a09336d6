"""Short ways from definition texts to a library or to the lines of its problems."""

from __future__ import annotations

from textwrap import dedent

import pytest

from keepwell.definitions.library import Library
from keepwell.definitions.loading import load
from keepwell.kit.errors import DefinitionErrors, Problem


def library(text: str, built_in: Library | None = None) -> Library:
    """The library of one file, definitions.yaml."""
    return load([("definitions.yaml", dedent(text))], built_in)


def problems(text: str, built_in: Library | None = None) -> list[Problem]:
    """Every problem of one file; there is at least one."""
    with pytest.raises(DefinitionErrors) as caught:
        library(text, built_in)
    for problem in caught.value.problems:
        assert "\n" not in problem.text()
    assert len(str(caught.value).splitlines()) == len(caught.value.problems) + 1
    return list(caught.value.problems)


def lines(text: str, built_in: Library | None = None) -> list[str]:
    """The problems of one file as they are printed, without the file's name."""
    return [p.text().removeprefix("definitions.yaml:") for p in problems(text, built_in)]
