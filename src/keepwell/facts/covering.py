"""Which of the days that a source has covered are not recorded yet, or were never covered."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta

import duckdb
import pyarrow as pa

from keepwell.facts import context, sql
from keepwell.facts.arrow import conform, incoming_schema
from keepwell.facts.context import CoverState
from keepwell.facts.schema import TABLES
from keepwell.kit.errors import KeepwellError
from keepwell.kit.views import text

Span = tuple[date, date]
_DAY = timedelta(days=1)
_LOST = pa.schema([("name", pa.string()), ("gone", pa.list_(pa.string()))])


def missing(
    con: duckdb.DuckDBPyConnection,
    stored: str,
    source: str,
    families: Mapping[str, Span],
    state: CoverState,
    columns: Mapping[str, Collection[str]],
) -> pa.Table:
    """Rows of the table `coverage` for the days that `stored`, a SELECT of it, does not have, or
    not with all of the columns that are given of that table now.

    Raises KeepwellError for a span that ends before it begins.
    """
    con.execute(
        sql.fill(
            "CREATE OR REPLACE TEMP VIEW coverage AS SELECT * FROM ($stored) WHERE known_to IS NULL"
            " AND account_id IS NULL AND source = $source AND state = $state",
            stored=stored,
            source=text(source),
            state=text(state),
        )
    )
    given = {family: columns.get(family.partition(".")[0], ()) for family in families}
    recorded: dict[str, list[Span]] = {}
    for cover in context.coverage(con):
        now = given.get(cover.family)
        if cover.columns is None or (now and cover.columns.issuperset(now)):
            recorded.setdefault(cover.family, []).append((cover.from_day, cover.to_day))
    rows = [
        {
            "source": source,
            "family": family,
            "from_day": first,
            "to_day": last,
            "state": state,
            "columns": " ".join(sorted(given[family])) or None,
        }
        for family, span in sorted(families.items())
        for first, last in gaps(_checked(family, span), recorded.get(family, []))
    ]
    return conform("coverage", rows, incoming_schema(TABLES["coverage"]))


def ending(
    con: duckdb.DuckDBPyConnection,
    stored: str,
    source: str,
    lasts: Mapping[str, date],
    columns: Mapping[str, Collection[str]],
) -> pa.Table:
    """The rows of `stored`, a SELECT of the table `coverage`, that a source has at present, none of
    which goes beyond the last day of its family, nor names one of the columns, by table."""
    con.register(
        "ends", pa.table({"family": list(lasts), "last": pa.array(lasts.values(), pa.date32())})
    )
    gone = [{"name": name, "gone": sorted(of)} for name, of in columns.items()]
    con.register("lost", pa.Table.from_pylist(gone, schema=_LOST))
    return con.execute(
        sql.fill(
            """
            SELECT DISTINCT c.source, c.family, account_id, from_day, least(to_day, last) AS to_day,
                   state, CASE WHEN gone IS NULL THEN columns ELSE array_to_string(list_filter(
                       string_split(columns, ' '), lambda one: NOT list_contains(gone, one)
                   ), ' ') END AS columns
            FROM ($stored) c LEFT JOIN ends e ON c.family = e.family AND c.state = 'complete'
            LEFT JOIN lost l ON l.name = split_part(c.family, '.', 1)
            WHERE known_to IS NULL AND source_id = $source AND from_day <= coalesce(last, from_day)
            """,
            stored=stored,
            source=text(source),
        )
    ).to_arrow_table()


def gaps(span: Span, recorded: list[Span]) -> list[Span]:
    """The parts of `span` outside of the recorded spans, which are in order of their beginning."""
    first, last = span
    found: list[Span] = []
    for begin, end in recorded:
        if begin > last or end < first:
            continue
        if begin > first:
            found.append((first, begin - _DAY))
        first = max(first, end + _DAY)
    if first <= last:
        found.append((first, last))
    return found


def _checked(family: str, span: Span) -> Span:
    if span[1] < span[0]:
        raise KeepwellError(
            f"coverage of '{family}' ends on {span[1]}, before it begins on {span[0]}",
            expected="the first and the last covered day",
        )
    return span
