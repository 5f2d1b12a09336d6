"""JSON Schemas of every kind of file, so that editors complete and check while typing."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from keepwell.definitions.metric import Metric
from keepwell.definitions.scorecard import Scorecard
from keepwell.definitions.segment import Segment, Segmentation
from keepwell.definitions.settings import Settings


class _MetricFile(BaseModel):
    """A file in metrics/."""

    metrics: dict[str, Metric]


class _SegmentFile(BaseModel):
    """A file in segments/ with simple segments."""

    segments: dict[str, Segment]


_FILES: dict[str, type[BaseModel]] = {
    "keepwell": Settings,
    "metrics": _MetricFile,
    "scorecard": Scorecard,
    "segmentation": Segmentation,
    "segments": _SegmentFile,
}


_EXTENDED = ("Scorecard", "Metric", "Segmentation")


def schemas() -> dict[str, dict[str, Any]]:
    """The JSON Schema of each kind of file by its name."""
    found = {}
    for name, model in _FILES.items():
        schema = model.model_json_schema(by_alias=True)
        for part in (schema, *schema.get("$defs", {}).values()):
            if part.get("title") in _EXTENDED:
                # What is extended brings the required fields along.
                part["properties"]["extends"] = {"type": "string", "description": "a built-in key"}
                part["required"] = []
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        schema["title"] = f"Keepwell {name}"
        found[name] = schema
    return found
