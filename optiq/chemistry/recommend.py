"""Recommend (algorithm 2): the ensemble that leaves the least chemistry unused, found by hill climbing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from optiq.chemistry.chem_e import USED_FROM
from optiq.chemistry.cost import Floats
from optiq.chemistry.profiles import Profile
from optiq.errors import InputError

ALPHA = 0.5
BETA = 0.5
MOST_ROUNDS = 100
MOST_RECOMMENDED = 10
"""The paper's settings: chemistry between and within ensembles weigh the same; up to ten models."""

_NO_CHEMISTRY = 1e-9


@dataclass(frozen=True, slots=True)
class Weights:
    """What a recommendation weighs.

    ``alpha`` is the weight of chemistry between the ensemble and the rest against that within, ``beta`` that of each
    model; chemistry up to ``tau`` counts as none (problem 1); without any, models from ``strong_from`` on are
    recommended by themselves. :class:`~optiq.errors.InputError` for others than can be used.
    """

    alpha: float = ALPHA
    beta: float = BETA
    tau: float = 0.0
    strong_from: float = USED_FROM

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1 or not 0 <= self.beta < np.inf or not 0 <= self.tau < np.inf:
            raise InputError(
                f"alpha {self.alpha:g}, beta {self.beta:g}, tau {self.tau:g} cannot be used",
                "Give an alpha from 0 to 1, and 0 or more for the others.",
            )


USUAL = Weights()


@dataclass(frozen=True, slots=True)
class Recommendation:
    """An ensemble, sorted by name, its ``loss`` (equation 3) and the sum of its pairs' ``chemistry``.

    ``models`` is empty if nothing can be recommended; ``reason`` says how it was found, or why there is none.
    """

    models: tuple[str, ...]
    loss: float
    chemistry: float
    reason: str


def loss(members: Sequence[int], chemistry: Floats, alpha: float = ALPHA, beta: float = BETA) -> float:
    """Chemistry that the ensemble ``members`` leaves unused, plus its size (equations 3 to 5, algorithm 2).

    ``chemistry`` is the symmetric matrix over all models (n, n). Every unordered pair counts once within, and
    the theoretical maximum of what lies between counts ordered pairs, as algorithm 2 has it.
    """
    inside = np.zeros(len(chemistry), dtype=np.bool_)
    inside[list(members)] = True
    within = chemistry[np.ix_(inside, inside)].sum() / 2
    between = chemistry[np.ix_(inside, ~inside)].sum()
    most = chemistry.sum()
    return float(alpha * (most - between) + (1 - alpha) * (most / 2 - within) + beta * inside.sum())


def recommend(
    profiles: Sequence[Profile],
    chemistry: Floats,
    configurations: Iterable[Iterable[str]] = (),
    *,
    size: int | None = None,
    most: int = MOST_RECOMMENDED,
    weights: Weights = USUAL,
    rounds: int = MOST_ROUNDS,
) -> Recommendation:
    """The ensemble of ``profiles`` with the least loss, from historical ``configurations`` on.

    Parameters
    ----------
    profiles, chemistry
        The pool and the chemistry of its pairs, as :func:`~optiq.chemistry.chem_e.chemistry` gives it.
        Unknown chemistry (NaN) counts as none.
    configurations
        Sets of models that ran together in the past, from which the search starts. Models outside the pool
        are left out. Without any, it starts from the best single model and the best pair.
    size, most
        Exactly so many models, or up to so many.

    Where no pair has chemistry, profiles are the same (theorem 1): then the best models by penalty are given
    (one, unless a ``size`` is asked for) if their accuracy is at least ``weights.strong_from``, else none.

    Raises
    ------
    InputError
        for a size that the pool does not have, or a matrix of another shape.
    """
    n = len(profiles)
    known = np.nan_to_num(np.asarray(chemistry, dtype=np.float64), nan=0.0)
    known = np.where(known > weights.tau, known, 0.0)
    if known.shape != (n, n):
        raise InputError(f"a chemistry matrix of shape {known.shape} for {n} models", "Give n × n.")
    if not 1 <= (size or 1) <= n or most < 1:
        raise InputError(f"an ensemble of {size or most} from {n} models", f"Ask for 1 to {n}.")
    by_name = sorted(range(n), key=lambda i: profiles[i].model)  # sums do not depend on the order given
    profiles, known = [profiles[i] for i in by_name], known[np.ix_(by_name, by_name)]
    ranking = sorted(range(n), key=lambda i: (profiles[i].penalty, profiles[i].model))
    if known.max(initial=0.0) <= _NO_CHEMISTRY:
        return _homogeneous(profiles, ranking, size, weights)
    most = min(most, n)
    names = {one.model: i for i, one in enumerate(profiles)}
    starts = _starts(configurations, names, ranking, known, size, most)
    best: tuple[float, tuple[int, ...]] | None = None

    @cache  # climbs from several starts meet the same ensembles
    def loss_of(members: tuple[int, ...]) -> float:
        return loss(members, known, weights.alpha, weights.beta)

    for start in starts:
        found = _climb(start, loss_of, n, size, most, rounds)
        if best is None or found[0] < best[0] - _NO_CHEMISTRY:
            best = found
    assert best is not None
    members = best[1]
    within = float(known[np.ix_(members, members)].sum() / 2)
    reason = f"least loss found from {len(starts)} starting ensemble{'' if len(starts) == 1 else 's'}"
    return Recommendation(tuple(sorted(profiles[i].model for i in members)), best[0], within, reason)


def _homogeneous(
    profiles: Sequence[Profile], ranking: Sequence[int], size: int | None, weights: Weights
) -> Recommendation:
    strong = [i for i in ranking if profiles[i].accuracy >= weights.strong_from]
    if not strong:
        return Recommendation(
            (), 0.0, 0.0, f"no chemistry, and no model is right in {weights.strong_from:.0%} of cases"
        )
    chosen = [*strong, *(i for i in ranking if i not in strong)][: size or 1]
    names = tuple(sorted(profiles[i].model for i in chosen))
    return Recommendation(
        names, weights.beta * len(names), 0.0, "no chemistry between any two: the best by themselves"
    )


def _starts(
    configurations: Iterable[Iterable[str]],
    names: dict[str, int],
    ranking: Sequence[int],
    chemistry: Floats,
    size: int | None,
    most: int,
) -> list[tuple[int, ...]]:
    """Starting ensembles of an allowed size: the best models are added, the worst left out."""
    given = [{names[name] for name in models if name in names} for models in configurations]
    given = [models for models in given if models]
    if not given:
        pair = np.unravel_index(int(np.argmax(chemistry)), chemistry.shape)
        given = [{ranking[0]}, {int(i) for i in pair}]
    fitted = []
    for models in given:
        members = [i for i in ranking if i in models][: size or most]
        if size is not None:
            members += [i for i in ranking if i not in models][: size - len(members)]
        fitted.append(tuple(sorted(members)))
    return sorted(set(fitted))


def _climb(
    start: tuple[int, ...],
    loss_of: Callable[[tuple[int, ...]], float],
    n: int,
    size: int | None,
    most: int,
    rounds: int,
) -> tuple[float, tuple[int, ...]]:
    """The best ensemble that single additions, removals and swaps lead to."""
    current = (loss_of(start), start)
    for _ in range(rounds):
        best = min(
            ((loss_of(other), other) for other in _neighbours(current[1], n, size, most)), default=current
        )
        if best[0] >= current[0] - _NO_CHEMISTRY:
            break
        current = best
    return current


def _neighbours(members: tuple[int, ...], n: int, size: int | None, most: int) -> list[tuple[int, ...]]:
    inside, outside = set(members), [i for i in range(n) if i not in members]
    found = [tuple(sorted(inside - {out} | {new})) for out in members for new in outside]
    if size is None:
        if len(members) < most:
            found += [tuple(sorted(inside | {new})) for new in outside]
        if len(members) > 1:
            found += [tuple(sorted(inside - {out})) for out in members]
    return found
