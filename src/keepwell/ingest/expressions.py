"""Expressions over the columns of one source row: SQL, parsed, allow-listed and compiled anew.

Beyond SQL there are three spellings: `20%` is 0.20, `30 days` is a length of time, and
`resolution_time hours` is that many hours. Text columns count as numbers in arithmetic and as
instants where a length of time is added to them. Names with blanks stand in double quotes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from keepwell.kit.errors import KeepwellError, did_you_mean

MOST_CHARACTERS = 4_000
MOST_NODES = 400
UNITS = frozenset({"minute", "hour", "day", "week", "month", "year"})
TYPES = frozenset({
    "VARCHAR", "TEXT", "INT", "BIGINT", "DOUBLE", "FLOAT", "DECIMAL", "DATE", "TIMESTAMP",
    "TIMESTAMPNTZ", "TIMESTAMPTZ", "BOOLEAN",
})  # fmt: skip

FUNCTIONS: dict[str, type[exp.Expr]] = {
    "abs": exp.Abs,
    "ceil": exp.Ceil,
    "coalesce": exp.Coalesce,
    "concat": exp.Concat,
    "floor": exp.Floor,
    "greatest": exp.Greatest,
    "least": exp.Least,
    "left": exp.Left,
    "length": exp.Length,
    "lower": exp.Lower,
    "md5": exp.MD5,
    "nullif": exp.Nullif,
    "regexp_extract": exp.RegexpExtract,
    "regexp_matches": exp.RegexpLike,
    "regexp_replace": exp.RegexpReplace,
    "replace": exp.Replace,
    "right": exp.Right,
    "round": exp.Round,
    "split_part": exp.SplitPart,
    "strptime": exp.StrToTime,
    "substring": exp.Substring,
    "trim": exp.Trim,
    "upper": exp.Upper,
}
_ALLOWED = frozenset({
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Neg, exp.Not,
    exp.And, exp.Or, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In,
    exp.Between, exp.Like, exp.ILike, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.DPipe,
    exp.Case, exp.If, exp.Interval, exp.Var, exp.Cast, exp.TryCast, exp.DataType,
    exp.DataTypeParam, *FUNCTIONS.values(),
})  # fmt: skip
_NUMERIC = (exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.Abs, exp.Ceil, exp.Floor, exp.Round)
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)


@dataclass(frozen=True)
class RowExpression:
    """A checked expression: its text as written and its tree."""

    text: str
    tree: exp.Expr

    @property
    def columns(self) -> tuple[str, ...]:
        """The column names in it, as written, each once."""
        return tuple(dict.fromkeys(c.name for c in self.tree.find_all(exp.Column)))

    def sql(self, types: Mapping[str, str]) -> str:
        """DuckDB's SQL over columns of these names and types. Raises KeepwellError for a column
        that is not among them."""
        tree = self.tree.copy()
        for column in list(tree.find_all(exp.Column)):
            name = resolve(column.name, types)
            replacement: exp.Expr = exp.column(exp.to_identifier(name, quoted=True))
            if types[name] == "VARCHAR" and (kind := _wanted(column)):
                replacement = exp.cast(replacement, kind)
            if column is tree:
                tree = replacement
            else:
                column.replace(replacement)
        return tree.sql(dialect="duckdb")


def resolve(name: str, columns: Mapping[str, str]) -> str:
    """The column of that name, whatever its case. Raises KeepwellError with near names."""
    if name in columns:
        return name
    folded = [c for c in columns if c.casefold() == name.casefold()]
    if len(folded) == 1:
        return folded[0]
    raise KeepwellError(f"there is no column '{name}'", todo=did_you_mean(name, columns))


def _wanted(column: exp.Column) -> str | None:
    """The type that a text column must have where it stands, None where text will do."""
    node: exp.Expr = column
    parent = node.parent
    while isinstance(parent, exp.Paren):
        node, parent = parent, parent.parent
    if isinstance(parent, _NUMERIC):
        return "DOUBLE" if node.arg_key in ("this", "expression") else None
    if isinstance(parent, exp.Add | exp.Sub):
        other = parent.expression if node is parent.this else parent.this
        return "TIMESTAMP" if _is_length(other) else "DOUBLE"
    if isinstance(parent, _COMPARISONS):
        other = parent.expression if node is parent.this else parent.this
        return "DOUBLE" if _is_number(other) else None
    if isinstance(parent, exp.Between):
        return "DOUBLE" if node.arg_key == "this" and _is_number(parent.args["low"]) else None
    return None


def _is_length(node: exp.Expr) -> bool:
    return node.find(exp.Interval) is not None and node.find(exp.Cast) is None


def _is_number(node: exp.Expr) -> bool:
    if isinstance(node, exp.Neg | exp.Paren):
        return _is_number(node.this)
    return isinstance(node, exp.Literal) and not node.is_string


@lru_cache(maxsize=1024)
def parse(text: str) -> RowExpression:
    """Parse and check an expression. Raises KeepwellError that says what is not allowed."""
    if len(text) > MOST_CHARACTERS:
        raise KeepwellError(f"an expression of {len(text):,} characters", expected="at most 4,000")
    try:
        trees = sqlglot.parse(_plain_sql(text), dialect="duckdb")
    except (SqlglotError, RecursionError) as error:
        detail = (str(error).split(". Line")[0].splitlines() or ["too deeply nested"])[0]
        raise KeepwellError(
            f"cannot read the expression {_short(text)}: {detail}",
            expected="SQL over the file's columns such as: quantity * price",
        ) from None
    if len(trees) != 1 or trees[0] is None:
        raise KeepwellError(f"{_short(text)} is not one expression", expected="one expression")
    tree = trees[0]
    _check(tree, text)
    return RowExpression(text, tree)


def _short(text: str) -> str:
    return repr(text if len(text) <= 120 else text[:117] + "...")


def _check(tree: exp.Expr, text: str) -> None:
    for count, node in enumerate(tree.walk()):
        if count > MOST_NODES:
            raise KeepwellError(f"{_short(text)} is too long", expected=f"{MOST_NODES} parts")
        if type(node) in _ALLOWED:
            _check_node(node, text)
        elif isinstance(node, exp.Func):
            name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
            raise KeepwellError(
                f"the function {name}() in {_short(text)} is not allowed",
                expected="one of " + ", ".join(sorted(FUNCTIONS)),
                todo=did_you_mean(name, FUNCTIONS),
            )
        else:
            raise KeepwellError(
                f"{_short(text)} uses {type(node).__name__.upper()}, which is not allowed",
                expected="columns, numbers, texts, comparisons, and/or/not, + - * / ||, CASE,"
                " CAST, functions",
            )


def _check_node(node: exp.Expr, text: str) -> None:
    if isinstance(node, exp.Column) and node.table:
        raise KeepwellError(
            f"{node.sql()!r} in {_short(text)} has a dot",
            expected='the name of a column; a name with a dot stands in quotes: "a.b"',
        )
    if isinstance(node, exp.In) and (node.args.get("query") or node.args.get("unnest")):
        raise KeepwellError(f"{_short(text)} looks into another table, which is not allowed")
    if isinstance(node, exp.Var) and not isinstance(node.parent, exp.Interval):
        raise KeepwellError(f"{_short(text)} has {node.name!r} where a value is expected")
    if isinstance(node, exp.DataType) and node.this.name not in TYPES:
        raise KeepwellError(
            f"the type {node.sql('duckdb')} in {_short(text)} is not allowed",
            expected="text, int, bigint, double, decimal(18, 4), date, timestamp or boolean",
        )
    if isinstance(node, exp.Interval):
        unit = node.text("unit").lower().rstrip("s")
        if unit not in UNITS or not isinstance(node.this, exp.Literal):
            raise KeepwellError(f"{node.sql()!r} is not a length of time", expected="30 days")


def _plain_sql(text: str) -> str:
    """Rewrite `20%`, `30 days` and `name hours` into SQL, token by token."""
    try:
        tokens = sqlglot.tokenize(text, dialect="duckdb")
    except SqlglotError as error:
        detail = str(error).splitlines()[0]
        raise KeepwellError(f"cannot read the expression {_short(text)}: {detail}") from None
    out: list[str] = []
    at = 0
    for i, token in enumerate(tokens):
        following = tokens[i + 1] if i + 1 < len(tokens) else None
        if following is None or token.start < at:
            continue
        unit = following.text.lower().rstrip("s")
        is_number = token.token_type is TokenType.NUMBER
        after = tokens[i + 2] if i + 2 < len(tokens) else None
        if is_number and following.token_type is TokenType.MOD and not _starts_operand(after):
            replacement = str(Decimal(token.text) / 100)
        elif unit not in UNITS or following.token_type is TokenType.STRING:
            continue
        elif is_number and not (i and tokens[i - 1].token_type is TokenType.INTERVAL):
            replacement = f"INTERVAL '{token.text}' {unit.upper()}"
        elif _ends_operand(token):
            replacement = text[token.start : token.end + 1] + f" * INTERVAL '1' {unit.upper()}"
        else:
            continue
        out += [text[at : token.start], f" {replacement} "]
        at = following.end + 1
    out.append(text[at:])
    return "".join(out)


def _starts_operand(token: Token | None) -> bool:
    return token is not None and token.token_type in (
        TokenType.NUMBER,
        TokenType.VAR,
        TokenType.IDENTIFIER,
        TokenType.STRING,
        TokenType.L_PAREN,
    )


def _ends_operand(token: Token) -> bool:
    return token.token_type in (TokenType.VAR, TokenType.IDENTIFIER, TokenType.R_PAREN)
