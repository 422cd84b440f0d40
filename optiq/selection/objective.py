"""What is wanted of a combination: accuracy, a low cost above a floor, or a trade; and what it must keep to."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from optiq.errors import InputError
from optiq.questions.question import parse_number
from optiq.selection.evidence import Evidence

KINDS = ("accuracy", "cheapest", "penalised")

MOST_LOST = 0.1
"""A combination of which a greater share of runs failed for its provider's reasons or ours is not ranked."""


@dataclass(frozen=True)
class Objective:
    """The aim and the hard limits, all on means over the examples.

    ==============  ==================================================================================
    kind            the best combination
    ==============  ==================================================================================
    ``accuracy``    has the highest accuracy
    ``cheapest``    costs least among those with an accuracy of at least ``floor`` (MixLLM's problem);
                    ``floor`` None: a − θ, a the best same-model accuracy, θ from repeated runs
    ``penalised``   has the highest accuracy − ``cost_weight`` · USD − ``latency_weight`` · seconds
    ==============  ==================================================================================

    ``max_cost_usd``, ``max_latency_s`` and ``min_accuracy`` are hard: who breaks one, or may for want of a
    figure, does not win.
    """

    kind: str = "accuracy"
    floor: float | None = None
    cost_weight: float = 0.0
    latency_weight: float = 0.0
    max_cost_usd: float | None = None
    max_latency_s: float | None = None
    min_accuracy: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"unknown objective {self.kind!r}", f"Objectives are {', '.join(KINDS)}.")
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name == "kind" or value is None:
                continue
            number = parse_number(value, item.name)
            if number < 0 or (item.name in ("floor", "min_accuracy") and number > 1):
                raise InputError(
                    f"{item.name} is {number:g}", "Accuracies run from 0 to 1; the rest is 0 or more."
                )
            object.__setattr__(self, item.name, number)
        if self.kind == "penalised" and not (self.cost_weight or self.latency_weight):
            raise InputError(
                "a penalised objective without a penalty", "Give a cost weight or a latency weight."
            )

    @property
    def needs_cost(self) -> bool:
        """Whether a combination whose price is unknown cannot win."""
        return self.kind == "cheapest" or self.cost_weight > 0 or self.max_cost_usd is not None

    @property
    def needs_latency(self) -> bool:
        """Whether a combination whose latency is unknown cannot win."""
        return self.latency_weight > 0 or self.max_latency_s is not None

    def rewards(self, evidence: Evidence) -> np.ndarray:
        """What each run is worth, (combinations, examples): the score less the penalties; NaN if unknown.

        A failed run without a figure is charged the dearest that its combination was seen with, else the
        dearest of all: failing must not pay.
        """
        reward = evidence.score.copy()
        if self.kind != "penalised":
            return reward
        for weight, figures in (
            (self.cost_weight, evidence.cost_usd),
            (self.latency_weight, evidence.latency_s),
        ):
            if weight:
                reward -= weight * _charged(figures, evidence.failed)
        return reward

    def unmet(self, evidence: Evidence) -> list[str | None]:
        """For each combination why it cannot win by its figures so far, else None."""
        cost, latency, accuracy = evidence.mean_cost_usd, evidence.mean_latency_s, evidence.accuracy
        reasons: list[str | None] = []
        for place, count in enumerate(evidence.counts):
            if not count:
                reasons.append("not run")
            elif evidence.failed[place].sum() == count:
                reasons.append("every run failed")
            elif (lost := int(evidence.lost[place].sum())) > MOST_LOST * count:
                reasons.append(f"{lost} of {count} runs failed for reasons that are not the agent's")
            elif self.needs_cost and np.isnan(cost[place]):
                reasons.append("price unknown")
            elif self.needs_latency and np.isnan(latency[place]):
                reasons.append("latency unknown")
            elif self.max_cost_usd is not None and cost[place] > self.max_cost_usd:
                reasons.append("over the cost limit")
            elif self.max_latency_s is not None and latency[place] > self.max_latency_s:
                reasons.append("over the latency limit")
            elif self.min_accuracy is not None and accuracy[place] < self.min_accuracy:
                reasons.append("below the accuracy limit")
            else:
                reasons.append(None)
        return reasons

    def describe(self) -> str:
        """One line for people."""
        if self.kind == "cheapest":
            floor = "a − θ" if self.floor is None else f"{self.floor:g}"
            text = f"cheapest with accuracy ≥ {floor}"
        elif self.kind == "penalised":
            text = f"accuracy − {self.cost_weight:g}·USD − {self.latency_weight:g}·s"
        else:
            text = "best accuracy"
        limits = [
            f"cost ≤ {self.max_cost_usd:g} USD" if self.max_cost_usd is not None else "",
            f"latency ≤ {self.max_latency_s:g} s" if self.max_latency_s is not None else "",
            f"accuracy ≥ {self.min_accuracy:g}" if self.min_accuracy is not None else "",
        ]
        return "; ".join([text, *filter(None, limits)])


def _charged(figures: np.ndarray, failed: np.ndarray) -> np.ndarray:
    """``figures`` with a value for failed runs that have none."""
    missing = failed & np.isnan(figures)
    if not missing.any() or np.isnan(figures).all():
        return figures
    low = np.where(np.isnan(figures), -np.inf, figures)
    dearest = np.where(np.isfinite(low.max(axis=1)), low.max(axis=1), low.max())
    return np.where(missing, dearest[:, None], figures)
