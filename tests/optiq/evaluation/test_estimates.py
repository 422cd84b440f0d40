"""Estimates of an evaluation: parts, shrinkage, neighbours, quantiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import CHEAP, DEAR, sums_and_poems

from optiq.estimation.composition import Rule, learn_rule, node_values
from optiq.evaluation.quality import Quality, Switches, plan_means
from optiq.evaluation.resources import Resources
from optiq.plans.plan import Plan

CHAIN = Plan.of([CHEAP, DEAR, CHEAP], [(0, 1), (1, 2)])


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(-0.2, 0.2))
def test_a_node_lies_between_its_model_and_what_it_hears(
    cheap: float, dear: float, share: float, gain: float
) -> None:
    values = node_values(CHAIN, {CHEAP: cheap, DEAR: dear}, Rule((share, gain), (share, gain)))
    assert values[0] == cheap
    low, high = min(cheap, dear), max(cheap, dear)
    assert all(max(low - 2 * abs(gain), 0) - 1e-9 <= v <= min(high + 2 * abs(gain), 1) + 1e-9 for v in values)


def test_the_share_and_gain_that_made_the_data_are_found() -> None:
    alone = dict(zip("abcdef", np.linspace(0.1, 0.9, 6).tolist(), strict=True))
    plans = [Plan.of([x, y], [(0, 1)]) for x in alone for y in alone]
    means = np.array([0.3 * alone[p.models[1]] + 0.7 * alone[p.models[0]] + 0.05 for p in plans])
    rule = learn_rule(plans, means, np.full(len(plans), 1000.0), alone)
    assert rule.chain == pytest.approx((0.7, 0.05), abs=0.01)
    assert rule.blend == (0.5, 0.0)  # nothing was blended


def test_a_plan_with_many_runs_is_taken_at_its_word_and_one_with_a_lucky_run_is_not() -> None:
    outcomes = sums_and_poems(40)
    everything = np.arange(40)
    mean, deviation = plan_means(outcomes, everything, True, {})
    assert mean == pytest.approx(np.nanmean(outcomes.qoa, axis=0), abs=0.1)
    outcomes.values[1:, 2, :] = np.nan
    outcomes.values[0, 2, 3] = 1.0
    lucky, unsure = plan_means(outcomes, everything, True, {})
    assert lucky[2] < 0.85
    assert unsure[2] > deviation[2]


def test_neighbours_tell_sums_from_poems() -> None:
    outcomes = sums_and_poems(60)
    history, asked = outcomes.only(range(50)), outcomes.only(range(50, 60))
    estimate, _ = Quality(history, Switches(topics=False)).estimate(asked)
    assert np.abs(estimate - asked.qoa).mean() < 0.1
    without, _ = Quality(history, Switches(neighbours=False)).estimate(asked)
    assert np.abs(without - asked.qoa).mean() > 0.2


def test_figures_are_expected_on_average_and_held_with_the_chosen_probability() -> None:
    outcomes = sums_and_poems(200)
    history, asked = outcomes.only(range(100)), outcomes.only(range(100, 200))
    resources = Resources(history)
    expected = resources.estimate(asked)
    assert expected[:, :, 0].mean(axis=0) == pytest.approx(asked.cost.mean(axis=0), rel=0.03)
    held = resources.estimate(asked, 0.9)
    assert 0.85 <= (asked.cost <= held[:, :, 0]).mean() <= 0.98
    assert (held >= resources.estimate(asked, 0.6)).all()


def test_questions_that_look_dear_are_expected_to_be() -> None:
    outcomes = sums_and_poems(60)
    outcomes.values[1::2, :, 0] *= 3  # poets cost three times as much; their questions are a little longer
    expected = Resources(outcomes.only(range(50))).estimate(outcomes.only(range(50, 60)))[:, :, 0]
    assert expected == pytest.approx(outcomes.cost[50:], rel=0.25)


def test_a_plan_that_scatters_is_held_to_wider_limits_than_a_steady_one() -> None:
    outcomes = sums_and_poems(100)
    scatter = np.random.default_rng(1).normal(0, 0.8, 100)
    outcomes.values[:, 1, 0] *= np.exp(scatter)
    resources = Resources(outcomes)
    wider = resources.estimate(outcomes, 0.95)[:, :, 0] / resources.estimate(outcomes)[:, :, 0]
    assert wider[:, 1].mean() > 2 * wider[:, 0].mean()
    assert 0.9 <= (outcomes.cost[:, 1] <= resources.estimate(outcomes, 0.95)[:, 1, 0]).mean() <= 1.0


def test_what_was_never_measured_stays_unknown() -> None:
    outcomes = sums_and_poems(10)
    outcomes.values[:, :, 1] = np.nan
    assert np.isnan(Resources(outcomes).estimate(outcomes)[:, :, 1]).all()
    assert not np.isnan(Resources(outcomes).estimate(outcomes)[:, :, 0]).any()
