"""One wide table of accounts and days that grows, stage by stage, by the columns of metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc
from ibis.backends.duckdb import Backend

from keepwell.metrics.calendar import ASKED_ON, Closures, Days, number_of

PARTS = ("metric", "age", "stale", "named")


def column_of(what: str, key: str, offset: int) -> str:
    """The column of one of a metric's four parts at an offset."""
    return f"{what} {key} {offset}"


def period_column(kind: str, what: str, offset: int) -> str:
    """The column of a period's part: whether it `lasts`, or the days `since` it began."""
    return f"period/{kind}/{what}" + (f" {offset}" if offset else "")


class Wide:
    """Accounts on days, in a fixed order, with columns that are added beside them."""

    def __init__(self, con: Backend, accounts: ir.Table) -> None:
        self.con = con
        found = con.to_pyarrow(accounts)
        self.data = found.sort_by([(ASKED_ON, "ascending"), ("account_id", "ascending")])
        self._keys = row_keys(self.data)

    def add_by_day(self, days: Days) -> None:
        """Every named number of the asked days."""
        at = pc.index_in(self.data[ASKED_ON], pa.array(days.days, pa.date32()))
        for name, values in days.columns.items():
            self._append(name, pa.array(values, pa.int64()).take(at))

    def add_counted(self, counted: ir.Table) -> None:
        """The columns of a table with at most one row per account and day."""
        found = self.con.to_pyarrow(counted)
        at = pc.index_in(self._keys, row_keys(found).combine_chunks())
        for name in found.column_names:
            if name not in ("account_id", ASKED_ON):
                self._append(name, found[name].combine_chunks().take(at))

    def add_closed(
        self, end: str, spans: Mapping[date, tuple[int | None, int | None]], closures: Closures
    ) -> None:
        """How many days of each account were closed of those that are covered, and of those after
        the day on which it came. spans: by asked day the first and the last covered one."""
        of, since = [], []
        came = self.data["account/customer_since"].to_pylist()
        for (account, day), customer_since in zip(self._pairs(), came, strict=True):
            first, last = spans[day]
            if first is None or last is None or account not in closures.closed:
                of.append(0)
                since.append(0)
                continue
            new = first if customer_since is None else max(first, number_of(customer_since))
            of.append(closures.between(account, first, last))
            since.append(closures.between(account, new + 1, last))
        self._append(f"closed of {end}", pa.array(of, pa.int64()))
        self._append(f"closed since {end}", pa.array(since, pa.int64()))

    def add_period(
        self, kind: str, found: Mapping[tuple[str, date], tuple[int, bool]], offset: int = 0
    ) -> None:
        """Whether a period of that kind lasts, and the days since the latest one began, as it was
        `offset` days earlier."""
        known = [found.get(pair) for pair in self._pairs()]
        lasts = pa.array([k is not None and k[1] for k in known], pa.bool_())
        since = pa.array([k[0] if k is not None else None for k in known], pa.int64())
        self._append(period_column(kind, "lasts", offset), lasts)
        self._append(period_column(kind, "since", offset), since)

    def rows(self) -> ir.Table:
        """What is there so far, as a table for expressions."""
        return ibis.memtable(self.data)

    def add_computed(self, rows: ir.Table, columns: Mapping[str, Any]) -> None:
        """The values of expressions over `rows`, which came from rows()."""
        if not columns:
            return
        computed = rows.select("account_id", ASKED_ON, **columns)
        found = self.con.to_pyarrow(computed)
        # An engine may return the rows in any order.
        at = pc.index_in(self._keys, row_keys(found).combine_chunks())
        for name in columns:
            self._append(name, found[name].combine_chunks().take(at))

    def selected(self, keys: Sequence[str], period_kinds: Sequence[str]) -> pa.Table:
        """The accounts with the four parts of the asked metrics, under their public names."""
        names = ["account_id", ASKED_ON]
        names += [c for c in self.data.column_names if c.startswith("account/")]
        names += [f"period/{k}/{w}" for k in period_kinds for w in ("lasts", "since")]
        parts = {column_of(w, k, 0): f"{w}/{k}" for k in keys for w in PARTS}
        chosen = self.data.select([*names, *parts])
        return chosen.rename_columns([*names, *parts.values()])

    def _pairs(self) -> list[tuple[str, date]]:
        accounts, days = (self.data[c].to_pylist() for c in ("account_id", ASKED_ON))
        return list(zip(accounts, days, strict=True))

    def _append(self, name: str, values: pa.Array | pa.ChunkedArray) -> None:
        self.data = self.data.append_column(name, values)


def row_keys(table: pa.Table) -> pa.ChunkedArray:
    """One text per row that is alike for the same account and day."""
    days = table[ASKED_ON].cast(pa.int32()).cast(pa.string())
    return pc.binary_join_element_wise(table["account_id"], days, "\x1f")
