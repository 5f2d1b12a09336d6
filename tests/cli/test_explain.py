"""An explained score: the header, the sum, what moved it, and the way up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from keepwell.app.explaining import Explained
from keepwell.cli.render.explain import explained, line_rows, sum_line
from keepwell.cli.render.moves import moves, shown
from keepwell.cli.render.tiers import Tiers
from keepwell.cli.render.upward import target
from keepwell.history import DayInfo
from keepwell.scoring.change import Change, Part, change
from keepwell.scoring.explain import Explanation, Term
from keepwell.scoring.levers import Lever, WayUp
from keepwell.segments.peers import Standing
from keepwell.workspace import Override
from tests.cli.made import CARD, TIERS, explanation, line, text

TODAY = date(2026, 4, 14)
AT = datetime(2026, 4, 14, 8, 40, tzinfo=UTC)
INFO = DayInfo(TODAY, "small", 1, True, AT, AT, AT, None, 3)
ALL = Tiers.of(TIERS)
NOW = explanation(
    line("logins", 100.0, 0.5, value=0.72, unit="share"),
    line("nps", 28.0, 0.5, value=4.0),
)
BEFORE = explanation(
    line("logins", 100.0, 0.5, value=0.9, unit="share"),
    line("nps", 70.0, 0.5, value=8.0),
)


def found(of: Explanation = NOW, **more: Any) -> Explained:
    own: dict[str, Any] = {"account": "acc-1", "name": "Blue Harbour", "day": TODAY, "info": INFO}
    return Explained(explanation=of, **{**own, **more})


def told(of: Explanation = NOW, width: int = 100, **more: Any) -> str:
    return text(explained(found(of, **more), CARD, width), width)


def lever(**more: Any) -> Lever:
    own: dict[str, Any] = {
        "path": "nps", "label": "NPS", "metric": "nps", "unit": "", "value": 4.0, "target": 9.0,
        "gain": 36.0, "steps": 2, "advice": "Call back",
    }  # fmt: skip
    return Lever(**{**own, **more})


def override(**more: Any) -> Override:
    own: dict[str, Any] = {
        "id": "ov-000001", "account_id": "acc-1", "scorecard": "small", "path": "",
        "kind": "value", "points": Decimal("54.0000"), "reason": "sponsor left", "author": "ana",
        "created_at": AT, "starts_on": TODAY, "expires_on": date(2026, 5, 14),
        "withdrawn_at": None, "withdrawn_by": None,
    }  # fmt: skip
    return Override(**{**own, **more})


def test_the_header_says_who_what_and_how_far_from_the_next_tier() -> None:
    first, second = told().splitlines()[:2]
    assert first == "Blue Harbour (acc-1) · Small card · 2026-04-14"
    assert second == "  64.0 ▲ At risk · 16 points short of Healthy · coverage 90%"


def test_the_header_says_what_is_at_stake_and_where_the_account_belongs() -> None:
    lines = told(
        attributes={"arr": 12300.0, "currency": "GBP", "renews_on": date(2026, 7, 1)},
        segments={"rfm_segment": "slipping", "value_tier": None},
        flags=("silent_champion",),
    ).splitlines()
    assert lines[2] == "  ARR GBP 12,300 · renews 2026-07-01"
    assert lines[3] == "  rfm segment slipping · silent champion"


def test_the_best_tier_has_no_next_one() -> None:
    best = explanation(line("logins", 100.0, 1.0))
    assert told(best).splitlines()[1] == "  100.0 ● Healthy · coverage 90%"


def test_without_enough_data_there_is_no_number() -> None:
    unknown = replace(NOW, score=None, computed=None, tier=None, coverage=0.32)
    lines = told(unknown).splitlines()
    assert lines[1] == ("  ◌ not enough data · coverage 32%, at least 50% is needed for a score")
    assert "There is no score, so there is nothing to add up." in lines


def test_a_persons_view_stands_beside_the_computed_score() -> None:
    held = explanation(
        line("logins", 64.0, 1.0), terms=(Term("score", "override", "a person's judgement", -10.0),)
    )
    lines = told(held, overrides=(override(),)).splitlines()
    assert lines[1].startswith("  54.0 ◆ Critical")
    assert lines[2] == "  Computed 64.0; CSM view 54 by ana until 2026-05-14: sponsor left"
    assert "   −10.00  Override of the score by ana until 2026-05-14: sponsor left" in lines
    assert "The contributions add up to 64.00 − 10.00 = 54.00, the score." in lines


def test_an_override_without_effect_says_why() -> None:
    unknown = explanation(
        line("logins", 64.0, 1.0), line("bond", None, 0.0),
        terms=(Term("bond", "override", "a person's judgement", 0.0),),
    )  # fmt: skip
    lines = told(unknown, overrides=(override(path="bond"),)).splitlines()
    at = lines.index("        –  Override of bond by ana until 2026-05-14: sponsor left")
    assert lines[at + 1] == (
        "           without effect: nothing is known of it, so that it has no weight"
    )
    assert lines[at - 1] == "Beside the components"
    assert line_rows(unknown)[-1]["label"] == (
        "a person's judgement, without effect: nothing is known of it, so that it has no weight"
    )
    assert "The contributions add up to 64.00 + 0.00 = 64.00, the score." in lines


def test_a_held_score_and_silent_alerts_are_said() -> None:
    held = replace(NOW, held_from=date(2026, 3, 31), muted=("seasonal_closure",))
    lines = told(held).splitlines()
    assert "  Held: the score of 2026-03-31 stands." in lines
    assert "  Alerts are silent: seasonal closure." in lines


def test_adjustments_say_why() -> None:
    adjusted = explanation(
        line("logins", 64.0, 1.0),
        terms=(Term("silent_customer", "adjustment", "Nobody answers", -4.5),),
    )
    assert "    −4.50  Silent customer: Nobody answers" in told(adjusted).splitlines()


def test_contributions_that_do_not_add_up_would_be_told() -> None:
    assert sum_line(NOW, ALL) == "The contributions add up to 64.00, the score."
    wrong = replace(NOW, score=65.0)
    assert "1.00 away from the score of 65.0" in sum_line(wrong, ALL)


def test_what_moved_it_has_from_to_window_and_cause() -> None:
    moved = change(BEFORE, NOW)
    lines = told(change=moved, since=date(2026, 3, 15)).splitlines()
    at = lines.index("What moved it in 30 d, since 2026-03-15")
    assert lines[at + 1] == "  85.0 → 64.0, −21.0 points"
    assert lines[at + 2].split() == ["−21.00", "Nps", "8", "→", "4,", "70", "→", "28", "points"]


def test_a_value_that_moved_within_its_band_is_no_part() -> None:
    moved = change(BEFORE, NOW)
    assert moved is not None
    assert [p.name for p in moved.parts] == ["nps"]


def part(name: str, points: float, cause: str = "data went stale") -> Part:
    return Part(name, name, cause, points)


def test_small_parts_are_summed_and_nothing_is_lost() -> None:
    parts = [part(f"m{n}", float(n)) for n in range(20, 0, -1)]
    parts.append(part("x", 0.5, "others' weight changed"))
    parts.append(part("y", -0.25, "others' weight changed"))
    lines = shown(parts, full=False)
    assert sum(x.points for x in lines) == pytest.approx(sum(p.points for p in parts))
    assert [x.what for x in lines[-2:]] == ["2 measures", "12 smaller parts"]
    assert len(shown(parts, full=True)) == len(parts)


def test_an_adjustment_that_came_and_one_that_went_are_told_apart() -> None:
    term = Term("closed", "adjustment", "Closed", -5.0)
    parts = (
        Part("closed", "Closed", "adjustment", -5.0, None, term),
        Part("view", "A person's judgement", "override", 3.0, Term("score", "override", "", -3.0)),
    )
    lines = text(moves(Change(70.0, 68.0, parts), ALL, 100))
    assert "the adjustment applies now" in lines
    assert "a person's override applies no more" in lines


def test_the_way_up_names_the_changes_and_what_each_gains() -> None:
    up = WayUp("green", 16.0, (lever(),), 100.0, (lever(), lever(path="x", label="Seats", gain=4)))
    lines = told(way_up=up).splitlines()
    at = lines.index("The shortest way to Healthy")
    assert lines[at + 1] == "  One change would bring it to 100.0:"
    assert lines[at + 2].split() == ["+36.0", "NPS", "4", "→", "9", "Call", "back"]
    assert lines[at + 3] == "  Each by itself:"
    assert lines[at + 4].split()[:2] == ["+4.0", "Seats"]


def test_a_way_up_that_does_not_exist_is_not_invented() -> None:
    up = WayUp("green", 16.0, (), None, ())
    assert "No few changes make up the 16 points that are missing." in told(way_up=up)


@pytest.mark.parametrize(
    ("goal", "unit", "expected"),
    [
        (0.7, "share", "70%"),
        (0.700001, "share", "above 70%"),
        (13.999999, "days", "below 14 d"),
        ("c_level", "category", "c level"),
        (9.0, "", "9"),
    ],
)
def test_a_limit_that_is_not_included_is_said(goal: float | str, unit: str, expected: str) -> None:
    assert target(lever(target=goal, unit=unit)) == expected


def test_an_unknown_value_is_called_so_in_a_way_up() -> None:
    up = WayUp("green", 16.0, (lever(value=None),), 100.0, ())
    assert "unknown → 9" in told(way_up=up)


def test_what_if_shows_both_scores_and_what_is_still_missing() -> None:
    then = explanation(line("logins", 100.0, 0.5), line("nps", 50.0, 0.5))
    lines = told(whatif=then, whatif_values={"nps": 7.0}).splitlines()
    at = lines.index("What if")
    assert lines[at + 1] == (
        "  With Nps 4 → 7: 64.0 → 75.0, +11.0 points; still ▲ At risk, 5 points short of Healthy"
    )


def test_peers_are_named_by_what_they_have_in_common() -> None:
    standing = Standing(64.0, 0.25, 71.0, -7.0, 12)
    lines = told(
        peer_group=(("size_band", "medium"),), standings={"score": standing, "logins": standing}
    ).splitlines()
    at = lines.index("Compared with 12 accounts alike (size band medium)")
    assert lines[at + 3].split() == ["Score", "64.0", "71.0", "−7.0", "25%", "of", "them"]
    assert lines[at + 4].split()[0] == "Logins"


def test_without_peers_nothing_is_compared() -> None:
    assert "Compared" not in told()


@pytest.mark.parametrize("width", [72, 80, 120])
def test_it_fits_the_terminal(width: int) -> None:
    up = WayUp("green", 16.0, (lever(advice="Call " * 40),), 100.0, ())
    lines = told(width=width, way_up=up, change=change(BEFORE, NOW), since=TODAY).splitlines()
    assert max(map(len, lines)) <= width


def test_flat_rows_hold_every_line_and_term() -> None:
    of = explanation(
        line("logins", 100.0, 1.0),
        line("nps", None, 0.0, printed=0.5),
        terms=(Term("closed", "adjustment", "Closed", -5.0),),
    )
    rows = line_rows(of)
    assert [(r["kind"], r["path"]) for r in rows] == [
        ("measure", "logins"),
        ("measure", "nps"),
        ("adjustment", "closed"),
    ]
    assert rows[1]["points"] is None
    assert rows[1]["weight_goes_to"] == "logins"
    assert sum(r["contribution"] for r in rows) == of.score
