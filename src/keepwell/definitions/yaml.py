"""YAML read safely, with the position of every field, so that an error can name file and line.

Accepted is the plain part of YAML: mappings, lists and scalars. Anchors, aliases and tags are
refused: definitions are extended by name, and a few nested aliases could fill the memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import yaml

from keepwell.kit.errors import DefinitionErrors, Problem

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times faster
MOST_CHARACTERS = 2_000_000
DEEPEST = 40

FieldPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Position:
    """Where a field stands: file, and line and column from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True)
class Document:
    """Plain values, and the position of each of them by its path.

    above: the path in the file under which this part of it stands. base: what it extends.
    """

    value: Any
    positions: Mapping[FieldPath, Position]
    file: str
    above: FieldPath = ()
    base: Document | None = field(default=None, repr=False)

    def position(self, path: FieldPath) -> Position:
        """The position of that field, or of the nearest one around it."""
        for length in range(len(path), -1, -1):
            found = self.positions.get(path[:length])
            if found:
                return found
        return Position(self.file, 1, 1)

    def problem(
        self,
        path: FieldPath,
        message: str,
        expected: str | None = None,
        nearest: str | None = None,
    ) -> Problem:
        """A problem with the field of that path."""
        at = self.position(path)
        name = ".".join(str(p) for p in (*self.above, *path)) or "file"
        return Problem(at.file, at.line, at.column, name, message, expected, nearest)

    def at(self, *path: str | int) -> Document:
        """The part below that path, with its positions."""
        value = self.value
        for part in path:
            value = value[part]
        inside = {p[len(path) :]: at for p, at in self.positions.items() if p[: len(path)] == path}
        return Document(value, inside, self.position(path).file, (*self.above, *path))


@dataclass
class _Builder:
    file: str
    positions: dict[FieldPath, Position] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def mark(self, path: FieldPath, mark: yaml.Mark) -> None:
        self.positions[path] = Position(self.file, mark.line + 1, mark.column + 1)

    def complain(self, path: FieldPath, mark: yaml.Mark, message: str, expected: str) -> None:
        name = ".".join(str(p) for p in path) or "file"
        line, column = mark.line + 1, mark.column + 1
        self.problems.append(Problem(self.file, line, column, name, message, expected))

    def build(self, node: yaml.Node, path: FieldPath) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            items = []
            for i, child in enumerate(node.value):
                self.mark((*path, i), child.start_mark)
                items.append(self.build(child, (*path, i)))
            return items
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: FieldPath) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.complain(path, key_node.start_mark, "a key that is not a word", "a plain key")
                continue
            key = self._scalar(key_node, path)
            key = key if isinstance(key, str) else key_node.value
            if key in result:
                self.complain(
                    (*path, key), key_node.start_mark, "this key stands twice", "each key once"
                )
                continue
            self.mark((*path, key), key_node.start_mark)
            result[key] = self.build(value_node, (*path, key))
        return result

    def _scalar(self, node: yaml.Node, path: FieldPath) -> Any:
        text: str = node.value
        kind = node.tag.rpartition(":")[2]
        if kind == "null":
            return None
        if kind == "bool" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if kind == "int":
            try:
                return int(text.replace("_", ""), 10)
            except ValueError:
                return text
        if kind == "float":
            number = _float(text)
            if number is None:
                self.complain(path, node.start_mark, f"{text!r} is not a number", "a finite number")
            return number
        if kind == "timestamp":
            try:
                return date.fromisoformat(text)
            except ValueError:
                return text
        return text


def _float(text: str) -> float | None:
    try:
        number = float(text.replace("_", ""))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def parse(text: str, file: str) -> Document:
    """Read one YAML document. Raises DefinitionErrors with every problem of the text."""
    document, problems = read(text, file)
    if problems:
        raise DefinitionErrors(problems)
    return document


def read(text: str, file: str) -> tuple[Document, list[Problem]]:
    """One YAML document with its slips, such as keys that stand twice, of which the first counts.

    Raises DefinitionErrors for what cannot be read at all.
    """
    if len(text) > MOST_CHARACTERS:
        raise DefinitionErrors(
            [Problem(file, 1, 1, "file", f"{len(text):,} characters", "at most 2,000,000")]
        )
    try:
        _refuse_extras(text, file)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = f"this is not YAML: {error.problem or error}"
        raise DefinitionErrors([Problem(file, line, column, "file", message)]) from None
    except yaml.YAMLError as error:
        message = f"this is not YAML: {str(error).splitlines()[0]}"
        raise DefinitionErrors([Problem(file, 1, 1, "file", message)]) from None
    builder = _Builder(file)
    value = builder.build(node, ()) if node is not None else None
    return Document(value, builder.positions, file), builder.problems


def _refuse_extras(text: str, file: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            message, expected = "anchors and aliases are not used here", "the value itself"
        elif tag := getattr(event, "tag", None):
            message, expected = f"the tag {tag!r} is not used here", "a plain value"
        elif isinstance(event, yaml.CollectionStartEvent) and (depth := depth + 1) > DEEPEST:
            message, expected = "too deeply nested", f"at most {DEEPEST} levels"
        else:
            if isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            continue
        mark = event.start_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise DefinitionErrors([Problem(file, line, column, "file", message, expected)])


def merge(base: Document, over: Document, whole: frozenset[str] = frozenset()) -> Document:
    """`base` with the fields of `over` laid on it: mappings merge, null removes, the rest replaces.

    The fields named in `whole` are replaced although they are mappings. Positions are those of the
    file where a field was last said.
    """
    positions: dict[FieldPath, Position] = {
        **base.positions,
        **over.positions,
    }
    return Document(_merged(base.value, over.value, whole), positions, over.file, over.above, base)


def _merged(base: Any, over: Any, whole: frozenset[str], inside: str = "") -> Any:
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    result = dict(base)
    for key, value in over.items():
        if value is None:
            result.pop(key, None)
        elif key in whole and inside != "components":  # a component may be called like that
            result[key] = value
        else:
            result[key] = _merged(result.get(key), value, whole, key)
    return result


def walk(value: Any, path: FieldPath = ()) -> Iterator[tuple[FieldPath, Any]]:
    """Every value of a tree with its path, parents first."""
    yield path, value
    if isinstance(value, dict):
        for key, child in value.items():
            yield from walk(child, (*path, key))
    elif isinstance(value, list):
        for i, child in enumerate(value):
            yield from walk(child, (*path, i))
