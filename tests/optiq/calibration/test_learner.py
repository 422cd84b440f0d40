"""What is chosen to be tried: all topics, nothing twice, nothing outside the limits, the same with a seed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trials import MODELS, STATISTICS, make_learner, make_trials

from optiq.calibration.similarity import model_similarity, plan_similarity
from optiq.calibration.utility import no_limits
from optiq.plans.plan import Plan
from optiq.statistics.snapshot import ModelFigures, Statistics


def run(learner, rounds: int, size: int = 4) -> list[int]:
    """Rounds in which the first plan is better than all others."""
    chosen = []
    for _ in range(rounds):
        batch = learner.next_batch(size)
        learner.begun(batch)
        for arm, question in learner.trials.pairs[batch].tolist():
            qoa = 1.0 if learner.trials.arms.plan[arm] == 0 else 0.3
            learner.observe(arm, question, (1e-5, 1.0, 1.0, qoa))
        chosen += batch
    return chosen


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 6), st.integers(1, 3), st.integers(0, 3))
def test_every_topic_is_tried_before_any_is_tried_twice(topics: int, per_topic: int, seed: int) -> None:
    trials = make_trials(topics, per_topic, seed=seed)
    chosen = make_learner(trials, seed=seed).next_batch(topics)
    assert sorted(trials.arms.topic[trials.pairs[chosen, 0]]) == list(range(topics))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 5), st.booleans(), st.booleans())
def test_nothing_twice_and_all_in_the_end(seed: int, shrink: bool, focus: bool) -> None:
    trials = make_trials(2, 2, operations=1, seed=seed)
    learner = make_learner(trials, shrink=shrink, focus=focus)
    chosen = run(learner, rounds=6)
    assert sorted(chosen) == list(range(len(trials.pairs)))
    assert learner.next_batch(4) == []


def test_the_same_seed_chooses_the_same() -> None:
    trials = make_trials(3, 3)
    assert run(make_learner(trials, seed=5), 6) == run(make_learner(trials, seed=5), 6)


def test_learns_which_plan_is_best_and_its_intervals_shrink() -> None:
    learner = make_learner(make_trials(2, 4))
    before = learner.standings()
    run(learner, rounds=10)
    for old, new in zip(before, learner.standings(), strict=True):
        assert new.high - new.low < old.high - old.low
        assert new.plan == learner.trials.plans[0]


def test_rivals_are_tried_more_than_hopeless_plans() -> None:
    trials = make_trials(1, 20, operations=1)
    trials.predicted[:] = ((1e-5, 1, 1, 0.8), (1e-5, 1, 1, 0.8), (1e-5, 1, 1, 0.05))
    learner = make_learner(trials)
    for _ in range(15):
        batch = learner.next_batch(2)
        learner.begun(batch)
        for arm, question in trials.pairs[batch].tolist():
            learner.observe(arm, question, (1e-5, 1.0, 1.0, (0.8, 0.75, 0.05)[arm]))
    tried = np.bincount(trials.pairs[~learner.left, 0], minlength=3)
    assert tried[2] < min(tried[0], tried[1])


def test_plans_that_cannot_meet_the_limits_are_no_rivals() -> None:
    trials = make_trials(1, 5, operations=1)
    trials.predicted[:, 1] = (1.0, 1.0, 1e9)
    limits = no_limits(1)
    limits[0, 1] = 10.0
    learner = make_learner(trials, limits)
    assert 2 not in trials.pairs[learner.next_batch(10), 0]


def test_all_plans_infeasible_is_said_and_does_no_harm() -> None:
    trials = make_trials(2, 2)
    learner = make_learner(trials, np.full((2, 4), 1e-12))
    assert all(standing.plan is None for standing in learner.standings())
    run(learner, rounds=2)


def test_one_question_one_plan() -> None:
    trials = make_trials(1, 1, operations=1)
    assert len(run(make_learner(trials), rounds=3)) == 3


@pytest.mark.filterwarnings("error")
def test_unpriced_models_are_chosen_by_the_other_figures() -> None:
    learner = make_learner(make_trials(2, 2, unpriced=True))
    run(learner, rounds=3)
    assert math.isnan(learner.bill([0, 1])[0])
    assert all(math.isnan(standing.figures[0]) for standing in learner.standings())


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=8, unique=True))
def test_the_bill_is_within_its_bounds(places: list[int]) -> None:
    learner = make_learner(make_trials(2, 3))
    cost, low, high = learner.bill(places)
    assert low < cost < high
    arms = learner.trials.pairs[places, 0]
    assert cost == pytest.approx(learner.trials.predicted[arms, 0].sum())


def test_similarities_are_a_covariance_and_a_new_model_is_like_its_neighbour() -> None:
    plans = make_trials().plans
    alike = model_similarity(STATISTICS, MODELS)
    assert np.linalg.eigvalsh(plan_similarity(plans, MODELS, alike)).min() > -1e-9
    assert alike[0, 1] > alike[0, 2]  # large is nearer to medium than to small
    nothing = Statistics.build("none", [ModelFigures(model="a"), ModelFigures(model="b")], [])
    assert 0 < model_similarity(nothing, ("a", "b"))[0, 1] < 0.5


def test_plans_with_the_same_last_model_are_more_alike() -> None:
    plans = [Plan.parse(text) for text in ("large", "small → large", "large → small")]
    alike = plan_similarity(plans, MODELS, np.eye(3))
    assert alike[0, 1] > alike[0, 2]
