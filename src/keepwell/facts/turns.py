"""When facts came to know something differently."""

from __future__ import annotations

from datetime import datetime

from keepwell.facts import sql
from keepwell.facts.model import Table
from keepwell.facts.reading import Facts
from keepwell.facts.schema import IMPORTED

_BY_THEIR_DATE = ("fx_rates", "merges")
"""Tables without a day or validity whose readers look at the date of every row."""


def turns(facts: Facts) -> list[datetime]:
    """The instants at which any row got another version, came late or first showed, in order.

    Between two of them every day can be read with the same knowledge; what happened after a day
    is masked by the day itself.
    """
    found: set[datetime] = set()
    for name, table in IMPORTED.items():
        rows = facts.stored_versions(name)
        if rows is None:
            continue
        statement = sql.fill(
            """
            SELECT DISTINCT known_to FROM ($rows) AS ended WHERE known_to IS NOT NULL
            UNION SELECT DISTINCT known_from FROM ($rows) AS told WHERE NOT known_assumed
            UNION SELECT DISTINCT known_from FROM ($rows) AS shown WHERE $unmasked
            """,
            rows=rows,
            unmasked=_unmasked(table),
        )
        found.update(instant for (instant,) in facts.query(statement))
    return sorted(found)


def _unmasked(table: Table) -> str:
    """The condition on rows that a day before known_from would show if the row were known then."""
    if table.day or table.valid or table.name in _BY_THEIR_DATE:
        dated = table.column(table.day or table.born or "")
        return "false" if dated and dated.required else sql.own_time(table) + " IS NULL"
    if table.name == "accounts":
        # An account shows from customer_since on by itself; to its parent it always does.
        return "customer_since IS NULL OR parent_account_id IS NOT NULL"
    return "true"
