"""Wrong definitions: every problem at once, with its place, what was expected and a near name."""

from __future__ import annotations

from textwrap import dedent, indent

import pytest

from keepwell.definitions.loading import load
from keepwell.kit.errors import DefinitionErrors
from tests.definitions.reading import library, lines, problems

BASE = library("""\
    metrics:
      logins_7d: {label: Logins, assessed: {from: 0, to: 100}}
      active_share: {label: Active share, unit: share, assessed: {from: 0, to: 1}}
      plan: {label: Plan, assessed: [small, large]}
      trained: {label: Trained, unit: yes_no, formula: logins_7d > 3}
    """)

TREE = """\
scorecard: mine
label: Mine
tiers: [{key: good, label: Good, from: 50}, {key: bad, label: Bad, from: 0}]
components:
  usage: {metric: logins_7d, bands: {10: 100, else: 0}}
"""


def metric(text: str) -> list[str]:
    """The problems of a metric whose fields are `text`, at line 2."""
    return lines("metrics:\n  m: {label: M, " + text + "}", BASE)


def leaf(text: str) -> list[str]:
    """The problems of a component whose fields are `text`, at line 6."""
    return lines(TREE + "  leaf: {" + text + "}", BASE)


def card(text: str) -> list[str]:
    """The problems of a scorecard with further fields, from line 6 on."""
    return lines(TREE + dedent(text), BASE)


# --- all at once ----------------------------------------------------------------------------------


def test_all_problems_of_all_files_come_at_once_in_order() -> None:
    files = [
        ("scorecards/b.yaml", TREE.replace("logins_7d", "logins_7").replace("10:", "x:")),
        ("metrics/a.yaml", """\
metrics:
  one: {label: One, formula: flor(logins_7d), good: up}
  two: {label: Two, formula: logns_7d + 1, over: 30 days, over: 7 days}
  three: {lable: Three, count: rows}
"""),
        ("segments/c.yaml", "segmentation: c\nlabel: C\nsegments: {a: {label: A, when: scor > 5}}"),
        ("metrics/d.yaml", "metrics: [1, 2"),
    ]  # fmt: skip
    with pytest.raises(DefinitionErrors) as caught:
        load(files, BASE)
    assert [(p.file, p.line, p.column, p.field) for p in caught.value.problems] == [
        ("metrics/a.yaml", 2, 21, "metrics.one.formula"),
        ("metrics/a.yaml", 2, 47, "metrics.one.good"),
        ("metrics/a.yaml", 3, 21, "metrics.two.formula"),
        ("metrics/a.yaml", 3, 44, "metrics.two.over"),
        ("metrics/a.yaml", 3, 59, "metrics.two.over"),
        ("metrics/a.yaml", 4, 3, "metrics.three"),
        ("metrics/a.yaml", 4, 11, "metrics.three.lable"),
        ("metrics/d.yaml", 2, 1, "file"),
        ("scorecards/b.yaml", 5, 11, "components.usage.metric"),
        ("scorecards/b.yaml", 5, 29, "components.usage.bands"),
        ("segments/c.yaml", 3, 26, "segments.a.when"),
    ]
    assert [p.nearest for p in caught.value.problems] == [
        "floor", None, "logins_7d", None, None, None, "label", None, "logins_7d", None, "score",
    ]  # fmt: skip
    text = str(caught.value)
    assert text.splitlines()[0] == "11 problems in the definitions"
    assert (
        "  scorecards/b.yaml:5:11: components.usage.metric: no metric is called 'logins_7'; "
        "expected a metric's key; did you mean 'logins_7d'?"
    ) in text.splitlines()


def test_a_metric_that_cannot_be_read_is_not_called_unknown_too() -> None:
    assert lines(
        """\
        metrics:
          broken: {label: Broken, sum: value, over: soon}
          made_of_it: {label: Made of it, formula: broken * 2}
          ranked: {label: Ranked, rank: broken}
        """
    ) == [
        "2:39: metrics.broken.over: 'soon' is not a length of time; expected '30 days' or '2 weeks'"
    ]


def test_a_file_without_definitions_is_no_problem() -> None:
    for text in ("", "# only a comment", "metrics:", "segments: {}"):
        assert library(text).metrics == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("- a", ["1:1: file: the file is not a mapping; expected key: value"]),
        ("just words", ["1:1: file: the file is not a mapping; expected key: value"]),
        ("metrics: [a]", ["1:1: metrics: is not a mapping; expected key: definition"]),
        ("metric: {}", [
            ("1:1: metric: unknown field; expected one of metrics, segments, scorecard, "
            "segmentation; did you mean 'metrics'?")]),
        ("metrics: {a: 5}", ["1:11: metrics.a: is not a mapping; expected key: value"]),
        ("metrics: {A b: {}}", [
            ("1:11: metrics.A b: 'A b' is not a key; expected small letters, digits and _: "
            "my_metric")]),
        ("metrics: {case: {label: A, formula: logins_7d}}", [
            ("1:11: metrics.case: 'case' means something else; expected a key that is no word of "
            "the expression language")]),
        ("metrics: {score: {label: A, formula: logins_7d}}", [
            ("1:11: metrics.score: 'score' means something else; expected a key that is no word of "
            "the expression language")]),
        ("segments: {a: {label: A}}", [
            "1:12: segments.a: 'when' is missing; expected a condition"]),
        ("segments: {a: {label: A, when: logins_8d > 1}}", [
            ("1:26: segments.a.when: 'logins_8d' is neither a metric nor an attribute; expected a "
            "metric's key or account.<attribute>; did you mean 'logins_7d'?")]),
        ("metrics: {a: {label: A, formula: logins_7d, formula: logins_7d}}", [
            "1:45: metrics.a.formula: this key stands twice; expected each key once"]),
    ],
)  # fmt: skip
def test_what_a_file_is_made_of(text: str, found: list[str]) -> None:
    assert lines(text, BASE) == found


def test_one_key_is_defined_once_in_all_files() -> None:
    text = "metrics:\n  a: {label: A, formula: logins_7d}"
    with pytest.raises(DefinitionErrors) as caught:
        load([("one.yaml", text), ("two.yaml", text)], BASE)
    assert [p.text() for p in caught.value.problems] == [
        (
            "two.yaml:2:3: metrics.a: the metric 'a' is defined twice; "
            "expected one definition; the other is in one.yaml:2"
        )
    ]


# --- metrics --------------------------------------------------------------------------------------

KINDS = (
    "count, count_distinct, sum, mean, median, min, max, share, latest, days_since_last, "
    "days_since_first, days_until, streak, formula, change, assessed, rank, share_of_accounts"
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("unit: days", [f"2:3: metrics.m: a metric has exactly one of {KINDS}; found: none"]),
        ("count: rows, sum: value, from: tickets", [
            f"2:3: metrics.m: a metric has exactly one of {KINDS}; found: count and sum"]),
        ("sum: quantity", ["2:3: metrics.m: 'sum' needs a table; expected from: tickets"]),
        ("formula: logins_7d, over: 3 days, where: x = 1", [
            "2:37: metrics.m.over: 'over' does not go with 'formula'",
            "2:51: metrics.m.where: 'where' does not go with 'formula'"]),
        ("count: rows, from: tickets, per: issue_key", [
            "2:3: metrics.m: 'per' and 'then' go together; expected per: problem_key, then: max"]),
        ("change: logins_7d", [
            "2:17: metrics.m.change: since when is missing; expected since: 7 days"]),
        ("count: rows, from: tickets, none_means: since_start", [
            "2:45: metrics.m.none_means: since_start goes with days_since_last only"]),
        ("days_since_first: feature_key, from: usage_daily", [
            "2:3: metrics.m: 'days_since_first' needs 'over'; expected over: 60 days"]),
        ("rank: logns_7d, into: 1, within: [plann]", [
            "2:33: metrics.m.into: '1' does not fit; expected greater than or equal to 2"]),
        ("rank: logns_7d, within: [plann]", [
            ("2:17: metrics.m.rank: no metric is called 'logns_7d'; expected a metric's key; "
            "did you mean 'logins_7d'?"),
            ("2:42: metrics.m.within.0: no metric is called 'plann'; expected a metric's key; "
            "did you mean 'plan'?")]),
        ("assessed: {from: 0, too: 10}", [
            "2:17: metrics.m.assessed: the field 'to' is missing",
            ("2:37: metrics.m.assessed.too: unknown field; expected one of from, to; "
            "did you mean 'to'?")]),
        ("assessed: [a], good: up, expires: 0 days", [
            "2:32: metrics.m.good: 'up' does not fit; expected 'high' or 'low'",
            ("2:42: metrics.m.expires: '0 days' is not a length of time; "
            "expected '30 days' or '2 weeks'")]),
        ("formula: logins_7d, states: {Some state: logins_7d > 1, other: loins > 1}", [
            ("2:46: metrics.m.states.Some state: 'Some state' is not a key; "
            "expected small letters, digits and _: my_metric")]),
    ],
)  # fmt: skip
def test_metrics(text: str, found: list[str]) -> None:
    assert metric(text) == found


@pytest.mark.parametrize(
    ("formula", "found"),
    [
        ("logins_7d +", "cannot read the expression 'logins_7d +': something is missing; "),
        ("logins_7d 5", "cannot read the expression 'logins_7d 5': Invalid expression "),
        ("select 1", "'select 1' uses SELECT, which is not allowed; "),
        ("(select 1)", "'(select 1)' uses SUBQUERY, which is not allowed; "),
        ("logins_7d::int", "the function cast() in 'logins_7d::int' is not allowed; "),
        ("read_csv('x')", "the function read_csv() in \"read_csv('x')\" is not allowed; "),
        ("x; drop table y", "'x; drop table y' is not one expression; "),
        ("logins_7d > null", "'logins_7d > null' compares with null, which is never true; "),
        ("round(logins_7d, plan)", "round() in 'round(logins_7d, plan)' has no fixed number of "),
        ("before(5, 30 days)", "before() of something that is no metric; expected a metric's key"),
        ("before(loogins, 30 days)", "'loogins' is neither a metric nor an attribute; "),
        ("logins_7d > 30 days", "'logins_7d > 30 days' compares or adds a length of time; "),
        ("active_share > 70", ("the share 'Active share' is compared with 70; "
         "expected 70% or 0.7")),
        ("logins_7d > 5 or 72 < active_share", ("the share 'Active share' is compared with 72; "
         "expected 72% or 0.72")),
        ("active_share between 0.5 and 80", "the share 'Active share' is compared with 80; "),
    ],
)  # fmt: skip
def test_formulas(formula: str, found: str) -> None:
    text = f'metrics:\n  m: {{label: M, formula: "{formula}"}}'
    first = problems(text, BASE)[0]
    assert (first.line, first.column, first.field) == (2, 17, "metrics.m.formula")
    assert first.text().partition("formula: ")[2].startswith(found)


def test_an_expression_over_several_lines_is_told_in_one() -> None:
    (problem,) = problems(
        """\
        metrics:
          m:
            label: M
            formula: |
              logins_7d
                + flor(2)
        """,
        BASE,
    )
    assert problem.text().startswith(
        "definitions.yaml:4:5: metrics.m.formula: the function flor() in "
        "'logins_7d\\n  + flor(2)\\n' is not allowed; expected one of abs, "
    )
    assert problem.text().endswith("; did you mean 'floor'?")
    assert problem.nearest == "floor"


def test_an_expression_that_is_too_long_is_not_repeated() -> None:
    (found,) = metric("formula: " + "logins_7d + " * 400 + "1")
    assert found == (
        "2:17: metrics.m.formula: an expression of 4,801 characters; expected at most 4,000"
    )
    (found,) = metric("formula: " + "logins_7d + " * 250 + "1")
    assert len(found) < 300


@pytest.mark.parametrize("field", ["where", "count", "order_by"])
@pytest.mark.parametrize("call", ["before(logins_7d, 7 days)", "in_period('holiday')"])
def test_what_belongs_to_accounts_is_not_asked_of_rows(field: str, call: str) -> None:
    fields = {"from": "tickets", "count": "rows", field: f'"{call} = 1"'}
    if field == "order_by":
        fields["latest"] = fields.pop("count").replace("rows", "category")
    found = metric(", ".join(f"{k}: {v}" for k, v in fields.items()))
    assert len(found) == 1
    assert f"metrics.m.{field}: {call.partition('(')[0]}()" in found[0]
    assert found[0].endswith("; expected a formula")


def test_circles_are_shown_from_each_metric_in_them() -> None:
    assert lines(
        """\
        metrics:
          a: {label: A, formula: b + 1}
          b: {label: B, change: c, since: 7 days}
          c: {label: C, rank: d, within: [plan]}
          d: {label: D, formula: "coalesce(plan, 'x')", unit: category, states: {s: a > 1}}
          e: {label: E, formula: e}
          f: {label: F, formula: logins_7d}
        """,
        BASE,
    ) == [
        (
            "2:3: metrics.a: these metrics go in a circle: a -> b -> c -> d -> a; "
            "expected formulas that end in facts"
        ),
        (
            "3:3: metrics.b: these metrics go in a circle: b -> c -> d -> a -> b; "
            "expected formulas that end in facts"
        ),
        (
            "4:3: metrics.c: these metrics go in a circle: c -> d -> a -> b -> c; "
            "expected formulas that end in facts"
        ),
        (
            "5:3: metrics.d: these metrics go in a circle: d -> a -> b -> c -> d; "
            "expected formulas that end in facts"
        ),
        "6:3: metrics.e: these metrics go in a circle: e -> e; expected formulas that end in facts",
    ]


# --- leaves ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ("bands: {}", ".bands: bands are empty; "),
        ("bands: {else: 5}", ".bands: no band but else; expected at least one limit"),
        ("bands: {10: 100}", ".bands: a band for all other values is missing; add else: 0"),
        ("bands: {10: 100, '>=10': 50, else: 0}", ".bands: two bands with the limit >= 10 overlap"),
        ("bands: {100%: 100, '1': 50, else: 0}", ".bands: two bands with the limit >= 1 overlap"),
        ("bands: {'<=2': 100, '<= 2.0': 50, else: 0}",
         ".bands: two bands with the limit <= 2 overlap"),
        ("bands: {'<2': 100, '>5': 50, else: 0}", ".bands: bands mix upper limits (<, <=) with "),
        ("bands: {many: 100, else: 0}", (".bands: band 'many': 'many' is not a number; "
         "expected 12, 0.5 or 70%")),
        ("bands: {10: many, else: 0}", ".bands: band '10': 'many' is not a number; "),
        ("bands: {10: 120, else: 0}", ": 120 points are more than out_of: 100"),
        ("bands: {10: 35, else: 0}, out_of: 30", ": 35 points are more than out_of: 30"),
        ("bands: {10: 5, else: -1}", ": -1 points are less than none; expected 0 or more"),
        ("bands: {10: 5, else: 0}, out_of: 0", ".out_of: '0.0' does not fit; expected greater "),
        ("bands: [10, 20]", ".bands: bands are empty; "),
        ("ranges: []", ": ranges are empty"),
        ("ranges: [{from: 5, to: 5, points: [0, 50]}]", ": the range from 5 to 5 is empty"),
        ("ranges: [{from: 9, to: 5, points: [0, 50]}]", ": the range from 9 to 5 is empty"),
        ("ranges: [{from: 0, to: 5, points: [0, 50]}, {from: 4, to: 9, points: [50, 100]}]",
         ": ranges overlap between 4 and 5"),
        ("ranges: [{from: 0, to: 5, points: [0, 50]}, {from: 6, to: 9, points: [50, 100]}]",
         ": ranges leave a gap between 5 and 6"),
        ("ranges: [{from: 0, to: 5, points: [0]}]", ".ranges.0.points: has no part 2"),
        ("bands: {1: 1, else: 0}, ranges: [{from: 0, to: 5, points: [0, 5]}]",
         ": more than one of bands, ranges and choices; expected one"),
        ("choices: {}", ": choices are empty; expected for example {yes: 100, no: 0}"),
        ("choices: {a: 5}", ": 'Logins' is a number; expected bands or ranges"),
        ("label: No bands", ": has a metric but no bands, ranges or choices"),
        ("bands: {1: 1, else: 0}, components: {a: {metric: logins_7d, bands: {1: 1, else: 0}}}",
         ": has components and a metric; expected one of the two"),
        ("bands: {1: 1, else: 0}, weight: -5", ".weight: a weight of -5 is below 0; expected 0 "),
        ("bands: {1: 1, else: 0}, weight: heavy", ".weight: 'heavy' is not a number; "),
        ("bands: {1: 1, else: 0}, weight: '1e999'", ".weight: '1e999' is not a number; "),
        ("bands: {1: 1, else: 0}, wieght: 5", ".wieght: unknown field; "),
        ("bands: {1: 1, else: 0}, missing: zero", (".missing: is no policy for missing data; "
         "expected redistribute, {points: 50} or {hold: 30 days}")),
        ("bands: {1: 1, else: 0}, missing: {point: 5}", ".missing: is no policy for missing data"),
        ("bands: {1: 1, else: 0}, missing: {hold: long}", ".missing: 'long' is not a length of "),
        ("bands: {1: 1, else: 0}, missing: {points: 101}", ".missing: 101 points; expected 0 to "),
        ("bands: {1: 1, else: 0}, states: {silent: 200}", (".states.silent: 200 points; expected "
         "0 to 100, its own scale")),
        ("bands: {1: 1, else: 0}, applies_when: plann = 'small'", ".applies_when: 'plann' is "),
        ("bands: {1: 1, else: 0}, applies_when: 'score > 5'", ".applies_when: 'score' is neither "),
        ("bands: {1: 1, else: 0}, applies_when: 'before(logins_7d, 7 days) > 1'",
         ".applies_when: before() looks back at a metric; expected a metric with that formula"),
        ("bands: {1: 1, else: 0}, applies_when: 'active_share < 70'",
         ".applies_when: the share 'Active share' is compared with 70; expected 70% or 0.7"),
        ("bands: {1: 1, else: 0}, tiers: []", ".tiers: tiers are empty; expected at least one"),
    ],
)  # fmt: skip
def test_leaves(fields: str, found: str) -> None:
    (line, *_) = [text for text in leaf("metric: logins_7d, " + fields) if found in text]
    assert line.startswith("6:")
    assert line.partition(": ")[2].startswith("components.leaf" + found)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ("metric: logns_7d, bands: {5: 1, else: 0}", [
            ("6:10: components.leaf.metric: no metric is called 'logns_7d'; expected a metric's "
            "key; did you mean 'logins_7d'?")]),
        ("metric: active_share, bands: {70: 100, 50%: 70, 1.5: 3, else: 0}", [
            ("6:32: components.leaf.bands: a limit of 70 for the share 'Active share'; "
            "expected 70% or 0.7")]),
        ("metric: active_share, ranges: [{from: 0, to: 72, points: [0, 100]}]", [
            ("6:32: components.leaf.ranges: a limit of 72 for the share 'Active share'; "
            "expected 72% or 0.72")]),
        ("metric: plan, bands: {5: 1, else: 0}", [
            ("6:3: components.leaf: 'Plan' is a category and has no bands; expected choices: "
            "{...}")]),
        ("metric: plan, choices: {smal: 1, large: 5}", [
            ("6:34: components.leaf.choices.smal: 'Plan' is never 'smal'; expected one of small, "
            "large; did you mean 'small'?")]),
        ("metric: trained, choices: {true: 1, no: 5}", [
            ("6:37: components.leaf.choices.true: 'Trained' is never 'true'; expected one of yes, "
            "no")]),
        ("weight: 5", ["6:3: components.leaf: has neither components nor a metric"]),
        ("components: {}", [
            "6:10: components.leaf.components: components are empty; expected at least one"]),
        ("components: {a: {weight: 0, metric: logins_7d, bands: {5: 1, else: 0}}}", [
            ("6:10: components.leaf.components: the weights of its components add up to 0: nothing "
            "to share out")]),
        (("by: {plann: {small: {metric: loins, bands: {5: 1, else: 0}}, else: {metric: logins_7d, "
         "bands: {5: 1, else: 0}}}}"), [
            ("6:15: components.leaf.by.plann: no metric is called 'plann'; expected a metric's "
            "key; did you mean 'plan'?"),
            ("6:31: components.leaf.by.plann.small.metric: no metric is called 'loins'; expected a "
            "metric's key; did you mean 'logins_7d'?")]),
        ("by: {plan: {small: {bands: {5: 1, else: 0}}}}", [("6:3: components.leaf: no metric for "
                                                          "small")]),
        ("by: {plan: {small: {metric: logins_7d}}}", [
            "6:3: components.leaf: no bands, ranges or choices for small"]),
        ("by: {plan: {small: {metric: active_share, bands: {70: 1, else: 0}}}}", [
            ("6:52: components.leaf.by.plan.small.bands: a limit of 70 for the share 'Active "
            "share'; expected 70% or 0.7")]),
        ("by: {plan: {}, trained: {}}", [
            "6:3: components.leaf: by names one metric: {plan_tier: {tier_1: {...}}}"]),
    ],
)  # fmt: skip
def test_metrics_and_judgement_fit(fields: str, found: list[str]) -> None:
    assert leaf(fields) == found


# --- scorecards -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("minimum_coverage: 50", ["6:1: minimum_coverage: 50 is not a share; expected 50% or 0.5"]),
        ("minimum_coverage: 150%", [
            "6:1: minimum_coverage: 150% is not a share; expected 0% to 100%"]),
        ("applies_to: account.plan = 'x' and plann = 'y'", [
            ("6:1: applies_to: 'plann' is neither a metric nor an attribute; expected a metric's "
            "key or account.<attribute>; did you mean 'plan'?")]),
        ("adjustments: {a: {when: score > 5, because: x}}", [
            ("6:15: adjustments.a: does nothing; expected one of set_points, add_points and hold, "
            "or mute")]),
        ("adjustments: {a: {when: scor > 5, because: x, hold: score}}", [
            ("6:19: adjustments.a.when: 'scor' is neither a metric nor an attribute; expected a "
            "metric's key or account.<attribute>; did you mean 'score'?")]),
        ("adjustments: {a: {when: score > 5, because: x, set_points: {usag: 5}, hold: score}}", [
            ("6:15: adjustments.a: does two things; expected one of set_points, add_points and "
            "hold, or mute")]),
        ("adjustments: {a: {when: score > 5, because: x, set_points: {usag: 5}}}", [
            ("6:48: adjustments.a.set_points: no single component is called 'usag'; expected a "
            "path such as usage; did you mean 'usage'?")]),
        ("adjustments: {a: {when: score > 5, because: x, set_points: {usage: 500}}}", [
            "6:61: adjustments.a.set_points.usage: 500 points; expected 0 to 100, its own scale"]),
        ("adjustments: {a: {when: score > 5, because: x, add_points: {usage: 5, other: 6}}}", [
            ("6:48: adjustments.a.add_points: names no single component; expected {engagement: "
            "-10, out_of: 25, not_below: 0}")]),
        ("tier: []", [
            ("6:1: tier: unknown field; expected one of scorecard, label, description, applies_to, "
            "tiers, component_tiers, minimum_coverage, missing, components, adjustments, "
            "printed_targets; did you mean 'tiers'?")]),
    ],
)  # fmt: skip
def test_scorecards(text: str, found: list[str]) -> None:
    assert card(text) == found


TIERS = {
    "[]": "tiers are empty; expected at least one",
    "[{key: a, label: A, from: 0}, {key: b, label: B, from: 50}]":
        "tiers are not in order; expected the best first",
    "[{key: a, label: A, from: 50}, {key: b, label: B, above: 50}, {key: c, label: C, from: 0}]":
        "tiers are not in order; expected the best first",
    "[{key: a, label: A, from: 50}, {key: b, label: B, from: 50}, {key: c, label: C, from: 0}]":
        "two tiers have the same limit: one of them is empty",
    "[{key: a, label: A, from: 50}, {key: a, label: B, from: 0}]": "two tiers have the same key",
    "[{key: a, label: A, from: 50}, {key: b, label: B, from: 10}]":
        "the last tier must say from: 0, or scores below it have no tier",
    "[{key: a, label: A, above: 0}]":
        "the last tier must say from: 0, or scores below it have no tier",
    "[{key: a, label: A, from: 120}, {key: b, label: B, from: 0}]":
        "a tier begins above 100, where no score is; expected 0 to 100",
    "[{key: a, label: A, above: 100}, {key: b, label: B, from: 0}]":
        "a tier begins above 100, where no score is; expected 0 to 100",
}  # fmt: skip


@pytest.mark.parametrize("tiers", TIERS)
def test_tiers_cover_the_scale_without_overlap(tiers: str) -> None:
    text = TREE.replace(
        "[{key: good, label: Good, from: 50}, {key: bad, label: Bad, from: 0}]", tiers
    )
    assert lines(text, BASE) == [f"3:1: tiers: {TIERS[tiers]}"]
    assert card(f"component_tiers: {tiers}") == [f"6:1: component_tiers: {TIERS[tiers]}"]


def test_a_tier_says_one_limit_and_a_known_colour() -> None:
    assert card(
        """\
        component_tiers:
          - {key: a, label: A, from: 50, above: 50}
          - {key: B, label: B}
          - {key: c, label: C, from: 0, color: red, colour: pink}
        """
    ) == [
        "7:5: component_tiers.0: a tier has either from (included) or above (not included)",
        (
            "8:6: component_tiers.1.key: 'B' is not a key; expected small letters, digits and _: "
            "my_metric"
        ),
        (
            "9:33: component_tiers.2.color: unknown field; expected one of key, label, from, "
            "above, colour, expected_churn, target_share, actions; did you mean 'colour'?"
        ),
        (
            "9:45: component_tiers.2.colour: 'pink' does not fit; expected 'green', 'yellow', "
            "'red', 'blue' or 'grey'"
        ),
    ]


def test_weights_that_leave_nothing_to_share_out() -> None:
    text = TREE.replace("{metric: logins_7d,", "{weight: 0, metric: logins_7d,")
    assert lines(text, BASE) == [
        "4:1: components: the weights of its components add up to 0: nothing to share out"
    ]


# --- extending ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: {extends: loins_7d}", [
            ("2:7: metrics.a.extends: no metric is called 'loins_7d'; expected a metric; "
            "did you mean 'logins_7d'?")]),
        ("a: {extends: b}\n  b: {extends: a}", [
            "2:7: metrics.a.extends: extends itself; expected a metric",
            "3:7: metrics.b.extends: extends itself; expected a metric"]),
        ("a: {extends: a}", [
            ("2:7: metrics.a.extends: no metric is called 'a'; expected a metric; "
            "did you mean 'plan'?")]),
        ("a: {extends: logins_7d, formula: plan}", None),
    ],
)  # fmt: skip
def test_what_extends_names_something_that_is_there(text: str, found: list[str] | None) -> None:
    got = lines("metrics:\n  " + text, BASE)
    if found is not None:
        assert [g.partition("; did")[0] for g in got] == [f.partition("; did")[0] for f in found]
    else:
        assert len(got) == 1
        assert "exactly one of" in got[0]
        assert "found: formula and assessed" in got[0]


def test_a_problem_of_what_was_extended_names_the_file_where_it_was_said() -> None:
    base = TREE.replace("logins_7d", "logns_7d").replace("mine", "base")
    over = "scorecard: mine\nextends: base\ncomponents:\n  usage: {bands: {x: 1}}\n"
    with pytest.raises(DefinitionErrors) as caught:
        load([("base.yaml", base), ("over.yaml", over)], BASE)
    assert [(p.file, p.line, p.field) for p in caught.value.problems] == [
        ("base.yaml", 5, "components.usage.metric"),
        ("over.yaml", 4, "components.usage.bands"),
    ]


def test_indentation_does_not_matter_for_the_place() -> None:
    text = "metrics:\n" + indent("m:\n    label: M\n    formula: logns_7d\n", "      ")
    assert lines(text, BASE)[0].startswith("4:11: metrics.m.formula: 'logns_7d' is neither ")
