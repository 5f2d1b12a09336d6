"""What the workspace gives to others. Instants are UTC; days are the account's local days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Assessment:
    """A person's answer to a question that only people can answer.

    `question_key` is the key of the metric that it answers. The answer is a code or a number.
    `assessed_at` is what the author states, `recorded_at` when Keepwell learned of it.
    `expires_on` is the last day on which it counts. `supersedes_id` is the answer before it.
    """

    id: str
    account_id: str
    question_key: str
    answer_code: str | None
    answer_number: Decimal | None
    rationale: str | None
    quote: str | None
    author: str
    assessed_at: datetime
    recorded_at: datetime
    expires_on: date | None
    supersedes_id: str | None
    withdrawn_at: datetime | None
    withdrawn_by: str | None


@dataclass(frozen=True)
class Override:
    """A person's correction of a score or of one of its components, for a time and a reason.

    `path` is '' for the whole score, else a component such as 'usage/active_users'. `points` is
    on the scale of 0 to 100: the new value, or the difference to what was computed. It holds from
    `starts_on` to `expires_on`, both included.
    """

    id: str
    account_id: str
    scorecard: str
    path: str
    kind: str
    points: Decimal
    reason: str
    author: str
    created_at: datetime
    starts_on: date
    expires_on: date
    withdrawn_at: datetime | None
    withdrawn_by: str | None


@dataclass(frozen=True)
class AuditEntry:
    """One change: who did what to which thing, with the values that were given."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]
