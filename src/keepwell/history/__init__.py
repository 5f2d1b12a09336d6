"""Scored days: one wide row per account, scorecard and day; replace a day, read a series.

Beside the rows it keeps which days were scored, with what knowledge and which definition, and
the definitions themselves, so that every old score can be explained.
"""

from keepwell.history.days import DayInfo, ScoredDay
from keepwell.history.snapshot import Snapshot
from keepwell.history.store import History

__all__ = ["DayInfo", "History", "ScoredDay", "Snapshot"]
