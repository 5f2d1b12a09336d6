"""The statements that count metrics, to be read by people: what a pass runs, without counting.

It is the evaluation itself that goes through a pass and an engine that write down what they are
told, so that nothing is shown that does not run. The SQL is that of the engine, broken into lines.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from textwrap import wrap

import pyarrow as pa

from keepwell.definitions.library import Library
from keepwell.facts.engines.dialects import (
    CLOUDS,
    ENGINES,
    Dialect,
    identifier,
    named,
    readable,
    tables_of,
)
from keepwell.facts.engines.recording import Asked, Given, Recording, Viewed
from keepwell.facts.paper import PaperFacts
from keepwell.facts.reading import Facts
from keepwell.facts.schema import IMPORTED, TABLES, visible_name
from keepwell.metrics.adding import Added
from keepwell.metrics.calendar import ASKED_ON, Days
from keepwell.metrics.evaluate import Evaluation, Freshness
from keepwell.metrics.instances import Needed, needed
from keepwell.metrics.passes import Pass
from keepwell.metrics.prepare import (
    ACCOUNTS,
    ASKED_TABLE,
    CLOSED_TABLE,
    DAYS_TABLE,
    OPEN_TABLE,
    RATES_TABLE,
    ZONES_TABLE,
    portfolio,
)
from keepwell.metrics.statements import ADDED_UP, Statement

WIDTH = 100
_GLUE = "\ue000"


@dataclass(frozen=True)
class Counts:
    """A statement that counts metrics over a table. follows: whether it only runs where the one
    before left accounts open."""

    table: str
    nodes: tuple[Needed, ...]
    select: str
    follows: bool = False


@dataclass(frozen=True)
class Portfolio:
    """The statement that says who is a customer."""

    select: str


@dataclass(frozen=True)
class Open:
    """The small table of accounts that a statement may leave open."""

    name: str = OPEN_TABLE


Step = Viewed | Given | Asked | Portfolio | Open | Counts


@dataclass
class _Listing(Pass):
    """A pass that writes down what it would count. own: of which to ask who is a customer, where
    the facts of the pass are on paper."""

    steps: list[Step] = field(default_factory=list)
    own: Facts | None = None

    def answer(self, statement: Statement) -> pa.Table:
        found = super().answer(statement)
        self.steps[-1] = Portfolio(statement.sql)
        return found if self.own is None else _customers(self.own, self.days)

    def count(self, statement: Statement, table: str, nodes: Sequence[Needed]) -> pa.Table:
        follows = bool(self.steps) and isinstance(self.steps[-1], Open)
        self.read(statement)
        self.steps.append(Counts(table, tuple(nodes), statement.sql, follows))
        return statement.schema.empty_table()

    def near(self, added: Added) -> None:
        # So nothing is added up to be kept, only shown.
        return None

    def put_open(self, accounts: Collection[str]) -> None:
        # Which accounts these are is known only once the statement before has counted.
        self.steps.append(Open())


@dataclass(frozen=True)
class Shown:
    """What runs for one day, in this order. nodes: every metric, inputs before what is made of
    them. uncovered: those that would be counted, had any source covered what they are made of."""

    dialect: Dialect
    steps: tuple[Step, ...]
    nodes: tuple[Needed, ...]
    uncovered: tuple[Needed, ...]

    @property
    def counts(self) -> list[Counts]:
        """The statements that count."""
        return [step for step in self.steps if isinstance(step, Counts)]

    @property
    def engine(self) -> str:
        """The engine as people call it."""
        return ENGINES[self.dialect]

    def of_counts(self) -> Shown:
        """Only the statements that count, and what they are over."""
        kept: list[Step] = []
        wanted: set[str] = set()
        for step in reversed(self.steps):
            name = named(step.name, self.dialect) if isinstance(step, Viewed | Given | Open) else ""
            if isinstance(step, Counts) or (isinstance(step, Viewed) and name in wanted):
                wanted |= tables_of(step.select, self.dialect)
                kept.append(step)
            elif isinstance(step, Given | Open) and name in wanted:
                kept.append(step)
        return replace(self, steps=tuple(reversed(kept)))

    def text(self) -> str:
        """All steps as SQL with comments, and then what is computed of what they counted."""
        parts = ["\n".join(self._step(step)) for step in self.steps]
        return "\n\n".join([*parts, *self._uncovered(), "\n".join(self._computed())]) + "\n"

    def _step(self, step: Step) -> Iterator[str]:
        match step:
            case Viewed(name, select):
                yield from comment(_what(name))
                if self.dialect in CLOUDS:
                    yield from (f"WITH {self._name(name)} AS (", self._sql(select, end=""), ")")
                else:
                    yield f"CREATE TEMPORARY VIEW {self._name(name)} AS"
                    yield self._sql(select)
            case Given(name, rows):
                yield from comment(
                    f"small table {self._name(name)}, {_many(rows)}"
                    f"{_SMALL.get(name, '')}: {', '.join(_held(rows, self.dialect))}"
                )
            case Open(name):
                yield from comment(
                    f"small table {self._name(name)}: those to which the statement"
                    " before gave no value; how many, only counting tells"
                )
            case Asked(select):
                yield from comment("asked to know what there is to count, and also to show this")
                yield self._sql(select)
            case Portfolio(select):
                yield from comment("who is a customer on the asked day; also asked to show this")
                yield self._sql(select)
            case Counts(table, nodes, select, follows):
                yield from comment(f"counts {table}:")
                yield from (f"--   {_named(n)}" for n in nodes)
                if follows:
                    yield from comment("runs only if the statement before leaves accounts open")
                yield self._sql(select)

    def _sql(self, select: str, end: str = ";") -> str:
        return readable(select, self.dialect) + end

    def _name(self, name: str) -> str:
        return identifier(named(name, self.dialect), self.dialect)

    def _uncovered(self) -> Iterator[str]:
        if self.uncovered:
            told = comment("not counted, since no source has covered what they are made of:")
            yield "\n".join([*told, *(f"--   {_named(n)}" for n in self.uncovered)])

    def _computed(self) -> Iterator[str]:
        yield from comment(
            "What is made of these counts is small, and is computed in memory, in DuckDB whatever"
            " the engine: over one row for each account, the value of each metric, its age, whether"
            " it is stale, and why there is none. A step needs only those before it:"
        )
        for level in range(max((n.level for n in self.nodes), default=0) + 1):
            names = ", ".join(_glued(_short(n)) for n in self.nodes if n.level == level)
            yield from comment(f"{level + 1}. {names}", indent="   ")


def shown(
    library: Library, keys: Iterable[str], facts: Facts, day: date, freshness: Freshness
) -> Shown:
    """What evaluate() runs for one day, counting nothing.

    facts: of which nothing has been read yet, so that no view is missing. Who is a customer is
    asked, and what else is needed to write the statements. Raises KeepwellError as evaluate().
    """
    steps: list[Step] = []
    own = facts.own if isinstance(facts, PaperFacts) else None

    def note(step: Step) -> None:
        # How many rows a table has is asked for each statement over it.
        if not (isinstance(step, Asked) and step in steps):
            steps.append(step)

    facts.engine = Recording(facts.engine, note)
    evaluation = Evaluation(library, facts, Days((day,)), freshness)
    nodes = needed(library, dict.fromkeys(keys))
    counted = evaluation.counted(nodes)
    listing = _Listing(facts, evaluation.days, steps=steps, own=own)
    try:
        evaluation.count(listing, nodes, counted)
    finally:
        listing.close()
    told = {n.ref for s in steps if isinstance(s, Counts) for n in s.nodes}
    uncovered = tuple(c.instance.node for r, c in counted.items() if r not in told)
    return Shown(facts.engine.dialect, tuple(steps), tuple(nodes), uncovered)


def _customers(facts: Facts, days: Days) -> pa.Table:
    """Who is a customer on the days."""
    around = Pass(facts, days)
    try:
        around.open_days()
        asked = portfolio(tuple(days.columns))
        return around.answer(Statement.of(asked, [ACCOUNTS], facts.engine.dialect))
    finally:
        around.close()


def comment(text: str, indent: str = "") -> list[str]:
    """The text as lines of an SQL comment, however it was broken into lines."""
    lines = wrap(" ".join(text.split()), WIDTH - 3, subsequent_indent=indent)
    return [f"-- {line.replace(_GLUE, ' ')}" for line in lines]


def _glued(text: str) -> str:
    """The text with blanks at which no line ends."""
    return text.replace(" ", _GLUE)


def _named(node: Needed) -> str:
    return f"{_short(node)} ({' '.join(node.metric.label.split())})"


def _short(node: Needed) -> str:
    return f"{node.key} {node.offset} days before" if node.offset else node.key


def _many(rows: pa.Table) -> str:
    return f"{rows.num_rows:,} row{'' if rows.num_rows == 1 else 's'}"


def _held(rows: pa.Table, dialect: Dialect) -> list[str]:
    """The names of the columns, and of a single day also what is in them."""
    names = [named(name, dialect) for name in rows.column_names]
    if rows.num_rows != 1 or ASKED_ON not in rows.column_names:
        return [_glued(name) for name in names]
    [row] = rows.to_pylist()
    return [_glued(f"{n} = {value}") for n, value in zip(names, row.values(), strict=True)]


_SMALL = {
    DAYS_TABLE: " (days are numbers since 1970-01-01; start and end are the first and last covered"
    " day of some facts, lag the days since)",
    ASKED_TABLE: " (whose rows count for which account, beside the asked day)",
    ZONES_TABLE: " (the time zone of each account)",
    CLOSED_TABLE: " (the days on which an account is closed, and how many there were by then)",
    RATES_TABLE: " (exchange rates)",
}
_VISIBLE = {visible_name(name): name for name in IMPORTED}


def _what(view: str) -> str:
    """What the rows of a view are."""
    if view in _VISIBLE:
        return f"visible rows of {_VISIBLE[view]}, before columns are worked out"
    if view in IMPORTED:
        return f"visible rows of {view}"
    if ADDED_UP in view:
        return (
            f"read by statements: {view}. Of files that cannot change any more it was kept by an"
            " earlier night, or is kept by this one."
        )
    return f"{view}, made of visible rows" if view in TABLES else f"read by statements: {view}"
