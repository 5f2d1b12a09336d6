"""What a scorecard means: bands, tiers, policies for missing data, and the names of its parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepwell.definitions.bands import Band, Bands
from keepwell.definitions.expressions import LONGEST
from keepwell.definitions.scorecard import Hold, Points, Scorecard
from keepwell.definitions.values import days, number
from tests.definitions.reading import library


def scorecard(components: str, more: str = "") -> Scorecard:
    base = library("""\
        metrics:
          a: {label: A, assessed: {from: 0, to: 100}}
          b: {label: B, assessed: [x, y]}
          p: {label: P, assessed: [small, large]}
        """)
    text = (
        "scorecard: s\nlabel: S\n"
        "tiers: [{key: good, label: Good, above: 50}, {key: bad, label: Bad, from: 0}]\n"
        f"{more}\ncomponents:\n{components}"
    )
    return library(text, base).scorecard("s")


def bands(written: str) -> Bands:
    found = scorecard(f"  x: {{metric: a, bands: {written}}}").components["x"].bands
    assert found is not None
    return found


# --- numbers and bands ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (5, 5.0), (0.5, 0.5), (-3, -3.0), ("5", 5.0), (" 70% ", 0.7), ("12.5 %", 0.125),
        ("-5%", -0.05), ("1e3", 1000.0), ("+2", 2.0), (1e-7, 1e-7), (1e22, 1e22),
    ],
)  # fmt: skip
def test_a_number_may_be_a_percentage(written: object, value: float) -> None:
    assert number(written) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_stays_the_same_number(value: float) -> None:
    assert number(value) == value


@given(st.integers(0, 100), st.integers(1, 1000))
def test_a_percentage_meets_the_share_that_counting_gives(percent: int, whole: int) -> None:
    assert number(f"{percent}%") == percent / 100
    assert number(f"{percent}%") == (percent * whole) / (100 * whole)


@pytest.mark.parametrize(
    "written", [True, None, "", "many", "1e999", 10**400, float("nan"), "5 5", "%", "0x1F", [1]]
)
def test_what_is_no_number_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        number(written)


@pytest.mark.parametrize(
    ("written", "length"),
    [(30, 30), ("30 days", 30), ("1 Day", 1), ("2weeks", 14), ("3 months", 90), ("1 year", 365),
     (LONGEST, LONGEST)],
)  # fmt: skip
def test_a_length_of_time_is_days(written: object, length: int) -> None:
    assert days(written) == length


@pytest.mark.parametrize(
    "written",
    [0, -1, True, 1.5, "0 days", "30", "thirty days", "1.5 days", "36501 days", "9" * 30 + " days",
     10**9, None, "12 hours"],
)  # fmt: skip
def test_what_is_no_length_of_time_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="is not a length of time"):
        days(written)


def test_bands_are_tried_from_the_best_limit_on_whatever_their_order_in_the_file() -> None:
    sorted_bands = (Band(">=", 0.7, 100), Band(">", 0.5, 70), Band(">=", 0.5, 60))
    for written in ("{70%: 100, '>50%': 70, 50%: 60, else: 30}",
                    "{else: 30, '>=0.5': 60, 70%: 100, '>0.5': 70}"):  # fmt: skip
        assert bands(written) == Bands(sorted_bands, 30)
    assert bands("{'<=5': 70, '<2': 100, '<=2': 90, else: 30}") == Bands(
        (Band("<", 2, 100), Band("<=", 2, 90), Band("<=", 5, 70)), 30
    )


# --- policies and tiers ---------------------------------------------------------------------------

LEAF = "metric: a, bands: {5: 100, else: 0}"


def test_what_missing_data_mean_is_said_by_the_nearest_node() -> None:
    card = scorecard(
        f"""\
  top: {{{LEAF}}}
  kept:
    missing: {{hold: 2 weeks}}
    components:
      plain: {{{LEAF}}}
      own: {{{LEAF}, missing: {{points: 40}}}}
      back: {{{LEAF}, missing: redistribute}}
""",
        "missing: {points: 10}",
    )
    assert card.missing_policy(("top",)) == Points(points=10)
    assert card.missing_policy(("kept", "plain")) == Hold(hold=14)
    assert card.missing_policy(("kept", "own")) == Points(points=40)
    assert card.missing_policy(("kept", "back")) is None
    assert scorecard(f"  x: {{{LEAF}}}").missing_policy(("x",)) is None


def test_tiers_of_a_component_are_its_own_or_those_around_it() -> None:
    card = scorecard(
        f"""\
  plain: {{{LEAF}}}
  own:
    tiers: [{{key: top, label: Top, from: 90}}, {{key: rest, label: Rest, from: 0}}]
    components:
      leaf: {{{LEAF}}}
""",
        "component_tiers: [{key: fine, label: Fine, from: 60}, {key: poor, label: Poor, from: 0}]",
    )
    assert [t.key for t in card.tiers] == ["good", "bad"]
    assert [t.limit for t in card.tiers] == [50, 0]
    assert [t.key for t in card.tiers_of(("plain",))] == ["fine", "poor"]
    assert [t.key for t in card.tiers_of(("own",))] == ["top", "rest"]
    assert [t.key for t in card.tiers_of(("own", "leaf"))] == ["top", "rest"]
    without = scorecard(f"  plain: {{{LEAF}}}")
    assert [t.key for t in without.tiers_of(("plain",))] == ["good", "bad"]


# --- the tree -------------------------------------------------------------------------------------

NESTED = f"""\
  usage:
    weight: 60
    components:
      logins: {{{LEAF}}}
      seats: {{weight: 35%, metric: b, choices: {{x: 100, y: 0}}}}
  support:
    weight: 40
    components:
      logins: {{{LEAF}, weight: 2.5}}
      by_plan:
        by:
          p:
            small: {{metric: a, bands: {{1: 1, else: 0}}}}
            else: {{metric: b, choices: {{x: 100, y: 0}}}}
"""


def test_nodes_come_in_the_order_of_the_file_parents_first() -> None:
    card = scorecard(NESTED)
    assert ["/".join(path) for path, _ in card.nodes()] == [
        "usage", "usage/logins", "usage/seats", "support", "support/logins", "support/by_plan",
    ]  # fmt: skip
    assert ["/".join(path) for path, _ in card.leaves()] == [
        "usage/logins", "usage/seats", "support/logins", "support/by_plan",
    ]  # fmt: skip
    assert {"/".join(path): node.weight for path, node in card.nodes()} == {
        "usage": 60, "usage/logins": 1, "usage/seats": 35,
        "support": 40, "support/logins": 2.5, "support/by_plan": 1,
    }  # fmt: skip
    assert card.metrics() == ["a", "b"]
    leaf = dict(card.leaves())["support", "by_plan"]
    assert leaf.by_metric == "p"
    assert [(value, measure.metric) for value, measure in leaf.variants()] == [
        ("small", "a"), ("else", "b"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("usage", ("usage",)),
        ("usage/logins", ("usage", "logins")),
        ("usage.logins", ("usage", "logins")),
        ("seats", ("usage", "seats")),
        ("logins", None),  # two are called so
        ("usage/by_plan", None),
        ("nothing", None),
        ("", None),
    ],
)
def test_a_component_is_named_by_its_path_or_by_a_last_key_that_is_its_own(
    name: str, path: tuple[str, ...] | None
) -> None:
    assert scorecard(NESTED).path_of(name) == path


@pytest.mark.parametrize("name", ["label", "components", "anything"])
def test_a_definition_cannot_be_changed_after_loading(name: str) -> None:
    card = scorecard(NESTED)
    for node in (card, card.components["usage"]):
        with pytest.raises(ValueError, match="frozen"):
            setattr(node, name, "other")
