"""How much of the time Keepwell spends in DuckDB, whatever way its code takes there."""

from __future__ import annotations

import time
from typing import Any

import duckdb

_OF_DUCKDB = (duckdb.DuckDBPyConnection, duckdb.DuckDBPyRelation)


class EngineTime:
    """Adds up the seconds of all calls of a connection and of what it returns."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._depth = 0

    def of(self, con: Any) -> Any:
        """The connection, each of whose calls is timed."""
        return _Timed(con, self)

    def call(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        self._depth += 1
        started = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            self._depth -= 1
            if self._depth == 0:
                self.seconds += time.perf_counter() - started


class _Timed:
    """Stands in for a connection or relation of DuckDB, which cannot be derived from."""

    def __init__(self, inner: Any, total: EngineTime) -> None:
        self._inner = inner
        self._total = total

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def timed(*args: Any, **kwargs: Any) -> Any:
            plain = [a._inner if isinstance(a, _Timed) else a for a in args]
            result = self._total.call(found, *plain, **kwargs)
            if result is self._inner:
                return self
            return _Timed(result, self._total) if isinstance(result, _OF_DUCKDB) else result

        return timed

    def __enter__(self) -> _Timed:
        return self

    def __exit__(self, *_: object) -> None:
        self._inner.close()
