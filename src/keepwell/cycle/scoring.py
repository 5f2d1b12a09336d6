"""Metric values of some days to the tables of scored days. Nothing is read or written here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import ibis
import pyarrow as pa
import pyarrow.compute as pc
from ibis.backends.duckdb import Backend

from keepwell.cycle.holding import held, pairs, with_held
from keepwell.definitions.expressions import Expression
from keepwell.definitions.library import SCORE_NAMES, Library
from keepwell.definitions.library import conditions as of_scorecard
from keepwell.definitions.segment import Segment, Segmentation
from keepwell.definitions.settings import Settings
from keepwell.facts.reading import Facts
from keepwell.metrics.calendar import ASKED_ON
from keepwell.metrics.evaluate import Freshness, evaluate, period_kinds_of
from keepwell.metrics.shown import Shown, shown
from keepwell.metrics.statements import Statement
from keepwell.metrics.wide import row_keys
from keepwell.scoring.plan import Plan
from keepwell.segments.assign import assigned, conditions
from keepwell.workspace import Override

PORTFOLIO = "portfolio"
SHOWN = ("arr", "renews_on", "plan_tier", "licensed_seats")
"""Metrics that a portfolio shows where they are defined."""

_KEPT = ("metric/", "age/", "stale/", "named/", "state/", "points/", "final/", "adjust/",
         "override/", "set/", "add/", "period/")  # fmt: skip
_OF_DAYS = ("days_since", "days_between", "hours_between")
_KEPT_WORDS = ("account_id", "coverage", "computed", "score", "tier", "held_from")


@dataclass(frozen=True)
class Judge:
    """A project's definitions, ready to score the facts of any days."""

    settings: Settings
    library: Library

    @cached_property
    def plans(self) -> dict[str, Plan]:
        """The plans of the project's scorecards in their order."""
        keys = self.settings.scorecards
        return {key: Plan(self.library.scorecard(key), self.library) for key in keys}

    @cached_property
    def segmentations(self) -> dict[str, Segmentation]:
        keys = self.settings.segmentations
        known = self.library.segmentations
        return dict(known) if keys is None else {k: self.library.segmentation(k) for k in keys}

    @cached_property
    def segments(self) -> dict[str, Segment]:
        return dict(self.library.segments)

    @cached_property
    def portfolio_metrics(self) -> list[str]:
        """The metrics beside the scorecards' own: for segments, peers and the portfolio table."""
        named = self.library.named_in(
            conditions(self.segmentations.values(), self.segments.values())
        )
        shown = [m for m in SHOWN if m in self.library.metrics]
        return list(dict.fromkeys([*named, *self.settings.peers.by, *shown]))

    @cached_property
    def metrics(self) -> list[str]:
        """Every metric that a night needs."""
        of_cards = [m for plan in self.plans.values() for m in plan.metrics]
        return list(dict.fromkeys([*of_cards, *self.portfolio_metrics]))

    @cached_property
    def conditions(self) -> list[Expression]:
        """Every condition of scorecards and segments."""
        of_cards = [c for plan in self.plans.values() for _, c in of_scorecard(plan.scorecard)]
        return [*of_cards, *conditions(self.segmentations.values(), self.segments.values())]

    @cached_property
    def freshness(self) -> Freshness:
        retired = frozenset(s for s, told in self.settings.sources.items() if told.retired)
        return Freshness(self.settings.fresh_for, retired)

    def values(
        self, facts: Facts, days: Sequence[date], keys: Iterable[str] | None = None
    ) -> pa.Table:
        """The metric values of every customer on the given days, as evaluate() names them."""
        keys = self.metrics if keys is None else keys
        kinds = period_kinds_of(self.conditions)
        return evaluate(self.library, keys, facts, days, self.freshness, kinds)

    def shown(self, facts: Facts, day: date, keys: Iterable[str] | None = None) -> Shown:
        """The statements behind values(), counting nothing. facts: of which nothing was read."""
        return shown(self.library, keys or self.metrics, facts, day, self.freshness)

    def held(self, facts: Facts, values: pa.Table, plan: Plan) -> pa.Table:
        """The values with held_from: accounts whose score is held have those of that day."""
        holds = held(facts.con, plan, values, facts.periods())
        of = sorted({h.of for h in holds})
        earlier = self.values(facts, of, plan.metrics) if of else None
        return with_held(plan, values, earlier, holds)

    def scored(
        self,
        con: Backend,
        values: pa.Table,
        plan: Plan,
        overrides: Mapping[date, Sequence[Override]],
    ) -> pa.Table:
        """One scorecard on the values of any days: every applicable account and day, with all that
        explains its score. overrides: those that hold on each day."""
        rows = _with_overrides(values, overrides)
        rows = plan.applicable(con, rows)
        found = plan.run(con, rows.select(_read_by(plan, rows.column_names)))
        return found.select([ASKED_ON, *kept_columns(found.column_names, plan)])

    def portfolio(self, con: Backend, values: pa.Table, scored: Mapping[str, pa.Table]) -> pa.Table:
        """The portfolio of the same days: attributes, shown metrics, segments, primary score."""
        for position, (key, table) in enumerate(scored.items()):
            names = [key.replace("-", "_") + "."] + ([""] if position == 0 else [])
            values = _with_scores(values, table, names)

        def write() -> Statement:
            table = ibis.table(ibis.Schema.from_pyarrow(values.schema), name=PORTFOLIO)
            rows = assigned(table, self.segmentations, self.segments)
            keep = [f"metric/{m}" for m in self.portfolio_metrics]
            prefixes = ("account/", "segment/", "flag/")
            chosen = [c for c in rows.columns if c.startswith(prefixes) or c in keep]
            words = {w: rows[f"score/{w}"] for w in SCORE_NAMES if f"score/{w}" in rows.columns}
            return Statement.of(rows.select("account_id", ASKED_ON, *chosen, **words))

        parts = self.segmentations, self.segments, self.portfolio_metrics, values.schema
        return Statement.kept(("segments", *parts), write).over(con, PORTFOLIO, values)


def kept_columns(names: Sequence[str], plan: Plan) -> list[str]:
    """The columns of a scored table that history keeps: all that is needed to score it again."""
    metrics = set(plan.metrics)
    kept = []
    for name in names:
        prefix, _, rest = name.partition("/")
        if prefix in ("metric", "age", "stale", "named"):
            if rest in metrics:
                kept.append(name)
        elif (
            name in _KEPT_WORDS
            or name.startswith(_KEPT)
            or (name.startswith("account/") and f"account.{rest}" in _named(plan))
        ):
            kept.append(name)
    return kept


def _read_by(plan: Plan, names: Sequence[str]) -> list[str]:
    """The columns that a plan reads, and those that say whose and of which day they are."""
    whose = [n for n in ("account_id", ASKED_ON, "held_from") if n in names]
    return whose + [n for n in kept_columns(names, plan) if n not in whose]


def _named(plan: Plan) -> set[str]:
    """What the conditions of a scorecard name; those of days also need the account's time zone."""
    found = [condition for _, condition in of_scorecard(plan.scorecard)]
    names = {n for condition in found for n in condition.names}
    of_days = any(True for c in found for f in _OF_DAYS for _ in c.calls(f))
    return names | {"account.timezone"} if of_days else names


def _with_overrides(values: pa.Table, overrides: Mapping[date, Sequence[Override]]) -> pa.Table:
    """The values with `set/<path>` and `add/<path>` for the paths that anybody overrides."""
    given: dict[str, dict[tuple[str, date], float]] = {}
    for day, those in overrides.items():
        for override in sorted(those, key=lambda o: (o.created_at, o.id)):
            word = "set" if override.kind == "value" else "add"
            points = given.setdefault(f"{word}/{override.path}", {})
            points[override.account_id, day] = float(override.points)
    for column, by_account in given.items():
        points_of = pa.array([by_account.get(pair) for pair in pairs(values)], pa.float64())
        values = values.append_column(column, points_of)
    return values


def _with_scores(values: pa.Table, scored: pa.Table, names: Sequence[str]) -> pa.Table:
    at = pc.index_in(row_keys(values), row_keys(scored).combine_chunks())
    for prefix in names:
        for word in SCORE_NAMES:
            column = scored[word].combine_chunks().take(at)
            values = values.append_column(f"score/{prefix}{word}", column)
    return values
