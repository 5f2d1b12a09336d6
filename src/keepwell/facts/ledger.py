"""What was imported when, and the rows that could not be: kept beside the canonical tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from keepwell.facts import sql
from keepwell.facts.arrow import INSTANT, conform
from keepwell.facts.versions import Counts

IMPORTS = "_imports"
QUARANTINE = "_quarantine"

LEDGER_SCHEMAS: dict[str, pa.Schema] = {
    IMPORTS: pa.schema(
        [
            ("source_id", pa.string()),
            ("table", pa.string()),
            ("file", pa.string()),
            ("sha256", pa.string()),
            ("rows", pa.int64()),
            ("new", pa.int64()),
            ("changed", pa.int64()),
            ("unchanged", pa.int64()),
            ("outdated", pa.int64()),
            ("rejected", pa.int64()),
            ("at", INSTANT),
        ]
    ),
    QUARANTINE: pa.schema(
        [
            ("source_id", pa.string()),
            ("file", pa.string()),
            ("table", pa.string()),
            ("row_number", pa.int64()),
            ("reason", pa.string()),
            ("field", pa.string()),
            ("raw", pa.string()),
        ]
    ),
}


@dataclass(frozen=True)
class Rewrite:
    """What is to be written to a ledger table: a SELECT of rows that are appended, or, if `whole`,
    replace all that is there."""

    name: str
    select: str
    whole: bool


class Ledger:
    """Collects what an import has to say about itself until the import is finished."""

    def __init__(self) -> None:
        self._imports: list[dict[str, Any]] = []
        self._quarantine: list[pa.Table] = []

    def note_import(
        self,
        *,
        file: str,
        sha256: str,
        source_id: str,
        table: str,
        rows: int,
        counts: Counts,
        rejected: int,
        at: datetime,
    ) -> None:
        """Remember what became of the `rows` rows that were read of a file for a table."""
        self._imports.append(
            {
                "source_id": source_id,
                "table": table,
                "file": file,
                "sha256": sha256,
                "rows": rows,
                "new": counts.new,
                "changed": counts.changed,
                "unchanged": counts.unchanged,
                "outdated": counts.outdated,
                "rejected": rejected,
                "at": at,
            }
        )

    def quarantine(self, rows: pa.Table | Sequence[Mapping[str, Any]]) -> None:
        """Remember rows that could not be stored, in the columns of LEDGER_SCHEMAS."""
        self._quarantine.append(conform(QUARANTINE, rows, LEDGER_SCHEMAS[QUARANTINE]))

    def rewrites(self, con: duckdb.DuckDBPyConnection, stored: Mapping[str, str]) -> list[Rewrite]:
        """What is to be written, given a SELECT of the stored rows of each ledger table.

        A file that is imported again replaces its quarantined rows. A file that was imported
        before, byte for byte, and changed nothing is not noted again.
        """
        con.register("noted", conform(IMPORTS, self._imports, LEDGER_SCHEMAS[IMPORTS]))
        empty = LEDGER_SCHEMAS[QUARANTINE].empty_table()
        con.register("rejected", pa.concat_tables([empty, *self._quarantine]))
        found = [_imports(con, stored[IMPORTS]), _quarantine(con, stored[QUARANTINE])]
        return [r for r in found if r is not None]


def _imports(con: duckdb.DuckDBPyConnection, stored: str) -> Rewrite | None:
    select = sql.fill(
        """
        SELECT n.* FROM noted n
        WHERE n.new + n.changed > 0 OR NOT EXISTS (
            SELECT 1 FROM ($stored) s
            WHERE s.sha256 = n.sha256 AND s.file = n.file AND s.source_id = n.source_id
            AND s."table" = n."table" AND s.rejected = n.rejected)
        """,
        stored=stored,
    )
    return Rewrite(IMPORTS, select, whole=False) if _any(con, select) else None


def _quarantine(con: duckdb.DuckDBPyConnection, stored: str) -> Rewrite | None:
    parts = {
        "stored": stored,
        "told": 'SELECT source_id, file, "table" FROM noted'
        ' UNION SELECT source_id, file, "table" FROM rejected',
        "columns": sql.listed(LEDGER_SCHEMAS[QUARANTINE].names),
    }
    before = sql.fill(
        'SELECT $columns FROM ($stored) s SEMI JOIN ($told) t USING (source_id, file, "table")',
        **parts,
    )
    difference = sql.fill(
        "(($before) EXCEPT ALL (SELECT $columns FROM rejected))"
        " UNION ALL ((SELECT $columns FROM rejected) EXCEPT ALL ($before))",
        before=before,
        **parts,
    )
    if not _any(con, difference):
        return None
    select = sql.fill(
        'SELECT $columns FROM ($stored) s ANTI JOIN ($told) t USING (source_id, file, "table")'
        " UNION ALL SELECT $columns FROM rejected",
        **parts,
    )
    return Rewrite(QUARANTINE, select, whole=True)


def _any(con: duckdb.DuckDBPyConnection, select: str) -> bool:
    statement = sql.fill("SELECT 1 FROM ($select) LIMIT 1", select=select)
    return con.execute(statement).fetchone() is not None
