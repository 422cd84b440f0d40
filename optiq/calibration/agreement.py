"""How good models are, from how they agree: no reference is needed where several answered the same questions.

The model of Dawid and Skene (1979) with one accuracy per model, and questions that are easy, usual or hard, as GLAD
(Whitehill et al. 2009) has them: the log-odds that model j is right on question i are a_j − d_i. Wrong answers scatter
over the other answers that a question may have. Estimated by EM over what is right and how hard it is. What all models
believe alike looks right: agreement is worth less than labels, and says so.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_HARDNESS = np.array([-1.5, 0.0, 1.5])
_OTHERS = 20.0
"""So many other things as a free answer may say, if it is wrong."""
_START = 0.7
_PRIOR = 2.0
"""So many answers, right as often as not, as each accuracy is drawn to: a model is not sure after two."""
_ROUNDS = 100
_CONVERGED = 1e-5
DRAWS = 100
"""Resamples of the questions behind an interval."""


@dataclass(frozen=True)
class Agreement:
    """What agreement says.

    ``accuracy`` (models,), with ``low`` and ``high`` of 95 in 100 resamples of the questions; NaN for a model that
    never answered together with another one. ``answered`` (models,) counts such questions. ``right`` (questions,) is
    the answer that is most probably right with its probability; None and 0 where nobody answered.
    """

    models: tuple[str, ...]
    accuracy: Floats
    low: Floats
    high: Floats
    answered: npt.NDArray[np.int64]
    right: tuple[tuple[Hashable | None, float], ...]


def agreement(
    answers: Sequence[Mapping[str, Hashable]],
    options: Sequence[int] | None = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Agreement:
    """What agreement says of models.

    ``answers`` are per question what each model said, alike where it means the same; ``options`` are how many answers
    each question may have (0: any). Questions that fewer than two models answered say nothing.
    """
    models = tuple(sorted({model for row in answers for model in row}))
    table, most = _numbered(answers, models)
    possible = np.array([_OTHERS] * len(answers) if options is None else [n or _OTHERS for n in options])
    possible = np.maximum(possible, most + 1)
    told = (table >= 0).sum(axis=1) >= 2
    accuracy, truth = _fitted(table, possible, told, np.ones(len(table)))
    draw = np.random.default_rng(seed)
    sampled = []
    for _ in range(draws if told.any() else 0):
        weights = np.bincount(draw.integers(0, len(table), len(table)), minlength=len(table)).astype(
            np.float64
        )
        sampled.append(_fitted(table, possible, told, weights, accuracy, rounds=15)[0])
    low, high = (
        np.nanpercentile(sampled, (2.5, 97.5), axis=0) if sampled else (accuracy.copy(), accuracy.copy())
    )
    answered = ((table >= 0) & told[:, None]).sum(axis=0)
    for figures in (accuracy, low, high):
        figures[answered == 0] = np.nan
    right: list[tuple[Hashable | None, float]] = []
    for row, numbers, shares in zip(answers, table, truth, strict=True):
        if not row or not len(shares):
            right.append((None, 0.0))
            continue
        best = int(shares.argmax())
        said = next((row[m] for m, n in zip(models, numbers, strict=True) if n == best), None)
        right.append((said, float(shares[best])))
    return Agreement(models, accuracy, low, high, answered, tuple(right))


def _numbered(
    answers: Sequence[Mapping[str, Hashable]], models: tuple[str, ...]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(questions, models): the number of each answer among those of its question, −1 for none; and how many differ."""
    table = np.full((len(answers), len(models)), -1)
    most = np.zeros(len(answers), dtype=np.int64)
    place = {model: j for j, model in enumerate(models)}
    for i, row in enumerate(answers):
        numbers: dict[Hashable, int] = {}
        for model in sorted(row):
            table[i, place[model]] = numbers.setdefault(row[model], len(numbers))
        most[i] = len(numbers)
    return table, most


def _fitted(
    table: npt.NDArray[np.int64],
    possible: Floats,
    told: npt.NDArray[np.bool_],
    weights: Floats,
    start: Floats | None = None,
    rounds: int = _ROUNDS,
) -> tuple[Floats, Floats]:
    """Accuracy per model, and per question the probabilities of its answers."""
    n_models = table.shape[1]
    widest = int(table.max(initial=-1)) + 1
    given = np.logical_and(table >= 0, told[:, None])
    said = np.zeros((*table.shape, max(widest, 1)), dtype=bool)
    np.put_along_axis(said, np.maximum(table, 0)[..., None], given[..., None], axis=2)
    # accuracies are means over how hard questions are: the ability is found from them
    ability = (
        np.full(n_models, _logit(_START))
        if start is None
        else _logit(np.clip(np.nan_to_num(start, nan=0.5), 0.02, 0.98))
    )
    accuracy = np.full(n_models, _START)
    existing = np.asarray(said.any(axis=1))
    truth = np.zeros((len(table), max(widest, 1)))
    shares = np.full(len(_HARDNESS), 1 / len(_HARDNESS))
    for _ in range(rounds):
        p = 1 / (1 + np.exp(-(ability[None, :] - _HARDNESS[:, None])))  # (hardness, models)
        # log-likelihood per question, hardness and answer that is right; the last one: nobody said it
        wrong = np.log((1 - p)[:, None, :] / np.maximum(possible - 1, 1)[None, :, None])  # (h, q, m)
        base = np.where(given[None], wrong, 0.0).sum(axis=2)  # all wrong
        gain = np.einsum("qma,hqm->hqa", said.astype(np.float64), np.log(p)[:, None, :] - wrong)
        joint = base[..., None] + np.where(existing[None], gain, -np.inf)
        unsaid = base + np.log(np.maximum(possible - existing.sum(axis=1), 1e-9))[None]
        every = np.concatenate([joint, unsaid[..., None]], axis=2) + np.log(shares)[:, None, None]
        top = every.max(axis=(0, 2), keepdims=True)
        posterior = np.exp(every - top)
        posterior /= posterior.sum(axis=(0, 2), keepdims=True)
        truth = posterior.sum(axis=0)[:, :-1]
        hard = posterior.sum(axis=2)  # (hardness, questions)
        correct = np.einsum("qma,hqa->hqm", said.astype(np.float64), posterior[..., :-1])
        counts = np.einsum("hq,qm,q->hm", hard, given.astype(np.float64), weights)
        hits = np.einsum("hqm,q->hm", correct, weights)
        used = weights * told
        shares = (hard @ used + 1) / (used.sum() + len(_HARDNESS))
        before = ability
        ability = _maximised(ability, counts, hits)
        accuracy = (hits.sum(axis=0) + _PRIOR / 2) / (counts.sum(axis=0) + _PRIOR)
        if np.abs(ability - before).max(initial=0.0) < _CONVERGED:
            break
    return accuracy, truth


def _maximised(ability: Floats, counts: Floats, hits: Floats) -> Floats:
    """The abilities that make ``hits`` of ``counts`` (hardness, models) most probable, drawn to even odds."""
    for _ in range(8):
        p = 1 / (1 + np.exp(-(ability[None, :] - _HARDNESS[:, None])))
        slope = (hits - counts * p).sum(axis=0) - _PRIOR * (1 / (1 + np.exp(-ability)) - 0.5)
        bend = (counts * p * (1 - p)).sum(axis=0) + _PRIOR / 4
        ability = np.clip(ability + slope / bend, -6, 6)
    return ability


def _logit(p: Floats | float) -> Floats:
    return np.log(np.asarray(p) / (1 - np.asarray(p)))
