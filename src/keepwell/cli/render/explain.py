"""A score taken apart for people: from what it is to what would raise it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from keepwell.cli.render import format as fmt
from keepwell.cli.render.moves import moves
from keepwell.cli.render.neighbours import neighbours
from keepwell.cli.render.tiers import GLYPHS, STYLES, Tiers, gain
from keepwell.cli.render.tree import heirs, tree
from keepwell.cli.render.upward import attempt, upward
from keepwell.definitions.scorecard import Scorecard
from keepwell.scoring.explain import Explanation, Line, next_tier

if TYPE_CHECKING:
    from keepwell.app.explaining import Explained
    from keepwell.workspace import Override

EXACT = 1e-9


def explained(
    found: Explained, scorecard: Scorecard, width: int, *, full: bool = False
) -> RenderableType:
    """Everything about one account and day. `full` leaves out no small part."""
    tiers = Tiers.of(scorecard.tiers)
    currency = found.attributes.get("currency")
    sections = [
        header(found, tiers),
        Group(
            heading(_tree_title(found.explanation, tiers)),
            tree(found.explanation, width, currency),
            legend(scorecard),
        ),
        terms(found.explanation, found.overrides),
        Text(sum_line(found.explanation, tiers), "dim"),
    ]
    if found.change is not None and found.since is not None:
        days = (found.day - found.since).days
        title = heading(f"What moved it in {days} d, since {fmt.day(found.since)}")
        sections.append(Group(title, moves(found.change, tiers, width, currency, full)))
    if found.whatif is not None:
        title = heading("What if")
        sections.append(Group(title, attempt(found, tiers, currency)))
    if found.way_up is not None:
        up = found.way_up
        title = heading(f"The shortest way to {tiers.label(up.tier)}")
        sections.append(Group(title, upward(up, tiers, width, currency, full)))
    compared = neighbours(found, width)
    if compared is not None:
        sections.append(compared)
    return headed(sections)


def heading(text: str) -> Text:
    return Text(text, "bold underline")


def headed(sections: Sequence[RenderableType | None]) -> RenderableType:
    """The sections that are there, a blank line between them."""
    parts: list[RenderableType] = []
    for section in sections:
        if section is not None:
            parts += [section] if not parts else ["", section]
    return Group(*parts)


def header(found: Explained, tiers: Tiers) -> RenderableType:
    """Who, what score, how sure, how far from the next tier, and what stands beside it."""
    x = found.explanation
    lines: list[RenderableType] = [
        Text.assemble(
            (found.name or found.account, "bold"),
            f" ({found.account})" if found.name not in (None, "", found.account) else "",
            f" · {x.scorecard_label} · {fmt.day(found.day)}",
        ),
        Text.assemble("  ", score_line(x, tiers)),
    ]
    lines += [Padding(said, (0, 0, 0, 2)) for said in _beside(found)]
    lines += [Padding(Text(" · ".join(x), "dim"), (0, 0, 0, 2)) for x in _about(found) if x]
    return Group(*lines)


def _about(found: Explained) -> Iterator[list[str]]:
    """What is at stake, and where the account belongs."""
    known = found.attributes
    stake = []
    if known.get("arr") is not None:
        stake.append(f"ARR {fmt.money(known['arr'], known.get('currency'))}")
    if known.get("renews_on") is not None:
        stake.append(f"renews {fmt.day(known['renews_on'])}")
    yield stake
    placed = [f"{fmt.words(k)} {fmt.words(v)}" for k, v in found.segments.items() if v]
    yield [*placed, *(fmt.words(f) for f in found.flags)]


def score_line(x: Explanation, tiers: Tiers) -> Text:
    """Score, tier, how far from the next one, and coverage; or why there is no score."""
    covered = f"coverage {fmt.share(x.coverage)}"
    if x.score is None:
        need = f"at least {fmt.share(x.minimum_coverage)} is needed for a score"
        return Text.assemble(tiers.mark(None), f" · {covered}, {need}")
    mark = tiers.mark(x.tier.key if x.tier else None)
    number = fmt.score(x.score, tiers.limits)
    parts: list[Text | str | tuple[str, str]] = [(number, "bold"), " ", mark]
    above = next_tier(x, tiers.tiers)
    if above is not None:
        tier, short_by = above
        exact = "" if tier.above is None else "more than "
        parts.append(f" · {exact}{fmt.number(short_by)} points short of {tier.label}")
    return Text.assemble(*parts, f" · {covered}")


def _beside(found: Explained) -> Iterator[str]:
    """What a reader must know of the number: held, given by a person, silenced."""
    x = found.explanation
    if x.held_from is not None:
        yield f"Held: the score of {fmt.day(x.held_from)} stands."
    for override in found.overrides:
        if override.path == "":
            yield _view(x, override)
    if x.muted:
        yield f"Alerts are silent: {fmt.listed([fmt.words(k) for k in x.muted])}."


def _view(x: Explanation, override: Override) -> str:
    """A person's number and the computed one, side by side."""
    moved = sum(t.points for t in x.terms if t.kind == "override" and t.key == "score")
    own = x.score - moved if x.score is not None and x.computed is not None else None
    told = (
        f"CSM view {fmt.number(override.points)}"
        if override.kind == "value"
        else f"CSM view {fmt.signed(override.points)}"
    )
    computed = fmt.score(own) if own is not None else "not computed"
    return (
        f"Computed {computed}; {told} by {override.author} until {fmt.day(override.expires_on)}:"
        f" {override.reason}"
    )


def _tree_title(x: Explanation, tiers: Tiers) -> str:
    if x.score is None:
        return "What is known"
    return f"Where the {fmt.score(x.score, tiers.limits)} points come from"


def legend(scorecard: Scorecard) -> Text:
    """What the signs at the points mean."""
    text = Text()
    for tier in scorecard.component_tiers or scorecard.tiers:
        limit = f"from {tier.limit:g}" if tier.above is None else f"above {tier.limit:g}"
        text.append(GLYPHS[tier.colour], STYLES[tier.colour])
        text.append(f" {tier.label} {limit}   ", "dim")
    text.rstrip()
    return text


def terms(x: Explanation, overrides: tuple[Override, ...]) -> RenderableType | None:
    """Adjustments and overrides, with what they did and why; None where there are none."""
    idle = {o.path: why for o in overrides if (why := x.idle(tuple(o.path.split("/"))))}
    if not x.terms and not idle:
        return None
    lines: list[RenderableType] = [heading("Beside the components")]
    for term in x.terms:
        if term.kind == "override" and term.key in idle:
            continue
        text = Text("  ")
        text.append(gain(f"{fmt.signed(term.points, 2):>7}", term.points))
        if term.kind == "override":
            text.append(f"  {_overridden(term.key, overrides)}")
        else:
            text.append(f"  {fmt.words(term.key).capitalize()}: {term.because}")
        lines.append(text)
    for path, why in sorted(idle.items()):
        text = Text(f"  {'–':>7}  {_overridden(path, overrides)}")
        lines += [text, Text(f"{'':11}without effect: {why}", "yellow")]
    return Group(*lines)


def _overridden(key: str, overrides: tuple[Override, ...]) -> str:
    where = "the score" if key == "score" else key
    path = "" if key == "score" else key
    made = [o for o in overrides if o.path == path]
    if not made:
        return f"Override of {where}"
    last = max(made, key=lambda o: o.created_at)
    until = fmt.day(last.expires_on)
    return f"Override of {where} by {last.author} until {until}: {last.reason}"


def sum_line(x: Explanation, tiers: Tiers) -> str:
    """Whether the contributions add up to the score, worked out here once more."""
    if x.score is None:
        return "There is no score, so there is nothing to add up."
    leaves = sum(line.contribution for line in x.leaves)
    beside = sum(term.points for term in x.terms)
    sums = fmt.part(leaves)
    if x.terms:
        sums += f" {fmt.MINUS if beside < 0 else '+'} {fmt.part(abs(beside))}"
    wrong = abs(leaves + beside - x.score)
    if wrong > EXACT:
        return (
            f"The contributions add up to {sums}, {fmt.part(wrong)} away from the score of"
            f" {fmt.score(x.score, tiers.limits)}."
        )
    total = f"{sums} = {fmt.part(x.score)}" if x.terms else sums
    return f"The contributions add up to {total}, the score."


def line_rows(x: Explanation) -> list[dict[str, Any]]:
    """The tree and the terms as flat rows."""
    rows: list[dict[str, Any]] = [
        {
            "kind": "measure" if line.is_leaf else "component",
            "path": line.name,
            "label": line.label,
            "metric": line.metric,
            "unit": line.unit or None,
            "value": None if line.value is None else str(line.value),
            "state": line.state or None,
            "age_days": line.age,
            "points": line.points,
            "printed_weight": line.printed,
            "weight": line.weight,
            "contribution": line.contribution,
            "lost": line.lost if line.points is not None else None,
            "tier": line.tier,
            "weight_goes_to": _carriers(x, line),
        }
        for line in x.lines
    ]
    for t in x.terms:
        idle = x.idle(tuple(t.key.split("/"))) if t.kind == "override" else None
        label = f"{t.because}, without effect: {idle}" if idle else t.because
        rows.append({"kind": t.kind, "path": t.key, "label": label, "contribution": t.points})
    return rows


def _carriers(x: Explanation, line: Line) -> str | None:
    if line.points is not None or not line.printed:
        return None
    return "; ".join(h.name for h in heirs(x, line)) or None
