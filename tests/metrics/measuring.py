"""Short ways from definitions and rows to the values of metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from textwrap import dedent
from typing import Any, TypeAlias

import pyarrow as pa

from keepwell.definitions.library import Library
from keepwell.definitions.loading import load
from keepwell.facts.context import Cover
from keepwell.facts.memory import MemoryFacts
from keepwell.facts.reading import Facts
from keepwell.metrics.evaluate import NO_SETTINGS, Freshness, evaluate

Row: TypeAlias = Mapping[str, Any]
Tables: TypeAlias = Mapping[str, Sequence[Row]]
BEGINNING = date(1900, 1, 1)
END = date(2999, 12, 31)


def metrics(text: str) -> Library:
    """The metrics written as `key: {label: ..., ...}`; a label that is left out is the key."""
    lines = [line for line in dedent(text).splitlines() if line.strip()]
    written = [
        line.replace(": {", ": {label: X, ", 1) if line[0] not in " #" and "label:" not in line
        else line
        for line in lines
    ]  # fmt: skip
    return load([("metrics.yaml", "metrics:\n" + "\n".join("  " + line for line in written))])


def account(account_id: str, **more: Any) -> Row:
    """A customer for ever, unless `more` says otherwise."""
    return {"account_id": account_id, "name": account_id.upper(), "status": "active", **more}


def always(*families: str, source: str = "memory") -> list[Cover]:
    """Coverage of families for all time."""
    return [Cover(source, family, BEGINNING, END) for family in families]


@dataclass(frozen=True)
class Values:
    """What evaluate() returned, by account and day."""

    table: pa.Table = field(repr=False)
    rows: Mapping[tuple[str, date], Row] = field(repr=False)

    def __call__(self, key: str, account_id: str = "a", day: date | None = None) -> Any:
        """The value of a metric; without a day there is only one."""
        return self._cell("metric", key, account_id, day)

    def age(self, key: str, account_id: str = "a", day: date | None = None) -> Any:
        return self._cell("age", key, account_id, day)

    def stale(self, key: str, account_id: str = "a", day: date | None = None) -> Any:
        return self._cell("stale", key, account_id, day)

    def named(self, key: str, account_id: str = "a", day: date | None = None) -> Any:
        return self._cell("named", key, account_id, day)

    def of(self, account_id: str = "a", day: date | None = None) -> dict[str, Any]:
        """All metrics of an account."""
        row = self.rows[account_id, self._day(day)]
        return {k.removeprefix("metric/"): v for k, v in row.items() if k.startswith("metric/")}

    def by_account(self, key: str, day: date | None = None) -> dict[str, Any]:
        """The value of one metric for every account."""
        asked = self._day(day)
        return {a: row[f"metric/{key}"] for (a, d), row in self.rows.items() if d == asked}

    def by_day(self, key: str, account_id: str = "a") -> list[Any]:
        """The value of one metric on every day, in the order of days."""
        return [row[f"metric/{key}"] for (a, _), row in sorted(self.rows.items(), key=_by_day)
                if a == account_id]  # fmt: skip

    def _day(self, day: date | None) -> date:
        if day is not None:
            return day
        (only,) = {d for _, d in self.rows}
        return only

    def _cell(self, what: str, key: str, account_id: str, day: date | None) -> Any:
        return self.rows[account_id, self._day(day)][f"{what}/{key}"]


def _by_day(item: tuple[tuple[str, date], Row]) -> date:
    return item[0][1]


def measured(
    library: Library,
    facts: Facts,
    days: Sequence[date] | date,
    keys: Iterable[str] | None = None,
    freshness: Freshness = NO_SETTINGS,
    period_kinds: Iterable[str] = (),
) -> Values:
    """The values of all metrics of the library, or of `keys`."""
    asked = [days] if isinstance(days, date) else list(days)
    chosen = list(library.metrics) if keys is None else list(keys)
    table = evaluate(library, chosen, facts, asked, freshness, period_kinds)
    rows = {(row["account_id"], row["asked_on"]): row for row in table.to_pylist()}
    assert len(rows) == table.num_rows
    return Values(table, rows)


def given(tables: Tables, *, until: date = END, **more: Any) -> MemoryFacts:
    """Facts in memory. Families of all given tables are covered for all time up to `until`."""
    accounts = tables.get("accounts", [account("a")])
    facts = {"accounts": accounts, **tables}
    if "coverage" not in more and "coverage" not in tables:
        more["coverage"] = _covered(facts, until)
    return MemoryFacts(facts, until=until, **more)


def _covered(tables: Tables, until: date) -> list[Cover]:
    derived = MemoryFacts(tables).coverage()
    return [Cover("memory", c.family, BEGINNING, until) for c in derived]
