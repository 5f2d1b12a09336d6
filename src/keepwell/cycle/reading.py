"""The facts of a project, with the ratings that people gave beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime

import pyarrow as pa

from keepwell.definitions.settings import Settings
from keepwell.facts.known import Known
from keepwell.facts.reading import Facts, Source
from keepwell.kit import clock
from keepwell.workspace import Assessment, Workspace


def read_facts(
    source: Source,
    workspace: Workspace,
    settings: Settings,
    known: Known,
    decided_at: datetime | None = None,
) -> Facts:
    """The facts as known then, and what people had decided at `decided_at`, by default at the
    same instant."""

    def reader(extra: Mapping[str, pa.Table]) -> Facts:
        return source.reader(
            known,
            extra=extra,
            project_timezone=settings.timezone,
            project_currency=settings.currency,
        )

    ratings = workspace.assessments(decided_at or known.known_at)
    ends = any(a.expires_on is not None for a in ratings)
    zones: Mapping[str, str] = {}
    if ends:
        with closing(reader({})) as facts:
            zones = facts.account_zones()
    return reader({"assessments": _rows(ratings, zones, settings.timezone)})


def _rows(ratings: Sequence[Assessment], zones: Mapping[str, str], otherwise: str) -> pa.Table:
    """Ratings as canonical rows. One holds to the end of its last day where its account is."""
    rows: list[Mapping[str, object]] = [
        {
            "assessment_id": a.id,
            "account_id": a.account_id,
            "question_key": a.question_key,
            "answer_code": a.answer_code,
            "answer_number": a.answer_number,
            "quote": a.quote,
            "rationale": a.rationale,
            "author_id": a.author,
            "assessed_at": a.assessed_at,
            "expires_at": (
                clock.end_of(a.expires_on, zones.get(a.account_id, otherwise))
                if a.expires_on is not None
                else None
            ),
        }
        for a in ratings
    ]
    return pa.Table.from_pylist(rows, schema=_ASSESSMENTS)


_ASSESSMENTS = pa.schema(
    [
        ("assessment_id", pa.string()),
        ("account_id", pa.string()),
        ("question_key", pa.string()),
        ("answer_code", pa.string()),
        ("answer_number", pa.decimal128(18, 9)),
        ("quote", pa.string()),
        ("rationale", pa.string()),
        ("author_id", pa.string()),
        ("assessed_at", pa.timestamp("us", tz="UTC")),
        ("expires_at", pa.timestamp("us", tz="UTC")),
    ]
)
