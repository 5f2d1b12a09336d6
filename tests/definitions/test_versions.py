"""Versions: the same meaning has the same version, and a stored definition comes back as it was."""

from __future__ import annotations

import json
import random
from textwrap import dedent
from typing import Any

import pytest
import yaml

from keepwell.catalog import definitions
from keepwell.definitions.library import Library
from keepwell.definitions.loading import load
from keepwell.definitions.versions import resolved, restored, version
from tests.definitions.reading import library

CATALOG = dict(definitions())
BUILT_IN = load(CATALOG.items())

TEXT = """\
scorecard: mine
label: Mine
applies_to: region = 'north'
minimum_coverage: 50%
tiers: [{key: good, label: Good, from: 50}, {key: bad, label: Bad, from: 0}]
components:
  usage:
    weight: 60
    components:
      share: {metric: share, bands: {70%: 100, 50%: 70, else: 30}, missing: {hold: 30 days}}
      change: {metric: change, ranges: [{from: -1, to: 1, points: [0, 100]}]}
  plan: {metric: plan, weight: 40%, choices: {yes: 100, no: 0}, states: {unknown: 3}}
adjustments:
  quiet: {when: score > 5 and other > 1, because: Quiet, add_points: {usage: -10, out_of: 25}}
"""
METRICS = """\
metrics:
  region: {label: Region, formula: account.region, unit: category}
  share: {label: Share, formula: used / seats, unit: share}
  used: {label: Used, count_distinct: person_id, from: usage_daily, over: 7 days}
  seats: {label: Seats, sum: seats, from: subscriptions}
  change: {label: Change, change: used, since: 1 week, as: relative}
  plan: {label: Plan, assessed: [yes, no], states: {unknown: seats = 0}}
  other: {label: Other, formula: "before(unused, 30 days)"}
  unused: {label: Unused, count: rows, from: tickets}
  beside: {label: Not needed, count: rows, from: invoices}
"""


def form(text: str = TEXT, metrics: str = METRICS) -> str:
    found = library(text, library(metrics))
    return resolved(found.scorecard("mine"), found)


FORM = form()


def test_the_resolved_form_holds_what_is_needed_and_nothing_else() -> None:
    data = json.loads(FORM)
    assert set(data) == {"form", "scorecard", "metrics"}
    assert set(data["metrics"]) == {
        "region", "share", "used", "seats", "change", "plan", "other", "unused",
    }  # fmt: skip
    # What is needed comes before what needs it, so that it can be read from the top.
    order = list(data["metrics"])
    assert order.index("used") < order.index("share")
    assert order.index("unused") < order.index("other")


SAME = [
    ("minimum_coverage: 50%", "minimum_coverage: 0.5   # half of it"),
    ("label: Mine\napplies_to: region = 'north'", "applies_to: region = 'north'\nlabel: 'Mine'"),
    ("{70%: 100, 50%: 70, else: 30}", "{else: 30, '>= 0.5': 70, '0.7': 100.0}"),
    ("{metric: share, bands:", "{weight: 1, metric: share, bands:"),
    ("weight: 40%", "weight: 40.0"),
    ("hold: 30 days", "hold: 1 month"),
    ("{from: -1, to: 1, points: [0, 100]}", "{points: [0%, 100.0], to: 100%, from: -100%}"),
    ("add_points: {usage: -10, out_of: 25}", "add_points: {path: usage, out_of: 25, points: -10}"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_another_way_to_write_the_same_is_the_same_version(one: str, other: str) -> None:
    assert one in TEXT
    changed = form(TEXT.replace(one, other))
    if one.startswith("{metric: share"):
        # A weight of one that is written down is a different text to explain a score with.
        changed = changed.replace('"weight":1.0,"metric":"share"', '"metric":"share"')
        changed = changed.replace('"weight":1.0,', "")
    assert version(changed) == version(FORM)


OTHER = [
    ("50%: 70", "50%: 71"), ("weight: 60", "weight: 61"), ("{70%: 100", "{'>70%': 100"),
    ("hold: 30 days", "hold: 31 days"), ("points: [0, 100]", "points: [1, 100]"),
    ("no: 0}", "no: 1}"), ("score > 5", "score > 6"), ("label: Mine", "label: Ours"),
    ("from: 50", "above: 50"), ("usage: -10", "usage: -11"), ("'north'", "'south'"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_another_meaning_is_another_version(one: str, other: str) -> None:
    assert one in TEXT
    assert version(form(TEXT.replace(one, other))) != version(FORM)


def test_a_change_of_a_metric_below_is_another_version_and_of_one_beside_is_not() -> None:
    below = METRICS.replace("over: 7 days", "over: 8 days")
    beside = METRICS.replace("from: invoices", "from: tickets")
    assert below != METRICS != beside
    assert version(form(metrics=below)) != version(FORM)
    assert version(form(metrics=beside)) == version(FORM)


def test_the_order_of_files_and_metrics_does_not_matter() -> None:
    lines = METRICS.splitlines()
    reordered = "\n".join([lines[0], *reversed(lines[1:])])
    assert form(metrics=reordered) == FORM
    one, two = ("a.yaml", METRICS), ("b.yaml", TEXT)
    for files in ([one, two], [two, one]):
        found = load(files)
        assert resolved(found.scorecard("mine"), found) == FORM


def test_a_version_is_sixteen_hexadecimal_digits() -> None:
    assert version("") == "e3b0c44298fc1c14"
    assert version("é") != version("e")


# --- the catalog ----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", BUILT_IN.scorecards)
def test_a_stored_definition_comes_back_as_it_was(key: str) -> None:
    text = resolved(BUILT_IN.scorecard(key), BUILT_IN)
    scorecard, needed = restored(text)
    assert resolved(scorecard, needed) == text
    assert scorecard == BUILT_IN.scorecard(key)
    assert needed.scorecards == {key: scorecard}
    assert all(metric == BUILT_IN.metric(name) for name, metric in needed.metrics.items())
    assert set(scorecard.metrics()) <= set(needed.metrics)


ORDERED = {"components", "choices", "states", "adjustments", "by", "metrics"}


def shuffled(value: Any, rng: random.Random, below: str = "") -> Any:
    """The same mapping with its fields in another order, where the order says nothing."""
    if isinstance(value, list):
        return [shuffled(item, rng) for item in value]
    if not isinstance(value, dict):
        return value
    # Below `by` stand a metric and its values, in the order in which they are shown.
    items = [
        (key, shuffled(item, rng, "components" if below == "by" else key))
        for key, item in value.items()
    ]
    if below not in ORDERED:
        rng.shuffle(items)
    return dict(items)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_fields_says_nothing(seed: int) -> None:
    rng = random.Random(seed)
    texts = [
        (name, yaml.safe_dump(shuffled(yaml.safe_load(text), rng), sort_keys=False))
        for name, text in CATALOG.items()
        if "scorecards" in name
    ]
    metrics = Library(metrics=BUILT_IN.metrics)
    found = load(texts, metrics)
    for key, scorecard in found.scorecards.items():
        assert resolved(scorecard, found) == resolved(BUILT_IN.scorecard(key), BUILT_IN)


def test_an_extended_scorecard_has_the_version_of_what_it_comes_to() -> None:
    key = next(iter(BUILT_IN.scorecards))
    same = load([("a.yaml", f"scorecard: {key}\nextends: {key}\n")], BUILT_IN)
    assert resolved(same.scorecard(key), same) == resolved(BUILT_IN.scorecard(key), BUILT_IN)
    text = dedent(f"scorecard: {key}\nextends: {key}\nlabel: Another\n")
    other = load([("a.yaml", text)], BUILT_IN)
    assert resolved(other.scorecard(key), other) != resolved(BUILT_IN.scorecard(key), BUILT_IN)
