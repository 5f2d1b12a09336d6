"""Which families of facts a metric is counted from, read off its definition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlglot import exp

from keepwell.definitions.expressions import Expression
from keepwell.definitions.metric import Metric
from keepwell.facts.context import Cover
from keepwell.facts.model import Table
from keepwell.facts.schema import TABLES, family

# A view is covered where all the tables that it is made of are.
MADE_OF: dict[str, tuple[str, ...]] = {
    "features": ("plan_features",),
    "entitlements": ("subscriptions", "plan_features"),
    "attendances": ("touchpoints", "touchpoint_people"),
    "role_usage": ("usage_daily", "person_roles"),
    "role_touchpoints": ("touchpoints", "touchpoint_people", "person_roles"),
}


def families(metric: Metric, covers: Iterable[Cover]) -> tuple[frozenset[str], ...]:
    """For each table that a metric is counted from, the families that it reads of it.

    A condition such as metric = 'login' at the top of `where` picks families; without one the
    metric reads all that there are.
    """
    assert metric.from_ is not None
    table = TABLES[metric.from_]
    known = {c.family for c in covers}
    found = []
    for name in MADE_OF.get(table.name, (table.name,)):
        base = TABLES[name]
        kinds = set(_picked(metric.where, table.kind)) if base.kind and table.kind else set()
        if base.kind == table.kind and kinds:
            found.append(frozenset(family(name, kind) for kind in kinds))
        else:
            found.append(frozenset(f for f in known if f == name or f.startswith(f"{name}.")))
    return tuple(found)


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
