"""The canonical tables on disk: every version of every row, written by one process at a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import duckdb
import pyarrow as pa

from keepwell.facts import covering, files, sql
from keepwell.facts.added import ADDED, Adding, Kept
from keepwell.facts.arrow import stored_schema, table_named
from keepwell.facts.context import CoverState
from keepwell.facts.engine import connect
from keepwell.facts.files import DataFile
from keepwell.facts.incoming import Rows, batches, key_rows
from keepwell.facts.ledger import LEDGER_SCHEMAS, Ledger
from keepwell.facts.model import Table
from keepwell.facts.schema import TABLES
from keepwell.facts.versions import Change, Counts, Versions
from keepwell.kit import clock
from keepwell.kit.errors import KeepwellError
from keepwell.kit.place import Manifest, Place, Writer, live_files
from keepwell.kit.views import view_sql

if TYPE_CHECKING:
    from keepwell.facts.known import Known
    from keepwell.facts.reading import Around, FactReader

LAYOUT = 1
"""The version of the layout of the stored tables; a change of it comes with an upgrade."""


class FactStore:
    """A folder of facts."""

    def __init__(self, root: Path) -> None:
        self.place = Place(root, version=LAYOUT)

    def files(self, table: str, manifest: Manifest | None = None) -> list[str]:
        """Absolute paths of the Parquet files of a table, as of a manifest (default: now)."""
        return live_files(self.place, manifest or self.place.manifest(), table)

    def data_files(self, table: str, manifest: Manifest) -> list[DataFile]:
        """The Parquet files of a table, as of a manifest."""
        return files.data_files(self.place.table_path(table), manifest.tables.get(table))

    def reader(self, known: Known, **around: Unpack[Around]) -> FactReader:
        """The tables as known at an instant, at the present manifest."""
        from keepwell.facts.reading import FactReader

        return FactReader(self, known, **around)

    def kept(self, adding: Adding, beside: Mapping[str, str]) -> Kept:
        """What the files of a table add up to; see Kept."""
        return Kept(self.place.root / ADDED, adding, beside)

    def written_at(self) -> datetime:
        """When the present manifest was written."""
        return self.place.manifest().written_at

    @contextmanager
    def writer(
        self,
        purpose: str,
        on_wait: Callable[[str], None] | None = None,
        timeout: float | None = None,
        con: duckdb.DuckDBPyConnection | None = None,
    ) -> Iterator[FactWriter]:
        """Write to the tables; all of it becomes visible when the body ends, nothing if it raises.

        Waits for another writer, for ever or `timeout` seconds; `on_wait` is told who it is.
        `con`, a connection of `engine.connect` that keeps order, is worked with instead of a new
        one: all relations that are put are its own, and need not be copied.
        Raises KeepwellError when the time is over, when the disk is full and when the folder may
        not be written.
        """
        with self.place.lock(purpose, timeout, on_wait) as held:
            scratch = self.place.root / ".scratch"
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            with ExitStack() as ending:
                ending.callback(shutil.rmtree, scratch, ignore_errors=True)
                own = con or ending.enter_context(connect(temporary=scratch, keep_order=True))
                writer = FactWriter(held, own, scratch, shared=con is not None)
                yield writer
                writer.finish()

    def linked(self, root: Path) -> FactStore:
        """A store in another folder that shows what this one shows now, whatever is written to
        either of them later: data files never change, so that it points to the same ones."""
        manifest, copy = self.place.manifest(), FactStore(root)
        with copy.place.lock("copy") as held:
            versions: dict[str, int] = {}
            for name, version in manifest.tables.items():
                source, target = self.place.table_path(name), held.table_path(name)
                shown = files.data_files(source, version)
                target.mkdir()
                for file in shown:
                    (target / file.name).symlink_to(source / file.name)
                versions[name] = files.exchange(target, _schema(name), shown)
            held.commit(versions)
        return copy


class FactWriter:
    """What the holder of the lock may do. Made by `FactStore.writer`."""

    def __init__(
        self, held: Writer, con: duckdb.DuckDBPyConnection, scratch: Path, *, shared: bool
    ) -> None:
        self._held = held
        self._con = con
        self._scratch = scratch
        self._shared = shared
        self._ledger = Ledger()
        self._written: dict[str, int] = {}
        self.note_import = self._ledger.note_import
        self.quarantine = self._ledger.quarantine

    def put(self, table: str, rows: Rows, *, source_id: str, arrived_at: datetime) -> Counts:
        """Store rows, each as a first or a next version of its key, unless it is known already.

        The columns are those of the canonical table, missing ones being null, and optionally
        source_key and source_updated_at. Rows of one key that differ need source_updated_at and
        form versions in its order. Raises KeepwellError for rows that should have been rejected:
        unknown columns, empty keys, values that do not fit, keys that occur twice without an order.
        """
        target = _importable(table)
        counts = Counts()
        with self._explained(table):
            for batch in batches(self._con, target, rows, self._scratch, own=self._shared):
                versions = self._versions(target)
                found, change = versions.compare(batch, source_id, arrived_at)
                counts += found
                self._apply(target, change)
        return counts

    def close_missing(
        self,
        table: str,
        present: Rows,
        *,
        source_id: str,
        arrived_at: datetime,
        days: tuple[date, date] | None = None,
    ) -> int:
        """End the current rows of a source whose keys are not among `present`; returns how many.

        `present` has the key columns. `days` bounds it to rows that happened from the first to the
        last of these days (UTC), for a source that gives only these.
        """
        target = _importable(table)
        where = "true"
        if days is not None:
            where = sql.between_days(target, *days)
        with self._explained(table):
            key_rows(self._con, target, present, self._scratch, own=self._shared)
            count, change = self._versions(target).close_absent(source_id, arrived_at, where)
            self._apply(target, change)
        return count

    def cover(
        self,
        source: str,
        families: Mapping[str, tuple[date, date]],
        state: CoverState = "complete",
        *,
        columns: Mapping[str, Collection[str]] | None = None,
        arrived_at: datetime | None = None,
    ) -> None:
        """Record that a source has covered each family from the first to the last of the days.

        `columns` says which ones it gave of a table; of one that is not named, all. Days that are
        recorded already with these columns are left out.
        """
        stored = view_sql(self._paths("coverage"), stored_schema(TABLES["coverage"]))
        rows = covering.missing(self._con, stored, source, families, state, columns or {})
        if rows.num_rows:
            at = arrived_at or clock.now()
            self.put("coverage", rows, source_id=source, arrived_at=at)

    def uncover(
        self,
        source: str,
        lasts: Mapping[str, date],
        columns: Mapping[str, Collection[str]] | None = None,
        *,
        arrived_at: datetime,
    ) -> None:
        """Take back that a source has covered any day of these families after their last ones, and
        that it ever gave these columns, by table.

        What was known before stays: a day that was scored in between is read as it was.
        """
        if not lasts and not columns:
            return
        stored = view_sql(self._paths("coverage"), stored_schema(TABLES["coverage"]))
        rows = covering.ending(self._con, stored, source, lasts, columns or {})
        if self.close_missing("coverage", rows, source_id=source, arrived_at=arrived_at):
            self.put("coverage", rows, source_id=source, arrived_at=arrived_at)

    def finish(self) -> None:
        """Write the ledger, join small files, and make everything visible at once."""
        stored = {n: view_sql(self._paths(n), s) for n, s in LEDGER_SCHEMAS.items()}
        for rewrite in self._ledger.rewrites(self._con, stored):
            replaced = self._files(rewrite.name) if rewrite.whole else []
            self._exchange(rewrite.name, self._add(rewrite.name, rewrite.select), replaced)
        for name in list(self._written):
            self._join_small(name)
        if self._written:
            self._held.commit(self._written)

    def _apply(self, table: Table, change: Change | None) -> None:
        if change is None:
            return
        folder = self._held.table_path(table.name)
        selects = [s for s in (change.fresh, change.closed) if s]
        added = [f for s in selects for f in files.write(self._con, s, folder, order_by=None)]
        self._exchange(table.name, added, change.replaced)

    def _join_small(self, name: str) -> None:
        small = files.too_many_small(self._files(name))
        if small:
            folder = self._held.table_path(name)
            select = view_sql([str((folder / f.name).absolute()) for f in small], _schema(name))
            self._exchange(name, self._add(name, select), small, same_rows=True)

    def _add(self, name: str, select: str) -> list[files.DataFile]:
        return files.write(self._con, select, self._held.table_path(name), _order(name))

    def _exchange(
        self,
        name: str,
        added: Sequence[files.DataFile],
        removed: Sequence[files.DataFile],
        *,
        same_rows: bool = False,
    ) -> None:
        folder = self._held.table_path(name)
        self._written[name] = files.exchange(
            folder, _schema(name), added, removed, same_rows=same_rows
        )

    def _versions(self, table: Table) -> Versions:
        folder = self._held.table_path(table.name)
        return Versions(self._con, table, folder, self._files(table.name))

    def _files(self, name: str) -> list[files.DataFile]:
        version = self._written.get(name, self._held.version(name))
        return files.data_files(self._held.table_path(name), version)

    def _paths(self, name: str) -> list[str]:
        folder = self._held.table_path(name)
        return [str((folder / f.name).absolute()) for f in self._files(name)]

    @contextmanager
    def _explained(self, table: str) -> Iterator[None]:
        try:
            yield
        except duckdb.DataError as error:
            raise KeepwellError(
                f"a value of table '{table}' does not fit: {str(error).splitlines()[0]}",
                expected="values of the column's type",
                todo="such rows belong into the quarantine",
            ) from error


def _schema(name: str) -> pa.Schema:
    return LEDGER_SCHEMAS[name] if name in LEDGER_SCHEMAS else stored_schema(TABLES[name])


def _order(name: str) -> str:
    return "source_id, file" if name in LEDGER_SCHEMAS else sql.sort_order(TABLES[name])


def _importable(name: str) -> Table:
    table = table_named(name)
    if table.derived:
        raise KeepwellError(
            f"table '{name}' is made when reading and cannot be imported",
            todo="import the tables that it is made of",
        )
    return table
