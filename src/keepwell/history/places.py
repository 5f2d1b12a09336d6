"""Where history is kept, by what keepwell.yaml says."""

from __future__ import annotations

from pathlib import Path

from keepwell.history.delta.keeping import DeltaKept
from keepwell.history.keeping import Kept


def kept(place: str, folder: Path, schema: str) -> Kept:
    """What is at a place: a folder below `folder`, a prefix of a bucket, or a schema of that name
    in a database. Nothing is opened yet."""
    scheme, separator, _ = place.partition("://")
    if not separator:
        return DeltaKept(folder / place)
    if scheme.startswith("postgres"):
        from keepwell.history.postgres.keeping import PostgresKept

        return PostgresKept(place, schema)
    from keepwell.kit.bucket import Bucket

    return DeltaKept(Bucket(place))
