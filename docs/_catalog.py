"""Reference pages made from the catalogue: the metrics, and what they share with the frameworks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import PurePosixPath

from _markdown import block, cell, code, details, page, table
from _yamltext import Comment, as_markdown, comments, own_lines

from keepwell.catalog import definitions
from keepwell.definitions.library import Library, context_metrics
from keepwell.definitions.loading import load
from keepwell.definitions.metric import Metric, Range
from keepwell.definitions.scorecard import Action
from keepwell.definitions.segment import Segment, Segmentation
from keepwell.definitions.yaml import parse

MEANING_OF_NO_ROWS = {
    "zero": "No rows inside what the source covers are a zero.",
    "unknown": "No rows are unknown, not zero.",
    "since_start": "No rows count from the beginning of what the source covers.",
}


@cache
def library() -> Library:
    """All built-in definitions."""
    return load(definitions())


@cache
def texts() -> dict[str, str]:
    """The text of each built-in definition file by its name."""
    return dict(definitions())


def file_of(kind: str, key: str) -> str:
    """The name of the file in which a definition stands."""
    return library().documents[kind, key].position(()).file


@cache
def comments_of(file: str) -> tuple[Comment, ...]:
    """Every comment of a built-in file in its order."""
    return tuple(comments(texts()[file], parse(texts()[file], file)))


def in_words(action: Action) -> str:
    """What to do, and within which time if that is said."""
    return f"{action.do} ({action.within})" if action.within else action.do


def metrics_page() -> str:
    """Every built-in metric by topic: what it is, how it is defined, and who reads it."""
    by_file: dict[str, list[str]] = defaultdict(list)
    for key in library().metrics:
        by_file[file_of("metric", key)].append(key)
    readers = _readers()
    return page(
        "# Metrics",
        f"The {len(library().metrics)} built-in metrics, by topic. Each can be computed from facts,"
        " or supplied by a column of a spreadsheet that carries its key or its label. A project may"
        " replace or extend each of them by its key.",
        "A remark such as “U04 (A, E)” in a definition names an input that the frameworks ask for,"
        " and which of them do. The letter of an input is its topic: U usage, S support, G contact,"
        " V satisfaction, O outcomes, R relationship, A advocacy, F money, C lifecycle. The letters"
        " in brackets are [the frameworks](frameworks/index.md): A leading indicators, B value"
        " realisation, C enterprise, D portfolio 360, E plan-tiered. *Ours* marks what Keepwell had"
        " to choose.",
        *(_topic(file, keys, readers) for file, keys in sorted(by_file.items())),
    )


def _readers() -> dict[str, list[str]]:
    """The scorecards that judge a metric or name it in a condition."""
    found: dict[str, list[str]] = defaultdict(list)
    for key, scorecard in library().scorecards.items():
        for metric in dict.fromkeys([*scorecard.metrics(), *context_metrics(scorecard, library())]):
            found[metric].append(key)
    return found


def _topic(file: str, keys: list[str], readers: dict[str, list[str]]) -> str:
    head = [as_markdown(c.text) for c in comments_of(file) if c.path == ()]
    title = PurePosixPath(file).stem.replace("_", " ").capitalize()
    return page(f"## {title}", *head, *(_metric(key, file, readers[key]) for key in keys))


def _metric(key: str, file: str, readers: list[str]) -> str:
    metric = library().metrics[key]
    line = library().documents["metric", key].position(()).line
    before = [c.text for c in comments_of(file) if c.path == ("metrics", key)]
    return page(
        f"### {key}",
        f"**{cell(metric.label)}.** {cell(metric.description)}",
        " ".join(_properties(metric)),
        "Judged or named by " + ", ".join(map(code, readers)) + "." if readers else "",
        details("Definition", *before, block(own_lines(texts()[file], line), "yaml")),
    )


def _properties(metric: Metric) -> Iterator[str]:
    if metric.unit:
        yield f"Unit: {cell(metric.unit)}."
    if metric.good:
        yield f"{metric.good.capitalize()} is good."
    if metric.is_aggregate:
        yield MEANING_OF_NO_ROWS[metric.no_rows]
    if metric.kind == "assessed":
        yield f"A person's rating, which holds {metric.given_days} days."
    allowed = metric.assessed or metric.allowed
    if isinstance(allowed, Range):
        yield f"From {allowed.from_:g} to {allowed.to:g}."
    elif allowed:
        yield "One of " + ", ".join(map(code, allowed)) + "."
    if metric.example is not None:
        yield f"Example: {code(metric.example)}."


def segments_page() -> str:
    """Every built-in segmentation with its segments in order."""
    return page(
        "# Segments",
        "Built-in groups of accounts. In a segmentation an account belongs to the first segment"
        " whose condition is true; a condition that is unknown takes nobody. Remarks call"
        " [the frameworks](frameworks/index.md) by letters.",
        *map(_segmentation, library().segmentations.values()),
        "## Segments that stand alone" if library().segments else "",
        "An account is in each of them or not.",
        _segments(library().segments),
        *(details("Definition", block(texts()[f], "yaml")) for f in _files("segment")),
    )


def _files(kind: str) -> list[str]:
    """The files that hold definitions of a kind, each once."""
    found = (file_of(kind, key) for its, key in library().documents if its == kind)
    return list(dict.fromkeys(found))


def _segmentation(segmentation: Segmentation) -> str:
    file = file_of("segmentation", segmentation.segmentation)
    return page(
        f"## {segmentation.label}",
        f"Key: {code(segmentation.segmentation)}. {cell(segmentation.description)}",
        _segments(segmentation.segments),
        details("Definition", block(texts()[file], "yaml")),
    )


def _segments(segments: Mapping[str, Segment]) -> str:
    return table(
        ("segment", "key", "when", "meaning", "what to do"),
        (
            (
                cell(segment.label),
                code(key),
                code(segment.when.text) if segment.when else "all others",
                cell(segment.description),
                "<br>".join(cell(in_words(action)) for action in segment.actions),
            )
            for key, segment in segments.items()
        ),
    )
