"""Generated three-stage workflows whose stages interact: 5 models, 125 combinations, 200 examples.

A model has a skill per stage; what a stage can do depends on the model before it (a pair effect between neighbouring
stages) and a little on all three. Dear models tend to be better, not always, as MixLLM's finding 3 has it. A stage's
cost is tokens × price, and its prompt grows with what the stage before wrote, which depends on that
stage's model: profiles of one model throughout mislead by some percent. Outcomes per example are drawn with
correlated examples (:mod:`benchmarks.selection.drawing`); a repeated run changes one outcome in twenty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.selection.drawing import COMMON, right_where_easy
from optiq.selection.space import Space

MODELS = ("huge", "large", "medium", "small", "tiny")
STAGES = ("extract", "reason", "write")
PRICES = np.array([10.0, 2.5, 1.6, 0.5, 0.2]) / 1e6
"""USD per token, spread about as MixLLM's five (GPT-4-turbo … Qwen-2.5)."""
EXAMPLES = 200
FLIPPED = 0.05


@dataclass(frozen=True)
class Workflow:
    """``scores`` (combinations, examples) of the first run, ``stage_cost_usd`` (combinations, stages)."""

    space: Space
    scores: np.ndarray
    stage_cost_usd: np.ndarray
    seed: int

    @property
    def accuracy(self) -> np.ndarray:
        """What brute force would find."""
        return self.scores.mean(axis=1)

    @property
    def cost_usd(self) -> np.ndarray:
        """Per example."""
        return self.stage_cost_usd.sum(axis=1)

    def trial(self, combination: int, trial: int) -> np.ndarray:
        """Scores of a repeated run."""
        rng = np.random.default_rng([self.seed, combination, trial])
        flipped = rng.random(EXAMPLES) < FLIPPED
        return np.where(flipped, 1 - self.scores[combination], self.scores[combination])

    def optimum(self, floor: float) -> float:
        """The least cost of a combination that keeps the floor."""
        return float(self.cost_usd[self.accuracy >= floor - 1e-12].min())


def generate(seed: int) -> Workflow:
    """One workflow."""
    rng = np.random.default_rng([seed, 7])
    space = Space.of(dict.fromkeys(STAGES, MODELS))
    codes = space.codes
    strength = np.array([0.06, 0.04, 0.02, 0.0, -0.05])
    ability = np.full(len(space), 0.68 + rng.normal(0, 0.04))
    for stage in range(3):
        ability += (strength + rng.normal(0, 0.035, 5))[codes[:, stage]]
    for stage in (1, 2):
        ability += rng.normal(0, 0.025, (5, 5))[codes[:, stage - 1], codes[:, stage]]
    ability += rng.normal(0, 0.01, len(space))
    words = rng.lognormal(np.log(200), 0.35, (3, 5))
    costs = np.zeros((len(space), 3))
    for stage in range(3):
        before = words[stage - 1][codes[:, stage - 1]] if stage else np.zeros(len(space))
        tokens = 400 + before + words[stage][codes[:, stage]]
        costs[:, stage] = tokens * PRICES[codes[:, stage]]
    ease = np.sqrt(COMMON) * rng.standard_normal(EXAMPLES) + np.zeros((len(space), 1))
    for stage in range(3):
        ease += np.sqrt(0.13) * rng.standard_normal((5, EXAMPLES))[codes[:, stage]]
    ease += np.sqrt(1 - COMMON - 3 * 0.13) * rng.standard_normal(ease.shape)
    accuracy = np.round(np.clip(ability, 0.05, 0.99) * EXAMPLES) / EXAMPLES
    return Workflow(space, right_where_easy(ease, accuracy), costs, seed)
