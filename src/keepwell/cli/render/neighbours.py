"""An account beside accounts alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from keepwell.cli.render import format as fmt
from keepwell.cli.render.tables import Column, grid
from keepwell.cli.render.tiers import gain
from keepwell.segments.peers import Standing

if TYPE_CHECKING:
    from keepwell.app.explaining import Explained

_COLUMNS = (
    Column("what", "", least=18),
    Column("own", "here", right=True),
    Column("median", "median", right=True),
    Column("gap", "difference", right=True),
    Column("above", "better than", right=True),
)


def neighbours(found: Explained, width: int) -> RenderableType | None:
    """The score and the top components beside those of the peers; None where nobody is alike."""
    score = found.standings.get("score")
    if score is None:
        return None
    rows = [_row("Score", score)]
    for line in found.explanation.lines:
        standing = found.standings.get(line.name)
        if len(line.path) == 1 and standing is not None:
            rows.append(_row(line.label, standing))
    alike = ", ".join(f"{fmt.words(k)} {fmt.measured(v)}" for k, v in found.peer_group)
    among = f" ({alike})" if alike else ""
    title = f"Compared with {fmt.count(score.peers, 'account')}" + (
        f" alike{among}" if alike else " of the portfolio"
    )
    return Group(Text(title, "bold underline"), grid(_COLUMNS, rows, width))


def _row(what: str, standing: Standing) -> dict[str, str | Text]:
    return {
        "what": what,
        "own": fmt.score(standing.value),
        "median": fmt.score(standing.median),
        "gap": gain(fmt.signed(standing.gap), standing.gap),
        "above": f"{fmt.share(standing.percentile)} of them",
    }
