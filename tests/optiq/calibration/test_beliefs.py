"""Beliefs updated one execution at a time, against conditioning on all of them at once."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from trials import make_trials

from optiq.calibration.beliefs import QOA, Beliefs

TRIALS = make_trials(topics=2, per_topic=2)
N_ARMS, N_QUESTIONS = len(TRIALS.predicted), TRIALS.n_questions
START = TRIALS.predicted[:, 3]
SCALE = np.where(TRIALS.arms.task == 1, 0.5, 0.25)

observations = st.lists(
    st.tuples(st.integers(0, N_ARMS - 1), st.integers(0, N_QUESTIONS - 1), st.floats(0, 1, allow_nan=False)),
    max_size=8,
)


def believed(given) -> Beliefs:
    found = Beliefs(START, TRIALS.arms.covariance(QOA), N_QUESTIONS, QOA, scale=SCALE)
    for arm, question, outcome in given:
        found.observe(arm, question, outcome)
    return found


def at_once(given) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of the arms by the textbook formula, in units of QoA."""
    prior = np.zeros((N_ARMS + N_QUESTIONS,) * 2)
    prior[:N_ARMS, :N_ARMS] = TRIALS.arms.covariance(QOA)
    prior[N_ARMS:, N_ARMS:] = QOA.question * np.eye(N_QUESTIONS)
    seen = np.zeros((len(given), len(prior)))
    off = np.zeros(len(given))
    for row, (arm, question, outcome) in enumerate(given):
        seen[row, arm] = seen[row, N_ARMS + question] = 1.0
        off[row] = (outcome - START[arm]) / SCALE[arm]
    gain = prior @ seen.T @ np.linalg.inv(seen @ prior @ seen.T + QOA.noise * np.eye(len(given)))
    covariance = prior - gain @ seen @ prior
    deviations = np.sqrt(np.maximum(np.diag(covariance)[:N_ARMS], 0.0))
    return START + SCALE * (gain @ off)[:N_ARMS], SCALE * deviations


@settings(deadline=None)
@given(observations)
def test_one_at_a_time_is_all_at_once(given) -> None:
    mean, deviations = at_once(given)
    found = believed(given)
    assert np.allclose(found.arms, mean, atol=1e-9)
    assert np.allclose(found.deviations, deviations, atol=1e-7)


@settings(deadline=None)
@given(observations, st.randoms(use_true_random=False))
def test_order_changes_nothing(given, random) -> None:
    other = list(given)
    random.shuffle(other)
    assert np.allclose(believed(given).arms, believed(other).arms, atol=1e-9)


def test_an_execution_teaches_about_its_arm_most_and_about_its_kin_some() -> None:
    found = believed([(0, 0, 1.0)])
    moved = (found.arms - START) / SCALE
    assert moved[0] == max(moved)
    same_topic = TRIALS.arms.topic == TRIALS.arms.topic[0]
    assert moved[same_topic].min() > 0


def test_without_shrinkage_only_the_arm_itself_is_learned_about() -> None:
    covariance = TRIALS.arms.covariance(QOA, shrink=False)
    found = Beliefs(START, covariance, N_QUESTIONS, QOA, shrink=False)
    found.observe(3, 0, 1.0)
    assert np.flatnonzero(found.arms != START).tolist() == [3]


def test_prior_observations_make_an_arm_more_certain_and_move_nothing() -> None:
    found = believed([])
    before = found.deviations.copy()
    found.observe_mean(2, 50)
    assert found.deviations[2] < 0.5 * before[2]
    assert (found.arms == START).all()
