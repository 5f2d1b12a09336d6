"""A mapping: how somebody's files become canonical tables. A small YAML, checked on loading."""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from keepwell.definitions import yaml
from keepwell.definitions.values import Model
from keepwell.definitions.yaml import Document, FieldPath
from keepwell.ingest.checks import problems_of
from keepwell.ingest.grammar import FieldRule, FileRule, Mapping, Origin, TableRule, Unpivot
from keepwell.kit.errors import DefinitionErrors, KeepwellError, Problem, nearest


@dataclass(frozen=True)
class Loaded:
    """A checked mapping and where its parts stand."""

    mapping: Mapping
    document: Document

    @property
    def file(self) -> str:
        return self.document.file

    def problem(
        self, path: FieldPath, message: str, expected: str | None = None, near: str | None = None
    ) -> Problem:
        """A problem with a part of the mapping, with its position."""
        return self.document.problem(path, message, expected, near)


def load(path: str | Path) -> Loaded:
    """Read and check a mapping file. Raises KeepwellError, or DefinitionErrors with all problems,
    each with line and column."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise KeepwellError(
            f"the mapping is not UTF-8: {error.reason} at byte {error.start}", where=str(path)
        ) from None
    except OSError as error:
        raise KeepwellError(
            f"the mapping cannot be read: {error.strerror}", where=str(path)
        ) from None
    return loads(text, str(path))


def loads(text: str, file: str = "mapping") -> Loaded:
    """The same from text; `file` is named in problems."""
    return from_document(yaml.parse(text, file))


def from_document(document: Document) -> Loaded:
    """The same from parsed YAML."""
    if not isinstance(document.value, dict):
        raise DefinitionErrors([document.problem((), "is no mapping", "source: and tables:")])
    try:
        mapping = Mapping.model_validate(document.value)
    except ValidationError as error:
        raise DefinitionErrors([_problem(document, e) for e in error.errors()]) from None
    if problems := list(problems_of(mapping, document)):
        raise DefinitionErrors(problems)
    return Loaded(mapping, document)


def _problem(document: Document, error: AbstractMapping[str, Any]) -> Problem:
    path: FieldPath = tuple(error["loc"])
    kind = error["type"]
    if kind == "extra_forbidden":
        known = _known_fields(path[:-1])
        return document.problem(
            path, "is not known here", "one of " + ", ".join(known), nearest(str(path[-1]), known)
        )
    if kind == "missing":
        return document.problem(path, "is missing")
    return document.problem(path, str(error["msg"]).removeprefix("Value error, "))


def _known_fields(path: FieldPath) -> list[str]:
    model: type[Model] = Mapping
    if path[:1] == ("files",) and len(path) == 2:
        model = FileRule
    elif path[:1] == ("tables",) and len(path) == 2:
        model = TableRule
    elif path[-1:] == ("unpivot",):
        model = Unpivot
    elif path[-1:] in (("else",), ("default",)):
        model = Origin
    elif path:
        model = FieldRule
    return [f.alias or name for name, f in model.model_fields.items()]
