"""The tables in the schema: which there are, and how they grow.

A table of scored days is partitioned by month, so that a night is as fast after ten years as on
the first day, and has two indexes: by account and day, and by day. PostgreSQL takes 1,600 columns
for a table and 8 kB for a row, and forgets none that was dropped; so a table has parts, each with
at most MOST_COLUMNS and joined by account, day and revision. Nearly always there is one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa

from keepwell.history.columns import KEYS
from keepwell.history.keeping import LAYOUT
from keepwell.history.postgres.session import WRITE, Session, listed, place
from keepwell.kit.errors import KeepwellError
from keepwell.kit.views import fill, quoted, text

MOST_COLUMNS = 400
"""Of texts that are kept apart from their row, 18 bytes each, so many fit into one."""

PATIENCE = "2min"
"""So long a night waits for those who read a table to which it has to add a column."""

LAYOUTS, COLUMNS, DAYS, DEFINITIONS = "_layout", "_columns", "_days", "_definitions"
"""The tables beside those of scored days; no scorecard can be called so."""

_OWN = {
    LAYOUTS: "version integer NOT NULL",
    COLUMNS: '"table" text, position integer, name text, kind text NOT NULL, part integer NOT NULL,'
    ' "column" text NOT NULL, PRIMARY KEY ("table", position), UNIQUE ("table", name)',
    DAYS: 'date date, "table" text, revision bigint, current boolean NOT NULL,'
    " scored_at timestamptz, known_at timestamptz, arrived_by timestamptz, definition text,"
    ' accounts bigint NOT NULL, PRIMARY KEY ("table", date, revision)',
    DEFINITIONS: "key text PRIMARY KEY, content text NOT NULL",
}
_JOINED = ("account_id", "date", "revision")
_LONGEST_NAME = 63
_KINDS: Mapping[pa.DataType, str] = {
    pa.string(): "text",
    pa.int64(): "bigint",
    pa.float64(): "double precision",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.timestamp("us", tz="UTC"): "timestamptz",
}
_TYPES = {kind: arrow for arrow, kind in _KINDS.items()}


@dataclass(frozen=True)
class Stored:
    """Where a column is: its Arrow type, the number of the part, and its name there."""

    type: pa.DataType
    part: int
    column: str


@dataclass
class Layout:
    """The columns of a table by the names that they have on disk, in the order in which they
    came; none where there is no table yet."""

    table: str
    columns: dict[str, Stored] = field(default_factory=dict)

    @property
    def types(self) -> dict[str, pa.DataType]:
        """Their types."""
        return {name: stored.type for name, stored in self.columns.items()}

    def part(self, number: int) -> str:
        """The name of one of the table's parts, which are counted from 1."""
        return _fitting(self.table if number == 1 else f"{self.table} {number}")

    def grown(self, types: Mapping[str, pa.DataType]) -> Layout:
        """With these columns, further ones being put where there is room."""
        columns = dict(self.columns)
        for name, kind in types.items():
            if name not in columns:
                full = [s.part for s in columns.values()]
                part = next(n for n in range(1, len(full) + 2) if full.count(n) < MOST_COLUMNS)
                columns[name] = Stored(kind, part, _fitting(name))
        return Layout(self.table, columns)


def exists(session: Session, schema: str) -> bool:
    """Whether there is a history in that schema. Raises KeepwellError for a newer Keepwell's."""
    where = text(place(schema, LAYOUTS))
    if session.rows(f"SELECT to_regclass({where}) IS NULL") == [(True,)]:
        return False
    layouts = place(schema, LAYOUTS)
    found = session.rows(fill("SELECT version FROM $layouts", layouts=layouts))
    newest = max((version for (version,) in found), default=0)
    if newest > LAYOUT:
        raise KeepwellError(
            f"written by a newer Keepwell (layout {newest})",
            where=f"{session.where}, schema {schema}",
            expected=f"layout {LAYOUT} or older",
            todo="upgrade Keepwell on this machine",
        )
    return bool(found)


def prepare(session: Session, schema: str) -> None:
    """Make the schema and its tables where they are missing."""
    if exists(session, schema):
        return
    with session.transaction(WRITE):
        # Two that begin at the same time make them one after the other.
        session.run(f"SELECT pg_advisory_xact_lock({turn(schema) + 1})")
        # Not IF NOT EXISTS, which asks for the right to make one even where it is there.
        if session.rows(f"SELECT to_regnamespace({text(quoted(schema))}) IS NULL") == [(True,)]:
            session.run(f"CREATE SCHEMA {quoted(schema)}")
        for table, columns in _OWN.items():
            session.run(f"CREATE TABLE IF NOT EXISTS {place(schema, table)} ({columns})")
        layouts = place(schema, LAYOUTS)
        first = "INSERT INTO $table SELECT $layout WHERE NOT EXISTS (SELECT FROM $table)"
        session.run(fill(first, table=layouts, layout=str(LAYOUT)))


def layout_of(session: Session, schema: str, table: str) -> Layout:
    """The columns of a table."""
    asked = fill(
        'SELECT name, kind, part, "column" FROM $columns WHERE "table" = $table ORDER BY position',
        columns=place(schema, COLUMNS),
        table=text(table),
    )
    found = session.rows(asked)
    columns = {name: Stored(_type(kind), part, column) for name, kind, part, column in found}
    return Layout(table, columns)


def grow(session: Session, schema: str, old: Layout, new: Layout, days: Collection[date]) -> None:
    """Make the parts, columns and months that these days need.

    It is committed before their rows come: a reader is locked out of a table while it gets a
    column, which takes a moment, but not while a night is written.
    """
    with session.transaction(WRITE):
        # Whoever reads a table in a transaction that never ends is not waited for as long.
        session.run(f"SET LOCAL lock_timeout = '{PATIENCE}'")
        for number in sorted({stored.part for stored in new.columns.values()}):
            _grow_part(session, schema, new, number, old)
            for month in sorted({day.replace(day=1) for day in days}):
                _add_month(session, schema, new.part(number), month)
        rows = ", ".join(
            f"({text(new.table)}, {position}, {text(name)}, {text(kind_of(stored.type))},"
            f" {stored.part}, {text(stored.column)})"
            for position, (name, stored) in enumerate(new.columns.items())
            if name not in old.columns
        )
        if rows:
            columns = place(schema, COLUMNS)
            session.run(fill("INSERT INTO $columns VALUES $rows", columns=columns, rows=rows))


def _grow_part(session: Session, schema: str, new: Layout, number: int, old: Layout) -> None:
    own = {n: s for n, s in new.columns.items() if s.part == number}
    where = place(schema, new.part(number))
    keys = {f.name: f"{quoted(f.name)} {kind_of(f.type)} NOT NULL" for f in KEYS}
    # By bytes, as everywhere else, whatever language the database speaks.
    keys["account_id"] = 'account_id text COLLATE "C" NOT NULL'
    if not any(s.part == number for s in old.columns.values()):
        made = [keys[n] for n in keys if n in own or n in _JOINED]
        session.run(
            f"CREATE TABLE {where} ({', '.join(made)}, PRIMARY KEY ({listed(_JOINED)}))"
            " PARTITION BY RANGE (date)"
        )
        session.run(f"CREATE INDEX ON {where} (date)")
    added = [
        f"ADD COLUMN {quoted(s.column)} {kind_of(s.type)}"
        for n, s in own.items()
        if n not in old.columns and n not in keys
    ]
    if added:
        session.run(f"ALTER TABLE {where} {', '.join(added)}")


def _add_month(session: Session, schema: str, part: str, month: date) -> None:
    name = place(schema, _fitting(f"{part} {month:%Y-%m}"))
    if session.rows(f"SELECT to_regclass({text(name)}) IS NOT NULL") == [(True,)]:
        return
    whole = place(schema, part)
    after = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    # Made first and attached then, which locks out no reader of the other months.
    session.run(f"CREATE TABLE {name} (LIKE {whole} INCLUDING ALL)")
    session.run(
        f"ALTER TABLE {whole} ATTACH PARTITION {name} FOR VALUES FROM ('{month}') TO ('{after}')"
    )


def kind_of(kind: pa.DataType) -> str:
    """PostgreSQL's name of an Arrow type that history stores."""
    if pa.types.is_decimal(kind):
        return f"numeric({kind.precision},{kind.scale})"
    return _KINDS[kind]


def turn(schema: str) -> int:
    """The number of the lock whose holder writes into that schema."""
    digest = hashlib.blake2b(f"keepwell history {schema}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True) // 2 * 2


def joined(
    layout: Layout, schema: str, parts: Sequence[int], days: Sequence[str], where: Sequence[str]
) -> str:
    """FROM and WHERE of those parts of a table, as p1, p2 and so on.

    days: conditions on the column date of any part. where: further conditions, on p1.
    """
    words = [f"FROM {place(schema, layout.part(1))} AS p1"]
    for n in parts:
        if n != 1:
            # The days are said of each part: by them its months are chosen.
            same = [*(f"p{n}.{key} = p1.{key}" for key in _JOINED), *(f"p{n}.{d}" for d in days)]
            words.append(f"LEFT JOIN {place(schema, layout.part(n))} AS p{n} ON")
            words.append(" AND ".join(same))
    words += ["WHERE", " AND ".join([*(f"p1.{d}" for d in days), *where])]
    return " ".join(words)


def _type(kind: str) -> pa.DataType:
    if kind.startswith("numeric"):
        precision, scale = kind.removeprefix("numeric(").removesuffix(")").split(",")
        return pa.decimal128(int(precision), int(scale))
    return _TYPES[kind]


def _fitting(name: str) -> str:
    """A name that PostgreSQL does not cut off: a long one ends with its hash instead."""
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    digest = hashlib.blake2b(name.encode(), digest_size=6).hexdigest()
    return f"{name.encode()[: _LONGEST_NAME - 13].decode(errors='ignore')} {digest}"
