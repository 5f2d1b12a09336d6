"""A scored spreadsheet, as a whole and one account of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from keepwell.cli.render import format as fmt
from keepwell.cli.render.explain import headed, legend, line_rows, score_line, sum_line, terms
from keepwell.cli.render.portfolio import summary
from keepwell.cli.render.tables import Cell, Column, grid
from keepwell.cli.render.tiers import Tiers, glyph
from keepwell.cli.render.tree import tree
from keepwell.kit.errors import KeepwellError, did_you_mean

if TYPE_CHECKING:
    from keepwell.app.sheet import ScoredAccount, SheetResult

_COLUMNS = (
    Column("account", "account", least=10),
    Column("name", "name", rank=1, least=14),
    Column("score", "score", right=True),
    Column("tier", "tier"),
    Column("coverage", "coverage", right=True),
)
_COMPONENTS_RANK = 2


def sheet(found: SheetResult, width: int) -> RenderableType:
    """The tiers, and a row per account with the points of its components."""
    tiers = Tiers.of(found.scorecard.tiers)
    if not found.accounts:
        return Text("The sheet has no account.")
    rows = [{"score": a.explanation.score, "tier": a.tier} for a in found]
    top = [line for line in found.accounts[0].explanation.lines if len(line.path) == 1]
    named = any(a.name for a in found)
    columns = [c for c in _COLUMNS if c.key != "name" or named]
    columns += [
        Column(f"points/{line.name}", line.label, right=True, rank=_COMPONENTS_RANK + n)
        for n, line in enumerate(top)
    ]
    return Group(
        summary(rows, tiers, found.scorecard.label, fmt.day(found.day)),
        "",
        grid(columns, [_cells(a, tiers) for a in found], width),
        Text("--explain ACCOUNT shows a whole score, --format json every measure of all.", "dim"),
    )


def _cells(found: ScoredAccount, tiers: Tiers) -> dict[str, Cell]:
    cells: dict[str, Cell] = {
        "account": found.account,
        "name": found.name or fmt.UNKNOWN,
        "score": fmt.score(found.explanation.score, tiers.limits),
        "tier": tiers.mark(found.tier),
        "coverage": fmt.share(found.explanation.coverage),
    }
    for line in found.explanation.lines:
        if len(line.path) == 1:
            mark = glyph(line.colour if line.final is not None else None)
            cells[f"points/{line.name}"] = Text.assemble(mark, " ", fmt.points(line.final))
    return cells


def account_of(found: SheetResult, wanted: str) -> ScoredAccount:
    """The row of that account, by its id or name. Raises KeepwellError with near ones."""
    for account in found:
        if wanted in (account.account, account.name):
            return account
    known = [name for a in found for name in (a.account, a.name) if name]
    raise KeepwellError(
        f"the sheet has no account '{wanted}'", where=found.file, todo=did_you_mean(wanted, known)
    )


def account(found: SheetResult, chosen: ScoredAccount, width: int) -> RenderableType:
    """One account's whole score."""
    x = chosen.explanation
    tiers = Tiers.of(found.scorecard.tiers)
    return headed(
        [
            Group(
                Text.assemble(
                    (chosen.name or chosen.account, "bold"),
                    f" · {x.scorecard_label} · {fmt.day(found.day)}",
                ),
                Text.assemble("  ", score_line(x, tiers)),
            ),
            Group(tree(x, width), legend(found.scorecard)),
            terms(x, ()),
            Text(sum_line(x, tiers), "dim"),
        ]
    )


def measures(chosen: ScoredAccount) -> list[dict[str, Any]]:
    """The tree of one account as flat rows."""
    return [{"account": chosen.account, **row} for row in line_rows(chosen.explanation)]
