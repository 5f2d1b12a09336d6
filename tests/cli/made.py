"""Explained scores made by hand, small enough to check by eye."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rich.console import Console, RenderableType

from keepwell.cli.console import text_of, to_file
from keepwell.definitions.scorecard import Scorecard
from keepwell.scoring.explain import Explanation, Line, Term

CARD = Scorecard.model_validate(
    {
        "scorecard": "small",
        "label": "Small card",
        "tiers": [
            {"key": "green", "label": "Healthy", "from": 80, "colour": "green"},
            {"key": "yellow", "label": "At risk", "from": 60, "colour": "yellow"},
            {"key": "red", "label": "Critical", "from": 0, "colour": "red"},
        ],
        "components": {"usage": {"metric": "logins", "bands": {"10": 100, "else": 0}}},
    }
)
TIERS = CARD.tiers


def line(path: str, points: float | None, weight: float, **more: Any) -> Line:
    """A leaf with that effective weight; `printed` is the same unless it is given."""
    own: dict[str, Any] = {
        "label": path.rpartition("/")[2].replace("_", " ").capitalize(),
        "is_leaf": True,
        "printed": weight,
        "final": points,
        "contribution": weight * points if points is not None else 0.0,
        "tier": None,
        "colour": None if points is None else "green" if points >= 80 else "red",
        "state": "known" if points is not None else "missing",
        "metric": path.rpartition("/")[2],
        "age": 0 if points is not None else None,
    }
    return Line(path=tuple(path.split("/")), points=points, weight=weight, **{**own, **more})


def inner(path: str, points: float | None, weight: float, **more: Any) -> Line:
    """A component with others below it."""
    return line(path, points, weight, is_leaf=False, state="", metric=None, age=None, **more)


def explanation(*lines: Line, terms: tuple[Term, ...] = (), **more: Any) -> Explanation:
    """An explanation whose score is what its leaves and terms add up to."""
    computed = sum(x.contribution for x in lines if x.is_leaf)
    score = computed + sum(t.points for t in terms)
    tier = next(t for t in TIERS if score >= t.limit)
    found = Explanation(
        account_id="acc-1",
        scorecard="small",
        scorecard_label="Small card",
        score=score,
        computed=computed,
        coverage=0.9,
        minimum_coverage=0.5,
        tier=tier,
        lines=lines,
        terms=terms,
    )
    return replace(found, **more)


def text(renderable: RenderableType, width: int = 100) -> str:
    """What is printed where there are no colours."""
    console = to_file()
    console.width = width
    return text_of(renderable, console)


def coloured(renderable: RenderableType) -> str:
    """What is printed on a terminal with colours."""
    console = Console(force_terminal=True, color_system="standard", width=100)
    return text_of(renderable, console)
