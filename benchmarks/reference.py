"""The same 34 metrics in SQL by hand: what Keepwell's time is divided by and its values compared
with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from string import Template
from typing import Any

import duckdb
import pyarrow as pa

from keepwell.facts.engine import connect
from keepwell.facts.schema import IMPORTED
from keepwell.facts.store import FactStore

STATEMENT = Path(__file__).with_name("reference.sql")
TOLERANCE = 1e-9
"""By how much two numbers may differ, as a share of the larger one."""


@dataclass(frozen=True)
class Difference:
    """A metric of which some values differ: how many of how many accounts, and the first of them
    with the value by hand and Keepwell's."""

    metric: str
    accounts: int
    of: int
    account: str
    by_hand: object
    keepwell: object

    def __str__(self) -> str:
        return (
            f"{self.metric} differs for {self.accounts} of {self.of} accounts, such as"
            f" {self.account}: {self.by_hand} by hand, {self.keepwell} in Keepwell"
        )


def opened(store: FactStore) -> duckdb.DuckDBPyConnection:
    """The files of the store as views, with the settings that Keepwell itself gives DuckDB.

    Of the versions of a row the current one shows, and nothing else is said of knowledge.
    """
    con = connect()
    for table in IMPORTED:
        files = store.files(table)
        if files:
            con.read_parquet(files).filter("known_to IS NULL").create_view(table)
    return con


def by_hand(con: duckdb.DuckDBPyConnection, day: date) -> pa.Table:
    """One row per customer: account_id and a column for each of the 34 metrics."""
    statement = Template(STATEMENT.read_text(encoding="utf-8")).substitute(day=f"DATE '{day}'")
    return con.sql(statement).to_arrow_table()


def differences(reference: pa.Table, values: pa.Table) -> list[Difference]:
    """The metrics whose values are not the same; `values` names them `metric/<key>`.

    Raises ValueError where the two do not have the same accounts.
    """
    reference = reference.sort_by("account_id")
    values = values.sort_by("account_id")
    accounts = reference["account_id"].to_pylist()
    if accounts != values["account_id"].to_pylist():
        raise ValueError(f"{len(accounts)} accounts by hand, {values.num_rows} in Keepwell")
    found = []
    for name in reference.column_names[1:]:
        pairs = zip(
            accounts,
            reference[name].to_pylist(),
            values[f"metric/{name}"].to_pylist(),
            strict=True,
        )
        wrong = [pair for pair in pairs if not _alike(*pair[1:])]
        if wrong:
            found.append(Difference(name, len(wrong), len(accounts), *wrong[0]))
    return found


def _alike(one: Any, other: Any) -> bool:
    if one is None or other is None or isinstance(one, str):
        return bool(one == other)
    return math.isclose(float(one), float(other), rel_tol=TOLERANCE, abs_tol=1e-12)
