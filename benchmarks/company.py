"""The companies on which a night is measured: how large they are, and over which days."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

SEED = 8
FIRST_DAY = date(2025, 4, 1)
DAYS = 365
LAST_DAY = FIRST_DAY + timedelta(days=DAYS - 1)
NOW = datetime.combine(LAST_DAY + timedelta(days=1), time(4), tzinfo=UTC)
"""When everything arrived and when the night begins: the last day is over and complete."""

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Company:
    """A generated company.

    varied: its accounts live in six time zones, some close every summer, some have merged. Without
    it all share one time zone, so that plain SQL can be written for the same metrics.
    """

    accounts: int
    varied: bool = False
    seed: int = SEED

    @property
    def name(self) -> str:
        """A name for its folder."""
        return f"accounts-{self.accounts}-seed-{self.seed}" + ("-varied" if self.varied else "")


SIZES = {"S": 1_000, "M": 10_000, "L": 100_000}
"""Accounts. Each comes with 12 people, 1,500 rows of people's days and 1,600 of features' days."""


def cache_folder() -> Path:
    """Where companies are kept between runs: KEEPWELL_BENCH, or .cache/bench."""
    given = os.environ.get("KEEPWELL_BENCH")
    return Path(given) if given else REPOSITORY / ".cache" / "bench"


def data_folder() -> Path:
    """Where the public data sets are: KEEPWELL_DATA, or ../shared/data."""
    given = os.environ.get("KEEPWELL_DATA")
    return Path(given) if given else REPOSITORY.parent / "shared" / "data"
