"""Files → canonical rows → the store: the one way in for whatever a user gives."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from keepwell.facts.arrow import stored_schema
from keepwell.facts.engine import connect
from keepwell.facts.schema import IMPORTED, TABLES
from keepwell.facts.store import FactStore
from keepwell.ingest import files, rejects
from keepwell.ingest.covered import covered
from keepwell.ingest.direct import mapping_for
from keepwell.ingest.grammar import METRICS
from keepwell.ingest.mapping import Loaded
from keepwell.ingest.parts import Part, matches, named, options_for, parts_of
from keepwell.ingest.rejects import Rejects
from keepwell.ingest.report import ImportReport
from keepwell.ingest.settle import Settled, settle
from keepwell.ingest.stage import Staged, missing_columns, stage
from keepwell.ingest.storing import store_rows
from keepwell.ingest.tables import InputFile, Opened, Shape
from keepwell.kit.errors import DefinitionErrors, KeepwellError, did_you_mean, nearest
from keepwell.kit.views import view_sql

Say = Callable[[str], None]


@dataclass(frozen=True)
class Context:
    """What the project adds to what a mapping says.

    currency and timezone: of files that are imported without a mapping. metrics: the project's
    metric keys with their units, to tell unknown keys and to know which metrics are shares.
    """

    currency: str | None = None
    timezone: str | None = None
    metrics: Mapping[str, str] | None = None


def load(
    store: FactStore,
    paths: Iterable[str | Path],
    mapping: Loaded | None = None,
    *,
    source: str | None = None,
    context: Context | None = None,
    dry_run: bool = False,
    say: Say = lambda _: None,
    on_wait: Say | None = None,
) -> ImportReport:
    """Import files: by a mapping, or by their names and columns where these are canonical.

    Good rows are stored, the others are quarantined with file, row, field and reason; all becomes
    visible at once. The same files again change nothing. With `dry_run` everything is done on a
    copy of the store that is thrown away. `source` names the source of files without a mapping.
    Raises KeepwellError for files that cannot be read, and DefinitionErrors for a mapping that
    does not fit them or leaves a question open; nothing is stored then.
    """
    context = context or Context()
    inputs = files.resolve(paths)
    with _target(store, dry_run) as target, _database() as con:
        loaded, shapes, notes = _look(inputs, mapping, source, context)
        plan = _plan(loaded, shapes, context)
        settled, opened = _stage_all(con, target, loaded, plan, say)
        name = loaded.mapping.source
        aside = _set_aside(con, settled, opened, name)
        days = covered(con, target, settled, loaded.mapping)
        reports = store_rows(target, con, loaded.mapping, settled, aside, days, say, on_wait)
        return ImportReport(name, dry_run, tuple(reports), days.spans, (*notes, *days.notes()))


@contextmanager
def _database() -> Iterator[duckdb.DuckDBPyConnection]:
    with tempfile.TemporaryDirectory(prefix="keepwell-import-") as scratch:
        con = connect(temporary=Path(scratch), keep_order=True)
        try:
            yield con
        finally:
            con.close()


def _look(
    inputs: Sequence[InputFile], mapping: Loaded | None, source: str | None, context: Context
) -> tuple[Loaded, list[Shape], list[str]]:
    if mapping is None:
        shapes = [files.look(f) for f in inputs]
        return mapping_for(shapes, source, context.timezone, context.currency), shapes, []
    rules = mapping.mapping.tables
    meant = [f for f in inputs if any(matches(r.from_, f) for r in rules)]
    notes = [f"{f.name} is not in the mapping and was not read" for f in inputs if f not in meant]
    if not meant:
        names = [f.name for f in inputs]
        raise KeepwellError(
            "none of the files is named in the mapping",
            where=mapping.file,
            expected="from: " + ", ".join(sorted({r.from_ for r in rules})),
            todo=did_you_mean(rules[0].from_, names),
        )
    notes += [
        f"no file for `from: {p}`"
        for p in dict.fromkeys(r.from_ for r in rules)
        if not any(matches(p, f) for f in meant)
    ]
    return mapping, [files.look(f, options_for(mapping.mapping, f)) for f in meant], notes


Plan = list[tuple[Shape, list[Part]]]


def _plan(loaded: Loaded, shapes: Sequence[Shape], context: Context) -> Plan:
    """Which steps each file takes. Raises DefinitionErrors where columns or metrics are unknown."""
    grammar = loaded.mapping
    problems = []
    units = context.metrics
    for i, rule in enumerate(grammar.tables):
        for key in rule.fields if rule.to == METRICS and units is not None else ():
            if units is not None and key not in units:
                path = ("tables", i, "fields", key)
                problems.append(
                    loaded.problem(path, "there is no such metric", None, nearest(key, units))
                )
    shares = frozenset(k for k, unit in (units or {}).items() if unit == "share")
    plan: Plan = []
    for shape in shapes:
        meant = [i for i, r in enumerate(grammar.tables) if matches(r.from_, shape.file)]
        parts = [p for i in meant for p in parts_of(grammar, i, shares)]
        for part in parts:
            problems += missing_columns(loaded, part, shape.columns, shape.where)
        plan.append((shape, parts))
    if problems:
        raise DefinitionErrors(list(dict.fromkeys(problems)))
    return plan


def _stage_all(
    con: duckdb.DuckDBPyConnection, store: FactStore, loaded: Loaded, plan: Plan, say: Say
) -> tuple[list[Settled], list[Opened]]:
    staged: dict[str, list[Staged]] = {}
    opened: list[Opened] = []
    for i, (shape, parts) in enumerate(plan):
        say(f"reading {shape.where}")
        file = files.load(con, shape, f"file_{i}")
        opened.append(file)
        steps = [[column for column, _ in named(part)] for part in parts]
        with files.kept(con, file, steps) as source:
            for k, part in enumerate(parts):
                found = stage(con, loaded, part, file, source, f"staged_{i}_{k}")
                staged.setdefault(part.table.name, []).append(found)
    # Accounts come first: the others refer to them.
    order = sorted(staged, key=lambda t: (t != "accounts", list(IMPORTED).index(t)))
    settled: list[Settled] = []
    for name in order:
        table = IMPORTED[name]
        if name == "accounts":
            settled.append(settle(con, table, staged[name], None))
            continue
        if table.has_account and "known_accounts" not in _relations(con):
            _known_accounts(con, store, settled)
        accounts = "known_accounts" if table.has_account else None
        settled.append(settle(con, table, staged[name], accounts))
    return settled, opened


def _relations(con: duckdb.DuckDBPyConnection) -> set[str]:
    return {row[0] for row in con.execute("SHOW TABLES").fetchall()}


def _known_accounts(
    con: duckdb.DuckDBPyConnection, store: FactStore, settled: Sequence[Settled]
) -> None:
    stored = con.sql(view_sql(store.files("accounts"), stored_schema(TABLES["accounts"])))
    rows = stored.project("account_id")
    for step in settled:
        if step.table.name == "accounts":
            rows = rows.union(con.table(step.name).project("account_id"))
    rows.distinct().create("known_accounts")


@contextmanager
def _target(store: FactStore, dry_run: bool) -> Iterator[FactStore]:
    if not dry_run:
        yield store
        return
    with tempfile.TemporaryDirectory(prefix="keepwell-dry-run-") as folder:
        yield store.linked(Path(folder, "facts"))


def _set_aside(
    con: duckdb.DuckDBPyConnection,
    settled: Sequence[Settled],
    opened: Sequence[Opened],
    source: str,
) -> list[Rejects]:
    """Every rejected row of the run."""
    found: list[Rejects] = []
    first_table: dict[str, str] = {}
    for step in settled:
        for index, staged in enumerate(step.staged):
            first_table.setdefault(staged.opened.shape.file.name, step.table.name)
            found.append(rejects.of_step(con, step, index, source))
    for file in opened:
        # A row without columns belongs to no table; it is told of under the file's first.
        table = first_table.get(file.shape.file.name)
        unreadable = rejects.unreadable(file, table, source) if table else None
        found += [unreadable] if unreadable else []
    return [r for r in found if r.summary]
