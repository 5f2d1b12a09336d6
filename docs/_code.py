"""Reference pages made from the code: the command line, the Python API, the canonical tables."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cached_property
from types import FunctionType

import click
from _markdown import block, cell, code, page, table

import keepwell
from keepwell.app.explaining import Explained
from keepwell.app.quality import Status
from keepwell.app.sheet import ScoredAccount, SheetResult
from keepwell.app.simulating import Simulation
from keepwell.cli.main import cli
from keepwell.cycle.night import Outcome
from keepwell.facts.model import Column, Table
from keepwell.facts.quality import Feed, Rejects
from keepwell.facts.schema import PROVENANCE, TABLES
from keepwell.history import History, Snapshot
from keepwell.ingest.report import ImportReport, TableReport
from keepwell.scoring.change import Change, Part
from keepwell.scoring.explain import Explanation, Line, Term
from keepwell.scoring.levers import Lever, WayUp
from keepwell.segments.peers import Standing

# The mark that keeps click from wrapping a paragraph of a help text.
AS_WRITTEN = "\b"

RESULTS: tuple[type, ...] = (
    Outcome, ImportReport, TableReport, Explained, Explanation, Line, Term, Change, Part, WayUp,
    Lever, Standing, Simulation, Status, Feed, Rejects, SheetResult, ScoredAccount,
)  # fmt: skip
"""What the functions of the API return, beside tables and plain values."""

EXAMPLE = """\
import keepwell as kw

p = kw.open("demo-company")
p.accounts(where="tier = 'red'", limit=10).to_arrow()
found = p.explain("Garnet Consulting")
found.explanation.score
[(line.name, line.value, line.contribution) for line in found.explanation.leaves]
"""


def command_line_page() -> str:
    """Every command with its usage, arguments, options and examples, as `--help` tells them."""
    top = click.Context(cli, info_name="keepwell")
    commands = list(_commands(cli, top))
    overview = table(
        ("command", "does"),
        (
            (
                f"[`{_words(context)}`](#{_words(context).replace(' ', '-')})",
                cell(command.get_short_help_str(limit=200)),
            )
            for command, context in commands
        ),
    )
    sections = [_command(command, context) for command, context in commands]
    return page(
        "# Command line",
        _help_text(cli),
        "`python -m keepwell` is the same as `keepwell`.",
        overview,
        _options(cli, top),
        *sections,
    )


def _commands(
    group: click.Group, context: click.Context
) -> Iterator[tuple[click.Command, click.Context]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        below = click.Context(command, info_name=name, parent=context)
        yield command, below
        if isinstance(command, click.Group):
            yield from _commands(command, below)


def _words(context: click.Context) -> str:
    """`assess list` for the command `keepwell assess list`."""
    return context.command_path.split(" ", 1)[1]


def _command(command: click.Command, context: click.Context) -> str:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    level = "#" * min(len(context.command_path.split()), 4)
    return page(
        f"{level} {_words(context)}",
        block(usage, "console"),
        _help_text(command),
        _options(command, context),
        _paragraphs(command.epilog or ""),
    )


def _help_text(command: click.Command) -> str:
    return _paragraphs(inspect.cleandoc(command.help or ""))


def _paragraphs(text: str) -> str:
    """Paragraphs as they are; those that click leaves as written become blocks of code."""
    parts = []
    for paragraph in text.split("\n\n"):
        if paragraph.startswith(AS_WRITTEN):
            parts.append(block(paragraph.removeprefix(AS_WRITTEN).strip("\n"), "console"))
        else:
            parts.append(paragraph.replace("<", "&lt;"))
    return page(*parts)


def _options(command: click.Command, context: click.Context) -> str:
    rows = []
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record and record[1]:
            rows.append((code(record[0]), cell(record[1])))
    return table(("option", "meaning"), rows)


def python_api_page() -> str:
    """What `import keepwell` offers: signatures and docstrings, and what comes back."""
    classes, functions = [], []
    for name in keepwell.__all__:
        thing = getattr(keepwell, name)
        if inspect.isclass(thing):
            classes.append(_class(name, thing))
        elif callable(thing):
            functions.append(_function(f"keepwell.{name}", thing, "##"))
    return page(
        "# Python API",
        block(EXAMPLE, "python"),
        "The command line is built on these functions. A mistake of the user raises"
        " `keepwell.kit.errors.KeepwellError`, whose `text()` says what was wrong, where, and what"
        " to do.",
        *functions,
        *classes,
        *_scored_days(),
        "## What comes back",
        "Frozen dataclasses: plain data, to be read and passed on. `score` gives an `Outcome`,"
        " `import_files` an `ImportReport`, `explain` an `Explained`, `simulate` a `Simulation`,"
        " `status` a `Status`, and `sheet` a `SheetResult`; the others are parts of these.",
        *map(_result, RESULTS),
    )


def _class(name: str, thing: type) -> str:
    members = []
    for member, value in vars(thing).items():
        if member.startswith("_"):
            continue
        if isinstance(value, property | cached_property):
            kind = f"Type: {code(_type_of(value))}."
            members.append(page(f"### {name}.{member}", kind, inspect.getdoc(value) or ""))
        elif isinstance(value, (FunctionType, classmethod, staticmethod)):
            members.append(_function(f"{name}.{member}", getattr(thing, member), "###"))
    return page(f"## keepwell.{name}", inspect.getdoc(thing) or "", *members)


def _scored_days() -> Iterator[str]:
    """How stored days are read, older revisions included."""
    yield "## Scored days"
    yield (
        "`Project.history` has the scored days as they are stored. The tables are called like the"
        " scorecards; `portfolio` has attributes and segments. The answers are `pyarrow.Table`."
    )
    yield _function("history.read", History.read, "###", inspect.getdoc(Snapshot.read))
    yield _function("history.series", History.series, "###")
    yield _function("history.scored_days", History.scored_days, "###")


def _result(thing: type) -> str:
    """A dataclass: its docstring, its fields, and what else it offers."""
    rows = [(code(f.name), code(f.type), "") for f in fields(thing)]
    for name, value in vars(thing).items():
        meaning = cell(inspect.getdoc(value) or "").rstrip(".")
        if name.startswith("_"):
            continue
        if isinstance(value, property | cached_property):
            rows.append((code(name), code(_type_of(value)), meaning))
        elif isinstance(value, FunctionType):
            rows.append((code(f"{name}()"), code(_returned(value)), meaning))
    text = inspect.getdoc(thing) or ""
    return page(
        f"### {thing.__name__}",
        text.replace("<", "&lt;"),
        table(("field", "type", "meaning"), rows),
    )


def _type_of(value: property | cached_property[object]) -> str:
    """The type of a property as it stands in the source."""
    function = value.fget if isinstance(value, property) else value.func
    return _returned(function) if function is not None else ""


def _returned(function: Callable[..., object]) -> str:
    annotation = inspect.signature(function).return_annotation
    return annotation if isinstance(annotation, str) else ""


def _function(
    name: str, function: Callable[..., object], level: str, text: str | None = None
) -> str:
    """A function's signature and what it says of itself; `text` stands in for its docstring."""
    short = name.rsplit(".", 1)[-1]
    return page(
        f"{level} {name}",
        block(f"{short}{_signature(function)}", "python"),
        text or inspect.getdoc(function) or "",
    )


class _AsWritten:
    """An annotation that shows itself as it stands in the source, without quotation marks."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _signature(function: Callable[..., object]) -> inspect.Signature:
    """The signature as a caller sees it: without `self`."""

    def shown(annotation: object) -> object:
        return _AsWritten(annotation) if isinstance(annotation, str) else annotation

    signature = inspect.signature(function)
    parameters = [
        parameter.replace(
            annotation=shown(parameter.annotation),
            # A function that stands in has no name that a reader could use.
            default=_AsWritten("...")
            if isinstance(parameter.default, FunctionType)
            else parameter.default,
        )
        for name, parameter in signature.parameters.items()
        if name != "self"
    ]
    return signature.replace(
        parameters=parameters, return_annotation=shown(signature.return_annotation)
    )


def tables_page() -> str:
    """Every canonical table with its columns, and the columns that all of them have."""
    imported = [entry for entry in TABLES.values() if not entry.derived]
    derived = [entry for entry in TABLES.values() if entry.derived]
    overview = table(
        ("table", "holds", "a row is known by"),
        (
            (f"[`{t.name}`](#{t.name})", cell(t.note), ", ".join(map(code, t.key)))
            for t in (*imported, *derived)
        ),
    )
    return page(
        "# Canonical tables",
        "Every source is brought into these tables. Ids are text, instants are UTC, names that end"
        " in `_on` are local days. Every version of a row is kept.",
        overview,
        *map(_table, (*imported, *derived)),
        "## Columns of every table",
        "Written by the import; they say where a row comes from and when it was known.",
        _columns(PROVENANCE),
    )


def _table(entry: Table) -> str:
    facts = []
    if entry.derived:
        facts.append("Made from other tables; it is never imported.")
    if entry.day:
        facts.append(f"Windows go by {code(entry.day)}.")
    if entry.kind:
        facts.append(f"{code(entry.kind)} splits it into families, each with its own coverage.")
    if not entry.derived:
        facts.append(f"Counts as stale {entry.fresh_days} days after the last covered day.")
    if entry.paths:
        facts.append(
            "Conditions may follow "
            + ", ".join(f"{code(path.name)} to {code(path.table)}" for path in entry.paths)
            + "."
        )
    return page(
        f"## {entry.name}", cell(entry.note) + ".", " ".join(facts), _columns(entry.columns)
    )


def _columns(columns: tuple[Column, ...]) -> str:
    return table(
        ("column", "type", "required", "meaning"),
        ((code(c.name), c.type, "yes" if c.required else "", cell(_meaning(c))) for c in columns),
    )


def _meaning(column: Column) -> str:
    parts = [column.note] if column.note else []
    if column.references:
        parts.append(f"row of {column.references}")
    if column.values:
        parts.append("one of " + ", ".join(column.values))
    if column.currency:
        parts.append(f"in the currency of {column.currency}")
    if column.known_from and column.known_from != column.name:
        before = "" if column.before is None else f", {column.before} until then"
        parts.append(f"known from {column.known_from}{before}")
    elif column.known_from:
        parts.append("hidden until it has come")
    return "; ".join(parts)
