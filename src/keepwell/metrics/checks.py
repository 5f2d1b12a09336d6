"""Whether the definitions fit the canonical tables: every table, column and path exists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from keepwell.definitions.expressions import Expression
from keepwell.definitions.library import Library
from keepwell.definitions.library import conditions as scorecard_conditions
from keepwell.definitions.metric import Metric
from keepwell.definitions.yaml import Document, FieldPath
from keepwell.facts.schema import TABLES
from keepwell.kit.errors import DefinitionErrors, KeepwellError, Problem, nearest
from keepwell.metrics.fitting import Fitting, counted
from keepwell.metrics.rows import column_of


def check_rows(library: Library) -> None:
    """Hold all definitions against the canonical tables.

    Raises DefinitionErrors with every problem.
    """
    problems = row_problems(library, library.documents)
    if problems:
        raise DefinitionErrors(problems)


def row_problems(library: Library, keys: Iterable[tuple[str, str]]) -> list[Problem]:
    """What of the definitions with those (kind, key) does not fit the canonical tables."""
    problems: list[Problem] = []
    fitting = Fitting(library)
    for kind, key in keys:
        document = library.documents[kind, key]
        metric = library.metrics.get(key) if kind == "metric" else None
        conditions = list(_conditions(library, kind, key))
        found = [p for at, c in conditions for p in _attributes(c, at, document)]
        if metric is not None:
            found.extend(_rows_of(metric, document))
        if not found:
            misfits = [m for at, c in conditions for m in fitting.condition(at, c)]
            if metric is not None:
                misfits.extend(fitting.formula(metric))
                misfits.extend(counted(metric) if metric.from_ in TABLES else ())
            found = [document.problem(at, e.what, e.expected) for at, e in misfits]
        problems.extend(found)
    return problems


def _conditions(library: Library, kind: str, key: str) -> Iterator[tuple[FieldPath, Expression]]:
    """Every condition over accounts of a definition, with the place where it stands."""
    if kind == "metric" and key in library.metrics:
        metric = library.metrics[key]
        if metric.share_of_accounts is not None:
            yield ("share_of_accounts",), metric.share_of_accounts
        for state, when in metric.states.items():
            yield ("states", state), when
    elif kind == "scorecard" and key in library.scorecards:
        yield from scorecard_conditions(library.scorecards[key])
    elif kind == "segmentation" and key in library.segmentations:
        for name, segment in library.segmentations[key].segments.items():
            if segment.when is not None:
                yield ("segments", name, "when"), segment.when
    elif kind == "segment" and key in library.segments:
        segment = library.segments[key]
        if segment.when is not None:
            yield ("when",), segment.when


def _rows_of(metric: Metric, document: Document) -> Iterator[Problem]:
    if metric.formula is not None:
        yield from _attributes(metric.formula, ("formula",), document)
    if metric.from_ is None:
        return
    table = TABLES.get(metric.from_)
    if table is None:
        known = ", ".join(TABLES)
        yield document.problem(
            ("from",), f"no table is called '{metric.from_}'", f"one of {known}",
            nearest(metric.from_, TABLES),
        )  # fmt: skip
        return
    if not table.has_account:
        yield document.problem(("from",), f"the rows of {table.name} belong to no account")
        return
    if metric.over is not None and table.day is None:
        yield document.problem(("over",), f"the rows of {table.name} have no day to go by")
    if metric.kind == "streak" and table.day is None:
        yield document.problem(("streak",), f"the rows of {table.name} have no order in time")
    for field in (metric.kind, "where", "order_by"):
        value = getattr(metric, field)
        if isinstance(value, Expression):
            for name in sorted(value.names):
                yield from _column(name, (field,), document, table.name)
    if metric.per is not None:
        yield from _column(metric.per, ("per",), document, table.name)


def _column(name: str, at: FieldPath, document: Document, table: str) -> Iterator[Problem]:
    try:
        column_of(TABLES[table], name)
    except KeepwellError as error:
        is_near = error.todo is not None and error.todo.startswith("did you mean")
        near = error.todo.split("'")[1] if error.todo and is_near else None
        yield document.problem(at, error.what, f"a column of {table}", near)


def _attributes(condition: Expression, at: FieldPath, document: Document) -> Iterator[Problem]:
    for name in sorted(condition.names):
        if name.startswith("account."):
            yield from _column(name.removeprefix("account."), at, document, "accounts")
