"""Which segment every account belongs to on a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import ibis
import ibis.expr.types as ir

from keepwell.definitions.expressions import Expression
from keepwell.definitions.library import SCORE_NAMES, Library
from keepwell.definitions.segment import Segment, Segmentation
from keepwell.metrics.compile import compiled, truth
from keepwell.metrics.derived import AccountScope

Value = Any


def conditions(
    segmentations: Iterable[Segmentation], segments: Iterable[Segment]
) -> list[Expression]:
    """Every condition of the given segmentations and segments."""
    inside = [s for segmentation in segmentations for s in segmentation.segments.values()]
    return [s.when for s in (*inside, *segments) if s.when is not None]


def score_names(library: Library) -> list[str]:
    """The names by which conditions may call the score, tier and coverage of a scorecard."""
    keys = [key.replace("-", "_") for key in library.scorecards]
    return [*SCORE_NAMES, *(f"{key}.{name}" for key in keys for name in SCORE_NAMES)]


def assigned(
    rows: ir.Table, segmentations: Mapping[str, Segmentation], segments: Mapping[str, Segment]
) -> ir.Table:
    """The rows with `segment/<segmentation>` (a segment's key, null where none takes the account)
    and `flag/<segment>` (true, false, or null where it cannot be told).

    rows: metrics and attributes as evaluate() gives them, and scores as `score/<name>`. A name
    whose column is not there is unknown.
    """
    scope = ScoreScope(rows)
    columns: dict[str, Value] = {}
    for key, segmentation in segmentations.items():
        branches = []
        for name, segment in segmentation.segments.items():
            when = ibis.literal(True) if segment.when is None else compiled(segment.when, scope)
            branches.append((truth(when).fill_null(False), name))
        columns[f"segment/{key}"] = ibis.cases(*branches, else_=ibis.null("string"))
    for key, segment in segments.items():
        if segment.when is not None:
            columns[f"flag/{key}"] = truth(compiled(segment.when, scope))
    return rows.mutate(**columns)


class ScoreScope(AccountScope):
    """Metrics and attributes, and scores: `score`, `tier`, `enterprise.score`."""

    def name(self, name: str) -> Value:
        column = f"score/{name}"
        if column in self.rows.columns:
            return self.rows[column]
        last = name.rpartition(".")[2]
        if last in SCORE_NAMES and f"metric/{name}" not in self.rows.columns:
            # Of a scorecard that this project does not use nothing is known.
            return ibis.null("string" if last == "tier" else "float64")
        return super().name(name)
