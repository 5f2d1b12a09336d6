"""DuckDB expressions that bring a value into the type of a canonical column, or to null.

A value that does not fit becomes null; whoever calls tells it from an empty one by looking at what
was there before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from keepwell.facts.arrow import ARROW_TYPES
from keepwell.facts.model import Column
from keepwell.ingest.checks import FALSE, TIMES, TRUE
from keepwell.ingest.numbers import PLAIN, NumberStyle
from keepwell.kit.views import quoted, sql_type, text

_ANY_BLANK = text("[ \u00a0\u202f]")
ISO = r"\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}.*)?"
_HAS_ZONE = text(r"([zZ]|[+-]\d{2}(:?\d{2})?|/[A-Za-z_/]+)$")
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UINTEGER", "UBIGINT", "USMALLINT",
          "UTINYINT")  # fmt: skip
EARLIEST, LATEST = "DATE '1900-01-01'", "DATE '2200-01-01'"


@dataclass(frozen=True)
class Written:
    """How values are written in a column. dates: formats to be tried in order; none is ISO."""

    timezone: str = "UTC"
    dates: tuple[str, ...] = ()
    number: NumberStyle | None = None
    scale: Decimal | None = None
    share: bool = False


def cleaned(column: str, kind: str, empty: Sequence[str] = ()) -> str:
    """A source column with blanks trimmed and everything that means nothing as null."""
    name = quoted(column)
    if kind in ("DOUBLE", "FLOAT"):
        return f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END"
    if kind != "VARCHAR":
        return name
    # Most values need no trimming, and it is not for nothing.
    blank = f"starts_with({name}, ' ') OR ends_with({name}, ' ')"
    trimmed = f"nullif(CASE WHEN {blank} THEN trim({name}) ELSE {name} END, '')"
    if not empty:
        return trimmed
    listed = ", ".join(text(e.casefold()) for e in empty)
    return f"CASE WHEN lower({trimmed}) IN ({listed}) THEN NULL ELSE {trimmed} END"


def as_text(value: str, kind: str) -> str:
    """Any value as text: whole numbers without a point, so that 12346.0 is the id 12346."""
    if kind == "VARCHAR":
        return value
    if kind in ("DOUBLE", "FLOAT"):
        whole = f"{value} = trunc({value}) AND abs({value}) < 1e15"
        return (
            f"CASE WHEN {whole} THEN CAST(CAST({value} AS BIGINT) AS VARCHAR) "
            f"ELSE CAST({value} AS VARCHAR) END"
        )
    if kind.startswith("DECIMAL"):
        return (
            f"CASE WHEN {value} = trunc({value}) THEN CAST(CAST({value} AS HUGEINT) AS VARCHAR) "
            f"ELSE rtrim(CAST({value} AS VARCHAR), '0') END"
        )
    return f"CAST({value} AS VARCHAR)"


def converted(value: str, kind: str, column: Column, written: Written) -> str:
    """The value of DuckDB type `kind` in the type of the canonical column; null where it cannot."""
    if column.type == "text":
        return _text(as_text(value, kind), column)
    if column.type == "bool":
        return _bool(value, kind)
    if column.type in TIMES:
        return _time(value, kind, column.type == "date", written)
    return _number(value, kind, column, written)


def _text(value: str, column: Column) -> str:
    if column.values:
        listed = ", ".join(text(v) for v in column.values)
        word = f"lower(replace(replace({value}, ' ', '_'), '-', '_'))"
        return f"CASE WHEN {word} IN ({listed}) THEN {word} END"
    if column.name == "currency" or column.name.endswith("_ccy"):
        return f"CASE WHEN regexp_full_match(upper({value}), '[A-Z]{{3}}') THEN upper({value}) END"
    return value


def _bool(value: str, kind: str) -> str:
    if kind == "BOOLEAN":
        return value
    word = f"lower({as_text(value, kind)})"
    yes, no = (", ".join(text(w) for w in words) for words in (TRUE, FALSE))
    return f"CASE WHEN {word} IN ({yes}) THEN true WHEN {word} IN ({no}) THEN false END"


def _number(value: str, kind: str, column: Column, written: Written) -> str:
    target = sql_type(ARROW_TYPES[column.type])
    digits, percent = _digits(value, kind, written)
    if written.scale is not None or percent:
        number = in_units(value, kind, written)
    elif column.type != "int" or kind in _WHOLE:
        return f"TRY_CAST({digits} AS {target})"
    else:
        number = f"TRY_CAST({digits} AS DECIMAL(18,4))"
    if column.type == "int":
        return f"CASE WHEN {number} = trunc({number}) THEN TRY_CAST({number} AS BIGINT) END"
    return f"TRY_CAST({number} AS {target})"


def in_units(value: str, kind: str, written: Written) -> str:
    """A number as DOUBLE with its percent sign and scale taken into account; null where none.

    The scale is a fraction and the division comes last, so that the result is the nearest float
    to the true value, which rounds to the exact decimal.
    """
    digits, percent = _digits(value, kind, written)
    over, under = (written.scale or Decimal(1)).as_integer_ratio()
    number = f"TRY_CAST({digits} AS DOUBLE)"
    scaled = f"({number} * {over} / {under})"
    if not percent:
        return scaled
    # A percent sign says itself what the scale would say.
    return f"(CASE WHEN {percent} THEN {number} / 100 ELSE {scaled} END)"


def _digits(value: str, kind: str, written: Written) -> tuple[str, str]:
    """The number as something that can be cast, and the condition that it is in percent."""
    if kind.startswith(("DATE", "TIME", "INTERVAL")):
        return "CAST(NULL AS DOUBLE)", ""
    if kind != "VARCHAR":
        return value, ""
    style = written.number
    if style is None:
        body = f"rtrim(rtrim({value}, '%'))" if written.share else value
        ok = f"regexp_full_match({body}, {text(PLAIN)})"
        return (
            f"CASE WHEN {ok} THEN {body} END",
            f"ends_with({value}, '%')" if written.share else "",
        )
    body = value
    for sign in (style.before, style.after, style.thousands):
        if sign.isspace():
            body = f"regexp_replace({body}, {_ANY_BLANK}, '', 'g')"
        elif sign:
            body = f"replace({body}, {text(sign)}, '')"
    body = f"regexp_replace({body}, '\\s', '', 'g')"
    if style.point and style.point != ".":
        body = f"replace({body}, {text(style.point)}, '.')"
    ok = f"regexp_full_match({value}, {text(style.pattern)})"
    return f"CASE WHEN {ok} THEN {body} END", "true" if style.percent else ""


def _time(value: str, kind: str, is_day: bool, written: Written) -> str:
    zone = text(written.timezone)
    if written.dates and not kind.startswith(("DATE", "TIMESTAMP")):
        value, kind = as_text(value, kind), "VARCHAR"
    if kind == "DATE":
        return value if is_day else _instant(value, zone)
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"CAST(timezone({zone}, {value}) AS DATE)" if is_day else value
    if kind.startswith("TIMESTAMP"):
        return f"CAST({value} AS DATE)" if is_day else _instant(value, zone)
    if kind != "VARCHAR":
        return f"CAST(NULL AS {'DATE' if is_day else 'TIMESTAMPTZ'})"
    tried = [_written_time(value, f, is_day, zone) for f in written.dates or ("iso",)]
    return tried[0] if len(tried) == 1 else f"coalesce({', '.join(tried)})"


def _instant(value: str, zone: str) -> str:
    if zone == "'UTC'":
        return f"make_timestamptz(epoch_us(CAST({value} AS TIMESTAMP)))"
    return f"timezone({zone}, CAST({value} AS TIMESTAMP))"


def _written_time(value: str, written: str, is_day: bool, zone: str) -> str:
    if written == "iso":
        return _iso(value, is_day, zone)
    if written.startswith("epoch"):
        factor = "1000000" if written == "epoch" else "1000"
        number = f"CASE WHEN regexp_full_match({value}, {text(PLAIN)}) THEN {value} END"
        micros = f"TRY_CAST(TRY_CAST({number} AS DECIMAL(28,6)) * {factor} AS BIGINT)"
        at = f"TRY(make_timestamptz({micros}))"
    else:
        at = f"try_strptime({value}, {text(written)})"
        if "%z" not in written:
            return f"CAST({at} AS DATE)" if is_day else _instant(at, zone)
    return f"CAST(timezone({zone}, {at}) AS DATE)" if is_day else at


def _iso(value: str, is_day: bool, zone: str) -> str:
    given = f"CASE WHEN {is_iso(value)} THEN {value} END"
    zoned = f"length({value}) > 10 AND regexp_matches({value}, {_HAS_ZONE})"
    at = f"TRY_CAST({given} AS TIMESTAMPTZ)"
    local = f"TRY_CAST({given} AS TIMESTAMP)"
    if is_day:
        return (
            f"CASE WHEN {zoned} THEN CAST(timezone({zone}, {at}) AS DATE) "
            f"ELSE CAST({local} AS DATE) END"
        )
    return f"CASE WHEN {zoned} THEN {at} ELSE {_instant(local, zone)} END"


def is_iso(value: str) -> str:
    """The quick condition that only an ISO 8601 day or instant can satisfy and be cast."""
    return f"substr({value}, 5, 1) = '-'"


def out_of_range(value: str, column: Column) -> str | None:
    """The condition that a day or instant is out of all reason; null for other columns."""
    if column.type == "date":
        return f"NOT {value} BETWEEN {EARLIEST} AND {LATEST}"
    if column.type == "timestamp":
        return (
            f"NOT {value} BETWEEN CAST({EARLIEST} AS TIMESTAMPTZ) AND CAST({LATEST} AS TIMESTAMPTZ)"
        )
    return None
