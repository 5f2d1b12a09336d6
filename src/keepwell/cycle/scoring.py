"""Metric values of some days to the tables of scored days. Nothing is read or written here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc
from ibis.backends.duckdb import Backend

from keepwell.definitions.expressions import Expression
from keepwell.definitions.library import Library
from keepwell.definitions.library import conditions as of_scorecard
from keepwell.definitions.segment import Segment, Segmentation
from keepwell.definitions.settings import Settings
from keepwell.facts.context import Period
from keepwell.facts.reading import Facts
from keepwell.metrics.calendar import ASKED_ON, occurrences
from keepwell.metrics.evaluate import Freshness, evaluate, period_kinds_of
from keepwell.scoring.plan import Plan
from keepwell.segments.assign import assigned, conditions
from keepwell.workspace import Override

PORTFOLIO = "portfolio"
SHOWN = ("arr", "renews_on", "plan_tier", "licensed_seats")
"""Metrics that a portfolio shows where they are defined."""

_KEPT = ("metric/", "age/", "stale/", "named/", "state/", "points/", "final/", "adjust/",
         "override/", "set/", "add/", "period/")  # fmt: skip
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
        if keys is None:
            every = [m for plan in self.plans.values() for m in plan.metrics]
            keys = [*every, *self.portfolio_metrics]
        kinds = period_kinds_of(self.conditions)
        return evaluate(self.library, keys, facts, days, self.freshness, kinds)

    def scored(
        self, con: Backend, values: pa.Table, plan: Plan, overrides: Sequence[Override], day: date
    ) -> pa.Table:
        """One scorecard's day: every applicable account, with all that explains its score."""
        rows = ibis.memtable(_with_overrides(values, overrides, day))
        scored = plan.score(plan.applicable(rows))
        found = con.to_pyarrow(scored)
        return found.select(kept_columns(found.column_names, plan))

    def portfolio(
        self, con: Backend, values: pa.Table, scored: Mapping[str, pa.Table]
    ) -> pa.Table:
        """The day's portfolio: attributes, shown metrics, segments, and the primary score."""
        for position, (key, table) in enumerate(scored.items()):
            names = [key.replace("-", "_") + "."] + ([""] if position == 0 else [])
            values = _with_scores(values, table, names)
        rows = assigned(ibis.memtable(values), self.segmentations, self.segments)
        keep = [f"metric/{m}" for m in self.portfolio_metrics]
        found = con.to_pyarrow(rows)
        prefixes = ("account/", "segment/", "flag/")
        chosen = [c for c in found.column_names if c.startswith(prefixes) or c in keep]
        return found.select(["account_id", *chosen, *_primary(found)]).rename_columns(
            ["account_id", *chosen, *(c.removeprefix("score/") for c in _primary(found))]
        )


def _primary(table: pa.Table) -> list[str]:
    return [f"score/{n}" for n in ("score", "tier", "coverage") if f"score/{n}" in
            table.column_names]  # fmt: skip


def kept_columns(names: Sequence[str], plan: Plan) -> list[str]:
    """The columns of a scored table that history keeps: all that is needed to score it again."""
    metrics = set(plan.metrics)
    kept = []
    for name in names:
        prefix, _, rest = name.partition("/")
        if prefix in ("metric", "age", "stale", "named"):
            if rest in metrics:
                kept.append(name)
        elif name in _KEPT_WORDS or name.startswith(_KEPT):
            kept.append(name)
        elif name.startswith("account/") and f"account.{rest}" in _named(plan):
            kept.append(name)
    return kept


def _named(plan: Plan) -> set[str]:
    return {n for _, condition in of_scorecard(plan.scorecard) for n in condition.names}


def _with_overrides(values: pa.Table, overrides: Sequence[Override], day: date) -> pa.Table:
    """The values with `set/<path>` and `add/<path>` for the paths that anybody overrides."""
    given: dict[str, dict[str, float]] = {}
    for override in sorted(overrides, key=lambda o: o.created_at):
        word = "set" if override.kind == "value" else "add"
        given.setdefault(f"{word}/{override.path}", {})[override.account_id] = float(
            override.points
        )
    accounts = values["account_id"].to_pylist()
    for column, by_account in given.items():
        points = pa.array([by_account.get(a) for a in accounts], pa.float64())
        values = values.append_column(column, points)
    return values


def _with_scores(values: pa.Table, scored: pa.Table, names: Sequence[str]) -> pa.Table:
    by_account = {r["account_id"]: r for r in scored.select(
        ["account_id", "score", "tier", "coverage"]).to_pylist()}  # fmt: skip
    rows: list[dict[str, Any]] = [by_account.get(a, {}) for a in values["account_id"].to_pylist()]
    types = {"score": pa.float64(), "tier": pa.string(), "coverage": pa.float64()}
    for prefix in names:
        for word, kind in types.items():
            column = pa.array([r.get(word) for r in rows], kind)
            values = values.append_column(f"score/{prefix}{word}", column)
    return values


@dataclass(frozen=True)
class Held:
    """An account whose score of a day is that of an earlier day."""

    account_id: str
    of: date


def held(plan: Plan, periods: Sequence[Period], day: date) -> list[Held]:
    """The accounts whose score the plan's adjustments hold on that day, and at which day.

    `hold: score` goes with in_period('kind'): the day is the last one before the period began.
    """
    kinds = {
        args[0].name
        for adjustment in plan.scorecard.adjustments.values()
        if adjustment.hold
        for args in adjustment.when.calls("in_period")
    }
    found: dict[str, date] = {}
    for period in periods:
        if period.kind in kinds:
            for start, end in occurrences(period, day - timedelta(days=800), day):
                if start <= day <= end:
                    before = start - timedelta(days=1)
                    found[period.account_id] = min(before, found.get(period.account_id, before))
    return [Held(account, of) for account, of in sorted(found.items())]


def with_held(
    values: pa.Table, earlier: Mapping[date, pa.Table], accounts: Sequence[Held]
) -> pa.Table:
    """The day's values, those of held accounts replaced by the values of the day that is held."""
    values = values.append_column("held_from", pa.nulls(values.num_rows, pa.date32()))
    parts = []
    for one in accounts:
        table = earlier.get(one.of)
        if table is None:
            continue
        own = table.filter(pc.equal(table["account_id"], one.account_id))
        today = values.filter(pc.equal(values["account_id"], one.account_id))
        if own.num_rows and today.num_rows:
            # What holds the score is a period of the day itself.
            for at, name in enumerate(own.column_names):
                if name.startswith("period/") or name == ASKED_ON:
                    own = own.set_column(at, name, today[name])
            parts.append(own.append_column("held_from", pa.array([one.of], pa.date32())))
    replaced = {p["account_id"][0].as_py() for p in parts}
    if not replaced:
        return values
    gone = pc.is_in(values["account_id"], pa.array(sorted(replaced)))
    kept = values.filter(pc.invert(gone))
    return pa.concat_tables([kept, *parts], promote_options="permissive").sort_by("account_id")
