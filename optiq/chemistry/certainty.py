"""How sure chemistry is: trials drawn again, and what noise alone would give.

Chemistry is the largest of many absolute differences, so it is above 0 even between models that do not differ:
noise separates their profiles. So an interval alone does not tell. Here every pair also gets its ``noise``: what
the same trials give, 95 times of 100, if all models had the same true profile. A pair is certain where the lower
end of its interval is above that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optiq.chemistry.chem_e import USED_FROM, chemistry
from optiq.chemistry.cost import ROUNDING, Floats, Order
from optiq.chemistry.draws import chemistry_of_draws
from optiq.chemistry.profiles import HIGHEST_GRADE, Profile
from optiq.errors import InputError

LEVEL = 0.95
DRAWS = 200


@dataclass(frozen=True, slots=True)
class Trials:
    """Qualities (0 to 10) and accuracies (0 to 1) of models by trial, each (trials, models), NaN where absent."""

    models: tuple[str, ...]
    quality: Floats
    accuracy: Floats

    def __post_init__(self) -> None:
        shape = (len(self.quality), len(self.models))
        if self.quality.shape != shape or self.accuracy.shape != shape:
            raise InputError(
                "qualities and accuracies must be tables of trials × models", "Check the shapes."
            )

    def profiles(self) -> list[Profile]:
        """Means over trials of every model that was in any (both figures known)."""
        both = ~np.isnan(self.quality) & ~np.isnan(self.accuracy)
        return [
            Profile(
                name,
                float(self.quality[both[:, i], i].mean()),
                float(self.accuracy[both[:, i], i].mean()),
                int(both[:, i].sum()),
            )
            for i, name in enumerate(self.models)
            if both[:, i].any()
        ]


@dataclass(frozen=True, slots=True)
class CertainChemistry:
    """Chemistry of pairs of ``profiles`` with its interval and the noise, each of shape (n, n)."""

    profiles: tuple[Profile, ...]
    chemistry: Floats
    low: Floats
    high: Floats
    noise: Floats

    @property
    def certain(self) -> npt.NDArray[np.bool_]:
        """Which pairs have more chemistry than noise explains."""
        return self.low > self.noise


def with_certainty(
    trials: Trials,
    *,
    seed: int = 0,
    draws: int = DRAWS,
    level: float = LEVEL,
    order: Order = "quality",
    used_from: float = USED_FROM,
    tolerance: float = ROUNDING,
) -> CertainChemistry:
    """Chemistry over mean profiles, with percentile intervals from trials drawn with replacement.

    A trial is drawn whole, because its grades hang together. A model that a draw leaves out keeps its mean.

    Raises
    ------
    InputError
        for fewer than 2 or more than 20 models.
    """
    profiles = trials.profiles()
    kept = [trials.models.index(one.model) for one in profiles]
    quality, accuracy = trials.quality[:, kept], trials.accuracy[:, kept]
    both = ~np.isnan(quality) & ~np.isnan(accuracy)
    means = np.array([[one.quality for one in profiles], [one.accuracy for one in profiles]])

    found = chemistry(profiles, order=order, used_from=used_from, tolerance=tolerance)
    draw = np.random.default_rng(seed)
    tables = np.where(both, np.array([quality, accuracy]), 0.0)
    same = np.repeat((means * both.sum(0)).sum(1, keepdims=True) / max(both.sum(), 1), len(kept), axis=1)
    drawn = np.empty((2, draws, len(kept)))
    for i in range(draws):
        # How often each trial was drawn; a trial is drawn whole.
        times = np.bincount(draw.integers(len(quality), size=len(quality)), minlength=len(quality))
        counts = times @ both
        drawn[:, i] = np.divide(times @ tables, counts, out=means.copy(), where=counts > 0)

    def in_bulk(values: Floats) -> Floats:
        qualities, accuracies = values[0].clip(0, HIGHEST_GRADE), values[1].clip(0, 1)
        return chemistry_of_draws(
            qualities, accuracies, order=order, used_from=used_from, tolerance=tolerance
        )

    samples, noises = in_bulk(drawn), in_bulk(same[:, None] + drawn - means[:, None])
    ends = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(samples, ends, axis=0)
    noise = np.quantile(noises, level, axis=0)
    return CertainChemistry(tuple(profiles), found, low, high, noise)


def trials_of(rows: Sequence[tuple[str, str, float, float]]) -> Trials:
    """Trials from rows of (trial, model, quality, accuracy); several of a model in one trial are averaged."""
    names = sorted({row[1] for row in rows})
    places = sorted({row[0] for row in rows})
    shape = (len(places), len(names))
    at = {name: i for i, name in enumerate(names)}
    of = {name: i for i, name in enumerate(places)}
    sums, counts = np.zeros((2, *shape)), np.zeros(shape)
    for trial, model, quality, accuracy in rows:
        sums[:, of[trial], at[model]] += quality, accuracy
        counts[of[trial], at[model]] += 1
    means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    return Trials(tuple(names), means[0], means[1])
