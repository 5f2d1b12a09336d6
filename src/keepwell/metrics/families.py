"""Which families and columns of facts a metric is counted from, read off its definition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from keepwell.definitions.expressions import Expression, arguments, name_of
from keepwell.definitions.metric import Metric
from keepwell.facts.context import Cover
from keepwell.facts.model import Table
from keepwell.facts.schema import DERIVED_COLUMNS, TABLES, family
from keepwell.metrics.rows import column_of

# A view is covered where all the tables that it is made of are.
MADE_OF: dict[str, tuple[str, ...]] = {
    "features": ("plan_features",),
    "entitlements": ("subscriptions", "plan_features"),
    "attendances": ("touchpoints", "touchpoint_people"),
    "role_usage": ("usage_daily", "person_roles"),
    "role_touchpoints": ("touchpoints", "touchpoint_people", "person_roles"),
}


@dataclass(frozen=True)
class Need:
    """What a metric must be able to read of one imported table: rows of these families and, if
    there are `columns`, one of these. Of a neighbour it does not matter on which days."""

    table: str
    families: frozenset[str]
    columns: frozenset[str] = frozenset()
    is_neighbour: bool = False

    def covers(self, covers: Iterable[Cover]) -> list[Cover]:
        """Those of the covers on whose days it is met."""
        return [
            c
            for c in covers
            if c.family in self.families
            and c.state == "complete"
            and (not self.columns or c.columns is None or self.columns & c.columns)
        ]

    def __str__(self) -> str:
        if self.columns:
            return " or ".join(f"{self.table}.{c}" for c in sorted(self.columns))
        return f"rows of {' or '.join(sorted(self.families)) or self.table}"


def needs(metric: Metric, covers: Iterable[Cover]) -> tuple[Need, ...]:
    """What a metric needs of the tables that it is counted from and of their neighbours.

    A condition such as metric = 'login' at the top of `where` picks families; without one the
    metric reads all that there are. A column that no source gives is empty in every row, and must
    not be taken for a fact: nothing was escalated, nobody was there. So every column is needed that
    the metric names, unless it says what counts in its place: a constant in `coalesce`. Of the
    columns of another `coalesce` one is enough.
    """
    table = TABLES[metric.from_ or ""]
    known = {c.family for c in covers}
    rows = [Need(n, _families(metric, table, n, known)) for n in _made_of(table.name)]
    found = dict.fromkeys(rows)
    for names in dict.fromkeys(_columns(metric, table)):
        places = [_place(table, name) for name in sorted(names)]
        where, is_neighbour = places[0][0], any("." in name for name in names)
        if any(place != where for place, _ in places):
            continue  # of columns of several tables none is needed by itself
        always = any(not c for _, c in places)
        columns = frozenset[str]() if always else places[0][1].union(*(c for _, c in places))
        if is_neighbour:
            found[Need(where, _all(where, known), columns, is_neighbour=True)] = None
        elif columns:
            own = next(n for n in rows if n.table == where)
            found[replace(own, columns=columns)] = None
    return tuple(found)


def unmet(metric: Metric, covers: Sequence[Cover]) -> list[Need]:
    """What no source gives of what a metric needs; of a table without rows its columns go without
    saying."""
    found = [n for n in needs(metric, covers) if not n.covers(covers)]
    bare = {n.table for n in found if not n.columns}
    return [n for n in found if not n.columns or n.table not in bare]


def _families(metric: Metric, table: Table, name: str, known: Iterable[str]) -> frozenset[str]:
    base = TABLES[name]
    kinds = set(_picked(metric.where, table.kind)) if base.kind and table.kind else set()
    if base.kind == table.kind and kinds:
        return frozenset(family(name, kind) for kind in kinds)
    return _all(name, known)


def _all(name: str, known: Iterable[str]) -> frozenset[str]:
    return frozenset(f for f in known if f == name or f.startswith(f"{name}."))


def _made_of(name: str) -> tuple[str, ...]:
    return MADE_OF.get(name, (name,))


def _place(table: Table, name: str) -> tuple[str, frozenset[str]]:
    """The imported table that has a column, and the columns of which one must be given for it to
    be known: none where every row has it."""
    owner, column = column_of(table, name)
    where = next(n for n in _made_of(owner.name) if TABLES[n].column(column.name))
    column = TABLES[where].column(column.name) or column
    if column.required:
        return where, frozenset()
    return where, DERIVED_COLUMNS.get((where, column.name), frozenset({column.name}))


def _columns(metric: Metric, table: Table) -> Iterator[frozenset[str]]:
    """The names that a metric reads of a row; one of each set is enough."""
    for value in (getattr(metric, metric.kind), metric.where, metric.order_by):
        if isinstance(value, Expression):
            yield from _named(value.tree, table)
    if metric.per is not None:
        yield frozenset({metric.per})
    in_order = metric.kind == "streak" or (metric.kind == "latest" and metric.order_by is None)
    if table.day is not None and (metric.over is not None or in_order):
        yield frozenset({table.day})


def _named(node: exp.Expression, table: Table) -> Iterator[frozenset[str]]:
    if isinstance(node, exp.Coalesce):
        parts = [list(part.find_all(exp.Column)) for part in arguments(node)]
        if all(parts):
            yield frozenset(name_of(column) for part in parts for column in part)
    elif isinstance(node, exp.Column):
        yield frozenset({name_of(node)})
        path = table.path(node.table)
        if path is not None:
            yield frozenset({path.column})
    else:
        for child in node.iter_expressions():
            yield from _named(child, table)


def _picked(where: Expression | None, column: str | None) -> Iterator[str]:
    """The values that the conditions joined by `and` allow for a column; nothing if not said."""
    if where is None or column is None:
        return
    for part in _conjuncts(where.tree):
        if isinstance(part, exp.EQ):
            sides = [part.this, part.expression]
            if any(_is_column(s, column) for s in sides):
                yield from (s.name for s in sides if isinstance(s, exp.Literal))
        elif isinstance(part, exp.In) and _is_column(part.this, column):
            yield from (o.name for o in part.expressions if isinstance(o, exp.Literal))


def _conjuncts(tree: exp.Expression) -> Iterator[exp.Expression]:
    if isinstance(tree, exp.Paren):
        yield from _conjuncts(tree.this)
    elif isinstance(tree, exp.And):
        yield from _conjuncts(tree.this)
        yield from _conjuncts(tree.expression)
    else:
        yield tree


def _is_column(node: exp.Expression, name: str) -> bool:
    return isinstance(node, exp.Column) and not node.table and node.name == name


def fresh_days(metric: Metric, table: Table, settings: dict[str, int], read: Iterable[str]) -> int:
    """How old the last covered day may be before the metric is stale."""
    if metric.fresh_for is not None:
        return metric.fresh_for
    told = [settings[f] for f in read if f in settings]
    if told:
        return min(told)
    return settings.get(table.name, table.fresh_days)
