"""A table of results: Arrow inside, pandas and Polars for those who have them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from keepwell.kit.errors import KeepwellError

if TYPE_CHECKING:
    import pandas
    import polars


class Table:
    """Rows and named columns. Any library that reads Arrow's C stream takes it as it is."""

    def __init__(self, data: pa.Table) -> None:
        self._data = data

    def to_arrow(self) -> pa.Table:
        """The table as pyarrow.Table."""
        return self._data

    def to_polars(self) -> polars.DataFrame:
        """The table as polars.DataFrame. Raises KeepwellError where Polars is not installed."""
        try:
            import polars
        except ModuleNotFoundError:
            raise _absent("Polars", "polars") from None
        frame = polars.from_arrow(self._data)
        assert isinstance(frame, polars.DataFrame)
        return frame

    def to_pandas(self) -> pandas.DataFrame:
        """The table as pandas.DataFrame. Raises KeepwellError where pandas is not installed."""
        try:
            import pandas
        except ModuleNotFoundError:
            raise _absent("pandas", "pandas") from None
        frame = self._data.to_pandas()
        assert isinstance(frame, pandas.DataFrame)
        return frame

    def rows(self) -> list[dict[str, Any]]:
        """The rows as dictionaries."""
        rows: list[dict[str, Any]] = self._data.to_pylist()
        return rows

    @property
    def columns(self) -> list[str]:
        return list(self._data.column_names)

    def __len__(self) -> int:
        return int(self._data.num_rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows())

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._data.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return f"<keepwell.Table of {len(self):,} rows: {', '.join(self.columns)}>"


def _absent(name: str, package: str) -> KeepwellError:
    return KeepwellError(f"{name} is not installed", todo=f"pip install 'keepwell[{package}]'")
