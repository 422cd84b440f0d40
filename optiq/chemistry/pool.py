"""A pool of models with everything chemistry knows of it: trials, profiles, pairs with certainty, ensembles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optiq.chemistry.baselines import at_random, best_by_accuracy
from optiq.chemistry.certainty import CertainChemistry, Trials, trials_of, with_certainty
from optiq.chemistry.chem_e import USED_FROM
from optiq.chemistry.complementarity import index, points
from optiq.chemistry.cost import Floats, Order
from optiq.chemistry.profiles import Profile
from optiq.chemistry.recommend import MOST_RECOMMENDED, USUAL, Recommendation, Weights, recommend
from optiq.errors import InputError, UnknownName

MOST_MODELS = 16
"""Of more models those with most trials are kept: the work doubles with every model."""
MOST_CONFIGURATIONS = 8
"""Historical ensembles from which a recommendation starts: the most frequent ones."""
STRATEGIES = ("chemistry", "best", "random")

Graded = tuple[str, str, float, float, str]


@dataclass(frozen=True, slots=True)
class TopicTrials:
    """Trials of models with the sets of models that were tried together, the most frequent first.

    ``left_out`` are models beyond :data:`MOST_MODELS`; ``passed_over`` says which rows of a file are no trials.
    """

    trials: Trials
    configurations: tuple[tuple[str, ...], ...]
    source: str
    left_out: tuple[str, ...] = ()
    passed_over: str | None = None

    @property
    def n_trials(self) -> int:
        """Number of trials."""
        return len(self.trials.quality)

    def among(self, models: Sequence[str]) -> TopicTrials:
        """The same trials with only these models. :class:`UnknownName` for one that was not graded."""
        known = list(self.trials.models)
        _check_known(models, known)
        kept = [i for i, name in enumerate(known) if name in set(models)]
        trials = Trials(
            tuple(known[i] for i in kept), self.trials.quality[:, kept], self.trials.accuracy[:, kept]
        )
        return replace(self, trials=trials)

    def chemistry(
        self, *, order: Order = "quality", used_from: float = USED_FROM, seed: int = 0
    ) -> PoolChemistry:
        """Chemistry of all pairs with intervals; draws are fewer for many models.

        Raises
        ------
        InputError
            for fewer than 2 or more than 20 models.
        """
        n = len(self.trials.profiles())
        if n < 2:
            names = ", ".join(one.model for one in self.trials.profiles()) or "no model"
            raise InputError(
                f"only {names} was graded, and chemistry is between models",
                "Grade a second model with `optiq calibrate` or `optiq review`.",
            )
        draws = 100 if n <= 8 else 30 if n <= 12 else 20
        found = with_certainty(self.trials, seed=seed, draws=draws, order=order, used_from=used_from)
        return PoolChemistry(found, self.n_trials, self.source)


@dataclass(frozen=True, slots=True)
class PoolChemistry:
    """Chemistry of a pool's pairs with its certainty, from ``n_trials`` trials of ``source``."""

    found: CertainChemistry
    n_trials: int
    source: str

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """The models' profiles, sorted by name."""
        return self.found.profiles

    @property
    def models(self) -> tuple[str, ...]:
        """The models, in the order of the matrices."""
        return tuple(one.model for one in self.profiles)

    def pairs(self) -> Iterator[tuple[str, str, float, float, float, float]]:
        """Each pair once: models, chemistry, low, high, noise."""
        matrices = (self.found.chemistry, self.found.low, self.found.high, self.found.noise)
        for i, a in enumerate(self.models):
            for j in range(i + 1, len(self.models)):
                value, low, high, noise = (float(matrix[i, j]) for matrix in matrices)
                yield a, self.models[j], value, low, high, noise

    def among(self, models: Sequence[str]) -> PoolChemistry:
        """Only these models. Their chemistry stays that of the whole pool. :class:`UnknownName` for another."""
        _check_known(models, self.models)
        kept = [i for i, name in enumerate(self.models) if name in set(models)]
        cut = np.ix_(kept, kept)
        now = self.found
        found = CertainChemistry(
            tuple(self.profiles[i] for i in kept),
            *(now.chemistry[cut], now.low[cut], now.high[cut], now.noise[cut]),
            tuple(pair for pair in now.apart if set(pair) <= set(models)),
        )
        return replace(self, found=found)

    def choose(
        self,
        strategy: str,
        size: int,
        configurations: Iterable[Iterable[str]] = (),
        seed: int = 0,
        *,
        fewer: bool = False,
        weights: Weights = USUAL,
    ) -> Recommendation:
        """An ensemble of ``size`` models: by chemistry, the best by accuracy, or at random.

        ``fewer``: by chemistry it may have fewer.

        Raises
        ------
        InputError
            for a strategy that there is not, or a size that the pool does not have.
        """
        if strategy not in STRATEGIES:
            raise InputError(f"no strategy {strategy!r}", f"Choose one of {', '.join(STRATEGIES)}.")
        if not 1 <= size <= len(self.profiles):
            raise InputError(
                f"an ensemble of {size} from {len(self.profiles)} graded models",
                f"Ask for 1 to {len(self.profiles)}.",
            )
        if strategy == "chemistry":
            return recommend(
                self.profiles,
                self.found.chemistry,
                configurations,
                size=None if fewer else size,
                most=size,
                weights=weights,
            )
        names = (
            best_by_accuracy(self.profiles, size)
            if strategy == "best"
            else at_random(self.profiles, size, seed)
        )
        reason = "the most accurate models" if strategy == "best" else f"drawn at random with seed {seed}"
        return Recommendation(names, float("nan"), self._within(names), reason)

    def certain_within(self, models: Iterable[str]) -> tuple[int, int]:
        """How many pairs of the ensemble have chemistry beyond noise, and how many pairs there are."""
        places = [self.models.index(name) for name in models]
        certain = self.found.certain[np.ix_(places, places)]
        return int(certain.sum() // 2), len(places) * (len(places) - 1) // 2

    def complementarity(self, models: Iterable[str]) -> float:
        """Complementarity index of the ensemble (section 5)."""
        wanted = set(models)
        return index(points([one for one in self.profiles if one.model in wanted]))

    def _within(self, models: Iterable[str]) -> float:
        places = [self.models.index(name) for name in models]
        return float(self.found.chemistry[np.ix_(places, places)].sum() / 2)

    @classmethod
    def of_rows(
        cls,
        profiles: Sequence[tuple[str, float, float, int, str]],
        pairs: Iterable[tuple[str, str, float, float, float, float, int]],
    ) -> PoolChemistry:
        """From rows of ``model_quality`` (sorted by model) and ``chemistry``."""
        known = tuple(Profile(*row[:4]) for row in profiles)
        at = {one.model: i for i, one in enumerate(known)}
        matrices: Floats = np.zeros((4, len(known), len(known)))
        pairs = list(pairs)
        for a, b, *values, _ in pairs:
            matrices[:, at[a], at[b]] = matrices[:, at[b], at[a]] = values
        n_trials = pairs[0][6] if pairs else 0
        return cls(CertainChemistry(known, *matrices), n_trials, profiles[0][4] if profiles else "")


def topic_trials(
    rows: Sequence[Graded], most_models: int = MOST_MODELS, among: Sequence[str] = ()
) -> TopicTrials:
    """Trials from rows of (trial, model, quality, accuracy, source), of the ``most_models`` with most trials.

    Of those with as many the more accurate come first.
    Of those that are named (``among``) all are taken; :class:`UnknownName` for one that was not graded.
    """
    every = trials_of(rows)
    counts = dict(zip(every.models, (~np.isnan(every.quality)).sum(axis=0).tolist(), strict=True))
    _check_known(among, sorted(counts))
    right = dict(zip(every.models, np.nansum(every.accuracy, axis=0).tolist(), strict=True))
    ranked = sorted(counts, key=lambda name: (-counts[name], -right[name], name))
    left_out = () if among else tuple(sorted(ranked[most_models:]))
    if left_out or among:
        out = {name for name in counts if name not in among} if among else set(left_out)
        rows = [row for row in rows if row[1] not in out]
        every = trials_of(rows)
    tried = ~np.isnan(every.quality)
    together = [
        (tuple(name for name, was in zip(every.models, one, strict=True) if was), count)
        for one, count in zip(
            *map(np.ndarray.tolist, np.unique(tried, axis=0, return_counts=True)), strict=True
        )
    ]
    configurations = sorted((-count, models) for models, count in together if len(models) > 1)
    return TopicTrials(
        every,
        tuple(models for _, models in configurations[:MOST_CONFIGURATIONS]),
        ", ".join(sorted({row[4] for row in rows})),
        left_out,
    )


def ensembles_of(
    pool: PoolChemistry, configurations: Sequence[Sequence[str]] = (), most: int = MOST_RECOMMENDED
) -> Iterator[dict[str, Any]]:
    """The ensembles of every size up to ``most``, by chemistry and by accuracy, as rows of ``ensembles``."""
    for strategy in ("chemistry", "best"):
        for size in range(1, min(len(pool.profiles), most) + 1):
            found = pool.choose(strategy, size, configurations)
            if found.models:
                yield {
                    "strategy": strategy,
                    "size": size,
                    "models": list(found.models),
                    "loss": None if np.isnan(found.loss) else found.loss,
                    "chemistry": found.chemistry,
                    "complementarity": pool.complementarity(found.models),
                    "reason": found.reason,
                }


def _check_known(models: Sequence[str], known: Sequence[str]) -> None:
    for name in models:
        if name not in known:
            raise UnknownName(
                f"model {name!r} has no grades", f"Graded models: {', '.join(known) or 'none'}."
            )
