"""Extending a definition: what is written replaces, null removes, and the rest stays."""

from __future__ import annotations

import pytest

from keepwell.definitions.library import Library
from keepwell.definitions.loading import load
from keepwell.kit.errors import KeepwellError
from tests.definitions.reading import library, lines

BASE_FILE = (
    "built-in.yaml",
    """\
scorecard: base
label: Base
tiers: [{key: good, label: Good, from: 50}, {key: bad, label: Bad, from: 0}]
missing: {hold: 30 days}
components:
  usage:
    label: Usage
    weight: 60
    components:
      logins: {metric: logins, weight: 2, bands: {70: 100, 50: 70, else: 30}}
      plan: {metric: plan, choices: {small: 20, large: 100}}
  support: {metric: tickets, weight: 40, bands: {"<=2": 100, else: 0}}
adjustments:
  quiet: {when: logins < 3, because: Quiet, add_points: {usage: -10}}
""",
)
METRICS_FILE = (
    "metrics.yaml",
    """\
metrics:
  logins: {label: Logins, sum: value, from: usage_daily, where: metric = 'login', over: 7 days}
  plan: {label: Plan, assessed: [small, large]}
  tickets: {label: Tickets, count: rows, from: tickets, over: 30 days}
""",
)
BASE = load([METRICS_FILE, BASE_FILE])


def over(text: str) -> Library:
    return library("scorecard: mine\nextends: base\n" + text, BASE)


def test_nothing_written_is_the_same_under_another_key() -> None:
    mine, base = over("").scorecard("mine"), BASE.scorecard("base")
    assert mine == base.model_copy(update={"scorecard": "mine"})


def test_what_is_written_replaces_and_the_rest_stays() -> None:
    mine = over("""\
label: Ours
components:
  usage: {weight: 10, components: {logins: {weight: 9}}}
  training: {metric: tickets, bands: {5: 100, else: 0}}
""").scorecard("mine")
    weights = {"/".join(path): node.weight for path, node in mine.nodes()}
    assert weights == {
        "usage": 10, "usage/logins": 9, "usage/plan": 1, "support": 40, "training": 1,
    }  # fmt: skip
    assert mine.label == "Ours"
    assert mine.components["usage"].label == "Usage"
    assert mine.tiers == BASE.scorecard("base").tiers


def test_null_removes() -> None:
    mine = over("""\
missing: null
components: {support: null, usage: {label: null, components: {plan: null}}}
adjustments: {quiet: null}
""").scorecard("mine")
    assert ["/".join(path) for path, _ in mine.nodes()] == ["usage", "usage/logins"]
    assert mine.components["usage"].label == ""
    assert mine.missing is None
    assert mine.adjustments == {}


@pytest.mark.parametrize(
    ("text", "path", "field", "written"),
    [
        ("bands: {80: 100, else: 0}", "logins", "bands", {">=80.0": 100.0, "else": 0.0}),
        ("choices: {small: 50}", "plan", "choices", {"small": 50.0}),
        ("missing: {points: 5}", "logins", "missing", {"points": 5.0}),
    ],
)
def test_bands_choices_and_policies_are_replaced_as_a_whole(
    text: str, path: str, field: str, written: object
) -> None:
    mine = over(f"components: {{usage: {{components: {{{path}: {{{text}}}}}}}}}").scorecard("mine")
    leaf = dict(mine.leaves())["usage", path]
    assert leaf.model_dump(mode="json", by_alias=True)[field] == written


def test_a_policy_of_the_whole_is_replaced_as_a_whole() -> None:
    assert over("missing: {points: 50}").scorecard("mine").model_dump()["missing"] == {"points": 50}


def test_a_leaf_is_judged_in_another_way_when_the_old_one_is_removed() -> None:
    ranges = "ranges: [{from: 0, to: 9, points: [0, 9]}]"
    inside = "components: {support: {bands: null, %s}}"
    leaf = over(inside % ranges).scorecard("mine").components["support"]
    assert leaf.bands is None
    assert leaf.ranges is not None
    text = "scorecard: mine\nextends: base\n" + inside.replace("bands: null, ", "") % ranges
    assert lines(text, BASE) == [
        "3:14: components.support: more than one of bands, ranges and choices; expected one"
    ]


USAGE = (
    "'base' has no such component to change; expected one of usage, support, or a component with a"
    " metric of its own; did you mean 'usage'?"
)
LOGINS = USAGE.replace("usage, support", "logins, plan").replace("'usage'", "'logins'")


@pytest.mark.parametrize(
    ("components", "told"),
    [
        ("usag: {weight: 10}", f"3:14: components.usag: {USAGE}"),
        (
            "usag: {components: {logins: {weight: 9}, plan: {weight: 1}}}",
            f"3:14: components.usag: {USAGE}",
        ),
        (
            "usage: {components: {login: {bands: {80: 100, else: 0}}}}",
            f"3:35: components.usage.components.login: {LOGINS}",
        ),
        (
            "support: {metric: null}",
            "3:14: components.support: has neither components nor a metric",
        ),
        (
            "support: {metric: null, bands: null, components: {desk: {weight: 1}}}",
            "3:64: components.support.components.desk: has neither components nor a metric",
        ),
    ],
)
def test_a_misspelt_component_is_told_with_the_nearest_of_the_extended_scorecard(
    components: str, told: str
) -> None:
    text = f"scorecard: mine\nextends: base\ncomponents: {{{components}}}\n"
    assert lines(text, BASE) == [told]


def test_metrics_are_extended_and_replaced_by_their_key() -> None:
    mine = library(
        """\
        metrics:
          logins_14d: {extends: logins, label: Logins of two weeks, over: 14 days}
          all_logins: {extends: logins_14d, over: null}
          logins: {extends: logins, where: metric = 'session'}
          tickets: {label: Tickets, assessed: {from: 0, to: 9}}
        """,
        BASE,
    ).metrics
    assert (mine["logins_14d"].over, mine["logins_14d"].kind) == (14, "sum")
    assert mine["all_logins"].over is None
    assert mine["all_logins"].label == "Logins of two weeks"
    # One that extends its own key extends the built-in one, and is not seen by the others twice.
    where = mine["logins"].where
    assert where is not None
    assert where.text == "metric = 'session'"
    assert mine["tickets"].kind == "assessed"
    assert mine["plan"] == BASE.metrics["plan"]


def test_a_chain_of_extensions_ends_in_the_first() -> None:
    files = [
        ("c.yaml", "scorecard: c\nextends: b\nlabel: C\n"),
        ("b.yaml", "scorecard: b\nextends: base\ncomponents: {support: null}\n"),
    ]
    for order in (files, files[::-1]):
        found = load(order, BASE).scorecard("c")
        assert (found.label, list(found.components)) == ("C", ["usage"])


def test_an_unknown_key_is_asked_for_with_near_names() -> None:
    with pytest.raises(KeepwellError, match="did you mean 'logins'"):
        BASE.metric("login")
    with pytest.raises(KeepwellError, match="did you mean 'base'"):
        BASE.scorecard("basis")
    with pytest.raises(KeepwellError, match="none is known yet"):
        BASE.segmentation("rfm")
    assert BASE.scorecard("base").label == "Base"
