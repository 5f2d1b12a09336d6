"""The tree says of every line what it earned, how fresh it is, and where missing weight went."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from keepwell.cli.render.tree import data_words, heirs, notes, tree
from keepwell.scoring.explain import Line
from tests.cli.made import coloured, explanation, inner, line, text

SMALL = explanation(
    inner("usage", 70.0, 0.7),
    line("usage/logins", 100.0, 0.35, value=0.72, unit="share"),
    line("usage/depth", 40.0, 0.35, value=3.0, age=12),
    line("usage/breadth", None, 0.0, printed=0.2),
    inner("people", None, 0.0, printed=0.1),
    line("people/sponsor", None, 0.0, printed=0.05),
    line("people/champion", None, 0.0, printed=0.05, state="stale", value="warm", age=140),
    line("support", 90.0, 0.3, value=0.0, unit="count"),
)

NOBODY = "nothing below it has data that counts; its 10% of the weight goes to Usage and Support"


def rows(width: int = 100) -> dict[str, list[str]]:
    """The cells of each line of the tree by its label."""
    found = [x.split() for x in text(tree(SMALL, width), width).splitlines()]
    return {cells[0]: cells[1:] for cells in found if cells}


def test_value_points_weight_and_contribution_stand_side_by_side() -> None:
    assert rows()["Logins"][:6] == ["72%", "●", "100", "35%", "35.00", "0.00"]
    assert rows()["Depth"][:8] == ["3", "◆", "40", "35%", "14.00", "21.00", "12", "d"]


def test_zero_is_a_value_and_missing_is_none() -> None:
    assert rows()["Support"][:2] == ["0", "●"]
    assert rows()["Breadth"][:6] == ["–", "–", "0%", "–", "–", "missing"]


def test_the_order_is_that_of_the_scorecard() -> None:
    lines = text(tree(SMALL, 100)).splitlines()
    labels = [x.strip().split()[0] for x in lines[1:] if "↳" not in x]
    assert labels == ["Usage", "Logins", "Depth", "Breadth", "People", "Sponsor", "Champion",
                      "Support"]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("usage/logins", ()),
        ("usage/breadth", ("no data; its 20% of the weight goes to Logins and Depth",)),
        ("people", (NOBODY,)),
        ("people/sponsor", ()),
    ],
)  # fmt: skip
def test_missing_weight_is_followed_to_who_carries_it(path: str, expected: tuple[str, ...]) -> None:
    found = SMALL.line(tuple(path.split("/")))
    assert found is not None
    assert notes(SMALL, found) == expected


def test_a_lone_component_without_data_leaves_nobody_to_carry_it() -> None:
    lone = explanation(line("usage", None, 0.0, printed=1.0))
    assert heirs(lone, lone.lines[0]) == []
    assert notes(lone, lone.lines[0]) == ("no data; nothing carries its 100% of the weight",)


@pytest.mark.parametrize(
    ("whys", "above", "below"),
    [
        (("no source gives rows of a",) * 2, ": no source gives rows of a", ("", "")),
        (("no source fills a.b", ""), "", ("no source fills a.b", "")),
    ],
)
def test_why_nothing_is_known_is_said_once(
    whys: tuple[str, str], above: str, below: tuple[str, str]
) -> None:
    support = inner("support", None, 0.0, printed=0.5)
    leaves = [line(f"support/{i}", None, 0.0, printed=0.25, why=w) for i, w in enumerate(whys)]
    found = explanation(line("usage", 80, 1.0, printed=0.5), support, *leaves)
    (told,) = notes(found, support)
    assert told.startswith(f"nothing below it has data that counts{above}; its 50%")
    assert tuple("".join(notes(found, x)) for x in leaves) == below


@pytest.mark.parametrize(
    ("given", "words", "note"),
    [
        ({"state": "known", "age": 0}, "today", ()),
        ({"state": "known", "age": 3}, "3 d old", ()),
        ({"state": "known", "age": None}, "known", ()),
        (
            {"state": "held", "age": 12},
            "held, 12 d old",
            ("the last known value stands in (12 d)",),
        ),
        (
            {"state": "stale", "age": 40, "points": 50.0},
            "stale, 40 d old",
            ("the last value is too old (40 d); counts as 50 points",),
        ),
        (
            {"state": "no_response", "points": 100 * 2 / 30, "out_of": 30.0},
            "no response",
            ("no response counts as 2 of 30 points",),
        ),
        (
            {"state": "missing", "points": 50.0, "out_of": 10.0},
            "missing",
            ("no data; counts as 5 of 10 points",),
        ),
        (
            {"state": "not_applicable", "points": None, "weight": 0.0},
            "not applicable",
            ("does not apply to this account; its 50% of the weight goes to Other",),
        ),
        (
            {"state": "unrecognised", "points": None, "weight": 0.0, "value": "so_so"},
            "not recognised",
            ("'so so' has no points in this scorecard; its 50% of the weight goes to Other",),
        ),
        ({"final": 70.0}, "today", ("70 points after adjustments and overrides",)),
    ],
)
def test_every_state_has_words_of_its_own(
    given: dict[str, Any], words: str, note: tuple[str, ...]
) -> None:
    given = {"final": given.get("points", 80.0), **given}
    told: Line = replace(line("usage", 80.0, 0.5), **given)
    found = explanation(told, line("other", 50.0, 0.5))
    assert data_words(told) == words
    assert notes(found, told) == note


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = text(tree(SMALL, width), width).splitlines()
    assert max(map(len, lines)) <= width


def test_what_was_lost_and_the_bars_give_way_first() -> None:
    heading = [text(tree(SMALL, w), w).splitlines()[0].split() for w in (160, 62)]
    assert heading[0] == ["value", "points", "weight", "earned", "lost", "data"]
    assert heading[1] == ["value", "points", "weight", "earned", "data"]
    assert "█" in text(tree(SMALL, 160), 160)
    assert "█" not in text(tree(SMALL, 62), 62)


def test_colour_only_repeats_what_a_shape_says() -> None:
    assert "\x1b[32m●" in coloured(tree(SMALL, 100))
    assert "\x1b[31m◆" in coloured(tree(SMALL, 100))
