"""How sure chemistry is: trials drawn again, and what it would be if models were interchangeable.

Chemistry is the largest of many absolute differences, so it is above 0 even between models that do not differ: each
run goes a little differently. So an interval alone does not tell. Here every pair also gets its ``noise``: what it
would have, 95 times of 100, if on every question it were chance which of the models gave which of the answers. A pair
is certain where the lower end of its interval is above that; one whose models were never in the same trial is not:
nobody has seen who is right where, so all of it counts as noise. (Two models can only be swapped for each other,
which changes nothing: their answers are drawn with replacement, and noise is understated.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optiq.chemistry.by_question import chemistry_of_costs, chemistry_over_questions, mean_costs
from optiq.chemistry.chem_e import USED_FROM
from optiq.chemistry.cost import Floats, Order, cost_of_sets
from optiq.chemistry.interaction_graph import check_number
from optiq.chemistry.profiles import Profile
from optiq.errors import InputError

LEVEL = 0.95
DRAWS = 200
_MOST_COSTS = 1 << 22
_WORTH_A_TABLE = 1 << 23
"""Costs of sets of models that are worked out in a draw, and that a table may hold."""


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
    """Chemistry of pairs of ``profiles`` with its interval and the noise, each of shape (n, n).

    ``apart`` are pairs that were never in one trial, where that was looked at.
    """

    profiles: tuple[Profile, ...]
    chemistry: Floats
    low: Floats
    high: Floats
    noise: Floats
    apart: tuple[tuple[str, str], ...] = ()

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
    noise = np.quantile(_by_chance(tables, known, used, draws, order, draw), level, axis=0)
    together = known.T.astype(np.int64) @ known > 0
    noise = np.where(together, noise, np.maximum(noise, high))
    apart = tuple((profiles[a].model, profiles[b].model) for a, b in np.argwhere(np.triu(~together)).tolist())
    return CertainChemistry(tuple(profiles), found[0], low, high, noise, apart)


def _by_chance(
    tables: Floats,
    known: npt.NDArray[np.bool_],
    used: npt.NDArray[np.bool_],
    draws: int,
    order: Order,
    draw: np.random.Generator,
) -> Floats:
    """Chemistry, (draws, n, n), of trials drawn with replacement whose answers are given to their models by chance.

    A model that was not in a trial has the mean of all answers there.
    """
    n, models = known.shape
    shared = np.where(known, tables, 0.0).sum(axis=(1, 2)) / known.sum()
    answers = np.where(known, tables, shared[:, None, None])
    if models == 2:
        answers = np.tile(answers, 2)  # both may have the same answer
    kept = np.flatnonzero(used)
    # All trials of few models; of many as many as the work allows, which makes noise larger, not smaller.
    size = min(n, max(_MOST_COSTS >> len(kept), 20))
    # To give the answers of a trial to other models is to look up the cost of another set of them: what each set costs
    # is worked out once, where that is less than to work it out in every draw.
    cells = n << answers.shape[2]
    table = cells <= min(_WORTH_A_TABLE, draws * size << len(kept))
    every = cost_of_sets(answers[0], answers[1], np.arange(1 << answers.shape[2]), order) if table else None
    costs = np.empty((draws, 1 << len(kept)))
    step = max((_MOST_COSTS >> 2) // (size << len(kept)), 1)
    for first in range(0, draws, step):
        rows = costs[first : first + step]
        some = draw.integers(n, size=len(rows) * size)
        source = _dealt(known[some], draw)[:, kept]
        if every is None:
            dealt = np.take_along_axis(answers[:, some], np.broadcast_to(source, (2, *source.shape)), axis=2)
            which = np.repeat(np.eye(len(rows)), size, axis=1)
            rows[:] = mean_costs(dealt[0], dealt[1], which, order)
        else:
            sets = np.zeros((len(some), 1), dtype=np.int64)
            for place in source.T:
                sets = np.hstack([sets, sets | 1 << place[:, None]])
            rows[:] = every[some[:, None], sets].reshape(len(rows), size, -1).mean(axis=1)
    return chemistry_of_costs(costs, used)


def _dealt(known: npt.NDArray[np.bool_], draw: np.random.Generator) -> npt.NDArray[np.int64]:
    """Which answer of its trial each model gets, (trials, models): by lot among those that were in it.

    Of two models each draws one of both answers; those of the second are counted from 2.
    """
    trials, models = known.shape
    own = np.tile(np.arange(models), (trials, 1))
    whole = np.all(known, axis=1)
    if models == 2:
        return np.where(whole[:, None], draw.integers(2, size=(trials, 2)), own) + np.array([0, 2])
    dealt = draw.permuted(own, axis=1)
    if not whole.all():
        # Both have those first that were in the trial: by lot, and in the order of the models.
        some, known = own[~whole], known[~whole]
        lots = np.argsort(np.where(known, draw.random(known.shape), 2.0), axis=1)
        places = np.argsort(np.where(known, some, models + some), axis=1)
        np.put_along_axis(some, places, lots, axis=1)
        dealt[~whole] = some
    return dealt


def trials_of(
    rows: Sequence[tuple[str, str, float, float] | tuple[str, str, float, float, str]],
) -> Trials:
    """Trials from rows of (trial, model, quality, accuracy, …); several of a model in one trial are averaged."""
    names = sorted({row[1] for row in rows})
    places = sorted({row[0] for row in rows})
    shape = (len(places), len(names))
    at = {name: i for i, name in enumerate(names)}
    first = {name: i * len(names) for i, name in enumerate(places)}
    cells = np.fromiter((first[row[0]] + at[row[1]] for row in rows), dtype=np.int64, count=len(rows))
    counts = np.bincount(cells, minlength=shape[0] * shape[1])
    quality, accuracy = (
        np.divide(
            np.bincount(
                cells, np.fromiter((row[column] for row in rows), np.float64, len(rows)), len(counts)
            ),
            counts,
            out=np.full(len(counts), np.nan),
            where=counts > 0,
        ).reshape(shape)
        for column in (2, 3)
    )
    return Trials(tuple(names), quality, accuracy)
