"""The expression language: SQL scalar expressions over names, parsed against an allow-list.

An expression is parsed by sqlglot, every node of it is checked, and the metrics room compiles the
tree to Ibis. Nothing is ever evaluated as Python or pasted into SQL. Beyond SQL there are two
spellings: `20%` is 0.20 and `30 days` is a length of time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, lru_cache
from math import isfinite

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from keepwell.kit.errors import KeepwellError, did_you_mean

# What is no expression is said by us, in our words.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

MOST_CHARACTERS = 4_000
MOST_NODES = 600
DEEPEST = 100  # twice that would exhaust Python's stack when it is compiled
LONGEST = 36_500  # days; a hundred years
UNITS = {"hour": 1 / 24, "day": 1, "week": 7, "month": 30, "year": 365}

# name -> least and most number of arguments
FUNCTIONS: dict[str, tuple[int, int]] = {
    "abs": (1, 1),
    "ceil": (1, 1),
    "coalesce": (1, 20),
    "floor": (1, 1),
    "greatest": (2, 20),
    "least": (2, 20),
    "lower": (1, 1),
    "nullif": (2, 2),
    "round": (1, 2),
    "upper": (1, 1),
    "before": (2, 2),  # before(x, 30 days): x as it was then
    "change": (2, 2),  # change(x, 30 days): x minus before(x, 30 days)
    "relative_change": (2, 2),  # change as a share of the value before
    "days_between": (2, 2),  # whole days from the first to the second
    "days_since": (1, 1),  # whole days from it to the scored day
    "hours_between": (2, 2),
    "in_period": (1, 1),  # the scored day lies in a period of that kind
    "days_in_period": (1, 1),  # days since the latest period of that kind began
}
PERIOD_FUNCTIONS = frozenset({"in_period", "days_in_period"})
SHIFTS = frozenset({"before", "change", "relative_change"})

_ALLOWED: tuple[type[exp.Expression], ...] = (
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Neg, exp.Not,
    exp.And, exp.Or, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In,
    exp.Between, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Case, exp.If, exp.Interval, exp.Var,
    exp.Anonymous, exp.Abs, exp.Ceil, exp.Coalesce, exp.Floor, exp.Greatest, exp.Least, exp.Lower,
    exp.Nullif, exp.Round, exp.Upper,
)  # fmt: skip

_CALLS: tuple[type[exp.Expression], ...] = (
    exp.Anonymous, exp.Abs, exp.Ceil, exp.Coalesce, exp.Floor, exp.Greatest, exp.Least, exp.Lower,
    exp.Nullif, exp.Round, exp.Upper,
)  # fmt: skip


@dataclass(frozen=True)
class Expression:
    """A checked expression: its text as written and its tree."""

    text: str
    tree: exp.Expression = field(compare=False, repr=False)

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name in it: `logins_30d`, `person.seniority`."""
        return frozenset(name_of(c) for c in self.tree.find_all(exp.Column))

    def calls(self, function: str) -> Iterator[tuple[exp.Expression, ...]]:
        """The arguments of every call of that function."""
        for node in self.tree.walk():
            if isinstance(node, _CALLS) and function_name(node) == function:
                yield tuple(arguments(node))


def name_of(column: exp.Column) -> str:
    """A column's name as written: `name` or `path.name`."""
    return f"{column.table}.{column.name}" if column.table else column.name


def function_name(node: exp.Expression) -> str:
    """The name of a function call, lower case."""
    return node.name.lower() if isinstance(node, exp.Anonymous) else type(node).__name__.lower()


def arguments(node: exp.Expression) -> list[exp.Expression]:
    """The arguments of a function call in order."""
    if isinstance(node, exp.Anonymous):
        return list(node.expressions)
    found: list[exp.Expression] = []
    for key in node.arg_types:
        given = node.args.get(key)
        if isinstance(given, exp.Expression):
            found.append(given)
        elif isinstance(given, list):
            found.extend(given)
    return found


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """Parse and check an expression. Raises KeepwellError that says what is not allowed."""
    if len(text) > MOST_CHARACTERS:
        raise KeepwellError(f"an expression of {len(text):,} characters", expected="at most 4,000")
    try:
        trees = sqlglot.parse(_plain_sql(text), dialect="duckdb")
    except RecursionError:
        raise KeepwellError(f"{_short(text)} is too deeply nested") from None
    # Beside its own errors sqlglot raises others for half a statement, such as "grant".
    except (
        SqlglotError,
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        detail = "this is no expression"
        if isinstance(error, SqlglotError):
            detail = str(error).split(". Line")[0].partition("\n")[0]
        if detail.startswith("Required keyword"):
            detail = "something is missing"
        raise KeepwellError(
            f"cannot read the expression {_short(text)}: {detail}",
            expected="a condition or formula such as: logins_30d >= 15 and plan_tier = 'tier_1'",
        ) from None
    tree = trees[0] if len(trees) == 1 else None
    if not isinstance(tree, exp.Expression):
        raise KeepwellError(f"{_short(text)} is not one expression", expected="one expression")
    _check(tree, text)
    return Expression(text, tree)


def can_be_named(key: str) -> bool:
    """Whether a key can stand in an expression; words of the language, such as `case`, cannot."""
    if key.upper() not in DuckDB.Tokenizer.KEYWORDS:
        return True
    try:
        return parse(key).names == {key}
    except KeepwellError:
        return False


def _short(text: str) -> str:
    return repr(text if len(text) <= 120 else text[:117] + "...")


def _check(tree: exp.Expression, text: str) -> None:
    for count, node in enumerate(tree.walk()):
        if count > MOST_NODES:
            raise KeepwellError(f"{_short(text)} is too long", expected=f"{MOST_NODES} parts")
        if isinstance(node, _CALLS):
            _check_call(node, text)
        if isinstance(node, exp.Func) and not isinstance(node, (*_ALLOWED, exp.Connector)):
            raise _unknown_function(node.sql_name().lower(), text)
        if not isinstance(node, _ALLOWED) or (isinstance(node, exp.In) and node.args.get("query")):
            raise KeepwellError(
                f"{_short(text)} uses {type(node).__name__.upper()}, which is not allowed",
                expected="names, numbers, texts, comparisons, and/or/not, + - * /, CASE, functions",
            )
        if isinstance(node, exp.Column) and (node.args.get("db") or node.args.get("catalog")):
            raise KeepwellError(
                f"{node.sql()!r} in {_short(text)} has too many dots",
                expected="a name, or path.name",
            )
        _check_shape(node, text)
        if node.depth > DEEPEST:
            raise KeepwellError(
                f"{_short(text)} is too deeply nested", expected=f"at most {DEEPEST} levels"
            )


Fault = tuple[str, str] | None


def _check_shape(node: exp.Expression, text: str) -> None:
    """What SQL allows in more places than the language does, or reads in another way."""
    rule = _SHAPES.get(type(node))
    fault = rule(node) if rule else None
    if fault is not None:
        raise KeepwellError(f"{_short(text)} {fault[0]}", expected=fault[1])


def _stray_length(node: exp.Expression) -> Fault:
    length(node)
    above = node.parent
    if isinstance(above, exp.Anonymous) and function_name(above) in SHIFTS:
        return None
    return (
        "compares or adds a length of time",
        "a number of days, beside days_between() or days_since()",
    )


def _stray_word(node: exp.Expression) -> Fault:
    inside = isinstance(node.parent, exp.Interval)
    return None if inside else (f"has {node.name!r} in a place of its own", "a name")


def _no_list(node: exp.Expression) -> Fault:
    if node.args.get("field") or node.args.get("unnest") or not node.expressions:
        return "names no list after 'in'", "plan_tier in ('tier_1', 'tier_2')"
    if any(isinstance(option, exp.Null) for option in node.expressions):
        return "looks for null in a list", "or plan_tier is null"
    return None


def _equals_null(node: exp.Expression) -> Fault:
    if any(isinstance(side, exp.Null) for side in (node.this, node.expression)):
        return "compares with null, which is never true", "is null or is not null"
    return None


def _is_value(node: exp.Expression) -> Fault:
    known = isinstance(node.expression, exp.Null | exp.Boolean)
    return None if known else ("says 'is' of a value", "=, or is null, is true, is false")


def _symmetric(node: exp.Expression) -> Fault:
    return ("says 'symmetric'", "between 1 and 5") if node.args.get("symmetric") else None


def _no_number(node: exp.Expression) -> Fault:
    if node.args["is_string"] or _is_number(node.name):
        return None
    return f"has the number {_short(node.name)}", "a number such as 12, 0.5 or 70%"


_SHAPES: dict[type[exp.Expression], Callable[[exp.Expression], Fault]] = {
    exp.Interval: _stray_length,
    exp.Var: _stray_word,
    exp.In: _no_list,
    exp.Is: _is_value,
    exp.Between: _symmetric,
    exp.Literal: _no_number,
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE), _equals_null),
}


def _is_number(text: str) -> bool:
    try:
        # A whole number has to fit into 64 bits, as engines keep them.
        return isfinite(float(text)) and (not text.isdigit() or int(text) < 2**63)
    except ValueError:
        return False


def _unknown_function(name: str, text: str) -> KeepwellError:
    return KeepwellError(
        f"the function {name}() in {_short(text)} is not allowed",
        expected="one of " + ", ".join(sorted(FUNCTIONS)),
        todo=did_you_mean(name, FUNCTIONS),
    )


def _check_call(node: exp.Expression, text: str) -> None:
    name = function_name(node)
    if name not in FUNCTIONS:
        raise _unknown_function(name, text)
    least, most = FUNCTIONS[name]
    args = arguments(node)
    if not least <= len(args) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise KeepwellError(
            f"{name}() in {_short(text)} has {len(args)} arguments", expected=f"{wanted} arguments"
        )
    if name in SHIFTS and not isinstance(args[1], exp.Interval):
        raise KeepwellError(
            f"{name}() in {_short(text)} says no length of time",
            expected=f"{name}(metric, 30 days)",
        )
    if name == "round" and len(args) > 1 and not _is_places(args[1]):
        raise KeepwellError(
            f"round() in {_short(text)} has no fixed number of places", expected="round(metric, 2)"
        )
    if name in PERIOD_FUNCTIONS and not (isinstance(args[0], exp.Literal) and args[0].is_string):
        raise KeepwellError(
            f"{name}() in {_short(text)} names no kind of period",
            expected=f"{name}('seasonal_closure')",
        )


def _is_places(node: exp.Expression) -> bool:
    return isinstance(node, exp.Literal) and node.name.isdecimal() and int(node.name) <= 9


def length(interval: exp.Expression) -> int:
    """The whole days of an interval; an hour counts as a part of a day and must add up to days."""
    unit = (interval.text("unit") or "").lower().removesuffix("s")
    number = interval.this
    known = unit in UNITS and isinstance(number, exp.Literal) and _is_number(number.name)
    if not known:
        raise KeepwellError(f"{interval.sql()!r} is not a length of time", expected="30 days")
    days = float(number.name) * UNITS[unit]
    if days != int(days) or not 0 < days <= LONGEST:
        raise KeepwellError(
            f"{number.name} {unit}s is not a number of whole days",
            expected=f"1 to {LONGEST:,} days",
        )
    return int(days)


def _plain_sql(text: str) -> str:
    """Rewrite `20%` and `30 days` into SQL, token by token, so that texts stay as they are."""
    try:
        tokens = sqlglot.tokenize(text, dialect="duckdb")
    except SqlglotError as error:
        detail = str(error).partition("\n")[0]
        raise KeepwellError(f"cannot read the expression {_short(text)}: {detail}") from None
    out: list[str] = []
    at = 0
    for i, token in enumerate(tokens):
        if token.token_type is not TokenType.NUMBER or i + 1 == len(tokens):
            continue
        following = tokens[i + 1]
        after = tokens[i + 2] if i + 2 < len(tokens) else None
        if following.token_type is TokenType.MOD and not _starts_operand(after):
            replacement = str(Decimal(token.text) / 100)
        elif (
            following.text.lower().removesuffix("s") in UNITS
            and following.token_type is not TokenType.STRING
        ):
            replacement = f"INTERVAL '{token.text}' {following.text.upper().removesuffix('S')}"
        else:
            continue
        out.append(text[at : token.start])
        out.append(f" {replacement} ")
        at = following.end + 1
    out.append(text[at:])
    return "".join(out)


def _starts_operand(token: Token | None) -> bool:
    return token is not None and token.token_type in (
        TokenType.NUMBER,
        TokenType.VAR,
        TokenType.STRING,
        TokenType.L_PAREN,
    )
