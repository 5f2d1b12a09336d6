"""One page for each built-in framework, made from its YAML and the comments in it."""

from __future__ import annotations

from collections.abc import Iterator

from _catalog import comments_of, file_of, in_words, library, texts
from _markdown import block, cell, code, details, page, table
from _yamltext import as_markdown

from keepwell.definitions.metric import Metric
from keepwell.definitions.scorecard import (
    Adjustment,
    Component,
    Hold,
    Measure,
    Points,
    Scorecard,
    Tier,
)
from keepwell.definitions.yaml import FieldPath

FRAMEWORKS = (
    "leading-indicators",
    "value-realization",
    "enterprise",
    "portfolio-360",
    "plan-tiered",
)
METRICS = "../metrics.md"
LETTERS = {
    "leading-indicators": "A",
    "value-realization": "B",
    "enterprise": "C",
    "portfolio-360": "D",
    "engagement-trends": "D",
    "product-adoption": "D",
    "customer-value": "D",
    "plan-tiered": "E",
}
"""Which of the five texts a scorecard follows, as the remarks in the catalogue call it."""
READ = "How the source was read"


def framework_pages() -> dict[str, str]:
    """The page of every framework by its file name, and an overview of them."""
    cards = library().scorecards
    made = {f"{key}.md": _framework(cards[key]) for key in FRAMEWORKS if key in cards}
    beside = {key: card for key, card in cards.items() if key not in FRAMEWORKS}
    made |= {f"{key}.md": _framework(card) for key, card in beside.items()}
    return {"index.md": _overview()} | made


def _overview() -> str:
    cards = library().scorecards
    order = [key for key in FRAMEWORKS if key in cards]
    order += [key for key in cards if key not in FRAMEWORKS]
    return page(
        "# Frameworks",
        "Built-in ways of judging health. Each is a YAML file that one engine reads; none has code"
        " of its own. Start a project with one, extend it by name, or copy it and change it.",
        "They follow five texts about customer health, which the remarks on these pages call A to"
        " E. D describes a page with four indicators, each a scorecard here. *Printed* is what"
        " such a text says in figures; *ours* is what Keepwell had to choose because it does not"
        " say.",
        table(
            ("framework", "text", "judges", "measures", "tiers"),
            (
                (
                    f"[{cell(cards[key].label)}]({key}.md)",
                    LETTERS.get(key, ""),
                    cell(cards[key].description),
                    str(sum(1 for _ in cards[key].leaves())),
                    ", ".join(cell(tier.label) for tier in cards[key].tiers),
                )
                for key in order
            ),
        ),
    )


def _framework(card: Scorecard) -> str:
    file = file_of("scorecard", card.scorecard)
    remarks = comments_of(file)
    return page(
        f"# {card.label}",
        card.description,
        block(f"keepwell init my-company --framework {card.scorecard}", "console")
        if card.scorecard in FRAMEWORKS
        else "",
        f"It applies where {code(card.applies_to.text)}." if card.applies_to else "",
        _letter(card.scorecard),
        "## Tiers",
        _tiers(card.tiers),
        *_actions(card.tiers),
        "A component has colours of its own:" if card.component_tiers else "",
        _tiers(card.component_tiers or []),
        f"Below a coverage of {card.minimum_coverage:.0%} there is no score but “not enough data”."
        f" {_policy(card.missing)}",
        "## Measures",
        "The share is what a measure weighs in the whole score while all data is there.",
        *_components(card),
        *_adjustments(card.adjustments),
        *_targets(card),
        f"## {READ}" if remarks else "",
        *(as_markdown(c.text) for c in remarks if c.path == ()),
        *_remarks(card, file),
        "## The whole definition",
        details(file, block(texts()[file], "yaml")),
    )


def _letter(key: str) -> str:
    """What the letter of its text means, and where the readings stand."""
    if key not in LETTERS:
        return ""
    place = "#" + READ.lower().replace(" ", "-")
    return (
        f"It follows text {LETTERS[key]} of the [five](index.md) that the built-in frameworks come"
        " from. Where the text is silent or contradicts itself, the reading that was taken is told"
        f" [below]({place})."
    )


def _tiers(tiers: list[Tier]) -> str:
    rows = []
    for tier in tiers:
        score = f"{tier.from_:g} and more" if tier.from_ is not None else f"above {tier.above:g}"
        share = "" if tier.target_share is None else f"{tier.target_share:.0%}"
        rows.append((cell(tier.label), tier.colour, score, tier.expected_churn or "", share))
    head = ("tier", "colour", "score", "expected churn", "target share of accounts")
    return table(head, rows)


def _actions(tiers: list[Tier]) -> Iterator[str]:
    for tier in tiers:
        if tier.actions:
            lines = (f"- {in_words(action)}" for action in tier.actions)
            yield page(f"**{tier.label}**", "\n".join(lines))


def _policy(missing: Points | Hold | None) -> str:
    if isinstance(missing, Points):
        return f"A measure without data counts {missing.points:g} points."
    if isinstance(missing, Hold):
        return f"A measure without data keeps its last value for {missing.hold} days, as *held*."
    return "A measure without data is left out, and its siblings carry its weight."


def _components(card: Scorecard) -> Iterator[str]:
    total = sum(component.weight for component in card.components.values())
    for key, component in card.components.items():
        share = component.weight / total
        rows = list(_leaves(card, (key,), component, share))
        yield page(
            f"### {component.label or key}, {_share(share)}",
            component.description,
            _tiers(component.tiers or []),
            table(("measure", "share", "metric", "points", "beside"), rows),
        )


def _leaves(
    card: Scorecard, path: tuple[str, ...], node: Component, share: float
) -> Iterator[tuple[str, str, str, str, str]]:
    if node.components:
        total = sum(child.weight for child in node.components.values())
        for key, child in node.components.items():
            yield from _leaves(card, (*path, key), child, share * child.weight / total)
        return
    name = " / ".join(path[1:]) or path[0]
    label = f"{cell(node.label)}<br>" if node.label else ""
    variants = node.variants()
    for number, (value, measure) in enumerate(variants):
        key = measure.metric or node.metric or ""
        case = f"{code(node.by_metric)} is {code(value)}: " if value is not None else ""
        first = number == 0
        yield (
            f"{label}{code(name)}" if first else "",
            _share(share) if first else "",
            f"[{code(key)}]({METRICS}#{key})",
            case + _points(measure, library().metrics[key]),
            "<br>".join(_beside(card, path, node)) if first else "",
        )


def _share(share: float) -> str:
    return f"{100 * share:.4g}%"


def _points(measure: Measure, metric: Metric) -> str:
    """How a value becomes points, in one line: '70% and more: 100'."""
    parts: list[str] = []
    words = {">=": "{} and more", ">": "above {}", "<=": "up to {}", "<": "below {}"}
    if measure.bands is not None:
        for band in measure.bands.bands:
            limit = words[band.op].format(_value(band.limit, metric))
            parts.append(f"{limit}: {band.points:g}")
        parts.append(f"else: {measure.bands.otherwise:g}")
    parts.extend(
        f"{_value(ramp.from_, metric)} to {_value(ramp.to, metric)}:"
        f" {ramp.points[0]:g} to {ramp.points[1]:g}"
        for ramp in measure.ranges or []
    )
    parts.extend(
        f"{cell(choice)}: {points:g}" for choice, points in (measure.choices or {}).items()
    )
    scale = "" if measure.out_of == 100 else f" (out of {measure.out_of:g})"
    return "; ".join(parts) + scale


def _value(number: float, metric: Metric) -> str:
    return f"{100 * number:.6g}%" if metric.unit == "share" else f"{number:.12g}"


def _beside(card: Scorecard, path: tuple[str, ...], node: Component) -> Iterator[str]:
    if node.applies_when:
        yield f"where {code(node.applies_when.text)}"
    for state, points in node.states.items():
        yield f"{cell(state.replace('_', ' '))}: {points:g}"
    policy = card.missing_policy(path)
    if policy != card.missing:
        yield cell(_policy(policy))
    if node.weight == 0:
        yield "measured and shown only"


def _adjustments(adjustments: dict[str, Adjustment]) -> Iterator[str]:
    if not adjustments:
        return
    yield "## Adjustments"
    yield "They see the score before any of them, and act in this order."
    yield table(
        ("adjustment", "when", "does", "because"),
        (
            (code(key), code(rule.when.text), "; ".join(_effects(rule)), cell(rule.because))
            for key, rule in adjustments.items()
        ),
    )


def _effects(rule: Adjustment) -> Iterator[str]:
    for path, points in (rule.set_points or {}).items():
        yield f"{code(path)} gets {points:g} points"
    if rule.add_points:
        change = rule.add_points
        yield (
            f"{code(change.path)} {change.points:+g} of {change.out_of:g} points,"
            f" not below {change.not_below:g}"
        )
    if rule.hold:
        yield "the score of the last open day is kept"
    if rule.mute:
        yield "alerts are silent"


def _targets(card: Scorecard) -> Iterator[str]:
    if not card.printed_targets:
        return
    yield "## Printed targets"
    yield "Figures that the source prints as an aim or an expectation. They are no results."
    yield table(
        ("figure", "target", "where it is printed"),
        ((cell(t.label), cell(t.value), cell(t.source)) for t in card.printed_targets),
    )


def _remarks(card: Scorecard, file: str) -> Iterator[str]:
    """The comments inside the file, each with the field that it speaks of."""
    rows = [
        (cell(_place(card, comment.path)), cell(comment.text))
        for comment in comments_of(file)
        if comment.path
    ]
    if rows:
        yield "### Remarks on single figures"
        yield table(("where", "remark"), rows)


def _place(card: Scorecard, path: FieldPath) -> str:
    """`usage / daily` for components.usage.components.daily.bands."""
    if path[0] == "components":
        return " / ".join(str(part) for part in path[1::2]) or "components"
    if path[0] == "tiers" and len(path) > 1 and isinstance(path[1], int):
        return f"tier {card.tiers[path[1]].label}"
    return " / ".join(str(part) for part in path[:2])
