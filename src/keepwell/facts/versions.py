"""Which of the incoming rows are new, changed or known already, and what is to be written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from keepwell.facts import sql
from keepwell.facts.arrow import stored_schema
from keepwell.facts.files import DataFile
from keepwell.facts.incoming import Batch, content_hash, sorted_by
from keepwell.facts.known import BEGINNING
from keepwell.facts.model import Table
from keepwell.kit.views import parquet_source, quoted, sql_type, text, view_sql


@dataclass(frozen=True)
class Counts:
    """What became of the rows of a batch; rows that are alike count once.

    outdated: the source has since replaced the row by one that was stored before it came.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    outdated: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.new + other.new,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.outdated + other.outdated,
        )


@dataclass(frozen=True)
class Change:
    """What is to be written, in SELECTs of the shape of stored_schema: rows to add, sorted, and the
    rows of the replaced files, which are in order already, with some versions closed."""

    fresh: str | None
    closed: str | None = None
    replaced: tuple[DataFile, ...] = ()


@dataclass(frozen=True)
class Versions:
    """The stored versions of one table, to be compared with the view `batch` of `con`."""

    con: duckdb.DuckDBPyConnection
    table: Table
    folder: Path
    files: Sequence[DataFile]

    def compare(
        self, batch: Batch, source_id: str, arrived_at: datetime
    ) -> tuple[Counts, Change | None]:
        """What the rows of `batch` are, and what is to be written; None where nothing is."""
        found = self._holding("batch", current=False)
        if not found:
            return Counts(new=batch.rows), Change(self._first(batch, source_id, arrived_at))
        self._judge(found, arrived_at)
        counts = self._count(batch.rows)
        if counts.new + counts.changed == 0:
            return counts, None
        fresh = self._fresh(batch, source_id, arrived_at)
        if counts.changed == 0:
            return counts, Change(fresh)
        self.con.execute(
            "CREATE OR REPLACE TEMP TABLE closing AS"
            " SELECT *, NULL::TIMESTAMPTZ AS deleted FROM judged WHERE verdict = 'changed'"
        )
        replaced = self._holding("closing", current=True)
        return counts, Change(fresh, self._closed(replaced), tuple(replaced))

    def close_absent(
        self, source_id: str, arrived_at: datetime, where: str
    ) -> tuple[int, Change | None]:
        """Close the current versions of the source, within `where`, whose key is not in `present`.

        Returns how many.
        """
        if not self.files:
            return 0, None
        self.con.execute(
            sql.fill(
                """
                CREATE OR REPLACE TEMP TABLE closing AS
                SELECT $key, greatest($at, known_from) AS starts, $at AS deleted
                FROM ($stored) s ANTI JOIN present p ON $same
                WHERE known_to IS NULL AND source_id = $source AND ($where)
                """,
                key=sql.listed(self.table.key),
                at=sql.instant(arrived_at),
                stored=self._stored(self.files),
                same=sql.same_key(self.table, "s.", "p."),
                source=text(source_id),
                where=where,
            )
        )
        row = self.con.execute("SELECT count(*) FROM closing").fetchone()
        count = int(row[0]) if row else 0
        if count == 0:
            return 0, None
        replaced = self._holding("closing", current=True)
        return count, Change(None, self._closed(replaced), tuple(replaced))

    def _stored(self, files: Sequence[DataFile]) -> str:
        return view_sql(self._paths(files), stored_schema(self.table))

    def _paths(self, files: Sequence[DataFile]) -> list[str]:
        return [str((self.folder / f.name).absolute()) for f in files]

    def _holding(self, keys: str, *, current: bool) -> list[DataFile]:
        """The files in which a key of that view occurs; only its current version if `current`."""
        if not self.files:
            return []
        statement = "SELECT DISTINCT filename FROM $source e SEMI JOIN $keys b ON $same $where"
        found = self.con.execute(
            sql.fill(
                statement,
                source=parquet_source(self._paths(self.files), stored_schema(self.table)),
                keys=keys,
                same=sql.same_key(self.table, "e.", "b."),
                where="WHERE known_to IS NULL" if current else "",
            )
        ).fetchall()
        names = {Path(row[0]).name for row in found}
        return [f for f in self.files if f.name in names]

    def _judge(self, files: Sequence[DataFile], arrived_at: datetime) -> None:
        """Make `stored`, the versions of the batch's keys, and `judged`, the keys to be told of.

        A version that follows one of the same arrival continues a history that came at once: it
        holds from when its source made it, yet not before the one that it follows. Every other one
        holds from its arrival.
        """
        self.con.execute(
            sql.fill(
                """
                CREATE OR REPLACE TEMP TABLE stored AS
                SELECT $key, known_from, known_to, known_assumed, ingested_at, source_updated_at,
                       $content AS content
                FROM ($stored) s SEMI JOIN batch b ON $same
                """,
                key=sql.listed(self.table.key),
                content=content_hash(self.table),
                stored=self._stored(files),
                same=sql.same_key(self.table, "s.", "b."),
            )
        )
        self.con.execute(
            sql.fill(
                """
                CREATE OR REPLACE TEMP TABLE judged AS
                WITH given AS (
                    SELECT $key, source_updated_at, $first AS first_known, $content AS content
                    FROM batch
                ), ended AS (
                    SELECT $key, max(known_to) AS until FROM stored
                    WHERE known_to IS NOT NULL GROUP BY ALL
                ), compared AS (
                    SELECT $given_key, g.content, g.source_updated_at, c.known_from IS NULL AS new,
                           CASE WHEN c.known_from IS NULL THEN 'new'
                                WHEN c.content = g.content THEN 'unchanged'
                                WHEN g.source_updated_at < c.source_updated_at THEN 'outdated'
                                ELSE 'changed' END AS verdict,
                           CASE WHEN new THEN p.until IS NULL
                                ELSE c.known_assumed AND c.ingested_at = $at
                                     AND g.source_updated_at IS NOT NULL
                                END AS assumed,
                           CASE WHEN new AND assumed THEN g.first_known
                                WHEN new THEN greatest($at, p.until)
                                WHEN assumed
                                THEN greatest(least(g.source_updated_at, $at), c.known_from)
                                ELSE greatest($at, c.known_from) END AS starts
                    FROM given g
                    LEFT JOIN (SELECT * FROM stored WHERE known_to IS NULL) c ON $same_current
                    LEFT JOIN ended p ON $same_ended
                )
                SELECT * FROM compared WHERE verdict <> 'unchanged'
                """,
                key=sql.listed(self.table.key),
                given_key=sql.listed(self.table.key, "g."),
                first=self._first_known(arrived_at),
                content=content_hash(self.table),
                at=sql.instant(arrived_at),
                same_current=sql.same_key(self.table, "g.", "c."),
                same_ended=sql.same_key(self.table, "g.", "p."),
            )
        )

    def _count(self, rows: int) -> Counts:
        found = dict(self.con.execute("SELECT verdict, count(*) FROM judged GROUP BY 1").fetchall())
        new, changed, outdated = (found.get(v, 0) for v in ("new", "changed", "outdated"))
        if outdated:
            outdated -= self._stored_before()
        return Counts(new, changed, rows - new - changed - outdated, outdated)

    def _stored_before(self) -> int:
        """How many outdated rows are among the stored versions already."""
        row = self.con.execute(
            sql.fill(
                """
                SELECT count(*) FROM judged j SEMI JOIN stored s ON $same
                AND j.content = s.content AND j.source_updated_at = s.source_updated_at
                WHERE verdict = 'outdated'
                """,
                same=sql.same_key(self.table, "j.", "s."),
            )
        ).fetchone()
        return int(row[0]) if row else 0

    def _first_known(self, arrived_at: datetime) -> str:
        """Since when a first version is taken to have been known: since its own day began, else
        since its source made it, else ever; at the latest since it arrived."""
        return sql.fill(
            "least(coalesce($own, source_updated_at, $beginning), $at)",
            own=sql.known_since(self.table),
            beginning=sql.instant(BEGINNING),
            at=sql.instant(arrived_at),
        )

    def _first(self, batch: Batch, source_id: str, arrived_at: datetime) -> str:
        """Every row of the batch as the first version of its key."""
        starts = self._first_known(arrived_at)
        return self._version(batch, source_id, arrived_at, starts, "true", "batch")

    def _fresh(self, batch: Batch, source_id: str, arrived_at: datetime) -> str:
        """The new and changed rows of the batch as judged."""
        rows = sql.fill(
            """
            (SELECT b.*, j.starts, j.assumed FROM batch b JOIN judged j ON $same
             WHERE j.verdict IN ('new', 'changed'))
            """,
            same=sql.same_key(self.table, "b.", "j."),
        )
        return self._version(batch, source_id, arrived_at, "starts", "assumed", rows)

    def _version(
        self,
        batch: Batch,
        source_id: str,
        arrived_at: datetime,
        starts: str,
        assumed: str,
        rows: str,
    ) -> str:
        # What is the same in every row is added to the sorted ones: sorting takes longer, the
        # wider the rows are.
        same = {"source_id": text(source_id), "ingested_at": sql.instant(arrived_at)}
        columns = [
            quoted(f.name)
            if f.name in (*batch.given, "known_from", "known_assumed")
            else sql.fill(
                "$value::$kind AS $name",
                value=same.get(f.name, "NULL"),
                kind=sql_type(f.type),
                name=quoted(f.name),
            )
            for f in stored_schema(self.table)
        ]
        return sql.fill(
            """
            SELECT $columns FROM (
                SELECT $given, $starts AS known_from, $assumed AS known_assumed
                FROM $rows ORDER BY $order)
            """,
            columns=", ".join(columns),
            given=sql.listed(batch.given),
            starts=starts,
            assumed=assumed,
            rows=rows,
            order=sorted_by(self.con, self.table, batch),
        )

    def _closed(self, files: Sequence[DataFile]) -> str:
        """The rows of these files, the versions of `closing` ended where their successor starts."""
        change = "CASE WHEN e.known_to IS NULL THEN $new ELSE e.$old END AS $old"
        ended = {
            "known_to": sql.fill(change, new="j.starts", old="known_to"),
            "deleted_at": sql.fill(change, new="j.deleted", old="deleted_at"),
        }
        columns = [
            ended.get(name, "e." + sql.listed([name])) for name in stored_schema(self.table).names
        ]
        return sql.fill(
            "SELECT $columns FROM ($stored) e LEFT JOIN closing j ON $same",
            columns=", ".join(columns),
            stored=self._stored(files),
            same=sql.same_key(self.table, "e.", "j."),
        )
