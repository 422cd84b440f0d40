"""Small sets of trials with plans of three models."""

from __future__ import annotations

import math

import numpy as np

from optiq.calibration.beliefs import Arms
from optiq.calibration.learner import Learner, Trials
from optiq.calibration.plans import calibration_plans
from optiq.calibration.similarity import model_similarity, plan_similarity
from optiq.calibration.utility import Preference, no_limits
from optiq.planning.choose import weight_array
from optiq.questions.question import Weights
from optiq.statistics.snapshot import ModelFigures, Statistics

MODELS = ("large", "medium", "small")
STATISTICS = Statistics.build(
    "made up",
    [
        ModelFigures(model=name, usd_per_output_token=price, seconds_per_output_token=price, qoa=qoa)
        for name, price, qoa in (("large", 8e-6, 0.7), ("medium", 4e-6, 0.6), ("small", 1e-6, 0.4))
    ],
    [],
)


def make_trials(
    topics: int = 2, per_topic: int = 3, operations: int = 2, unpriced: bool = False, seed: int = 0
) -> Trials:
    """Every plan on every topic can be tried on every question of the topic."""
    plans = tuple(sorted(calibration_plans(MODELS, "large", operations), key=lambda plan: plan.order))
    keys = [(topic, plan) for topic in range(topics) for plan in range(len(plans))]
    pairs = [
        (arm, topic * per_topic + question)
        for arm, (topic, _) in enumerate(keys)
        for question in range(per_topic)
    ]
    random = np.random.default_rng(seed)
    predicted = random.uniform(0.2, 0.9, (len(keys), 4)) * (1e-5, 1.0, 1.0, 1.0)
    if unpriced:
        predicted[:, 0] = math.nan
    return Trials(
        Arms(
            plan=np.array([plan for _, plan in keys], dtype=np.intp),
            topic=np.array([topic for topic, _ in keys], dtype=np.intp),
            task=np.array([topic % 2 for topic, _ in keys], dtype=np.intp),
            alike=plan_similarity(plans, MODELS, model_similarity(STATISTICS, MODELS)),
        ),
        plans,
        tuple(f"topic {number}" for number in range(topics)),
        tuple(("open", "choice")[number % 2] for number in range(topics)),
        np.array(pairs, dtype=np.intp).reshape(-1, 2),
        topics * per_topic,
        predicted,
        np.zeros(len(keys)),
    )


def make_learner(trials: Trials, limits: np.ndarray | None = None, seed: int = 0, **how: bool) -> Learner:
    """A learner for whom quality counts most."""
    limits = no_limits(len(trials.topics)) if limits is None else limits
    return Learner(trials, Preference(weight_array(Weights(0.1, 0.1, 0.1, 0.7)), limits), seed, **how)
