"""What a person may want of the chosen plans, and the regret of a choice under it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.calibration.recorded import Recording
from optiq.calibration.utility import Preference, no_limits
from optiq.planning.choose import meets, weight_array, weighted_losses
from optiq.questions.question import Weights

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Wanted:
    """A preference that the calibrator is told, and the text that defines the regret."""

    preference: Preference
    regret: str

    def mean_regret(self, recording: Recording, figures: FloatArray) -> float:
        """The mean over topics of what the plans chosen by ``figures`` lack of the best by the truth."""
        groups = recording.trials.groups()
        lacks = [self._lack(recording.truth, figures, topic, group) for topic, group in enumerate(groups)]
        return float(np.mean(lacks))

    def _lack(self, truth: FloatArray, figures: FloatArray, topic: int, group: NDArray[np.intp]) -> float:
        within = np.all(meets(truth[group], self.preference.limits[topic]), axis=1)
        if not within.any():
            return 0.0
        losses = weighted_losses(truth[group], np.asarray(within), self.preference.weights)
        chosen = self.preference.favourite(figures, topic, group)
        if not np.isnan(self.preference.limits[topic]).all():  # quality alone, 0 where the limit is broken
            best = float(truth[group[within], 3].max())
            kept = chosen is not None and bool(within[int(np.flatnonzero(group == chosen)[0])])
            return best - (float(truth[chosen, 3]) if kept else 0.0)
        if self.preference.weights[3] == 1.0:
            return float(truth[group, 3].max() - truth[chosen, 3])
        return float(losses[int(np.flatnonzero(group == chosen)[0])] - losses.min())


def weighted(recording: Recording) -> Wanted:
    """Quality 0.7; cost, latency and energy 0.1 each."""
    return _weights(recording, (0.1, 0.1, 0.1, 0.7))


def even(recording: Recording) -> Wanted:
    """All four the same: the weights that Opti-Q takes where none are given."""
    return _weights(recording, (0.25, 0.25, 0.25, 0.25))


def quality(recording: Recording) -> Wanted:
    """Quality alone."""
    limits = no_limits(len(recording.trials.topics))
    text = "true QoA of the topic's best plan, less that of the chosen one"
    return Wanted(Preference(np.array([0.0, 0.0, 0.0, 1.0]), limits), text)


def budget(recording: Recording) -> Wanted:
    """Quality within a cost limit per topic: the median true cost of the topic's plans."""
    limits = no_limits(len(recording.trials.topics))
    for topic, group in enumerate(recording.trials.groups()):
        limits[topic, 0] = float(np.median(recording.truth[group, 0]))
    text = (
        "true QoA of the topic's best plan within the cost limit (median true cost of its plans), less that of "
        "the chosen one, which counts 0 if its true cost is above the limit"
    )
    return Wanted(Preference(np.array([0.0, 0.0, 0.0, 1.0]), limits), text)


def _weights(recording: Recording, weights: tuple[float, float, float, float]) -> Wanted:
    text = (
        "weighted loss (cost, latency, energy, QoA scaled to 0…1 over the topic's plans by true figures; weights "
        f"{', '.join(map(str, weights))}) of the chosen plan, less the least of the topic's plans"
    )
    return Wanted(Preference(weight_array(Weights(*weights)), no_limits(len(recording.trials.topics))), text)


UTILITIES: dict[str, Callable[[Recording], Wanted]] = {
    "weighted": weighted,
    "even": even,
    "quality": quality,
    "budget": budget,
}
