"""What must be true of definitions taken together. One rule is one function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlglot import exp

from keepwell.definitions.expressions import PERIOD_FUNCTIONS, SHIFTS, Expression, name_of
from keepwell.definitions.library import SCORE_NAMES, Library, component_place, inputs
from keepwell.definitions.metric import Metric
from keepwell.definitions.scorecard import Component, Measure, NodePath, Points, Scorecard
from keepwell.definitions.settings import Settings
from keepwell.definitions.yaml import Document, FieldPath, walk
from keepwell.kit.errors import KeepwellError, Problem, nearest

ADJUSTMENT_NAMES = ("score",)
# Metrics whose unit is a share are numbers between 0 and 1, give or take.
GREATEST_SHARE = 10


def check(library: Library, changed: set[tuple[str, str]]) -> Iterator[Problem]:
    """Every problem of the definitions in `changed` (kind, key), seen with all others."""
    for kind, key in changed:
        document = library.documents[kind, key]
        if kind == "metric" and key in library.metrics:
            for rule in METRIC_RULES:
                yield from rule(key, library.metrics[key], document, library)
        elif kind == "scorecard" and key in library.scorecards:
            for scorecard_rule in SCORECARD_RULES:
                yield from scorecard_rule(library.scorecards[key], document, library)
        elif kind == "segmentation" and key in library.segmentations:
            for name, segment in library.segmentations[key].segments.items():
                at = ("segments", name, "when")
                yield from segment_names(segment.when, at, document, library)
        elif kind == "segment" and key in library.segments:
            when = library.segments[key].when
            if when is None:
                yield document.problem((), "'when' is missing", "a condition")
            yield from segment_names(when, ("when",), document, library)


# --- metrics ------------------------------------------------------------------------------------


def shifts_name_metrics(
    key: str, metric: Metric, document: Document, library: Library
) -> Iterator[Problem]:
    """before(), change() and relative_change() look back at a metric, and only in a formula."""
    for field, expression in _expressions(metric):
        for function in SHIFTS:
            for first, *_ in expression.calls(function):
                if field not in ("formula", "share_of_accounts"):
                    yield document.problem(
                        (field,), f"{function}() looks back at a metric", "a formula"
                    )
                elif (
                    not isinstance(first, exp.Column) or name_of(first) not in library.metric_names
                ):
                    yield document.problem(
                        (field,), f"{function}() of something that is no metric", "a metric's key"
                    )


def periods_belong_to_accounts(
    key: str, metric: Metric, document: Document, library: Library
) -> Iterator[Problem]:
    """in_period() and days_in_period() ask for an account's periods, which rows do not have."""
    for field, expression in _expressions(metric):
        for function in sorted(PERIOD_FUNCTIONS):
            if field not in ("formula", "share_of_accounts") and any(expression.calls(function)):
                yield document.problem((field,), f"{function}() belongs to accounts", "a formula")


def formula_names(
    key: str, metric: Metric, document: Document, library: Library
) -> Iterator[Problem]:
    """A formula is made of metrics and of the account's attributes."""
    for name, condition in (
        ("formula", metric.formula),
        ("share_of_accounts", metric.share_of_accounts),
    ):
        if condition is not None:
            yield from _names(condition, (name,), document, library)
    for state, condition in metric.states.items():
        yield from _names(condition, ("states", state), document, library)


def named_metrics_exist(
    key: str, metric: Metric, document: Document, library: Library
) -> Iterator[Problem]:
    """change, rank and within name metrics."""
    for field in ("change", "rank"):
        name = getattr(metric, field)
        if name is not None and name not in library.metric_names:
            yield _unknown_metric(document, (field,), name, library)
    for i, name in enumerate(metric.within):
        if name not in library.metric_names:
            yield _unknown_metric(document, ("within", i), name, library)


def no_circles(key: str, metric: Metric, document: Document, library: Library) -> Iterator[Problem]:
    """No metric is made of itself."""
    if any(True for _ in inputs(metric)):
        try:
            library.closure([key])
        except KeepwellError as error:
            if "circle" in error.what:
                yield document.problem((), error.what, "formulas that end in facts")


def parts_go_together(
    key: str, metric: Metric, document: Document, library: Library
) -> Iterator[Problem]:
    """What belongs to counting stands only where something is counted."""
    if metric.is_aggregate and metric.from_ is None:
        yield document.problem((), f"'{metric.kind}' needs a table", "from: tickets")
    if not metric.is_aggregate:
        for field, value in (
            ("from", metric.from_),
            ("where", metric.where),
            ("over", metric.over),
            ("per", metric.per),
            ("order_by", metric.order_by),
        ):
            if value is not None:
                yield document.problem((field,), f"'{field}' does not go with '{metric.kind}'")
    if (metric.per is None) != (metric.then is None):
        yield document.problem((), "'per' and 'then' go together", "per: problem_key, then: max")
    if metric.change is not None and metric.since is None:
        yield document.problem(("change",), "since when is missing", "since: 7 days")
    if metric.none_means == "since_start" and metric.kind != "days_since_last":
        yield document.problem(("none_means",), "since_start goes with days_since_last only")
    if metric.kind == "days_since_first" and metric.over is None:
        yield document.problem((), "'days_since_first' needs 'over'", "over: 60 days")


# --- scorecards ---------------------------------------------------------------------------------


def metrics_exist(scorecard: Scorecard, document: Document, library: Library) -> Iterator[Problem]:
    """Every metric that a component names is defined."""
    for path, leaf in scorecard.leaves():
        place = component_place(path)
        if leaf.metric is not None and leaf.metric not in library.metric_names:
            yield _unknown_metric(document, (*place, "metric"), leaf.metric, library)
        if leaf.by_metric is not None:
            if leaf.by_metric not in library.metric_names:
                at = (*place, "by", leaf.by_metric)
                yield _unknown_metric(document, at, leaf.by_metric, library)
            for value, measure in leaf.variants():
                if measure.metric is not None and measure.metric not in library.metric_names:
                    at = (*place, "by", leaf.by_metric, str(value), "metric")
                    yield _unknown_metric(document, at, measure.metric, library)


def metrics_named_in(document: Document, library: Library) -> Iterator[Problem]:
    """The same of a scorecard that cannot be read because of something else."""
    for at, value in walk(document.value):
        if at[-1:] == ("metric",) and isinstance(value, str) and value not in library.metric_names:
            yield _unknown_metric(document, at, value, library)


def judgement_fits(scorecard: Scorecard, document: Document, library: Library) -> Iterator[Problem]:
    """Categories are judged by choices that they can have, numbers by bands or ranges."""
    for at, leaf, measure in _measures(scorecard):
        metric = library.metrics.get(measure.metric or leaf.metric or "")
        if metric is None:
            continue
        if metric.is_text and measure.choices is None:
            yield document.problem(
                at, f"'{metric.label}' is a category and has no bands", "choices: {...}"
            )
        if not metric.is_text and measure.choices is not None:
            yield document.problem(at, f"'{metric.label}' is a number", "bands or ranges")
        known = metric.choices
        for choice in measure.choices or {}:
            if known is not None and choice not in known:
                yield document.problem(
                    (*at, "choices", choice), f"'{metric.label}' is never '{choice}'",
                    "one of " + ", ".join(known), nearest(choice, known),
                )  # fmt: skip


def shares_are_shares(
    scorecard: Scorecard, document: Document, library: Library
) -> Iterator[Problem]:
    """A limit of 70 for a share is a slip of the pen: 70% or 0.7 is meant."""
    for at, leaf, measure in _measures(scorecard):
        metric = library.metrics.get(measure.metric or leaf.metric or "")
        if metric is None or metric.unit != "share":
            continue
        limits = [b.limit for b in measure.bands.bands] if measure.bands else []
        limits += [x for r in measure.ranges or [] for x in (r.from_, r.to)]
        for limit in limits:
            if abs(limit) > GREATEST_SHARE:
                yield document.problem(
                    (*at, "bands" if measure.bands else "ranges"),
                    f"a limit of {limit:g} for the share '{metric.label}'",
                    f"{limit:g}% or {limit / 100:g}",
                )


def points_fit_the_scale(
    scorecard: Scorecard, document: Document, library: Library
) -> Iterator[Problem]:
    """Points for states, for missing data and by adjustment are on the leaf's own scale."""
    for path, leaf in scorecard.leaves():
        place = component_place(path)
        most = max(measure.out_of for _, measure in leaf.variants())
        given = [((*place, "states", name), points) for name, points in leaf.states.items()]
        policy = scorecard.missing_policy(path)
        if isinstance(policy, Points):
            given.append(((*place, "missing"), policy.points))
        for key, adjustment in scorecard.adjustments.items():
            for name, points in (adjustment.set_points or {}).items():
                if scorecard.path_of(name) == path:
                    given.append((("adjustments", key, "set_points", name), points))
        for at, points in given:
            if not 0 <= points <= most:
                yield document.problem(at, f"{points:g} points", f"0 to {most:g}, its own scale")


def adjustments_fit(
    scorecard: Scorecard, document: Document, library: Library
) -> Iterator[Problem]:
    """Adjustments name components that exist; points are set on leaves."""
    nodes = dict(scorecard.nodes())
    names = ["/".join(p) for p in nodes]
    for key, adjustment in scorecard.adjustments.items():
        at = ("adjustments", key)
        for field, paths in (
            ("set_points", list(adjustment.set_points or {})),
            ("add_points", [adjustment.add_points.path] if adjustment.add_points else []),
        ):
            for name in paths:
                path = scorecard.path_of(name)
                if path is None:
                    yield document.problem(
                        (*at, field), f"no single component is called '{name}'",
                        "a path such as " + names[0], nearest(name, names),
                    )  # fmt: skip
                elif field == "set_points" and nodes[path].components is not None:
                    yield document.problem((*at, field), f"'{name}' has components", "a leaf")


def condition_names(
    scorecard: Scorecard, document: Document, library: Library
) -> Iterator[Problem]:
    """applies_to and applies_when see metrics and attributes; adjustments see the score too."""
    if scorecard.applies_to is not None:
        yield from _names(scorecard.applies_to, ("applies_to",), document, library)
    for path, node in scorecard.nodes():
        if node.applies_when is not None:
            at = (*component_place(path), "applies_when")
            yield from _names(node.applies_when, at, document, library)
    for key, adjustment in scorecard.adjustments.items():
        at = ("adjustments", key, "when")
        yield from _names(adjustment.when, at, document, library, ADJUSTMENT_NAMES)


# --- segments and settings ----------------------------------------------------------------------


def segment_names(
    when: Expression | None, at: FieldPath, document: Document, library: Library
) -> Iterator[Problem]:
    """Segments see metrics, attributes, and the scores and tiers of scorecards."""
    if when is not None:
        scores = [f"{s.replace('-', '_')}.{n}" for s in library.scorecards for n in SCORE_NAMES]
        yield from _names(when, at, document, library, (*SCORE_NAMES, *scores))


def check_settings(settings: Settings, document: Document, library: Library) -> Iterator[Problem]:
    """keepwell.yaml names scorecards, segmentations and metrics that exist."""
    for i, key in enumerate(settings.scorecards):
        if key not in library.scorecards:
            yield document.problem(
                ("scorecards", i), f"no scorecard is called '{key}'",
                "one of " + ", ".join(library.scorecards), nearest(key, library.scorecards),
            )  # fmt: skip
            continue
        # A project's own metric may no longer fit a built-in scorecard that reads it.
        for rule in SCORECARD_RULES:
            yield from rule(library.scorecards[key], library.documents["scorecard", key], library)
    for i, key in enumerate(settings.segmentations or []):
        if key not in library.segmentations:
            yield document.problem(
                ("segmentations", i), f"no segmentation is called '{key}'",
                "one of " + ", ".join(library.segmentations),
                nearest(key, library.segmentations),
            )  # fmt: skip
    for i, key in enumerate(settings.peers.by):
        if key not in library.metric_names:
            yield _unknown_metric(document, ("peers", "by", i), key, library)


# --- shared -------------------------------------------------------------------------------------


def _expressions(metric: Metric) -> Iterator[tuple[str, Expression]]:
    for name, field in type(metric).model_fields.items():
        value = getattr(metric, name)
        if isinstance(value, Expression):
            yield field.alias or name, value


def _measures(scorecard: Scorecard) -> Iterator[tuple[FieldPath, Component, Measure]]:
    for path, leaf in scorecard.leaves():
        place = component_place(path)
        for value, measure in leaf.variants():
            at = (*place, "by", leaf.by_metric or "", str(value)) if leaf.by else place
            yield at, leaf, measure


def _names(
    condition: Expression,
    at: FieldPath,
    document: Document,
    library: Library,
    extra: Iterable[str] = (),
) -> Iterator[Problem]:
    known = [*library.metric_names, *extra]
    if at[:1] not in (("formula",), ("share_of_accounts",)):
        for function in SHIFTS:
            if any(True for _ in condition.calls(function)):
                yield document.problem(
                    at, f"{function}() looks back at a metric", "a metric with that formula"
                )
    yield from _shares(condition, at, document, library)
    for name in sorted(condition.names):
        if name in known or name.startswith("account."):
            continue
        yield document.problem(
            at, f"'{name}' is neither a metric nor an attribute",
            "a metric's key or account.<attribute>", nearest(name, known),
        )  # fmt: skip


def _shares(
    condition: Expression, at: FieldPath, document: Document, library: Library
) -> Iterator[Problem]:
    """A share that is compared with 70 is a slip of the pen, too."""
    for node in condition.tree.find_all(exp.Predicate):
        parts = [p for p in node.args.values() if isinstance(p, exp.Expression)]
        for column in parts:
            metric = (
                library.metrics.get(name_of(column)) if isinstance(column, exp.Column) else None
            )
            for number in parts:
                if metric is None or metric.unit != "share" or not _is_no_share(number):
                    continue
                yield document.problem(
                    at, f"the share '{metric.label}' is compared with {number.name}",
                    f"{number.name}% or {float(number.name) / 100:g}",
                )  # fmt: skip


def _is_no_share(node: exp.Expression) -> bool:
    is_number = isinstance(node, exp.Literal) and not node.is_string
    return is_number and abs(float(node.name)) > GREATEST_SHARE


def _unknown_metric(document: Document, at: FieldPath, name: str, library: Library) -> Problem:
    return document.problem(
        at, f"no metric is called '{name}'", "a metric's key", nearest(name, library.metric_names)
    )


def path_text(path: NodePath) -> str:
    """A component's path as people write it."""
    return "/".join(path)


METRIC_RULES = (
    parts_go_together,
    formula_names,
    named_metrics_exist,
    shifts_name_metrics,
    periods_belong_to_accounts,
    no_circles,
)
SCORECARD_RULES = (
    metrics_exist,
    judgement_fits,
    shares_are_shares,
    points_fit_the_scale,
    adjustments_fit,
    condition_names,
)
