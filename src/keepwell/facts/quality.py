"""What is there, how fresh it is, and what could not be stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

import pyarrow as pa

from keepwell.facts import sql
from keepwell.facts.context import Cover
from keepwell.facts.engine import connect
from keepwell.facts.ledger import IMPORTS, LEDGER_SCHEMAS, QUARANTINE
from keepwell.facts.model import Table
from keepwell.facts.reading import Facts
from keepwell.facts.schema import IMPORTED
from keepwell.facts.store import FactStore
from keepwell.kit.views import quoted, text, view_sql

_PLUMBING = ("coverage", "sources")


@dataclass(frozen=True)
class Feed:
    """What one source gives for one table, or for one kind of it (`usage_daily.login`), where
    that is late and the table is not.

    rows: visible ones. first_day and last_day: of these rows, None where the table has no day.
    covered_to: last day that the source has covered. age_days: days from the last day that is
    known to be covered (else of the last row, else of the last arrival) to today; expected_days:
    how old that may be.
    """

    source: str
    table: str
    rows: int
    first_day: date | None
    last_day: date | None
    last_arrival: datetime | None
    covered_to: date | None
    age_days: int | None
    expected_days: int
    state: Literal["fresh", "stale", "retired", "unknown"]


@dataclass(frozen=True)
class Rejects:
    """How many rows of a file are in quarantine for one reason; field is None where it is the row
    as a whole."""

    source: str
    table: str
    file: str
    reason: str
    field: str | None
    rows: int


def feeds(facts: Facts, today: date, fresh_days: Mapping[str, int] | None = None) -> list[Feed]:
    """Every source and table of which rows or covered days are known, by source and table.

    `fresh_days` replaces Table.fresh_days for the tables and families that it names.
    """
    covers: dict[tuple[str, str], list[Cover]] = {}
    for cover in facts.coverage():
        covers.setdefault((cover.source, cover.family.partition(".")[0]), []).append(cover)
    found: list[Feed] = []
    for table in IMPORTED.values():
        if table.name in _PLUMBING:
            continue
        expected = {table.name: table.fresh_days, **(fresh_days or {})}
        counted = _counted(facts, table)
        silent = {source for source, name in covers if name == table.name} - set(counted)
        counted.update(dict.fromkeys(silent, (0, None, None, None)))
        for source, counts in counted.items():
            covered = covers.get((source, table.name), [])
            feed = _feed(source, table.name, counts, covered, expected[table.name], today)
            found.append(feed)
            if feed.state == "fresh":
                found += _late_kinds(facts, table, source, covered, expected, today)
    return sorted(found, key=lambda f: (f.source, f.table))


def _late_kinds(
    facts: Facts,
    table: Table,
    source: str,
    covered: Sequence[Cover],
    expected: Mapping[str, int],
    today: date,
) -> Iterator[Feed]:
    """The kinds of a table that are late by themselves."""
    by_kind: dict[str, list[Cover]] = {}
    for cover in covered:
        if cover.family != table.name:
            by_kind.setdefault(cover.family, []).append(cover)
    nothing: _Counted = (0, None, None, None)
    for name, own in by_kind.items():
        days = expected.get(name, expected[table.name])
        if _feed(source, name, nothing, own, days, today).state == "stale":
            kind = name.partition(".")[2]
            counts = _counted(facts, table, kind).get(source, nothing)
            yield _feed(source, name, counts, own, days, today)


def quarantine(store: FactStore | None) -> pa.Table:
    """Every row in quarantine: source_id, file, table, row_number, reason, field, raw (JSON)."""
    if store is None:
        return LEDGER_SCHEMAS[QUARANTINE].empty_table()
    return _ledger(store, QUARANTINE, '"source_id", "file", "table", row_number')


def imports(store: FactStore) -> pa.Table:
    """Every import of a file that changed something or was the first of that file, oldest first."""
    return _ledger(store, IMPORTS, '"at", "source_id", "file", "table"')


def rejects(store: FactStore) -> list[Rejects]:
    """The quarantined rows counted by file and reason, the most frequent first within a file."""
    keys = ["source_id", "table", "file", "reason", "field"]
    counted = quarantine(store).group_by(keys).aggregate([([], "count_all")]).to_pylist()
    found = [
        Rejects(r["source_id"], r["table"], r["file"], r["reason"], r["field"], int(r["count_all"]))
        for r in counted
    ]
    return sorted(
        found, key=lambda r: (r.source, r.table, r.file, -r.rows, r.reason, r.field or "")
    )


_Counted = tuple[int, date | None, date | None, datetime | None]


def _counted(facts: Facts, table: Table, kind: str | None = None) -> dict[str, _Counted]:
    """By source; of one kind, if one is named."""
    select = sql.fill(
        """
        SELECT source_id, count(*), min($day), max($day), max(ingested_at)
        FROM ($stored) WHERE $among GROUP BY source_id
        """,
        day=sql.day_of(table, facts.project_timezone),
        stored=facts.visible_versions(table.name),
        among="true" if kind is None else f"{quoted(table.kind or '')} = {text(kind)}",
    )
    return {row[0]: (row[1], row[2], row[3], row[4]) for row in facts.query(select)}


def _feed(
    source: str,
    table: str,
    counted: _Counted,
    covered: Sequence[Cover],
    expected: int,
    today: date,
) -> Feed:
    rows, first, last, arrived = counted
    complete = max((c.to_day for c in covered if c.state == "complete"), default=None)
    retired = any(c.state == "retired" and c.from_day <= today for c in covered)
    known = complete or last or (arrived.astimezone(UTC).date() if arrived else None)
    age = None if known is None else max(0, (today - known).days)
    return Feed(
        source=source,
        table=table,
        rows=rows,
        first_day=first,
        last_day=last,
        last_arrival=arrived,
        covered_to=complete,
        age_days=age,
        expected_days=expected,
        state="retired" if retired else _freshness(age, expected),
    )


def _freshness(age: int | None, expected: int) -> Literal["fresh", "stale", "unknown"]:
    if age is None:
        return "unknown"
    return "fresh" if age <= expected else "stale"


def _ledger(store: FactStore, name: str, order: str) -> pa.Table:
    stored = view_sql(store.files(name), LEDGER_SCHEMAS[name])
    with connect() as con:
        select = sql.fill("SELECT * FROM ($stored) ORDER BY $order", stored=stored, order=order)
        return con.execute(select).to_arrow_table()
