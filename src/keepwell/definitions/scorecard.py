"""A scorecard: one tree of weighted components, with bands at its leaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from keepwell.definitions.bands import BandMapping, Ramp, check_ranges
from keepwell.definitions.values import (
    Category,
    Condition,
    Days,
    Key,
    Model,
    Name,
    Number,
    Share,
    Weight,
    days,
    number,
)

NodePath = tuple[str, ...]
UNMEASURED = "has neither components nor a metric"


class Measure(Model):
    """How one metric is judged: bands, ranges or choices, on the scale that the source prints."""

    metric: Key | None = None
    bands: BandMapping | None = None
    ranges: list[Ramp] | None = None
    choices: dict[Category, Number] | None = None
    out_of: Annotated[float, BeforeValidator(number)] = Field(100.0, gt=0)

    @property
    def is_judged(self) -> bool:
        return any(j is not None for j in (self.bands, self.ranges, self.choices))

    @model_validator(mode="after")
    def _one_judgement(self) -> Measure:
        if sum(j is not None for j in (self.bands, self.ranges, self.choices)) > 1:
            raise ValueError("more than one of bands, ranges and choices; expected one")
        if self.ranges is not None:
            check_ranges(self.ranges)
        if self.choices is not None and not self.choices:
            raise ValueError("choices are empty; expected for example {yes: 100, no: 0}")
        for points in self.all_points():
            if points > self.out_of + 1e-9:
                raise ValueError(f"{points:g} points are more than out_of: {self.out_of:g}")
            if points < 0:
                raise ValueError(f"{points:g} points are less than none; expected 0 or more")
        return self

    def all_points(self) -> list[float]:
        """Every number of points that it can give, on its own scale."""
        if self.bands is not None:
            return self.bands.points()
        if self.ranges is not None:
            return [p for r in self.ranges for p in r.points]
        return list((self.choices or {}).values())


class Points(Model):
    """Missing data counts as a fixed number of points, on the measure's own scale."""

    points: Number


class Hold(Model):
    """The last known value counts for so long, marked stale."""

    hold: Days


def _missing(value: Any) -> Any:
    if value in ("redistribute", None) or isinstance(value, Points | Hold):
        return None if isinstance(value, str) else value
    if isinstance(value, dict) and list(value) == ["points"]:
        return Points(points=number(value["points"]))
    if isinstance(value, dict) and list(value) == ["hold"]:
        return Hold(hold=days(value["hold"]))
    raise ValueError(
        "is no policy for missing data; expected redistribute, {points: 50} or {hold: 30 days}"
    )


Missing = Annotated[
    Points | Hold | None,
    BeforeValidator(_missing),
    WithJsonSchema(
        {"type": ["string", "object"], "examples": ["redistribute", {"points": 50},
                                                    {"hold": "30 days"}]}
    ),
]  # fmt: skip


class Action(Model):
    """What a framework says to do in a tier."""

    do: str
    within: str | None = None


class Tier(Model):
    """A stretch of the scale with a name and a colour. `from` is included, `above` is not."""

    key: Key
    label: str
    from_: Number | None = Field(None, alias="from")
    above: Number | None = None
    colour: Literal["green", "yellow", "red", "blue", "grey"] = "grey"
    expected_churn: str | None = Field(None, description="the risk of churn that a source prints")
    target_share: Share | None = Field(None, description="the share of accounts a source aims at")
    actions: list[Action] = []

    @model_validator(mode="after")
    def _one_limit(self) -> Tier:
        if (self.from_ is None) == (self.above is None):
            raise ValueError("a tier has either from (included) or above (not included)")
        return self

    @property
    def limit(self) -> float:
        limit = self.from_ if self.from_ is not None else self.above
        assert limit is not None
        return limit


def _check_tiers(tiers: list[Tier]) -> list[Tier]:
    """Tiers go down to 0 and no two share a limit or a key. Raises ValueError."""
    if not tiers:
        raise ValueError("tiers are empty; expected at least one")
    limits = [(t.limit, t.above is not None) for t in tiers]
    if limits != sorted(limits, reverse=True):
        raise ValueError("tiers are not in order; expected the best first")
    if len(set(limits)) < len(tiers):
        raise ValueError("two tiers have the same limit: one of them is empty")
    if len({t.key for t in tiers}) < len(tiers):
        raise ValueError("two tiers have the same key")
    if any(t.limit > 100 or t.above == 100 for t in tiers):
        raise ValueError("a tier begins above 100, where no score is; expected 0 to 100")
    if tiers[-1].from_ != 0:
        raise ValueError("the last tier must say from: 0, or scores below it have no tier")
    return tiers


def _check_weights(components: dict[str, Component]) -> dict[str, Component]:
    """There is something to share out between components. Raises ValueError."""
    if not components:
        raise ValueError("components are empty; expected at least one")
    if sum(c.weight for c in components.values()) <= 0:
        raise ValueError("the weights of its components add up to 0: nothing to share out")
    return components


Tiers = Annotated[list[Tier], AfterValidator(_check_tiers)]
Components = Annotated[dict[Key, "Component"], AfterValidator(_check_weights)]


class Component(Measure):
    """A node of the tree: it has components of its own, or a metric and how it is judged."""

    label: str = ""
    description: str = ""
    weight: Weight = 1.0
    components: Components | None = None
    by: dict[Key, dict[Category, Measure]] | None = Field(
        None, description="another measure per value of a metric: {plan_tier: {tier_1: {...}}}"
    )
    states: dict[Key, Number] = Field({}, description="points for a named state of having no value")
    missing: Missing = None
    applies_when: Condition | None = Field(None, description="else: not applicable")
    tiers: Tiers | None = None
    advice: str = Field("", description="what to do to raise it")

    @model_validator(mode="after")
    def _inner_or_leaf(self) -> Component:
        if self.components is not None:
            if self.metric or self.is_judged or self.by:
                raise ValueError("has components and a metric; expected one of the two")
        elif self.by is not None:
            self._check_variants()
        elif self.metric is None:
            raise ValueError(UNMEASURED)
        elif not self.is_judged:
            raise ValueError("has a metric but no bands, ranges or choices")
        return self

    def _check_variants(self) -> None:
        if self.by is None or len(self.by) != 1:
            raise ValueError("by names one metric: {plan_tier: {tier_1: {...}}}")
        if self.is_judged:
            raise ValueError("has by and bands; write the bands inside by, or under else")
        for key, measure in self.variants():
            if measure.metric is None and self.metric is None:
                raise ValueError(f"no metric for {key}")
            if not measure.is_judged:
                raise ValueError(f"no bands, ranges or choices for {key}")

    def variants(self) -> list[tuple[str | None, Measure]]:
        """The ways in which a leaf may be judged: (value of the `by` metric, measure)."""
        if self.components is not None:
            return []
        if self.by is None:
            return [(None, self)]
        return list(next(iter(self.by.values())).items())

    @property
    def by_metric(self) -> str | None:
        return next(iter(self.by)) if self.by else None


class AddPoints(Model):
    """A number of points added to one component, on that component's own scale."""

    path: str
    points: Number
    out_of: Number = 100.0
    not_below: Number = 0.0


def _add_points(value: Any) -> Any:
    """`{engagement: -10, out_of: 25}` names the component by its key."""
    if isinstance(value, dict) and "path" not in value:
        own = {k: v for k, v in value.items() if k in ("out_of", "not_below")}
        rest = {k: v for k, v in value.items() if k not in own}
        if len(rest) != 1:
            raise ValueError(
                "names no single component; expected {engagement: -10, out_of: 25, not_below: 0}"
            )
        ((path, points),) = rest.items()
        return {"path": path, "points": points, **own}
    return value


class Adjustment(Model):
    """A rule that changes the score after it was computed. It sees the unadjusted score."""

    when: Condition
    because: str
    set_points: dict[str, Number] | None = None
    add_points: (
        Annotated[
            AddPoints,
            BeforeValidator(_add_points),
            WithJsonSchema(
                {"type": "object", "examples": [{"engagement": -10, "out_of": 25, "not_below": 0}]}
            ),
        ]
        | None
    ) = None
    hold: Literal["score"] | None = Field(None, description="keep the score of the last open day")
    mute: Literal["alerts"] | None = None

    @model_validator(mode="after")
    def _does_something(self) -> Adjustment:
        given = [x for x in (self.set_points, self.add_points, self.hold) if x is not None]
        if len(given) > 1 or (not given and self.mute is None):
            fault = "does two things" if given else "does nothing"
            raise ValueError(f"{fault}; expected one of set_points, add_points and hold, or mute")
        return self


class Target(Model):
    """A figure that a source prints as an aim or an expectation; never a result."""

    label: str
    value: str
    source: str = ""


class Scorecard(Model):
    """How accounts are judged."""

    scorecard: Name
    label: str
    description: str = ""
    applies_to: Condition | None = None
    tiers: Tiers
    component_tiers: Tiers | None = Field(
        None, description="the colours of components; the scorecard's own tiers where empty"
    )
    minimum_coverage: Share = Field(0.5, ge=0, le=1)
    missing: Missing = None
    components: Components
    adjustments: dict[Key, Adjustment] = {}
    printed_targets: list[Target] = []

    def nodes(self) -> Iterator[tuple[NodePath, Component]]:
        """Every node with its path, parents before children."""

        def below(path: NodePath, children: dict[str, Component]) -> Any:
            for key, child in children.items():
                yield (*path, key), child
                yield from below((*path, key), child.components or {})

        yield from below((), self.components)

    def leaves(self) -> Iterator[tuple[NodePath, Component]]:
        """Every leaf with its path, in the order of the file."""
        return ((path, node) for path, node in self.nodes() if node.components is None)

    def missing_policy(self, path: NodePath) -> Points | Hold | None:
        """The policy of a leaf: its own, or that of the nearest node around it."""
        policy, children = self.missing, self.components
        for key in path:
            node = children[key]
            if "missing" in node.model_fields_set:
                policy = node.missing
            children = node.components or {}
        return policy

    def tiers_of(self, path: NodePath) -> list[Tier]:
        """The tiers by which a component is coloured."""
        found, children = self.component_tiers or self.tiers, self.components
        for key in path:
            node = children[key]
            found = node.tiers or found
            children = node.components or {}
        return found

    def metrics(self) -> list[str]:
        """The metrics that its leaves read, each once, in the order of the file."""
        names: dict[str, None] = {}
        for _, leaf in self.leaves():
            for _, measure in leaf.variants():
                name = measure.metric or leaf.metric
                if name:
                    names[name] = None
        return list(names)

    def path_of(self, name: str) -> NodePath | None:
        """The path that `name` means: a/b/c, a.b.c, or a last key that only one node has."""
        parts = tuple(name.replace(".", "/").split("/"))
        paths = [path for path, _ in self.nodes()]
        if parts in paths:
            return parts
        ends = [path for path in paths if path[-len(parts) :] == parts]
        return ends[0] if len(ends) == 1 else None
