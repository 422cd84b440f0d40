"""Regret over the number of executions, for one way of choosing them and one seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.calibration.recorded import Recording
from benchmarks.calibration.utilities import Wanted
from optiq.calibration.learner import Learner


@dataclass(frozen=True)
class Way:
    """How executions are chosen, and what is made of them.

    ``chosen`` False: at random among all that were recorded. ``shrink`` and ``focus`` as in the learner.
    """

    name: str
    chosen: bool = True
    shrink: bool = True
    focus: bool = True


RANDOM = Way("random", chosen=False)
CALIBRATOR = Way("calibrator")
WAYS = (
    RANDOM,
    Way("random, no shrinkage", chosen=False, shrink=False),
    CALIBRATOR,
    Way("calibrator, no shrinkage", shrink=False),
    Way("calibrator, no frontier focus", focus=False),
)


def curve(
    recording: Recording, wanted: Wanted, way: Way, seed: int, marks: Sequence[int], round_size: int
) -> list[float]:
    """Mean regret over topics after each number of executions in ``marks``.

    An outcome becomes known when its execution has been chosen, a round at a time. Both ways of choosing learn
    with the same code and choose plans from what it says.
    """
    trials = recording.trials
    learner = Learner(trials, wanted.preference, seed, shrink=way.shrink, focus=way.focus)
    revealed = recording.revealed(seed)
    order = np.random.default_rng((seed, 1)).permutation(len(trials.pairs)).tolist()
    done, found = 0, []
    for mark in sorted(marks):
        while done < min(mark, len(order)):
            size = min(round_size, mark - done)
            places = learner.next_batch(size) if way.chosen else order[done : done + size]
            learner.begun(places)
            for place in places:
                arm, question = trials.pairs[place].tolist()
                learner.observe(arm, question, revealed[place].tolist())
            done += len(places)
        found.append(wanted.mean_regret(recording, learner.figures()))
    return found
