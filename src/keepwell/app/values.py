"""What a person types for a metric: a number, a share, a category."""

from __future__ import annotations

from keepwell.definitions.library import Library
from keepwell.definitions.values import number
from keepwell.kit.errors import KeepwellError, did_you_mean


def metric_value(library: Library, key: str, given: str | float) -> float | str:
    """A value for a metric. Raises KeepwellError for what the metric cannot be: an unknown
    category, a number out of its range, 72 where a share is expected."""
    metric = library.metric(key)
    text = str(given).strip()
    if metric.is_text or metric.is_date:
        known = metric.choices
        word = text.lower().replace(" ", "_") if known else text
        if known is not None and word not in known:
            raise KeepwellError(
                f"'{text}' is no answer for '{key}'",
                expected="one of " + ", ".join(known),
                todo=did_you_mean(word, known),
            )
        return word
    try:
        value = number(text if isinstance(given, str) else given)
    except ValueError:
        raise KeepwellError(
            f"'{text}' is no number for '{key}'",
            expected="72% or 0.72" if metric.unit == "share" else "a number such as 12 or 0.5",
        ) from None
    if metric.unit == "share" and "%" not in text and value > 10:
        raise KeepwellError(
            f"{text} for the share '{key}'", expected=f"did you mean {text}% or {value / 100:g}?"
        )
    limits = metric.limits
    if limits is not None and not limits.from_ <= value <= limits.to:
        raise KeepwellError(
            f"{text} for '{key}'", expected=f"a number from {limits.from_:g} to {limits.to:g}"
        )
    return value
