"""A checked expression to Ibis. Names are looked up in a scope; nothing is evaluated here."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, Protocol

import ibis
import ibis.expr.types as ir
from ibis.common.annotations import ValidationError
from ibis.common.exceptions import IbisError
from ibis.expr.operations import Literal
from sqlglot import exp

from keepwell.definitions.expressions import (
    Expression,
    arguments,
    function_name,
    length,
    name_of,
)
from keepwell.kit.errors import KeepwellError

Value = Any  # an Ibis value; Ibis's own classes differ by type and know all operators


class Scope(Protocol):
    """What the names of an expression mean."""

    def name(self, name: str) -> Value:
        """The value of a name. Raises KeepwellError with near names."""

    def day(self, value: Value) -> Value:
        """The local day of a date or an instant, as days since 1970-01-01."""

    def day_named(self, name: str) -> Value:
        """The local day of the value of a name."""

    def today(self) -> Value:
        """The day for which it is evaluated, as days since 1970-01-01."""

    def before(self, name: str, days: int) -> Value:
        """A metric as it was so many days earlier."""

    def period(self, kind: str, what: str) -> Value:
        """Of the latest period of that kind: 'since' in days, or whether it 'lasts'."""


def compiled(expression: Expression, scope: Scope) -> Value:
    """The Ibis value of an expression. Raises KeepwellError where its types do not fit."""
    try:
        return _value(expression.tree, scope)
    except (IbisError, ValidationError, TypeError, ValueError, AttributeError):
        raise KeepwellError(
            f"the parts of {expression.text!r} do not fit together",
            expected="numbers with numbers, texts with texts, days with days",
        ) from None


def divided(numerator: Value, denominator: Value) -> Value:
    """Real division on every engine; by zero it is unknown."""
    return numerator.cast("float64") / denominator.cast("float64").nullif(0)


def truth(value: Value) -> ir.BooleanValue:
    """A condition; yes_no texts count as their truth."""
    if value.type().is_string():
        return value == "yes"
    if value.type().is_temporal():
        raise TypeError("a day is neither true nor false")
    return value.cast("boolean")


def _value(node: exp.Expression, scope: Scope) -> Value:
    handler = _NODES.get(type(node))
    if handler is not None:
        return handler(node, scope)
    args = arguments(node)
    return _FUNCTIONS[function_name(node)](args, scope)


def _name(node: exp.Expression) -> str:
    assert isinstance(node, exp.Column), node  # parse() lets nothing else stand where a name must
    return name_of(node)


def _literal(node: exp.Expression, scope: Scope) -> Value:
    if node.args["is_string"]:
        return ibis.literal(node.name)
    text = node.name
    return ibis.literal(int(text)) if text.isdigit() else ibis.literal(float(text))


def _binary(operator: Callable[[Value, Value], Value]) -> Callable[[exp.Expression, Scope], Value]:
    def apply(node: exp.Expression, scope: Scope) -> Value:
        left, right = _value(node.args["this"], scope), _value(node.args["expression"], scope)
        return operator(*_alike(left, right))

    return apply


def _arithmetic(
    operator: Callable[..., Value],
) -> Callable[[exp.Expression, Scope], Value]:
    def apply(node: exp.Expression, scope: Scope) -> Value:
        parts = [number(_value(a, scope)) for a in node.args.values() if _is_part(a)]
        # Engines reckon with two written numbers in as few bits as these take: 200 * 200 in eight.
        constants = [p.op().value for p in parts if isinstance(p.op(), Literal)]
        if len(constants) == len(parts) and operator is not divided and None not in constants:
            return ibis.literal(operator(*constants))
        return operator(*parts)

    return apply


def _is_part(argument: Any) -> bool:
    return isinstance(argument, exp.Expression)


def number(value: Value) -> Value:
    """The value, if one can reckon with it. Engines would try to read a text as a number."""
    kind = value.type()
    if kind.is_null():
        return ibis.null("float64")
    if not kind.is_numeric():
        raise TypeError(f"{kind} is not a number")
    return value


def _alike(left: Value, right: Value) -> tuple[Value, Value]:
    """A yes_no metric may be compared with true and false; a day with no instant, whose day
    depends on the time zone."""
    kinds = (left.type(), right.type())
    if any(k.is_date() for k in kinds) and any(k.is_timestamp() for k in kinds):
        raise TypeError("a day and an instant")
    if left.type().is_string() and right.type().is_boolean():
        return truth(left), right
    if left.type().is_boolean() and right.type().is_string():
        return left, truth(right)
    return left, right


def _logic(operator: Callable[[Value, Value], Value]) -> Callable[[exp.Expression, Scope], Value]:
    def apply(node: exp.Expression, scope: Scope) -> Value:
        left, right = _value(node.args["this"], scope), _value(node.args["expression"], scope)
        return operator(truth(left), truth(right))

    return apply


def _is(node: exp.Expression, scope: Scope) -> Value:
    value, other = _value(node.args["this"], scope), node.args["expression"]
    if isinstance(other, exp.Null):
        return value.isnull()
    # Ibis writes IS NOT DISTINCT FROM without the parentheses that a comparison in it needs.
    is_true = isinstance(other, exp.Boolean) and bool(other.this)
    return (truth(value) == ibis.literal(is_true)).fill_null(False)


def _in(node: exp.Expression, scope: Scope) -> Value:
    value = _value(node.args["this"], scope)
    options = [_value(option, scope) for option in node.args["expressions"]]
    for option in options:
        _ = value == option  # raises where the two cannot be compared
    return value.isin(options)


def _between(node: exp.Expression, scope: Scope) -> Value:
    value, low, high = (_value(node.args[k], scope) for k in ("this", "low", "high"))
    return (value >= low) & (value <= high)


def _case(node: exp.Expression, scope: Scope) -> Value:
    subject = node.args.get("this")
    branches = []
    for branch in node.args["ifs"]:
        when = _value(branch.this, scope)
        if subject is not None:
            when = _value(subject, scope) == when
        branches.append((truth(when), _value(branch.args["true"], scope)))
    otherwise = node.args.get("default")
    return ibis.cases(*branches, else_=None if otherwise is None else _value(otherwise, scope))


def _if(node: exp.Expression, scope: Scope) -> Value:
    when, then = truth(_value(node.this, scope)), _value(node.args["true"], scope)
    otherwise = node.args.get("false")
    return ibis.cases((when, then), else_=None if otherwise is None else _value(otherwise, scope))


_NODES: dict[type[exp.Expression], Callable[[exp.Expression, Scope], Value]] = {
    exp.Column: lambda n, s: s.name(_name(n)),
    exp.Literal: _literal,
    exp.Boolean: lambda n, s: ibis.literal(bool(n.this)),
    exp.Null: lambda n, s: ibis.null(),
    exp.Paren: lambda n, s: _value(n.this, s),
    exp.Neg: _arithmetic(lambda a: -a),
    # Not `~`: Ibis writes NOT without parentheses, and IS NOT NULL would bind tighter.
    exp.Not: lambda n, s: truth(_value(n.this, s)) == ibis.literal(False),
    exp.And: _logic(lambda a, b: a & b),
    exp.Or: _logic(lambda a, b: a | b),
    exp.EQ: _binary(lambda a, b: a == b),
    exp.NEQ: _binary(lambda a, b: a != b),
    exp.GT: _binary(lambda a, b: a > b),
    exp.GTE: _binary(lambda a, b: a >= b),
    exp.LT: _binary(lambda a, b: a < b),
    exp.LTE: _binary(lambda a, b: a <= b),
    exp.Add: _arithmetic(lambda a, b: a + b),
    exp.Sub: _arithmetic(lambda a, b: a - b),
    exp.Mul: _arithmetic(lambda a, b: a * b),
    exp.Div: _arithmetic(divided),
    exp.Is: _is,
    exp.In: _in,
    exp.Between: _between,
    exp.Case: _case,
    exp.If: _if,
}


def _shift(args: list[exp.Expression], scope: Scope) -> tuple[Value, Value]:
    name = _name(args[0])
    return scope.name(name), scope.before(name, length(args[1]))


def hours_between(args: list[exp.Expression], scope: Scope) -> Value:
    """Whole seconds from the first instant to the second."""
    start, end = (_value(a, scope).epoch_seconds().floor().cast("int64") for a in args)
    return end - start


def _day(node: exp.Expression, scope: Scope) -> Value:
    if isinstance(node, exp.Column):
        return scope.day_named(_name(node))
    return scope.day(_value(node, scope))


def _days_between(args: list[exp.Expression], scope: Scope) -> Value:
    start, end = (_day(a, scope) for a in args)
    return end - start


def _round(args: list[exp.Expression], scope: Scope) -> Value:
    step = 10.0 ** (int(args[1].name) if len(args) > 1 else 0)
    value = number(_value(args[0], scope)).cast("float64")
    # Engines do not agree on what to make of a half.
    whole = (value.abs() * step + 0.5).floor().cast("float64") / step
    return ibis.cases((value < 0, -whole), else_=whole)


def _pointwise(operator: Callable[..., Value]) -> Callable[[list[exp.Expression], Scope], Value]:
    return lambda args, scope: operator(*(_value(a, scope) for a in args))


def _change(args: list[exp.Expression], scope: Scope) -> Value:
    current, earlier = _shift(args, scope)
    return current - earlier


def _relative_change(args: list[exp.Expression], scope: Scope) -> Value:
    current, earlier = _shift(args, scope)
    return divided(current - earlier, earlier.abs())


def _all_known(operator: Callable[..., Value], values: tuple[Value, ...]) -> Value:
    """Engines leave unknown values out; here the greatest of something unknown is unknown."""
    missing = reduce(lambda a, b: a | b, (v.isnull() for v in values))
    return ibis.cases((~missing, operator(*values)))


_FUNCTIONS: dict[str, Callable[[list[exp.Expression], Scope], Value]] = {
    "abs": _pointwise(lambda x: number(x).abs()),
    "ceil": _pointwise(lambda x: number(x).cast("float64").ceil()),
    "floor": _pointwise(lambda x: number(x).cast("float64").floor()),
    "round": _round,
    "lower": _pointwise(lambda x: x.lower()),
    "upper": _pointwise(lambda x: x.upper()),
    "coalesce": _pointwise(ibis.coalesce),
    "greatest": _pointwise(lambda *values: _all_known(ibis.greatest, values)),
    "least": _pointwise(lambda *values: _all_known(ibis.least, values)),
    "nullif": _pointwise(lambda x, y: x.nullif(y)),
    "before": lambda args, scope: _shift(args, scope)[1],
    "change": _change,
    "relative_change": _relative_change,
    "days_between": _days_between,
    "days_since": lambda args, scope: scope.today() - _day(args[0], scope),
    "hours_between": lambda args, scope: hours_between(args, scope).cast("float64") / 3600.0,
    "in_period": lambda args, scope: scope.period(args[0].name, "lasts"),
    "days_in_period": lambda args, scope: scope.period(args[0].name, "since"),
}
