"""A metric: a number or a category per account and date."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from keepwell.definitions.values import Category, Condition, Days, Key, Model, Number

AGGREGATES = (
    "count", "count_distinct", "sum", "mean", "median", "min", "max", "share", "latest",
    "days_since_last", "days_since_first", "days_until", "streak",
)  # fmt: skip
KINDS = (*AGGREGATES, "formula", "change", "assessed", "rank", "share_of_accounts")
ZERO_BY_DEFAULT = frozenset({"count", "count_distinct", "sum", "streak"})

Aggregate = Literal[
    "count", "count_distinct", "sum", "mean", "median", "min", "max", "share", "latest",
    "days_since_last", "days_since_first", "days_until", "streak",
]  # fmt: skip


class Range(Model):
    """The numbers that a person may answer, both ends included."""

    from_: Number = Field(alias="from")
    to: Number


class Metric(Model):
    """What is measured. Exactly one of the kinds is given; the rest says how and in which unit."""

    label: str
    description: str = ""
    unit: str = Field(
        "", description="share, days, hours, people, money, category, yes_no, date, or your own"
    )
    good: Literal["high", "low"] | None = None

    # counted from facts
    count: Literal["rows"] | Condition | None = Field(None, union_mode="left_to_right")
    count_distinct: Condition | None = None
    sum: Condition | None = None
    mean: Condition | None = None
    median: Condition | None = None
    min: Condition | None = None
    max: Condition | None = None
    share: Condition | None = Field(None, description="share of the rows that satisfy it")
    latest: Condition | None = None
    days_since_last: Condition | None = None
    days_since_first: Condition | None = Field(
        None, description="days since a value of this column was last seen for the first time"
    )
    days_until: Condition | None = None
    streak: Condition | None = Field(None, description="latest rows in a row that satisfy it")
    from_: str | None = Field(None, alias="from")
    where: Condition | None = None
    over: Days | None = Field(None, description="trailing window that ends on the scored day")
    per: Key | None = Field(None, description="measure each value of this column by itself first")
    then: Literal["mean", "median", "min", "max", "sum", "count"] | None = None
    order_by: Condition | None = Field(None, description="what makes a row the latest")
    currency: Literal["account", "project"] = "account"

    # derived from other metrics
    formula: Condition | None = None
    change: Key | None = None
    since: Days | None = None
    as_: Literal["relative", "absolute"] = Field("absolute", alias="as")
    rank: Key | None = None
    into: int = Field(5, ge=2, le=100)
    within: list[Key] = []
    share_of_accounts: Condition | None = None

    # given by a person or a sheet
    assessed: list[Category] | Range | None = None
    expires: Days | None = Field(None, description="how long a given value holds; 45 days")

    none_means: Literal["zero", "unknown", "since_start"] | None = None
    states: dict[Key, Condition] = Field(
        {}, description="names for having no value: the first whose condition is true"
    )
    fresh_for: Days | None = None
    allowed: list[Category] | Range | None = Field(None, description="what a sheet may say")
    example: str | int | float | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_kind(cls, data: Any) -> Any:
        if isinstance(data, dict):
            given = [k for k in KINDS if data.get(k) is not None]
            if len(given) != 1:
                found = " and ".join(given) if given else "none"
                raise ValueError(f"a metric has exactly one of {', '.join(KINDS)}; found: {found}")
        return data

    @property
    def kind(self) -> str:
        """Which of KINDS this metric is."""
        return next(k for k in KINDS if getattr(self, k) is not None)

    @property
    def is_aggregate(self) -> bool:
        return self.kind in AGGREGATES

    @property
    def is_text(self) -> bool:
        """Whether its values are categories rather than numbers."""
        return self.unit in ("category", "yes_no") or isinstance(self.assessed, list)

    @property
    def is_date(self) -> bool:
        return self.unit == "date"

    @property
    def no_rows(self) -> str:
        """What having no rows means where the source covers the account."""
        if self.none_means:
            return self.none_means
        return "zero" if self.kind in ZERO_BY_DEFAULT else "unknown"

    @property
    def choices(self) -> list[str] | None:
        """The categories that a value can be, where they are known."""
        if isinstance(self.assessed, list):
            return self.assessed
        if isinstance(self.allowed, list):
            return self.allowed
        return ["yes", "no"] if self.unit == "yes_no" else None

    @property
    def limits(self) -> Range | None:
        """The least and greatest number that a person or a sheet may give, where they are known."""
        for given in (self.assessed, self.allowed):
            if isinstance(given, Range):
                return given
        return None

    @property
    def given_days(self) -> int:
        """How many days a value given by a person or a sheet holds."""
        return self.expires or 45
