"""The place: Delta tables behind one manifest, definitions beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from keepwell.history.delta.reading import Reader
from keepwell.history.delta.writing import DeltaBatch
from keepwell.history.keeping import LAYOUT, Kept, OnWait, Result, Rewriting
from keepwell.history.snapshot import Snapshot, connect
from keepwell.kit.place import Place, understandable
from keepwell.kit.storage import Storage


class DeltaKept(Kept):
    """Scored days in Delta tables. Of a folder or storage it is the place with today's layout."""

    def __init__(self, at: Path | Storage | Place) -> None:
        self.place = at if isinstance(at, Place) else Place(at, version=LAYOUT)
        self.where = self.place.where
        self._reader = Reader(self.place)

    @contextmanager
    def writing(
        self, how: Rewriting, timeout: float | None, on_wait: OnWait | None
    ) -> Iterator[DeltaBatch]:
        held = self.place.lock("write scored days", timeout, on_wait)
        with held as writer, connect() as con:
            yield DeltaBatch(writer, con, how)

    def snapshot(self) -> Snapshot:
        with self.place.storage.explained():
            return self._reader.snapshot()

    def now(self, ask: Callable[[Snapshot], Result]) -> Result:
        with self.place.storage.explained():
            return self._reader.now(ask)

    def keep_definition(self, key: str, text: str) -> None:
        with understandable(self.where), self.place.storage.explained():
            if not self.place.storage.exists(_file(key)):
                self.place.storage.write(_file(key), text)

    def definition(self, key: str) -> str | None:
        try:
            with self.place.storage.explained():
                return self.place.storage.read(_file(key))
        except FileNotFoundError:
            return None


def _file(key: str) -> str:
    return f"definitions/{key}.json"
