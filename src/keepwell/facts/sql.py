"""Building blocks of the statements by which versions of rows are compared and written.

Only names and types of our own schema, and literals quoted here, go into a statement.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

from keepwell.facts.model import Table
from keepwell.facts.schema import DERIVED_COLUMNS
from keepwell.kit.views import fill as fill
from keepwell.kit.views import quoted, text


def listed(columns: Iterable[str], prefix: str = "") -> str:
    """Column names separated by commas, each with a prefix such as `b.`."""
    return ", ".join(prefix + quoted(c) for c in columns)


def instant(at: datetime) -> str:
    """A literal of an instant. Raises ValueError for one without a time zone."""
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return "TIMESTAMPTZ " + text(at.astimezone(UTC).isoformat(sep=" "))


def between_days(table: Table, first: date, last: date) -> str:
    """The condition that a row happened on one of the days."""
    return fill(
        "$day BETWEEN DATE $first AND DATE $last",
        day=day_of(table),
        first=text(first.isoformat()),
        last=text(last.isoformat()),
    )


def between(table: Table, first: date | None, last: date) -> str:
    """The condition that a table's day is one from `first`, if it is given, to `last`. Of instants
    it is their day in UTC up to the beginning of `last`."""
    assert table.day is not None
    column = quoted(table.day)
    conditions = [fill("$column <= $last", column=column, last=_beginning(table, last))]
    if first is not None:
        conditions.append(fill("$column >= $first", column=column, first=_beginning(table, first)))
    return fill("($all)", all=" AND ".join(conditions))


def _beginning(table: Table, day: date) -> str:
    """A literal of the type of a table's day: BigQuery compares no instant with a date."""
    column = table.column(table.day or "")
    if column is not None and column.type == "timestamp":
        return instant(datetime(day.year, day.month, day.day, tzinfo=UTC))
    return "DATE " + text(str(day))


def same_key(table: Table, left: str, right: str) -> str:
    """The condition that two rows have the same key; empty parts of a key are alike."""
    return " AND ".join(
        " ".join([left + quoted(k), _compared(table, k), right + quoted(k)]) for k in table.key
    )


def _compared(table: Table, key: str) -> str:
    column = table.column(key)
    return "=" if column is not None and column.required else "IS NOT DISTINCT FROM"


def day_of(table: Table, timezone: str = "UTC") -> str:
    """The day on which a row happened, NULL where the table has none."""
    if table.day is None:
        return "NULL::DATE"
    day = own_time(table) if (table.name, table.day) in DERIVED_COLUMNS else quoted(table.day)
    return _local_day(table, table.day, day, timezone)


def days_of(table: Table, timezone: str) -> str:
    """A list of all days on which something came to be known of a row: when it happened, and what
    was hidden until it had come, such as a ticket's resolution."""
    later = [
        _local_day(table, c.name, quoted(c.name), timezone)
        for c in table.columns
        if c.known_from == c.name and (table.name, c.name) not in DERIVED_COLUMNS
    ]
    return "[" + ", ".join([day_of(table, timezone), *later]) + "]"


def _local_day(table: Table, name: str, value: str, timezone: str) -> str:
    column = table.column(name)
    if column is not None and column.type == "timestamp":
        return fill("CAST($day AT TIME ZONE $zone AS DATE)", day=value, zone=text(timezone))
    return value


def own_time(table: Table) -> str:
    """The instant that dates a row by itself, NULL where nothing does; a day begins in UTC."""
    if (table.name, table.day) in DERIVED_COLUMNS:
        return "coalesce(sent_at, responded_at)"
    name = table.day or table.born
    return "NULL::TIMESTAMPTZ" if name is None else fill("$c::TIMESTAMPTZ", c=quoted(name))


def known_since(table: Table) -> str:
    """The instant from which a row can have been known by its own time, NULL where nothing dates
    it. An account's day may begin 26 hours before the same day ends for the project, so that an
    instant counts for the whole of its day wherever its account is."""
    own = own_time(table)
    column = table.column(table.day or table.born or "")
    return (
        fill("$own - INTERVAL 26 HOURS", own=own) if column and column.type == "timestamp" else own
    )


def sort_order(table: Table, kinds: str | None = None) -> str:
    """By what rows are sorted in a file, so that a window of days of one kind reads few of them.

    `kinds` is an ENUM of the kinds in their order: as numbers they are sorted faster than as texts.
    """
    if table.day is None:
        return listed(["account_id"] if table.has_account else table.key[:1])
    day = own_time(table) if (table.name, table.day) in DERIVED_COLUMNS else quoted(table.day)
    if table.kind is None:
        return day
    return quoted(table.kind) + (f"::{kinds}" if kinds else "") + ", " + day
