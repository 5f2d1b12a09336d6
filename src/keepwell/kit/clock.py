"""The only place where time is asked for, so that tests and demos can set it."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from keepwell.kit.errors import KeepwellError, did_you_mean


def now() -> datetime:
    """The present instant in UTC; the environment variable KEEPWELL_NOW (ISO 8601) overrides it."""
    fixed = os.environ.get("KEEPWELL_NOW")
    if fixed:
        try:
            at = datetime.fromisoformat(fixed)
        except ValueError:
            raise KeepwellError(
                f"KEEPWELL_NOW is {fixed!r}",
                expected="an instant such as 2026-04-14T08:40:00+00:00",
                todo="unset it or correct it",
            ) from None
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return datetime.now(UTC)


def zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name. Raises KeepwellError with near names."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        from zoneinfo import available_timezones

        raise KeepwellError(
            f"'{name}' is not a time zone",
            expected="an IANA name such as Europe/London",
            todo=did_you_mean(name, available_timezones()),
        ) from None


def end_of(day: date, zone_name: str) -> datetime:
    """The instant at which `day` is over in that time zone, in UTC."""
    start_of_next = datetime.combine(day + timedelta(days=1), time(), tzinfo=zone(zone_name))
    return start_of_next.astimezone(UTC)


def today(zone_name: str) -> date:
    """The present day in that time zone."""
    return now().astimezone(zone(zone_name)).date()
