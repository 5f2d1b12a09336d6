"""The clock: tests and demos can set it; days end at midnight of a time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from keepwell.kit import clock
from keepwell.kit.errors import KeepwellError


def test_the_present_is_in_utc() -> None:
    one, two = clock.now(), clock.now()
    assert one.tzinfo is UTC
    assert timedelta(0) <= two - one < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("given", "instant"),
    [
        ("2026-04-14T08:40:00+00:00", datetime(2026, 4, 14, 8, 40, tzinfo=UTC)),
        ("2026-04-14T08:40:00+09:00", datetime(2026, 4, 13, 23, 40, tzinfo=UTC)),
        ("2026-04-14T08:40", datetime(2026, 4, 14, 8, 40, tzinfo=UTC)),
        ("2026-04-14", datetime(2026, 4, 14, tzinfo=UTC)),
    ],
)
def test_the_environment_sets_the_clock(
    monkeypatch: pytest.MonkeyPatch, given: str, instant: datetime
) -> None:
    monkeypatch.setenv("KEEPWELL_NOW", given)
    assert clock.now() == instant
    assert clock.now().tzinfo is UTC


def test_a_clock_that_cannot_be_read_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPWELL_NOW", "next tuesday")
    with pytest.raises(KeepwellError) as caught:
        clock.now()
    assert caught.value.what == "KEEPWELL_NOW is 'next tuesday'"
    assert "2026-04-14T08:40:00+00:00" in str(caught.value)


def test_an_unknown_time_zone_has_near_names() -> None:
    assert clock.zone("Europe/London").key == "Europe/London"
    for name in ("Europe/Londn", "", "../secret", "Mars/Base\0"):
        with pytest.raises(KeepwellError) as caught:
            clock.zone(name)
        assert caught.value.what == f"'{name}' is not a time zone"
    with pytest.raises(KeepwellError, match="did you mean 'Europe/London'"):
        clock.zone("Europe/Londn")


@pytest.mark.parametrize(
    ("day", "zone", "end"),
    [
        (date(2026, 3, 1), "UTC", datetime(2026, 3, 2, tzinfo=UTC)),
        (date(2026, 3, 1), "Pacific/Kiritimati", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        (date(2026, 3, 1), "Pacific/Pago_Pago", datetime(2026, 3, 2, 11, tzinfo=UTC)),
        # London goes over to summer time on 29 March 2026, and back on 25 October.
        (date(2026, 3, 28), "Europe/London", datetime(2026, 3, 29, tzinfo=UTC)),
        (date(2026, 3, 29), "Europe/London", datetime(2026, 3, 29, 23, tzinfo=UTC)),
        (date(2026, 10, 25), "Europe/London", datetime(2026, 10, 26, tzinfo=UTC)),
        (date(2024, 2, 28), "Asia/Tokyo", datetime(2024, 2, 28, 15, tzinfo=UTC)),
        (date(2024, 2, 29), "Asia/Tokyo", datetime(2024, 2, 29, 15, tzinfo=UTC)),
        (date(2025, 12, 31), "America/New_York", datetime(2026, 1, 1, 5, tzinfo=UTC)),
    ],
)
def test_a_day_ends_at_midnight_of_its_time_zone(day: date, zone: str, end: datetime) -> None:
    assert clock.end_of(day, zone) == end


def test_today_depends_on_the_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPWELL_NOW", "2026-03-01T10:30:00+00:00")
    assert clock.today("UTC") == date(2026, 3, 1)
    assert clock.today("Pacific/Kiritimati") == date(2026, 3, 2)
    assert clock.today("Pacific/Pago_Pago") == date(2026, 2, 28)
