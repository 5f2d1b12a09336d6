"""One spreadsheet, one row per account, scored without any project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from keepwell.app.built_in import built_in
from keepwell.app.sheet_reading import Sheet, read_sheet
from keepwell.app.sheet_template import write_template
from keepwell.app.sheet_values import metric_values
from keepwell.app.table import Table
from keepwell.definitions.library import Library
from keepwell.definitions.scorecard import Scorecard
from keepwell.facts.engine import connect_ibis
from keepwell.kit import clock
from keepwell.scoring.explain import Explanation, Line, explained
from keepwell.scoring.plan import NOT_ENOUGH, Plan

__all__ = ["ScoredAccount", "SheetResult", "score_sheet", "write_template"]


@dataclass(frozen=True)
class ScoredAccount:
    """One row of the sheet with its score, taken apart."""

    account: str
    name: str | None
    explanation: Explanation

    @property
    def tier(self) -> str:
        """The key of the tier; not_enough_data where there is no score."""
        tier = self.explanation.tier
        return tier.key if tier else NOT_ENOUGH

    def to_dict(self) -> dict[str, Any]:
        """account, score, tier, coverage; components: points (0-100) of every node as they count,
        adjustments included, null where left out; measures: what every leaf is made of, its points
        as judged and its effective weight (0-1); adjustments: what rules moved the score by.

        The points of the measures times their weights and the adjustments add up to the score.
        """
        found = self.explanation
        return {
            "account": self.account,
            **({"name": self.name} if self.name is not None else {}),
            "score": found.score,
            "tier": self.tier,
            "coverage": found.coverage,
            "components": {line.name: line.final for line in found.lines},
            "measures": {line.name: _measure(line) for line in found.leaves},
            "adjustments": {t.key: {"points": t.points, "because": t.because}
                            for t in found.terms},
        }  # fmt: skip


def _measure(line: Line) -> dict[str, Any]:
    value = line.value.isoformat() if isinstance(line.value, date) else line.value
    return {
        "metric": line.metric,
        "value": value,
        "state": line.state,
        "points": line.points,
        "weight": line.weight,
    }


@dataclass(frozen=True)
class SheetResult:
    """The accounts of a sheet in its order, each with its score. notes: what was not read."""

    file: str
    scorecard: Scorecard
    day: date
    accounts: tuple[ScoredAccount, ...]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.accounts)

    def __iter__(self) -> Iterator[ScoredAccount]:
        return iter(self.accounts)

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary per account, nested, ready for JSON; see ScoredAccount.to_dict()."""
        return [account.to_dict() for account in self.accounts]

    def to_dict(self) -> dict[str, Any]:
        """The whole result, ready for JSON."""
        return {
            "file": self.file,
            "scorecard": self.scorecard.scorecard,
            "day": self.day.isoformat(),
            "notes": list(self.notes),
            "accounts": self.rows(),
        }

    def table(self, every: bool = False) -> Table:
        """One row per account: account, name where the sheet has one, score, tier, coverage, and
        the points of the components; of every node as `points/<path>`, with `value/<path>` and
        `state/<path>` of the measures, if `every`.
        """
        columns: dict[str, pa.Array] = {"account": pa.array([a.account for a in self], pa.string())}
        if any(a.name is not None for a in self):
            columns["name"] = pa.array([a.name for a in self], pa.string())
        found = [a.explanation for a in self]
        columns["score"] = pa.array([e.score for e in found], pa.float64())
        columns["tier"] = pa.array([a.tier for a in self], pa.string())
        columns["coverage"] = pa.array([e.coverage for e in found], pa.float64())
        for at, first in enumerate(found[0].lines if found else ()):
            lines = [e.lines[at] for e in found]
            if every or len(first.path) == 1:
                name = f"points/{first.name}" if every else first.name
                columns[name] = pa.array([line.final for line in lines], pa.float64())
            if every and first.is_leaf:
                columns[f"value/{first.name}"] = _values([line.value for line in lines])
                columns[f"state/{first.name}"] = pa.array([x.state for x in lines], pa.string())
        return Table(pa.table(columns))


def _values(values: list[Any]) -> pa.Array:
    """The values of one measure; as text where plans measure it by numbers and by categories."""
    if len({type(v) for v in values if v is not None}) > 1:
        return pa.array([None if v is None else str(v) for v in values], pa.string())
    return pa.array(values)


def score_sheet(
    file: str | Path,
    scorecard_key: str,
    library: Library | None = None,
    *,
    ignore: Iterable[str] = (),
    worksheet: str | None = None,
    as_of: date | None = None,
) -> SheetResult:
    """Score a CSV, XLSX or Parquet file that has one row per account.

    Its columns are keys or labels of metrics, however they are written; attributes of the account
    that metrics are made of (customer_since); and what describes the account. The scorecard is
    applied to every row, whatever it says in applies_to. `ignore` names columns to leave out;
    worksheet: of a workbook, by default the first visible one; as_of: the day for which ages are
    computed, by default today in UTC. Raises KeepwellError, with all problems of the sheet at once.
    """
    library = library or built_in()
    plan = Plan(library.scorecard(scorecard_key), library)
    sheet = read_sheet(Path(file), plan, library, tuple(ignore), worksheet)
    day = as_of or clock.today("UTC")
    con = connect_ibis()
    values = metric_values(con, library, plan.metrics, sheet.given, day)
    by_account = {e.account_id: e for e in explained(con, plan, values)}
    return SheetResult(
        sheet.where,
        plan.scorecard,
        day,
        tuple(_scored(sheet, at, by_account[a]) for at, a in enumerate(sheet.given.accounts)),
        sheet.notes,
    )


def _scored(sheet: Sheet, at: int, explanation: Explanation) -> ScoredAccount:
    name = sheet.names[at] if sheet.names is not None else None
    return ScoredAccount(explanation.account_id, name, explanation)
