"""A definition's version is the hash of its resolved form: the scorecard and all that it reads."""

from __future__ import annotations

import hashlib
import json

from keepwell.definitions.library import Library, context_metrics
from keepwell.definitions.metric import Metric
from keepwell.definitions.scorecard import Scorecard

FORM = 1


def resolved(scorecard: Scorecard, library: Library) -> str:
    """A scorecard with every metric that it needs, as JSON that is the same for the same meaning.

    Words that change no number (labels, descriptions, advice) are part of it, so that an old score
    can be explained in the words of its day.
    """
    needed = library.closure([*scorecard.metrics(), *context_metrics(scorecard, library)])
    return json.dumps(
        {
            "form": FORM,
            "scorecard": scorecard.model_dump(mode="json", by_alias=True, exclude_unset=True),
            "metrics": {
                key: metric.model_dump(mode="json", by_alias=True, exclude_unset=True)
                for key, metric in needed.items()
            },
        },
        ensure_ascii=False,
        sort_keys=False,
        separators=(",", ":"),
    )


def version(text: str) -> str:
    """The version of a resolved form: 16 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def restored(text: str) -> tuple[Scorecard, Library]:
    """The scorecard of a resolved form, with a library that holds just what it needs."""
    data = json.loads(text)
    scorecard = Scorecard.model_validate(data["scorecard"])
    metrics = {key: Metric.model_validate(value) for key, value in data["metrics"].items()}
    return scorecard, Library(metrics, {scorecard.scorecard: scorecard})
