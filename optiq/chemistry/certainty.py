"""How sure chemistry is: trials drawn again, and what it would be if models were interchangeable.

Chemistry is the largest of many absolute differences, so it is above 0 even between models that do not differ: each
run goes a little differently. So an interval alone does not tell. Here every pair also gets its ``noise``: what it
would have, 95 times of 100, if on every question it were chance which of the models gave which of the answers. A pair
is certain where the lower end of its interval is above that. (Two models can only be swapped for each other, which
changes nothing: their answers are drawn with replacement, and noise is understated.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optiq.chemistry.by_question import chemistry_over_questions
from optiq.chemistry.chem_e import USED_FROM
from optiq.chemistry.cost import Floats, Order
from optiq.chemistry.interaction_graph import check_number
from optiq.chemistry.profiles import Profile
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
) -> CertainChemistry:
    """Chemistry over the trials, with percentile intervals from trials drawn with replacement.

    A trial is drawn whole, because its grades hang together. Where a model was not in a trial, its means stand for it.
    A model whose mean accuracy is below ``used_from`` is not used.

    Raises
    ------
    InputError
        for fewer than 2 or more than 20 models.
    """
    profiles = trials.profiles()
    check_number(len(profiles))
    kept = [trials.models.index(one.model) for one in profiles]
    given = np.array([trials.quality[:, kept], trials.accuracy[:, kept]])
    known: npt.NDArray[np.bool_] = ~np.isnan(given).any(axis=0)
    tried = known.any(axis=1)
    given, known = given[:, tried], known[tried]
    means = np.array([[one.quality for one in profiles], [one.accuracy for one in profiles]])
    tables = np.where(known, given, means[:, None])
    used = means[1] >= used_from

    draw = np.random.default_rng(seed)
    n = len(tables[0])
    times = np.array([np.bincount(draw.integers(n, size=n), minlength=n) for _ in range(draws)])
    weights = np.concatenate([np.ones((1, n)), times])
    found = chemistry_over_questions(tables[0], tables[1], weights, used=used, order=order)
    ends = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(found[1:], ends, axis=0)
    # All trials of few models; of many as many as the work allows, which makes noise larger, not smaller.
    size = min(n, max((1 << 22) >> int(used.sum()), 20))
    noises = []
    for _ in range(draws):
        some = draw.integers(n, size=size)
        swapped = _swapped(tables[:, some], known[some], draw)
        noises.append(chemistry_over_questions(swapped[0], swapped[1], used=used, order=order)[0])
    noise = np.quantile(noises, level, axis=0)
    return CertainChemistry(tuple(profiles), found[0], low, high, noise)


def _swapped(tables: Floats, known: npt.NDArray[np.bool_], draw: np.random.Generator) -> Floats:
    """The trials with the answers of each given to its models by chance; means are shared where there is none."""
    trials, models = known.shape
    if models == 2:
        source = draw.integers(2, size=(trials, 2))
        source = np.where(np.all(known, axis=1)[:, None], source, [0, 1])
    else:
        # Both have those first that were in the trial: by lot, and in the order of the models.
        lots = np.argsort(np.where(known, draw.random(known.shape), 2.0), axis=1)
        own = np.argsort(np.where(known, np.arange(models), models + np.arange(models)), axis=1)
        source = np.empty_like(lots)
        np.put_along_axis(source, own, lots, axis=1)
    shared = np.where(known, tables, 0.0).sum(axis=(1, 2)) / known.sum()
    filled = np.where(known, tables, shared[:, None, None])
    return np.take_along_axis(filled, np.broadcast_to(source, filled.shape), axis=2)


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
