"""One wide table of accounts and days that grows, stage by stage, by the columns of metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc
from ibis.backends.duckdb import Backend

from keepwell.metrics.calendar import ASKED_ON, Closures, number_of
from keepwell.metrics.statements import Statement

PARTS = ("metric", "age", "stale", "named")
WIDE_TABLE = "accounts on days"


def column_of(what: str, key: str, offset: int) -> str:
    """The column of one of a metric's four parts at an offset."""
    return f"{what} {key} {offset}"


def period_column(kind: str, what: str, offset: int) -> str:
    """The column of a period's part: whether it `lasts`, or the days `since` it began."""
    return f"period/{kind}/{what}" + (f" {offset}" if offset else "")


class Wide:
    """Accounts on days, in a fixed order, with columns that are added beside them."""

    def __init__(self, accounts: pa.Table) -> None:
        self.data = accounts.sort_by([(ASKED_ON, "ascending"), ("account_id", "ascending")])
        self._keys = row_keys(self.data)

    def add(self, found: pa.Table) -> None:
        """The columns of a table with at most one row per account and day, in any order."""
        at = pc.index_in(self._keys, row_keys(found).combine_chunks())
        for name in found.column_names:
            if name not in ("account_id", ASKED_ON):
                self._append(name, found[name].combine_chunks().take(at))

    def add_closed(self, start: str, end: str, closures: Closures, names: tuple[str, str]) -> None:
        """How many days of each account were closed of those that are covered, and of those after
        the day on which it came. start, end: the numbers of the first and last covered day."""
        closing = pa.array(list(closures.closed), pa.string())
        some = self.data.filter(pc.is_in(self.data["account_id"], closing))
        of: list[int] = []
        since: list[int] = []
        columns = ("account_id", "account/customer_since", start, end)
        for account, came, first, last in zip(*(some[c].to_pylist() for c in columns), strict=True):
            if first is None or last is None:
                of.append(0)
                since.append(0)
                continue
            new = first if came is None else max(first, number_of(came))
            of.append(closures.between(account, first, last))
            since.append(closures.between(account, new + 1, last))
        keys = some.select(["account_id", ASKED_ON])
        for name, values in zip(names, (of, since), strict=True):
            keys = keys.append_column(name, pa.array(values, pa.int64()))
        self.add(keys)

    def add_period(
        self, kind: str, found: Mapping[tuple[str, date], tuple[int, bool]], offset: int = 0
    ) -> None:
        """Whether a period of that kind lasts, and the days since the latest one began, as it was
        `offset` days earlier."""
        keys = list(found)
        lasts = period_column(kind, "lasts", offset)
        self.add(
            pa.table(
                {
                    "account_id": pa.array([a for a, _ in keys], pa.string()),
                    ASKED_ON: pa.array([d for _, d in keys], pa.date32()),
                    lasts: pa.array([found[k][1] for k in keys], pa.bool_()),
                    period_column(kind, "since", offset): pa.array(
                        [found[k][0] for k in keys], pa.int64()
                    ),
                }
            )
        )
        at = self.data.schema.get_field_index(lasts)
        self.data = self.data.set_column(at, lasts, pc.fill_null(self.data[lasts], False))

    def add_computed(self, con: Backend, statement: Statement) -> None:
        """The columns of a statement over what is there so far."""
        self.add(statement.over(con, WIDE_TABLE, self.data))

    def selected(self, keys: Sequence[str], period_kinds: Sequence[str]) -> pa.Table:
        """The accounts with the four parts of the asked metrics, under their public names."""
        names = ["account_id", ASKED_ON]
        names += [c for c in self.data.column_names if c.startswith("account/")]
        names += [f"period/{k}/{w}" for k in period_kinds for w in ("lasts", "since")]
        parts = {column_of(w, k, 0): f"{w}/{k}" for k in keys for w in PARTS}
        chosen = self.data.select([*names, *parts])
        return chosen.rename_columns([*names, *parts.values()])

    def _append(self, name: str, values: pa.Array | pa.ChunkedArray) -> None:
        self.data = self.data.append_column(name, values)


def wide_table(schema: pa.Schema) -> ir.Table:
    """A wide table as expressions see it."""
    return ibis.table(ibis.Schema.from_pyarrow(schema), name=WIDE_TABLE)


def row_keys(table: pa.Table) -> pa.ChunkedArray:
    """One text per row that is alike for the same account and day."""
    days = table[ASKED_ON].cast(pa.int32()).cast(pa.string())
    return pc.binary_join_element_wise(table["account_id"], days, "\x1f")
