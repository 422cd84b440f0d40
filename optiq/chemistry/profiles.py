"""What chemistry knows of a model: the quality of its outputs and how far it can be relied on (section 2.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from optiq.errors import InputError

HIGHEST_GRADE = 10.0
WITH_TRUTH = 0.75
"""Weight of generation accuracy where answers could be compared with a reference; the rest is review accuracy."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A model as chemistry sees it.

    ``quality`` is the consensus grade of its outputs (0 to 10), ``accuracy`` its reliability (0 to 1), both
    means over ``n_trials`` trials: the best trial of a model says nothing about the model.
    """

    model: str
    quality: float
    accuracy: float
    n_trials: int = 1

    def __post_init__(self) -> None:
        if not self.model:
            raise InputError("a profile without a model", "Name the model.")
        for name, value, highest in (
            ("quality", self.quality, HIGHEST_GRADE),
            ("accuracy", self.accuracy, 1.0),
        ):
            if not 0 <= value <= highest:  # also where it is NaN
                raise InputError(
                    f"{self.model}: {name} {value:g}",
                    f"Give a {name} from 0 to {highest:g}; leave out models that nothing is known of.",
                )

    @property
    def penalty(self) -> float:
        """Joint error of quality and accuracy (section 2.1): 0 at best, 1 at worst."""
        return (1 - self.quality / HIGHEST_GRADE) * (1 - self.accuracy)


def combined_accuracy(generation: float, review: float) -> float:
    """The accuracy of a model from its generation and review accuracy (section 2.1), both 0 to 1.

    Generation weighs 75 % where there is ground truth. Where there is none (NaN), it counts as 0 and weighs
    25 %, as the paper has it. NaN if the review accuracy is not known but needed; with ground truth alone,
    that is what is known.
    """
    if math.isnan(generation):
        return WITH_TRUTH * review
    if math.isnan(review):
        return generation
    return WITH_TRUTH * generation + (1 - WITH_TRUTH) * review
