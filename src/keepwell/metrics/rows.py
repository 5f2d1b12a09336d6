"""The rows of one canonical table, as an expression sees them on a day: nothing later shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.expr.operations import Literal

from keepwell.definitions.expressions import Expression
from keepwell.facts.model import Column, Path, Table
from keepwell.facts.schema import TABLES
from keepwell.kit.errors import KeepwellError, did_you_mean

Value = Any
SECONDS_IN_DAY = 86_400


def _as_wall_clock(zone: str, instant: Any) -> Any:
    """An instant as the wall clock of a zone shows it (DuckDB and PostgreSQL)."""


_in_zone = ibis.udf.scalar.builtin(
    name="timezone", signature=(("string", "timestamp('UTC')"), "timestamp")
)(_as_wall_clock)


def local_day(value: Value, zone: Value) -> ir.IntegerValue:
    """The day of a date, or of an instant in a time zone, as days since 1970-01-01."""
    if value.type().is_timestamp() and _is_utc(zone):
        # To ask a calendar costs an engine thirty times as much.
        return (value.epoch_seconds() / SECONDS_IN_DAY).floor().cast("int64")
    return local_date(value, zone).epoch_days().cast("int64")


def _is_utc(zone: Value) -> bool:
    return isinstance(zone.op(), Literal) and zone.op().value == "UTC"


def local_date(value: Value, zone: Value) -> ir.DateValue:
    """A date, or the date of an instant in a time zone."""
    return _in_zone(zone, value).date() if value.type().is_timestamp() else value


LOCAL = "day of "
"""Before the name of a column: its local day, worked out once for all asked days."""


def with_local_days(table: Table, rows: ir.Table, zone: Value) -> ir.Table:
    """The rows with the local day of every instant, and of every column that says since when
    another one is known."""
    found: dict[str, Value] = {}
    for name in rows.columns:
        prefix, _, last = name.rpartition(".")
        path = table.path(prefix) if prefix else None
        owner = TABLES[path.table] if path else table
        if (prefix and path is None) or owner.column(last) is None:
            continue
        names = {c.known_from for c in owner.columns} | set(owner.valid or ())
        if last in names or rows[name].type().is_timestamp():
            found[f"{LOCAL}{name}"] = local_day(rows[name], zone)
    return rows.mutate(**found)


def neighbours(table: Table, expressions: Iterable[Expression]) -> list[Path]:
    """The paths that expressions over a table follow, each once.

    Raises KeepwellError for a path that the table does not have.
    """
    names = {n.split(".")[0]: None for e in expressions for n in sorted(e.names) if "." in n}
    found = []
    for name in names:
        path = table.path(name)
        if path is None:
            raise KeepwellError(
                f"{table.name} has no path '{name}'",
                todo=did_you_mean(name, [p.name for p in table.paths]),
            )
        found.append(path)
    return found


def columns_used(table: Table, expressions: Iterable[Expression]) -> dict[str, set[str]]:
    """The columns of the table (under "") and of its neighbours (by path) that must be read.

    Beside what is named these are keys, days and the columns that say since when another is known.
    """
    expressions = list(expressions)
    used = {"": {"account_id", *table.key, *(table.valid or ())}}
    if table.day is not None:
        used[""].add(table.day)
    for path in neighbours(table, expressions):
        used[""].add(path.column)
        used[path.name] = {TABLES[path.table].key[0]}
    for expression in expressions:
        for name in expression.names:
            _, column = column_of(table, name)
            own = used[name.rpartition(".")[0]]
            own |= {c for c in (column.name, column.known_from, column.currency) if c}
    return used


def column_of(table: Table, name: str) -> tuple[Table, Column]:
    """The table and column that a name means in expressions over `table`.

    Raises KeepwellError that names near columns or paths.
    """
    path, _, last = name.rpartition(".")
    found: Table | None = table
    if path:
        step = table.path(path)
        found = TABLES[step.table] if step else None
        if found is None:
            raise KeepwellError(
                f"{table.name} has no path '{path}'",
                todo=did_you_mean(path, [p.name for p in table.paths]),
            )
    assert found is not None
    column = found.column(last)
    if column is None:
        raise KeepwellError(
            f"{found.name} has no column '{last}'", todo=did_you_mean(last, found.column_names)
        )
    return found, column


class RowScope:
    """The names of a row expression: columns of the table and `path.column` of its neighbours.

    rows: the joined rows; neighbours' columns are named `path.column`. as_of: the last day that
    shows, as days since 1970-01-01. zone: the account's time zone.
    """

    def __init__(self, table: Table, rows: ir.Table, as_of: Value, zone: Value) -> None:
        self.table = table
        self.rows = rows
        self.as_of = as_of
        self.zone = zone

    def name(self, name: str) -> Value:
        value, column = self.rows[name], column_of(self.table, name)[1]
        before = ibis.null(value.type()) if column.before is None else column.before
        return self._known(name, value, before)

    def day(self, value: Value) -> Value:
        return local_day(value, self.zone)

    def day_named(self, name: str) -> Value:
        if column_of(self.table, name)[1].before is not None:
            return self.day(self.name(name))
        return self._known(name, self.day_of(name), ibis.null("int64"))

    def _known(self, name: str, value: Value, before: Value) -> Value:
        """What is made of a column once it is known, and what stands in its place until then."""
        since = column_of(self.table, name)[1].known_from
        if since is None:
            return value
        prefix = name.rpartition(".")[0]
        later = self.day_of(f"{prefix}.{since}" if prefix else since) > self.as_of
        return ibis.cases((later, before), else_=value)

    def day_of(self, column: str) -> Value:
        """The local day of a column as it stands, later or not."""
        known = f"{LOCAL}{column}"
        return self.rows[known] if known in self.rows.columns else self.day(self.rows[column])

    def today(self) -> Value:
        return self.as_of

    def before(self, name: str, days: int) -> Value:
        raise KeepwellError("before() looks back at a metric, not at a column")

    def period(self, kind: str, what: str) -> Value:
        raise KeepwellError("periods belong to accounts; use in_period() in a formula")

    def is_valid(self) -> Value | None:
        """Whether a row that holds for a time holds on the day; None where rows are events."""
        if self.table.valid is None:
            return None
        first, last = self.table.valid
        ends = self.day_of(last)
        open_ = (ends >= self.as_of) if self.table.valid_to_included else (ends > self.as_of)
        return (self.day_of(first) <= self.as_of) & (self.rows[last].isnull() | open_)


def beside(rows: ir.Table, path: Path, near: ir.Table) -> ir.Table:
    """The rows with the columns of a neighbour beside them, as `path.column`."""
    near = named_beside(path, near)
    return rows.left_join(near, belongs(rows, path, near))


def named_beside(path: Path, near: ir.Table) -> ir.Table:
    """A neighbour's rows with their columns named as they stand beside others."""
    return near.select(**{f"{path.name}.{c}": near[c] for c in near.columns})


def belongs(rows: ir.Table, path: Path, near: ir.Table) -> Value:
    """Whether a row's neighbour is that one."""
    return rows[path.column] == near[f"{path.name}.{TABLES[path.table].key[0]}"]
