"""Reading the canonical tables as they were known at an instant."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypedDict, Unpack

import pyarrow as pa

from keepwell.facts import context, sql
from keepwell.facts.added import Adding, content
from keepwell.facts.arrow import conform, read_schema, stored_schema, table_named, visible_schema
from keepwell.facts.context import Cover, Merge, Period, Rate
from keepwell.facts.engine import connect_ibis
from keepwell.facts.engines.base import Engine
from keepwell.facts.engines.duck import DuckEngine
from keepwell.facts.known import Known
from keepwell.facts.model import Table
from keepwell.facts.schema import DERIVED_COLUMNS, visible_name
from keepwell.kit.errors import KeepwellError, did_you_mean
from keepwell.kit.views import quoted, view_sql

if TYPE_CHECKING:
    import ibis
    from ibis.backends.duckdb import Backend

    from keepwell.facts.files import DataFile
    from keepwell.facts.store import FactStore

Between: TypeAlias = tuple[date | None, date | None]
Neighbours: TypeAlias = Mapping[str, pa.Table]
ENTERED = "workspace"
"""The source_id of rows that came in beside the stored ones and name no source."""


class Around(TypedDict, total=False):
    """What facts are told of a project: rows beside those that are stored, by table, and what
    stands in where an account has no time zone or currency."""

    extra: Mapping[str, pa.Table] | None
    project_timezone: str
    project_currency: str


class Source(Protocol):
    """Where facts can be read from."""

    def reader(self, known: Known, **around: Unpack[Around]) -> Facts:
        """The tables as known at an instant."""

    def written_at(self) -> datetime:
        """Until when all that had arrived can be seen."""


class Facts(ABC):
    """The canonical tables as known at an instant, wherever their rows are kept.

    A table is looked up when it is first asked for; nothing is scanned before an expression over
    it runs. `extra` holds rows that are not stored here, with canonical columns, by table.
    """

    def __init__(
        self,
        known: Known,
        *,
        extra: Mapping[str, pa.Table] | None = None,
        project_timezone: str = "UTC",
        project_currency: str = "USD",
    ) -> None:
        self.known = known
        self.project_timezone = project_timezone
        self.project_currency = project_currency
        self._extra = dict(extra or {})
        for name in self._extra:
            table_named(name)
        self._made: set[str] = set()

    @abstractmethod
    def _stored(self, name: str) -> str:
        """A SELECT of every stored version of an imported table, in the shape stored_schema and in
        DuckDB's SQL."""

    @cached_property
    def con(self) -> Backend:
        """DuckDB in memory, for what is small: one row per account and day."""
        return connect_ibis()

    @cached_property
    def engine(self) -> Engine:
        """Where the tables are counted."""
        return DuckEngine(self.con)

    def entered(self) -> Mapping[str, pa.Table]:
        """The rows beside those that are stored, by table."""
        return self._extra

    def close(self) -> None:
        """Let go of the engine."""
        self.engine.close()

    def table(self, name: str, columns: Collection[str] | None = None) -> ibis.Table:
        """The visible rows of a canonical table: its columns and source_id, or only `columns`.

        To name the columns is worth while for touchpoints, whose replied_at is a join that runs
        whether it is used or not. Raises KeepwellError for a table or column that does not exist.
        """
        known = read_schema(table_named(name)).names
        if columns is None:
            return self.con.table(self._near(self._whole(name), name))
        for column in columns:
            if column not in known:
                raise KeepwellError(
                    f"table '{name}' has no column '{column}'", todo=did_you_mean(column, known)
                )
        chosen = [c for c in known if c in columns]
        rows = self.con.table(self._near(self._holding(name, columns), name, chosen))
        return rows.select(*chosen)

    def _near(self, view: str, table: str, columns: Sequence[str] | None = None) -> str:
        """The name under which `con` finds the rows of a table's view: these columns at least, or
        all."""
        return view

    def visible(self, name: str) -> str:
        """The name under which the engine finds the visible rows of a canonical table."""
        return self._whole(table_named(name).name)

    def name_rows(
        self,
        name: str,
        table: str,
        columns: Collection[str],
        first: date | None = None,
        last: date | None = None,
    ) -> None:
        """Let statements find rows of a canonical table under a name, in place of earlier ones:
        with these columns at least, of all days or of those from `first` to `last` and of none."""
        rows = quoted(self._holding(table, columns))
        days = _on_days(table_named(table), rows, first, last)
        self.engine.view(name, self.engine.said(days))

    def keeps(self, table: str) -> bool:
        """Whether what rows of a table add up to can be kept from one reading to the next."""
        return False

    def name_added_up(
        self,
        name: str,
        adding: Adding,
        first: date | None = None,
        last: date | None = None,
        *,
        near: Neighbours | None = None,
    ) -> None:
        """Let statements find under a name what the rows of a table add up to, of days as in
        name_rows(); rows of one account and day may still be apart.

        The neighbours that it reads are named already. near: of each, by that name, as few rows as
        are enough; where they are not told nothing is kept.
        """
        self.engine.view(name, self._added_up(adding, (first, last), near))

    def _added_up(self, adding: Adding, days: Between, near: Neighbours | None) -> str:
        """The SELECT for name_added_up()."""
        rows = quoted(self._holding(adding.table, adding.columns))
        return adding.over(_on_days(table_named(adding.table), rows, *days))

    def stored_rows(self, name: str) -> int:
        """How many versions of rows are stored of a table, where that is known without counting
        them; 0 of one that is made when reading."""
        return 0

    def _holding(self, name: str, columns: Collection[str]) -> str:
        """The view that has these columns of a table, and as little more as there is."""
        derived = {column for table, column in DERIVED_COLUMNS if table == name}
        return self._visible(name) if derived.isdisjoint(columns) and derived else self._whole(name)

    def coverage(self) -> list[Cover]:
        """What days each source has covered, joined to as few stretches as possible."""
        return list(self._coverage)

    def periods(self) -> list[Period]:
        """Closures, changes of owner and other stretches of the accounts' lives."""
        return list(self._periods)

    def merges(self) -> list[Merge]:
        """Accounts that became part of another one; chains are not resolved."""
        return list(self._merges)

    def rates(self) -> list[Rate]:
        """All known exchange rates."""
        return list(self._rates)

    def account_zones(self) -> dict[str, str]:
        """The IANA time zone of every account."""
        return dict(self._account_zones)

    def questions(self) -> frozenset[str]:
        """The metrics to which a person or a sheet has given a value."""
        return self._questions

    def rollups(self) -> dict[str, list[str]]:
        """All accounts below each account that is rolled up with its children."""
        return dict(self._rollups)

    @cached_property
    def _coverage(self) -> list[Cover]:
        self.table("coverage")
        return context.coverage(self.con.con)

    @cached_property
    def _periods(self) -> list[Period]:
        self.table("account_periods")
        return context.periods(self.con.con)

    @cached_property
    def _merges(self) -> list[Merge]:
        self.table("merges")
        self.table("accounts")
        return context.merges(self.con.con, self.project_timezone)

    @cached_property
    def _rates(self) -> list[Rate]:
        self.table("fx_rates")
        return context.rates(self.con.con)

    @cached_property
    def _questions(self) -> frozenset[str]:
        select = ["SELECT DISTINCT question_key FROM", quoted(self.visible("assessments"))]
        return frozenset(key for (key,) in self.query(" ".join(select)))

    @cached_property
    def _rollups(self) -> dict[str, list[str]]:
        self.table("accounts")
        return context.rollups(self.con.con)

    @cached_property
    def _account_zones(self) -> dict[str, str]:
        self.table("accounts")
        return context.account_zones(self.con.con)

    def stored_versions(self, name: str) -> str | None:
        """A SELECT of every stored version of an imported table, as visible_versions(); None where
        nothing is stored of it, or nothing of its past."""
        return self._stored(table_named(name).name)

    def visible_versions(self, name: str) -> str:
        """A SELECT of the visible versions of an imported table with their provenance, in DuckDB's
        SQL for `query`; rows that are not stored there are not among them."""
        return " ".join(["SELECT * FROM (", self._stored(name), ") WHERE", self.known.sql()])

    def query(self, select: str) -> list[tuple[Any, ...]]:
        """The rows that the engine gives for a SELECT in DuckDB's SQL."""
        return self.engine.rows(self.engine.said(select))

    def _whole(self, name: str) -> str:
        """The view of the visible rows with every column of the table."""
        from keepwell.facts.views import VIEWS, view_of

        if name not in VIEWS:
            return self._view(name, lambda: self.engine.said(self._visible_sql(name)))
        view = view_of(name, self.project_timezone, self.project_currency, self.engine.dialect)
        for table in view.visible:
            self._visible(table)
        for table in view.tables:
            self._whole(table)
        return self._view(name, lambda: view.sql)

    def _visible(self, name: str) -> str:
        return self._view(visible_name(name), lambda: self.engine.said(self._visible_sql(name)))

    def _visible_sql(self, name: str) -> str:
        schema = visible_schema(table_named(name))
        columns = ", ".join(quoted(c) for c in schema.names)
        stored = " ".join(["SELECT", columns, "FROM (", self.visible_versions(name), ")"])
        if name not in self._extra:
            return stored
        return " ".join([stored, "UNION ALL SELECT", columns, "FROM", self._entered(name)])

    def _entered(self, name: str) -> str:
        rows = self._extra[name]
        ignored = [n for t, n in DERIVED_COLUMNS if t == name and n in rows.column_names]
        entered = conform(name, rows.drop_columns(ignored), visible_schema(table_named(name)))
        at = entered.schema.get_field_index("source_id")
        entered = entered.set_column(at, "source_id", entered["source_id"].fill_null(ENTERED))
        registered = f"entered_{name}"
        self.engine.put(registered, entered)
        return quoted(registered)

    def _view(self, name: str, select: Callable[[], str]) -> str:
        if name not in self._made:
            self.engine.view(name, select())
            self._made.add(name)
        return name


class FactReader(Facts):
    """The tables of a store, at the manifest that was current when the reader was made."""

    def __init__(self, store: FactStore, known: Known, **around: Unpack[Around]) -> None:
        super().__init__(known, **around)
        self.store = store
        self.manifest = store.place.manifest()
        self._found: dict[str, list[DataFile]] = {}

    def _files(self, name: str) -> list[DataFile]:
        """The files of a table, which stay the same for as long as this is read."""
        if name not in self._found:
            self._found[name] = self.store.data_files(name, self.manifest)
        return self._found[name]

    def _paths(self, name: str) -> list[str]:
        folder = self.store.place.table_path(name).absolute()
        return [str(folder / file.name) for file in self._files(name)]

    def _stored(self, name: str) -> str:
        return view_sql(self._paths(name), stored_schema(table_named(name)))

    def stored_rows(self, name: str) -> int:
        derived = table_named(name).derived
        return 0 if derived else sum(file.rows for file in self._files(name))

    def keeps(self, table: str) -> bool:
        return table not in self._extra and not table_named(table).derived

    def _added_up(self, adding: Adding, days: Between, near: Neighbours | None) -> str:
        if near is None:
            return super()._added_up(adding, days, near)
        shape = table_named(adding.table)
        made = self.store.kept(adding, self._beside(near))
        kept, rest = made.of(self.con.con, self._paths(adding.table), self.known, days[0])
        parts = []
        if kept:
            found = " ".join(["(", view_sql(kept, adding.schema), ")"])
            parts.append(_on_days(shape, found, *days))
        if rest or not kept:
            stored = ["(SELECT * FROM (", view_sql(rest, stored_schema(shape)), ")"]
            seen = " ".join([*stored, "WHERE", self.known.sql(), ")"])
            parts.append(made.over(_on_days(shape, seen, *days)))
        return " UNION ALL ".join(f"({part})" for part in parts)

    def _beside(self, near: Neighbours) -> dict[str, str]:
        """The names, which tell rows apart, under which the engine finds rows."""
        found = {}
        for name, rows in near.items():
            found[name] = f"{name} {content(rows)}"
            self.engine.put(found[name], rows)
        return found


def _on_days(table: Table, rows: str, first: date | None, last: date | None) -> str:
    """A SELECT of those of some rows that happened on days as in name_rows()."""
    parts = ["SELECT * FROM", rows]
    if table.day is not None and last is not None:
        # By literals, so that files can be skipped.
        parts.extend(["WHERE", sql.between(table, first, last)])
        if not table.has_days:
            parts.extend(["OR", quoted(table.day), "IS NULL"])
    return " ".join(parts)
