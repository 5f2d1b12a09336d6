"""Tables give way to narrow terminals: the least important column first, and they say so."""

from __future__ import annotations

from keepwell.cli.render.tables import LUXURY, Column, fit, grid
from tests.cli.made import text

COLUMNS = (
    Column("name", "name", least=8),
    Column("score", "score", right=True),
    Column("arr", "ARR", right=True, rank=1),
    Column("owner", "owner", rank=2),
    Column("segment", "segment", rank=LUXURY),
)
ROW = {"name": "Blue Harbour Hotels", "score": "64.0", "arr": "EUR 12,300", "owner": "ana",
       "segment": "dormant"}  # fmt: skip
WHOLE = 19 + 5 + 10 + 5 + 7 + 8


def shown(width: int) -> list[str]:
    return [c.key for c in fit(COLUMNS, [ROW], width).shown]


def test_everything_is_shown_where_there_is_room() -> None:
    assert shown(WHOLE) == ["name", "score", "arr", "owner", "segment"]
    assert "No room" not in text(grid(COLUMNS, [ROW], WHOLE), WHOLE)


def test_a_luxury_goes_before_any_text_wraps() -> None:
    assert shown(WHOLE - 1) == ["name", "score", "arr", "owner"]


def test_text_wraps_before_a_column_that_matters_goes() -> None:
    narrow = fit(COLUMNS, [ROW], 8 + 5 + 10 + 5 + 6)
    assert [c.key for c in narrow.shown] == ["name", "score", "arr", "owner"]
    assert narrow.widths["name"] == 8


def test_the_highest_rank_goes_first() -> None:
    assert shown(8 + 5 + 10 + 5 + 5) == ["name", "score", "arr"]
    assert shown(20) == ["name", "score"]
    assert shown(3) == ["name", "score"]


def test_no_text_is_lost_by_wrapping_and_what_is_left_out_is_named() -> None:
    lines = text(grid(COLUMNS, [ROW], 16), 16)
    assert " ".join(lines.split()) == (
        "name score ──────────────── Blue 64.0 Harbour Hotels No room for: ARR, owner, segment. "
        "--format csv has every column."
    )


def test_names_are_not_markup() -> None:
    row = {**ROW, "name": "[bold]Acme[/bold] :smile:"}
    assert "[bold]Acme[/bold] :smile:" in text(grid(COLUMNS, [row], 100))


def test_lines_have_no_blanks_at_their_ends() -> None:
    lines = text(grid(COLUMNS, [ROW, {**ROW, "segment": ""}], 100)).splitlines()
    assert [x for x in lines if x != x.rstrip()] == []
