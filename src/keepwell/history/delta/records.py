"""The small table of scored days: what is known about every day beside its rows, a file per year.

Years lie apart so that a night reads and writes one of them, however many there are.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from keepwell.history.days import RECORDS, DayInfo, info_of, record
from keepwell.history.delta.files import DayFile, adopted
from keepwell.kit.storage import Storage

TABLE = "_days"
"""Its name in the manifest; no scorecard can be called so."""

_KEYS = ["date", "table", "revision"]


@dataclass(frozen=True)
class _Year:
    """The records of a year."""

    rows: pa.Table

    @cached_property
    def valid(self) -> dict[tuple[str, date], int]:
        """Where the valid record of each table and day is: the number of its row."""
        keys = zip(self.rows["table"].to_pylist(), self.rows["date"].to_pylist(), strict=True)
        valid = self.rows["current"].to_pylist()
        return {key: row for row, key in enumerate(keys) if valid[row]}


class Records:
    """The records as one version of their table has them; a year is read when it is asked for."""

    def __init__(self, storage: Storage, table: str, files: Iterable[DayFile]) -> None:
        self._storage = storage
        self._table = table
        self._files = {f.first.year: f for f in files}
        self._years: dict[int, _Year] = {}

    def rows(self, table: str | None = None) -> pa.Table:
        """The records of one table, or of all, sorted by date, table and revision."""
        years = [self._year(year).rows for year in sorted(self._files)]
        rows = pa.concat_tables([RECORDS.empty_table(), *years])
        return rows if table is None else _of_table(rows, table)

    def info(self, day: date, table: str) -> DayInfo | None:
        """The valid record of that day, None where it was not scored."""
        year = self._year(day.year)
        row = year.valid.get((table, day))
        if row is None:
            return None
        [values] = year.rows.slice(row, 1).to_pylist()
        return info_of(values)

    def latest(self, table: str) -> date | None:
        """The last scored day of a table."""
        for year in sorted(self._files, reverse=True):
            found: date | None = pc.max(_of_table(self._year(year).rows, table)["date"]).as_py()
            if found is not None:
                return found
        return None

    def rewrite(self, infos: Sequence[DayInfo]) -> tuple[list[DayFile], list[DayFile]]:
        """Write anew the years of these records, which take the place of those of the same day,
        table and revision. Returns the files that are to be added to the table and removed."""
        years = sorted({i.day.year for i in infos})
        added = [self._write(year, [i for i in infos if i.day.year == year]) for year in years]
        return added, [self._files[year] for year in years if year in self._files]

    def _write(self, year: int, infos: list[DayInfo]) -> DayFile:
        fresh = pa.Table.from_pylist([record(i) for i in infos], schema=RECORDS)
        old = self._year(year).rows.join(fresh.select(_KEYS), keys=_KEYS, join_type="left anti")
        rows = pa.concat_tables([old.select(RECORDS.names), fresh])
        rows = rows.sort_by([(key, "ascending") for key in _KEYS])
        name = f"{year}-{secrets.token_hex(6)}.parquet"
        with self._storage.incoming(self._table) as temporary:
            pq.write_table(rows, temporary)
            return adopted(self._storage, self._table, temporary, name, rows["date"])

    def _year(self, year: int) -> _Year:
        if year not in self._years:
            rows = RECORDS.empty_table()
            if year in self._files:
                file = self._files[year]
                source = self._storage.parquet(f"{self._table}/{file.path}", file.size)
                rows = pq.read_table(source, partitioning=None).select(RECORDS.names).cast(RECORDS)
            self._years[year] = _Year(rows)
        return self._years[year]


def _of_table(rows: pa.Table, table: str) -> pa.Table:
    return rows.filter(pc.equal(rows["table"], table))
