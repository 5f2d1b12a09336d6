"""Definition files to a Library: read, extend, check; all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from keepwell.definitions import rules
from keepwell.definitions.bands import Ramp
from keepwell.definitions.expressions import can_be_named
from keepwell.definitions.library import SCORE_NAMES, Library
from keepwell.definitions.metric import Metric, Range
from keepwell.definitions.scorecard import (
    UNMEASURED,
    Action,
    AddPoints,
    Adjustment,
    Component,
    Measure,
    Scorecard,
    Target,
    Tier,
)
from keepwell.definitions.segment import Peers, Segment, Segmentation
from keepwell.definitions.settings import Places, Settings, SourceSettings, WarehouseTables
from keepwell.definitions.values import KEY, Model
from keepwell.definitions.yaml import Document, FieldPath, merge, parse, read
from keepwell.kit.errors import DefinitionErrors, KeepwellError, Problem, nearest

# What stands under these is one thing: extended, it is replaced as a whole.
WHOLE = frozenset({"bands", "choices", "missing", "add_points", "assessed", "allowed"})
FOLDERS = ("metrics", "scorecards", "segments")
M = TypeVar("M", bound=Model)

# A field name in an error's path -> the model whose fields are allowed below it.
_BELOW: dict[str, type[Model]] = {
    "components": Component, "by": Measure, "tiers": Tier, "component_tiers": Tier,
    "ranges": Ramp, "adjustments": Adjustment, "add_points": AddPoints, "actions": Action,
    "printed_targets": Target, "segments": Segment, "assessed": Range, "allowed": Range,
    "places": Places, "warehouse": WarehouseTables, "sources": SourceSettings, "peers": Peers,
}  # fmt: skip


@dataclass
class _Reading:
    """What has been read so far, with everything that is wrong."""

    built_in: Library
    problems: list[Problem] = field(default_factory=list)
    documents: dict[tuple[str, str], Document] = field(default_factory=dict)

    def add(self, document: Document, kind: str, key: str, at: FieldPath) -> None:
        if (kind, key) in self.documents:
            first = self.documents[kind, key]
            place = first.position(())
            self.problems.append(
                document.problem(at, f"the {kind} '{key}' is defined twice",
                                 f"one definition; the other is in {place.file}:{place.line}")
            )  # fmt: skip
            return
        self.documents[kind, key] = document.at(*at) if at else document


Further = Callable[[Library, Iterable[tuple[str, str]]], Iterable[Problem]]


def load(
    files: Iterable[tuple[str, str]],
    built_in: Library | None = None,
    further: Further | None = None,
) -> Library:
    """Read definition files given as (name, text), on top of the built-in ones.

    further: more rules, from rooms that know more than the language: they are given the library
    and the (kind, key) of what was read. Raises DefinitionErrors with every problem of every file.
    """
    reading = _Reading(built_in or Library())
    for name, text in files:
        try:
            document, problems = read(text, name)
            reading.problems.extend(problems)
            _file(document, reading)
        except DefinitionErrors as error:
            reading.problems.extend(error.problems)
    metrics = _models(reading, "metric", Metric)
    scorecards = _models(reading, "scorecard", Scorecard)
    segmentations = _models(reading, "segmentation", Segmentation)
    segments = _models(reading, "segment", Segment)
    base = reading.built_in
    library = Library(
        {**base.metrics, **metrics},
        {**base.scorecards, **scorecards},
        {**base.segmentations, **segmentations},
        {**base.segments, **segments},
        {**base.documents, **reading.documents},
    )
    reading.problems.extend(rules.check(library, set(reading.documents)))
    for (kind, key), document in reading.documents.items():
        if kind == "scorecard" and key not in scorecards:
            reading.problems.extend(rules.metrics_named_in(document, library))
    if further is not None:
        reading.problems.extend(further(library, list(reading.documents)))
    if reading.problems:
        raise DefinitionErrors(list(dict.fromkeys(reading.problems)))
    return library


def _file(document: Document, reading: _Reading) -> None:
    value = document.value
    if value is None:
        return
    if not isinstance(value, dict):
        reading.problems.append(document.problem((), "the file is not a mapping", "key: value"))
    elif "scorecard" in value:
        reading.add(document, "scorecard", str(value["scorecard"]), ())
    elif "segmentation" in value:
        reading.add(document, "segmentation", str(value["segmentation"]), ())
    else:
        for section, kind in (("metrics", "metric"), ("segments", "segment")):
            for key in _mapping(document, section, reading):
                if not KEY.match(str(key)):
                    reading.problems.append(
                        document.problem((section, key), f"{key!r} is not a key",
                                         "small letters, digits and _: my_metric")
                    )  # fmt: skip
                    continue
                if kind == "metric" and (key in SCORE_NAMES or not can_be_named(key)):
                    reading.problems.append(
                        document.problem((section, key), f"'{key}' means something else",
                                         "a key that is no word of the expression language")
                    )  # fmt: skip
                    continue
                reading.add(document, kind, str(key), (section, key))
        for key in value:
            if key not in ("metrics", "segments"):
                known = ("metrics", "segments", "scorecard", "segmentation")
                reading.problems.append(
                    document.problem((key,), "unknown field", "one of " + ", ".join(known),
                                     nearest(str(key), known))
                )  # fmt: skip


def _mapping(document: Document, section: str, reading: _Reading) -> dict[Any, Any]:
    inside = document.value.get(section, {})
    if inside is None or isinstance(inside, dict):
        return inside or {}
    reading.problems.append(document.problem((section,), "is not a mapping", "key: definition"))
    return {}


def _models(reading: _Reading, kind: str, model: type[M]) -> dict[str, M]:
    found: dict[str, M] = {}
    for (its_kind, key), document in list(reading.documents.items()):
        if its_kind != kind:
            continue
        try:
            extended = _extended(reading, kind, key, document, ())
            reading.documents[kind, key] = extended
            found[key] = validate(model, extended)
        except DefinitionErrors as error:
            reading.problems.extend(error.problems)
    return found


def _extended(
    reading: _Reading, kind: str, key: str, document: Document, above: tuple[str, ...]
) -> Document:
    value = document.value
    if not isinstance(value, dict) or "extends" not in value:
        return document
    name = str(value["extends"])
    own = reading.documents.get((kind, name)) if name != key else None
    base = own or reading.built_in.documents.get((kind, name))
    if base is None or (own is not None and name in above):
        known = [k for its, k in (*reading.documents, *reading.built_in.documents) if its == kind]
        message = f"no {kind} is called '{name}'" if base is None else "extends itself"
        raise DefinitionErrors(
            [document.problem(("extends",), message, f"a {kind}", nearest(name, known))]
        )
    base = _extended(reading, kind, name, base, (*above, name))
    rest = {k: v for k, v in value.items() if k != "extends"}
    return merge(base, replace(document, value=rest), WHOLE)


def validate(model: type[M], document: Document) -> M:
    """A model of a document. Raises DefinitionErrors with file, line and column of each problem."""
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        found = [(e, _place(document, e)) for e in error.errors()]
        raise DefinitionErrors(
            [_problem(model, document, e, at) for e, at in found if not _is_noise(e, at, found)]
        ) from None


# Where a field may be written in two ways, the way that was not meant complains of its shape only.
_SHAPES = frozenset({"list_type", "dict_type", "model_type", "literal_error"})
Found = list[tuple[ErrorDetails, FieldPath]]


def _is_noise(error: ErrorDetails, at: FieldPath, found: Found) -> bool:
    return error["type"] in _SHAPES and any(
        other["type"] not in _SHAPES and place[: len(at)] == at for other, place in found
    )


def _place(document: Document, error: ErrorDetails) -> FieldPath:
    """The path of an error in the file."""
    path: FieldPath = ()
    inside: Any = document.value
    for part in error["loc"]:
        # Names of union members stand in pydantic's path but not in the file.
        is_there = part in inside if isinstance(inside, dict) else _is_item(part, inside)
        if is_there:
            path, inside = (*path, part), inside[part]
    return path


def _is_item(part: int | str, inside: Any) -> bool:
    return isinstance(inside, list) and isinstance(part, int) and part < len(inside)


def _problem(
    model: type[Model], document: Document, error: ErrorDetails, path: FieldPath
) -> Problem:
    if error["type"] == "missing":
        missing = error["loc"][-1]
        if isinstance(missing, int):
            return document.problem(path, f"has no part {missing + 1}")
        return document.problem(path, f"the field '{missing}' is missing")
    if error["type"] == "extra_forbidden":
        known = _fields(model, path[:-1])
        return document.problem(
            path, "unknown field", "one of " + ", ".join(known), nearest(str(path[-1]), known)
        )
    if error["type"] in ("model_type", "dict_type"):
        return document.problem(path, "is not a mapping", "key: value")
    message = error["msg"].removeprefix("Value error, ")
    if message.startswith("Input should be "):
        shown = str(error["input"])
        shown = repr(shown if len(shown) <= 40 else shown[:37] + "...")
        message = f"{shown} does not fit; expected {message.removeprefix('Input should be ')}"
    if message == UNMEASURED and (slip := _slip(document, path)):
        return slip
    message, _, expected = message.partition("; expected ")
    expected, _, hint = expected.partition("; did you mean ")
    near = hint.split("'")[1] if hint else None
    return document.problem(path, message[:1].lower() + message[1:], expected or None, near)


def _slip(document: Document, path: FieldPath) -> Problem | None:
    """What is wrong with a component that was to change one of the extended scorecard, and is not
    called as that is: itself or one around it. None where it is another thing."""
    if document.base is None:
        return None
    at: FieldPath = ()
    known = document.base.value
    for part in path:
        at = (*at, part)
        if part not in known:
            break
        known = known[part]
    else:
        return None
    if at[-2:-1] != ("components",):
        return None
    message = f"'{document.base.value['scorecard']}' has no such component to change"
    expected = f"one of {', '.join(known)}, or a component with a metric of its own"
    return document.problem(at, message, expected, nearest(str(at[-1]), known))


def _fields(model: type[Model], path: FieldPath) -> list[str]:
    found = model
    for part in path:
        found = _BELOW.get(str(part), found)
    return [f.alias or name for name, f in found.model_fields.items()]


def read_folder(folder: Path) -> list[tuple[str, str]]:
    """Every definition file of a project as (name relative to the folder, text)."""
    files: list[tuple[str, str]] = []
    for name in FOLDERS:
        paths = sorted((folder / name).rglob("*.y*ml"))
        files.extend((path.relative_to(folder).as_posix(), read_text(path)) for path in paths)
    return files


def read_text(path: Path) -> str:
    """The text of a definition file. Raises KeepwellError where it is no UTF-8 or unreadable."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise KeepwellError(
            f"byte {error.start} is not UTF-8", where=str(path), todo="save the file as UTF-8"
        ) from None
    except OSError as error:
        raise KeepwellError(f"cannot be read: {error.strerror}", where=str(path)) from None


def load_settings(folder: Path) -> tuple[Settings, Document]:
    """keepwell.yaml of a project folder. Raises KeepwellError where there is none."""
    path = folder / "keepwell.yaml"
    if not path.exists():
        raise KeepwellError(
            f"there is no keepwell.yaml in {folder}",
            expected="a project folder",
            todo="go to your project, name it with --project DIR, or make one: keepwell init DIR",
        )
    document = parse(read_text(path), "keepwell.yaml")
    if not isinstance(document.value, dict):
        raise DefinitionErrors([document.problem((), "the file is empty", "name, scorecards")])
    return validate(Settings, document), document


def load_project(
    folder: Path, built_in: Library, further: Further | None = None
) -> tuple[Settings, Library]:
    """Settings and definitions of a project folder, all problems of all files at once."""
    problems: list[Problem] = []

    def collect(work: Callable[[], Any]) -> Any:
        try:
            return work()
        except DefinitionErrors as error:
            problems.extend(error.problems)
            return None

    found = collect(lambda: load_settings(folder))
    library = collect(lambda: load(read_folder(folder), built_in, further))
    if found and library:
        settings, document = found
        problems.extend(rules.check_settings(settings, document, library))
    if problems:
        raise DefinitionErrors(problems)
    settings, _ = found
    return settings, library
