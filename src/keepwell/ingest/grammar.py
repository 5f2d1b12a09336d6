"""What a mapping may say: the models of its YAML. Reference documentation is made from them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from keepwell.definitions.values import Days, Model
from keepwell.ingest import numbers
from keepwell.ingest.expressions import RowExpression, parse
from keepwell.ingest.tables import FileOptions
from keepwell.kit import clock
from keepwell.kit.errors import KeepwellError

METRICS = "metrics"
"""Where columns that are metric values go: each value becomes an assessment."""


def constant(value: Any) -> str | None:
    """A constant of the YAML as text: 5 is '5', yes is 'yes', a date is ISO 8601."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return numbers.plain(Decimal(str(value)))
    if isinstance(value, date):
        return value.isoformat()
    raise ValueError("is not a constant; expected a text, a number, a date, true or false")


def _in_one_line(error: KeepwellError) -> str:
    return "; ".join(line.strip() for line in error.text().splitlines())


def _expression(value: Any) -> RowExpression:
    try:
        return parse(value if isinstance(value, str) else str(constant(value)))
    except KeepwellError as error:
        raise ValueError(_in_one_line(error)) from None


def _number_style(value: Any) -> numbers.NumberStyle:
    return numbers.style(str(value))


def _zone(value: Any) -> str:
    try:
        clock.zone(str(value))
    except KeepwellError as error:
        raise ValueError(_in_one_line(error)) from None
    return str(value)


def _column_or_more(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


def _constant_or_more(value: Any) -> Any:
    return value if isinstance(value, dict) else {"value": value}


def _texts(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("is not a list of values; expected {as in the file: as in Keepwell}")
    return {str(key).strip(): constant(v) for key, v in value.items()}


def _list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Constant = Annotated[str | None, BeforeValidator(constant)]
Condition = Annotated[RowExpression, BeforeValidator(_expression)]
Style = Annotated[numbers.NumberStyle, BeforeValidator(_number_style)]


class Origin(Model):
    """Where a value comes from: a column of the file, a constant, or an expression over columns."""

    column: str | None = Field(None, description="a column of the file, as its header names it")
    value: Constant = Field(None, description="the same constant in every row")
    expression: Condition | None = Field(
        None,
        description="SQL over the columns of the row: quantity * price, created + hours_open hours",
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Origin:
        given = sorted(self.model_fields_set & {"column", "value", "expression"})
        if len(given) != 1:
            said = " and ".join(given) or "none of them"
            raise ValueError(f"expected one of column, value and expression, found {said}")
        return self


Fallback = Annotated[Origin, BeforeValidator(_constant_or_more)]


class FieldRule(Origin):
    """How one field is filled. A bare name is the name of a column.

    Conversion goes in this order: `empty` of the mapping, `default`, `values` and `else`, `match`,
    then `number`, `scale` or `date` into the type of the field.
    """

    values: Annotated[dict[str, str | None] | None, BeforeValidator(_texts)] = Field(
        None, description="{as in the file: as in Keepwell}; case does not matter; null is no value"
    )
    else_: Fallback | None = Field(
        None, alias="else", description="for a value that `values` does not list"
    )
    default: Fallback | None = Field(None, description="where the column is empty")
    match: str | None = Field(
        None, description="a regular expression of the whole value; its one group is taken"
    )
    date: Annotated[list[str] | None, BeforeValidator(_list)] = Field(
        None,
        description="how days are written, as strptime says it: '%d.%m.%Y'; a list where there are "
        "several ways; epoch or epoch_ms for seconds or milliseconds since 1970",
    )
    number: Style | None = Field(
        None, description="how 1234.56 is written here: '1.234,56', '$1,234.56', '1234.56%'"
    )
    scale: Decimal | None = Field(None, description="the number is multiplied by this: 0.01")
    as_: Literal["number", "share", "text", "yes_no", "date"] | None = Field(
        None,
        alias="as",
        description="of a metric's column: what its values are; a share is 0.72 or 72%",
    )


FieldSpec = Annotated[FieldRule, BeforeValidator(_column_or_more)]
DaySpec = Annotated[
    FieldRule,
    BeforeValidator(lambda v: {"value": v} if isinstance(v, date) else _column_or_more(v)),
]


class Unpivot(Model):
    """Columns that become rows: every listed column of a row becomes a row of its own."""

    columns: Annotated[dict[str, str | None], BeforeValidator(_texts)] = Field(
        description="{column of the file: what it is called in the field `name`}"
    )
    name: str = Field(description="the field that takes what the column is called")
    value: str = Field(description="the field that takes the cell")


class TableRule(Model):
    """One way from a file to a canonical table. A file may feed several tables."""

    from_: str = Field(alias="from", description="a file name or glob, relative to the PATH")
    to: str = Field(description="a canonical table, or `metrics` for columns of metric values")
    where: Condition | None = Field(None, description="rows for which this holds; the rest is left")
    fields: dict[str, FieldSpec] = Field({}, description="{field of the table: how it is filled}")
    group: bool = Field(
        False,
        description="rows of one key become one: numbers are added, the earliest day and instant "
        "and the first of anything else are kept",
    )
    unpivot: Unpivot | None = None
    covers: list[str] = Field(
        [],
        description="kinds that this file would show, should there be any: days without are 0, "
        "until a kind that came regularly has stopped",
    )
    account: FieldSpec | None = Field(None, description="with `to: metrics`: the account's id")
    as_of: DaySpec | None = Field(
        None, description="with `to: metrics`: the day of the values, a date or a column"
    )
    expires: Days | None = Field(
        None, description="with `to: metrics`: how long values hold, if not as the metric says"
    )


class FileRule(Model):
    """How files of that name are read, where it cannot be seen from the file."""

    encoding: str | None = None
    delimiter: str | None = Field(None, min_length=1, max_length=1)
    sheet: str | None = Field(None, description="of a workbook; default: the first visible one")
    header_row: int = Field(1, ge=1, description="the row with the column names")

    def options(self) -> FileOptions:
        return FileOptions(self.encoding, self.delimiter, self.sheet, self.header_row)


class Mapping(Model):
    """A mapping file: one source, how it writes things, and which file feeds which table."""

    source: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$", description="the source's name")
    timezone: Annotated[str, BeforeValidator(_zone)] = Field(
        "UTC", description="of instants without a zone, and of the days of all instants"
    )
    currency: str | None = Field(None, pattern=r"^[A-Z]{3}$", description="of all amounts")
    day_first: bool | None = Field(
        None, description="how 03/04/2025 is meant: true for 3 April; needed where it is unclear"
    )
    number: Style | None = Field(None, description="how all numbers are written, by example")
    empty: Annotated[list[Constant], BeforeValidator(_list)] = Field(
        [], description="texts that mean that there is no value, such as n/a"
    )
    complete_through: date | None = Field(
        None, description="the last day that the files cover; default: the last day in them"
    )
    files: dict[str, FileRule] = Field({}, description="{file name or glob: how to read it}")
    tables: list[TableRule] = Field(min_length=1)
