"""What a changed definition alone does to a score: an earlier day's values, judged by it anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from ibis.backends.duckdb import Backend

from keepwell.definitions.library import Library
from keepwell.definitions.scorecard import NodePath
from keepwell.scoring.explain import explained, metric_rows
from keepwell.scoring.plan import Plan

_WORDS = {"label", "description", "good", "example"}


@dataclass(frozen=True)
class Redefined:
    """How one account's values of the earlier day fare under the later definition.

    judged: the points (0-100) of each leaf that has any. measured: the metrics that are measured
    in another way, so that nobody can tell what of their change the account did.
    """

    judged: Mapping[NodePath, float]
    measured: frozenset[str]


def redefined(
    con: Backend, old: Plan, new: Plan, earlier: pa.Table, later: pa.Table
) -> dict[str, Redefined]:
    """By account, for those that are in the rows of both days. Every row is one account's, as
    history keeps it."""
    accounts = [a for a in later["account_id"].to_pylist() if a in _accounts(earlier)]
    if not accounts:
        return {}
    ids = pa.array(accounts, pa.string())
    rows = metric_rows(later).take(pc.index_in(ids, later["account_id"].combine_chunks()))
    then = earlier.take(pc.index_in(ids, earlier["account_id"].combine_chunks()))
    for name in rows.column_names:
        is_value = name.partition("/")[0] in ("metric", "age", "stale", "named")
        if is_value and name in then.column_names:
            at = rows.schema.get_field_index(name)
            if rows.schema.field(at).type == then.schema.field(name).type:
                rows = rows.set_column(at, name, then[name])
    measured = _measured(old, new)
    return {
        one.account_id: Redefined(
            {x.path: x.points for x in one.leaves if x.points is not None}, measured
        )
        for one in explained(con, new, rows)
    }


def _accounts(rows: pa.Table) -> set[str]:
    return set(rows["account_id"].to_pylist())


def _measured(old: Plan, new: Plan) -> frozenset[str]:
    """The metrics that both plans read and that are not measured alike."""
    both = set(old.metrics) & set(new.metrics)
    return frozenset(m for m in both if _form(old.library, m) != _form(new.library, m))


def _form(library: Library, key: str) -> str:
    """A metric and all that it is made of, without the words that change no number."""
    forms = {
        name: metric.model_dump(mode="json", by_alias=True, exclude_unset=True)
        for name, metric in library.closure([key]).items()
    }
    kept = {n: {k: v for k, v in f.items() if k not in _WORDS} for n, f in forms.items()}
    return json.dumps(kept, sort_keys=True)
