"""What was known when: the two instants by which every read of facts is bounded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from keepwell.kit import clock

BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
"""Known from here on: a row of which nothing tells since when it holds."""

_END = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True)
class Known:
    """The knowledge of a read.

    A version of a row is visible if it was held true at `known_at` and had been stored by
    `arrived_by`; both are instants with a time zone.
    """

    known_at: datetime
    arrived_by: datetime

    def __post_init__(self) -> None:
        if self.known_at.tzinfo is None or self.arrived_by.tzinfo is None:
            raise ValueError("an instant needs a time zone")

    @classmethod
    def at(cls, instant: datetime) -> Known:
        """What was known and stored at that instant."""
        return cls(instant, instant)

    @classmethod
    def now(cls) -> Known:
        """What is known at present."""
        return cls.at(clock.now())

    @classmethod
    def latest(cls) -> Known:
        """The current version of every row, whatever the clock says."""
        return cls(_END, _END)

    def sql(self) -> str:
        """The condition on the provenance columns, in DuckDB's SQL."""
        known, arrived = _literal(self.known_at), _literal(self.arrived_by)
        return (
            f"known_from <= {known} AND (known_to IS NULL OR known_to > {known})"
            f" AND ingested_at <= {arrived}"
        )


def _literal(instant: datetime) -> str:
    return f"TIMESTAMPTZ '{instant.astimezone(UTC).isoformat(sep=' ')}'"
