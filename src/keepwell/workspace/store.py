"""The door of the room: record, withdraw and read what people decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from keepwell.kit import clock
from keepwell.kit.errors import KeepwellError, did_you_mean
from keepwell.workspace import checks
from keepwell.workspace.database import open_engine, reading, writing
from keepwell.workspace.models import AssessmentRow, AuditRow, OverrideRow, Withdrawable
from keepwell.workspace.records import Assessment, AuditEntry, Override

Kind = Literal["assessment", "override"]

_ROWS: dict[str, type[Withdrawable]] = {
    "assessment": AssessmentRow,
    "override": OverrideRow,
}
_Record = TypeVar("_Record", Assessment, Override, AuditEntry)
_Decision = TypeVar("_Decision", Assessment, Override)


class Workspace:
    """What people decided, in one SQLite file. Several processes may use it at once."""

    def __init__(self, path: Path) -> None:
        """Open the file; create or upgrade it if need be. Raises KeepwellError if it cannot."""
        self.path = path
        self._engine = open_engine(path)

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def record_assessment(
        self,
        *,
        account_id: str,
        question_key: str,
        author: str | None,
        answer_code: str | None = None,
        answer_number: Decimal | int | float | None = None,
        rationale: str | None = None,
        quote: str | None = None,
        assessed_at: datetime | None = None,
        expires_on: date | None = None,
    ) -> str:
        """Record an answer and return its id.

        It supersedes the last answer to the same question about the same account. Raises
        KeepwellError for a missing author, no answer or two, an assessment in the future, and an
        expiry before it.
        """
        now = clock.now()
        stated = checks.instant(assessed_at or now)
        if stated > now:
            raise KeepwellError(f"assessed at {stated}", expected="an instant that is not to come")
        if expires_on is not None and expires_on < stated.date():
            raise KeepwellError(
                f"the assessment expires on {expires_on}, before it was made",
                expected=f"a day from {stated.date()} on",
            )
        code, number = checks.answer(answer_code, answer_number)
        row = AssessmentRow(
            account_id=checks.filled(account_id, "account", "the id of an account"),
            question_key=checks.filled(question_key, "question", "the key of a metric"),
            answer_code=code,
            answer_number=number,
            rationale=rationale,
            quote=quote,
            author=checks.filled(author, "author", "who answers for it"),
            assessed_at=stated,
            expires_on=expires_on,
        )
        with writing(self._engine, self.path) as session:
            # Only now, when no other writer can come between, is the order of time certain.
            row.recorded_at = clock.now()
            row.id = _next_id(session, AssessmentRow, "as")
            row.supersedes_id = _last_answer(session, row.account_id, row.question_key)
            session.add(row)
            _note(session, row.author, "assessment.recorded", row.id, _values(row))
            return row.id

    def record_override(
        self,
        *,
        account_id: str,
        scorecard: str,
        kind: str,
        points: Decimal | int | float | str,
        reason: str | None,
        author: str | None,
        expires_on: date | None,
        starts_on: date | None = None,
        path: str = "",
    ) -> str:
        """Record an override and return its id. `starts_on` is today (UTC) if not given.

        Raises KeepwellError for a missing reason, author or expiry, and for points off the scale.
        """
        first, last = checks.period(starts_on or clock.now().date(), expires_on)
        row = OverrideRow(
            account_id=checks.filled(account_id, "account", "the id of an account"),
            scorecard=checks.filled(scorecard, "scorecard", "the key of a scorecard"),
            path=checks.component(path),
            kind=kind,
            points=checks.points(points, kind),
            reason=checks.filled(reason, "reason", "why the computed score is not right"),
            author=checks.filled(author, "author", "who answers for it"),
            starts_on=first,
            expires_on=last,
        )
        with writing(self._engine, self.path) as session:
            row.created_at = clock.now()
            row.id = _next_id(session, OverrideRow, "ov")
            session.add(row)
            _note(session, row.author, "override.recorded", row.id, _values(row))
            return row.id

    def withdraw(self, kind: Kind, id: str, by: str | None, reason: str | None) -> None:
        """Take back an assessment or an override; reads as of an earlier instant still see it.

        Raises KeepwellError for an unknown id, for what is withdrawn already, and where nobody or
        no reason is named.
        """
        actor = checks.filled(by, "author", "who withdraws it")
        why = checks.filled(reason, "reason", "why it is withdrawn")
        rows = _ROWS[kind]
        with writing(self._engine, self.path) as session:
            row = session.get(rows, id)
            if row is None:
                raise KeepwellError(
                    f"there is no {kind} '{id}'",
                    where=str(self.path),
                    todo=did_you_mean(id, session.scalars(select(rows.id))),
                )
            if row.withdrawn_at is not None:
                raise KeepwellError(
                    f"the {kind} '{id}' was withdrawn by {row.withdrawn_by} on "
                    f"{row.withdrawn_at:%Y-%m-%d}",
                    where=str(self.path),
                )
            row.withdrawn_at, row.withdrawn_by = clock.now(), actor
            _note(session, actor, f"{kind}.withdrawn", id, {"reason": why})

    def assessments(
        self, known: datetime | None = None, *, include_withdrawn: bool = False
    ) -> list[Assessment]:
        """All answers that were recorded and not withdrawn at the instant `known` (now), the
        superseded and expired ones too, in the order in which they were recorded."""
        conditions = _known(AssessmentRow, AssessmentRow.recorded_at, known, include_withdrawn)
        query = select(AssessmentRow).where(*conditions)
        query = query.order_by(AssessmentRow.id)
        with reading(self._engine, self.path) as session:
            found = [_record(Assessment, row) for row in session.scalars(query)]
        return [_as_of(a, known) for a in found]

    def overrides(
        self,
        on: date | None = None,
        known: datetime | None = None,
        *,
        include_withdrawn: bool = False,
    ) -> list[Override]:
        """The overrides that hold on a day (None: of all days), as they were known at an instant
        (now), in the order in which they were recorded."""
        conditions = _known(OverrideRow, OverrideRow.created_at, known, include_withdrawn)
        if on is not None:
            conditions += [OverrideRow.starts_on <= on, OverrideRow.expires_on >= on]
        query = select(OverrideRow).where(*conditions)
        query = query.order_by(OverrideRow.id)
        with reading(self._engine, self.path) as session:
            found = [_record(Override, row) for row in session.scalars(query)]
        return [_as_of(o, known) for o in found]

    def audit(self, limit: int = 100) -> list[AuditEntry]:
        """The last changes, the newest first."""
        query = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
        with reading(self._engine, self.path) as session:
            return [_record(AuditEntry, row) for row in session.scalars(query)]


def _known(
    rows: type[Withdrawable],
    recorded: InstrumentedAttribute[datetime],
    known: datetime | None,
    include_withdrawn: bool,
) -> list[ColumnElement[bool]]:
    """What had been recorded at that instant and, unless included, not been withdrawn."""
    if known is None:
        return [] if include_withdrawn else [rows.withdrawn_at.is_(None)]
    was_recorded = recorded <= checks.instant(known)
    if include_withdrawn:
        return [was_recorded]
    return [was_recorded, or_(rows.withdrawn_at.is_(None), rows.withdrawn_at > known)]


def _as_of(record: _Decision, known: datetime | None) -> _Decision:
    """The record without a withdrawal that came later."""
    later = known is not None and record.withdrawn_at is not None and record.withdrawn_at > known
    return replace(record, withdrawn_at=None, withdrawn_by=None) if later else record


def _next_id(session: Session, rows: type[Withdrawable], prefix: str) -> str:
    """Ids count up, so that they sort as they came also where the clock stands still."""
    last = session.scalar(select(func.max(rows.id)))
    return f"{prefix}-{int(last.rpartition('-')[2]) + 1 if last else 1:06d}"


def _last_answer(session: Session, account_id: str, question_key: str) -> str | None:
    query = (
        select(AssessmentRow.id)
        .where(
            AssessmentRow.account_id == account_id,
            AssessmentRow.question_key == question_key,
            AssessmentRow.withdrawn_at.is_(None),
        )
        .order_by(AssessmentRow.id.desc())
        .limit(1)
    )
    return session.scalars(query).first()


def _note(
    session: Session, actor: str, action: str, subject: str, detail: Mapping[str, Any]
) -> None:
    """Write the audit row of a change, in its transaction."""
    session.add(
        AuditRow(at=clock.now(), actor=actor, action=action, subject=subject, detail=dict(detail))
    )


def _values(row: AssessmentRow | OverrideRow) -> dict[str, Any]:
    """What was given, as JSON: numbers stay exact as text."""
    values = {c.key: getattr(row, c.key) for c in row.__table__.columns}
    return {
        key: str(value) if isinstance(value, (date, datetime, Decimal)) else value
        for key, value in values.items()
        if value is not None
    }


def _record(kind: type[_Record], row: AssessmentRow | OverrideRow | AuditRow) -> _Record:
    return kind(**{f.name: getattr(row, f.name) for f in fields(kind)})
