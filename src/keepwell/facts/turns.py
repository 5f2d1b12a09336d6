"""When the store came to know something differently."""

from __future__ import annotations

from datetime import datetime

from keepwell.facts import sql
from keepwell.facts.arrow import stored_schema
from keepwell.facts.engine import connect
from keepwell.facts.schema import IMPORTED
from keepwell.facts.store import FactStore
from keepwell.kit.views import view_sql


def turns(store: FactStore) -> list[datetime]:
    """The instants at which any row got another version or came late, in order.

    Between two of them every day can be read with the same knowledge; what happened after a day
    is masked by the day itself.
    """
    manifest = store.place.manifest()
    found: set[datetime] = set()
    with connect() as con:
        for name, table in IMPORTED.items():
            files = store.files(name, manifest)
            if not files:
                continue
            rows = view_sql(files, stored_schema(table))
            select = sql.fill(
                """
                SELECT DISTINCT known_to FROM ($rows) WHERE known_to IS NOT NULL
                UNION SELECT DISTINCT known_from FROM ($rows) WHERE NOT known_assumed
                """,
                rows=rows,
            )
            instants = con.execute(select).fetchall()
            found.update(row[0] for row in instants)
    return sorted(found)
