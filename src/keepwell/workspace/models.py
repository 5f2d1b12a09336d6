"""The tables of the workspace. A change here comes with a migration; a test compares the two."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import JSON, CheckConstraint, Dialect, ForeignKey, Index, String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import DateTime


class Instant(TypeDecorator[datetime]):
    """An instant, kept as UTC on databases that know no time zones."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Exact(TypeDecorator[Decimal]):
    """A decimal kept as text: SQLite would turn it into a float."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


class Base(DeclarativeBase):
    """Where all tables register."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: Instant,
        Decimal: Exact,
        dict[str, Any]: JSON,
    }


class Withdrawable:
    """What every decision has: a name, and who took it back when."""

    id: Mapped[str] = mapped_column(primary_key=True)
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None]


class AssessmentRow(Withdrawable, Base):
    """See `records.Assessment`."""

    __tablename__ = "assessments"
    __table_args__ = (Index("assessments_by_question", "account_id", "question_key"),)

    account_id: Mapped[str]
    question_key: Mapped[str]
    answer_code: Mapped[str | None]
    answer_number: Mapped[Decimal | None]
    rationale: Mapped[str | None]
    quote: Mapped[str | None]
    author: Mapped[str]
    assessed_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    expires_on: Mapped[date | None]
    supersedes_id: Mapped[str | None] = mapped_column(ForeignKey("assessments.id"))


class OverrideRow(Withdrawable, Base):
    """See `records.Override`."""

    __tablename__ = "overrides"
    __table_args__ = (
        CheckConstraint("kind IN ('value', 'difference')", name="overrides_kind"),
        Index("overrides_by_account", "account_id", "scorecard"),
    )

    account_id: Mapped[str]
    scorecard: Mapped[str]
    path: Mapped[str]
    kind: Mapped[str]
    points: Mapped[Decimal]
    reason: Mapped[str]
    author: Mapped[str]
    created_at: Mapped[datetime]
    starts_on: Mapped[date]
    expires_on: Mapped[date]


class AuditRow(Base):
    """See `records.AuditEntry`."""

    __tablename__ = "audit"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[dict[str, Any]]
