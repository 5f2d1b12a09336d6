"""The built-in definitions: metrics, the five frameworks, segments. Data; this only finds it."""

from keepwell.catalog.files import definitions

__all__ = ["definitions"]
