"""The days that a person may name."""

from __future__ import annotations

from datetime import date, timedelta

from keepwell.kit.errors import KeepwellError


def day_of(given: str | date | None, today: date) -> date | None:
    """A date, ISO text, `today` or `yesterday`. Raises KeepwellError for anything else."""
    if given is None or isinstance(given, date):
        return given
    text = given.strip().lower()
    words = {"today": today, "yesterday": today - timedelta(days=1), "last": None}
    if text in words:
        return words[text]
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise KeepwellError(
            f"'{given}' is not a day", expected="2026-04-14, today or yesterday"
        ) from None
