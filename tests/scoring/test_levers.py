"""What would bring a score to the next tier: promises are kept by the plan itself."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ibis.backends.duckdb import Backend

from keepwell.app.built_in import built_in
from keepwell.definitions.library import Library
from keepwell.definitions.metric import Metric
from keepwell.definitions.scorecard import Scorecard
from keepwell.facts.engine import connect_ibis
from keepwell.metrics.derived import value_type
from keepwell.scoring.levers import WayUp, way_up, with_values
from keepwell.scoring.plan import PLACES, Plan
from tests.scoring.generated import plan_of, scorecards, values


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(scorecards(), st.integers(0, 10**6))
def test_every_promise_is_kept(card: Scorecard, seed: int) -> None:
    con, plan = connect_ibis(), plan_of(card)
    accounts = values(seed, plan, accounts=10)
    for at, current in enumerate(plan.run(con, accounts)["score"].to_pylist()):
        if current is not None and round(current, PLACES) < 80:
            promises_are_kept(con, plan, accounts.slice(at, 1), current)
            return


def promises_are_kept(con: Backend, plan: Plan, row: pa.Table, current: float) -> None:
    found = way_up(con, plan, row)
    assert found is not None
    tier = next(t for t in plan.scorecard.tiers if t.key == found.tier)
    assert found.short_by == pytest.approx(tier.limit - current)
    moves = [{x.metric: x.target} for x in found.single]
    moves.append({x.metric: x.target for x in found.together})
    assert len(moves[-1]) == len(found.together)
    trials = pa.concat_tables([with_values(row, m) for m in moves])
    *singles, together = plan.run(con, trials)["score"].to_pylist()
    for lever, score in zip(found.single, singles, strict=True):
        assert lever.gain > 0
        assert score - current == pytest.approx(lever.gain, abs=1e-9)
    if found.together:
        assert together == pytest.approx(found.score, abs=1e-9)
        rounded = round(together, PLACES)
        assert rounded > tier.limit if tier.above is not None else rounded >= tier.limit
    else:
        assert max(singles, default=current) < tier.limit + 1e-9


def row_of(metrics: dict[str, Metric], **told: Any) -> pa.Table:
    kinds = {"float64": pa.float64(), "string": pa.string(), "date": pa.date32()}
    columns: dict[str, pa.Array] = {"account_id": pa.array(["a"])}
    for key, metric in metrics.items():
        name = told.get(key) if told.get(key) in ("not_applicable", "no_response") else None
        value = None if name else told.get(key)
        columns |= {
            f"metric/{key}": pa.array([value], kinds[value_type(metric)]),
            f"age/{key}": pa.array([0], pa.int64()),
            f"stale/{key}": pa.array([False]),
            f"named/{key}": pa.array([name], pa.string()),
        }
    return pa.table(columns)


def framework(key: str, **told: Any) -> WayUp:
    library = built_in()
    plan = Plan(library.scorecard(key), library)
    metrics = {k: library.metrics[k] for k in plan.metrics}
    found = way_up(connect_ibis(), plan, row_of(metrics, **told))
    assert found is not None
    return found


def test_a_table_that_differs_by_plan_is_that_of_the_accounts_plan() -> None:
    known = {
        "logins_30d": 6, "dashboard_refreshes_7d": 3, "days_since_data_update": 10,
        "tickets_30d": 2, "nps_latest": 8, "pages_used_30d": 3, "payment_days_late": 5,
    }  # fmt: skip
    for plan, targets in (("tier_2", {4.0}), ("tier_3", {4.0, 6.0})):
        found = framework("plan-tiered", plan_tier=plan, **known)
        pages = {x.target for x in found.single if x.path == "usage/feature_adoption"}
        assert pages == targets


def small(unit: str, limits: dict[str, float], *, good: str = "high") -> WayUp:
    metrics = {
        "first": Metric.model_validate(
            {"label": "First", "unit": unit, "assessed": {"from": -100, "to": 100}}
        ),
        "second": Metric.model_validate({"label": "Second", "assessed": {"from": 0, "to": 10}}),
    }
    card = Scorecard.model_validate(
        {
            "scorecard": "small",
            "label": "Small",
            "tiers": [
                {"key": "green", "label": "Green", "from": 80},
                {"key": "red", "label": "Red", "from": 0},
            ],
            "components": {
                "first": {"metric": "first", "weight": 3, "bands": limits},
                "second": {"metric": "second", "bands": {5: 100, "else": 0}},
            },
        }
    )
    row = row_of(metrics, first=50 if good == "low" else 0.0, second=0)
    found = way_up(connect_ibis(), Plan(card, Library(metrics)), row)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("unit", "limits", "good", "target"),
    [
        ("count", {"5": 100, "else": 0}, "high", 5),
        ("count", {">5": 100, "else": 0}, "high", 6),
        ("count", {"<7": 100, "else": 0}, "low", 6),
        ("count", {"<=7": 100, "else": 0}, "low", 7),
        ("count", {"7": 0, "else": 100}, "low", 6),
        ("share", {">70%": 100, "else": 0}, "high", 0.701),
        ("points", {">0.2": 100, "else": 0}, "high", 0.3),
        ("count", {">0.2": 100, ">0.9": 0, "else": 0}, "high", 0.200001),
    ],
)
def test_a_target_is_a_number_that_a_person_would_say(
    unit: str, limits: dict[str, float], good: str, target: float
) -> None:
    found = small(unit, limits, good=good)
    assert [x.target for x in found.single if x.path == "first"] == [pytest.approx(target)]


def test_the_fewest_changes_and_of_these_the_least_steps() -> None:
    found = small("count", {"1": 40, "5": 75, "9": 100, "else": 0})
    # 80 of 100 need 3/4 of the first and 1/4 of the second: 100 alone is 75, so both are needed
    assert {(x.path, x.target) for x in found.together} == {("first", 5), ("second", 5)}
    assert found.score == pytest.approx((75 * 3 + 100) / 4)


def test_what_does_not_apply_is_no_lever() -> None:
    found = framework(
        "enterprise", tickets_30d=0, low_medium_severity_share_30d="not_applicable",
        daily_active_share=0.5, weekly_active_share=0.7, monthly_active_share=0.85,
        core_feature_adoption=0.6, session_minutes_mean_30d=5, roi_realised_share=0.8,
        goals_achieved_share=0.7, efficiency_gain=0.1, on_time_payment_share_12m=0.9,
        executive_sponsorship="weak", goal_alignment="low", nps_mean_180d=6,
        reference_willingness="willing", loyalty_signals="mixed", acv=1,
        budget_utilisation=0.8, executive_relationship="vp", team_relationships="moderate",
    )  # fmt: skip
    paths = {x.path for x in found.single}
    assert "engagement/support_quality/ticket_severity" not in paths
    assert "usage/active_users/daily" in paths
