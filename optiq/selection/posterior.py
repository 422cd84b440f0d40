"""What few runs say about every combination: a Gaussian model over all of them at once.

Two things let a run speak about more than its own combination. Combinations that share a model in a role tend
to be alike: that is the prior, with one variance per role and one for what is a combination's own; all three
are estimated from the data, so where models do not matter alike across combinations nothing is borrowed.
And all combinations meet the same examples, some of which are hard for all: that is the noise, whose correlation
(common to all, and more between those that share a model) is estimated too. With it, comparisons are paired,
and a combination that was run on all examples tells how hard the first few were.

The quantity estimated is the mean over the whole data set, so noise vanishes as its examples are used up:
for rows a and b with n_a and n_b examples, n_ab of them shared, out of n, the covariance of their means is
S_ab · (n_ab / (n_a n_b) − 1/n).

Calibration's beliefs (:mod:`optiq.calibration.beliefs`) are another model of arms on questions: they change with every
execution and start from what is known before anything was run (published figures, how alike plans are, fixed
spreads), over questions without end. Here nothing is known beforehand, variances come from the data, and what is
asked is the mean over a finite set. What both do with their doubt is the same: :mod:`optiq.statistics.normal`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optiq.selection.evidence import Evidence
from optiq.selection.space import Space

_SMALLEST, _LARGEST = 1e-5, 0.2
"""Bounds of prior variances: 0.3 to 45 points of accuracy."""


@dataclass(frozen=True)
class Belief:
    """Mean and covariance of every combination's mean reward on the whole data set.

    ``own_mean`` and ``own_covariance`` are from each combination's own runs alone (with their correlations).
    """

    mean: np.ndarray
    covariance: np.ndarray
    own_mean: np.ndarray
    own_covariance: np.ndarray

    def gap(self, leader: int) -> tuple[np.ndarray, np.ndarray]:
        """How far each combination is behind ``leader``, and the standard deviation of that."""
        return self.mean[leader] - self.mean, _deviation(self.covariance, leader)

    def own_gap(self, leader: int) -> tuple[np.ndarray, np.ndarray]:
        """The same by own runs alone."""
        return self.own_mean[leader] - self.own_mean, _deviation(self.own_covariance, leader)


def _deviation(covariance: np.ndarray, leader: int) -> np.ndarray:
    variance = covariance[leader, leader] + np.diag(covariance) - 2 * covariance[leader]
    return np.sqrt(np.maximum(variance, 1e-14))


class CombinationModel:
    """Fits the model to rewards; keeps its variances from one fit to the next as starting values."""

    def __init__(self, space: Space) -> None:
        codes = space.codes
        several = len(space.roles) > 1
        self._shares = [codes[:, [r]] == codes[:, r] for r in range(len(space.roles))] if several else []
        self._kernels = [share.astype(float) for share in self._shares]
        self._variances = [0.02] * (len(self._kernels) + 1)
        self._fitted_at = 0

    def believe(self, evidence: Evidence, rewards: np.ndarray) -> Belief:
        """The belief after ``evidence``; every combination needs at least one run.

        Parameters
        ----------
        rewards
            (combinations, examples), NaN where not run. What was run and is not known counts as nothing: it is left
            to who asks that such a combination does not win.
        """
        rewards = np.where(evidence.done & np.isnan(rewards), 0.0, rewards)
        known = ~np.isnan(rewards)
        counts = known.sum(axis=1)
        filled = np.where(known, rewards, 0.0)
        own = filled.sum(axis=1) / counts
        variance = _variances(rewards, known, filled, own)
        overlap = known.astype(float) @ known.T.astype(float)
        correlation = self._correlation(np.where(known, rewards - own[:, None], 0.0), variance, overlap)
        shrink = np.maximum(overlap / np.outer(counts, counts) - 1 / rewards.shape[1], 0.0)
        noise = np.sqrt(np.outer(variance, variance)) * correlation * shrink + 1e-10 * np.eye(len(own))
        if counts.sum() > 1.1 * self._fitted_at:  # a fit is dear next to a solve
            self._fit(own, noise)
            self._fitted_at = int(counts.sum())
        return self._solve(own, noise)

    def _correlation(self, residuals: np.ndarray, variance: np.ndarray, overlap: np.ndarray) -> np.ndarray:
        """Of outcomes on one example: common to all pairs, plus a part per role whose model they share.

        Non-negative least squares on the mean products of residuals, by which roles a pair shares; as a sum of
        kernels it is a correlation matrix whatever comes out.
        """
        from scipy.optimize import nnls

        size = len(variance)
        standard = residuals / np.sqrt(variance)[:, None]
        products = standard @ standard.T
        kind = np.zeros((size, size), dtype=int)
        for role, share in enumerate(self._shares):
            kind += share.astype(int) << role
        pairs = ~np.eye(size, dtype=bool)
        design, target, weight = [], [], []
        for which in np.unique(kind[pairs]):
            chosen = pairs & (kind == which)
            total = overlap[chosen].sum()
            if total > 0:
                design.append([1.0, *(float(which >> r & 1) for r in range(len(self._shares)))])
                target.append(products[chosen].sum() / total)
                weight.append(np.sqrt(total))
        parts = np.zeros(len(self._shares) + 1)
        if design:
            scale = np.array(weight)
            parts, _ = nnls(np.array(design) * scale[:, None], np.array(target) * scale)
        parts *= min(1.0, 0.98 / max(parts.sum(), 1e-9))
        found = np.full((size, size), parts[0])
        for part, kernel in zip(parts[1:], self._kernels, strict=True):
            found += part * kernel
        np.fill_diagonal(found, 1.0)
        return found

    def _prior(self, variances: list[float]) -> np.ndarray:
        own = variances[-1] * np.eye(self._size)
        return own + sum(v * kernel for v, kernel in zip(variances[:-1], self._kernels, strict=True))

    def _fit(self, own: np.ndarray, noise: np.ndarray) -> None:
        """Variances of the prior by restricted likelihood, in steps by factors: coarse, then fine."""
        self._size = len(own)
        best = self._likelihood(self._variances, own, noise)
        for factor in (3.0, 1.5):
            for _ in range(3):
                moved = False
                for place in range(len(self._variances)):
                    for change in (factor, 1 / factor):
                        tried = list(self._variances)
                        tried[place] = min(max(tried[place] * change, _SMALLEST), _LARGEST)
                        likelihood = self._likelihood(tried, own, noise)
                        if likelihood > best + 1e-3:
                            best, self._variances, moved = likelihood, tried, True
                if not moved:
                    break

    def _likelihood(self, variances: list[float], own: np.ndarray, noise: np.ndarray) -> float:
        factor = np.linalg.cholesky(self._prior(variances) + noise)
        both = np.linalg.solve(factor, np.stack([own, np.ones(len(own))], axis=1))
        ones = both[:, 1] @ both[:, 1]
        quadratic = both[:, 0] @ both[:, 0] - (both[:, 0] @ both[:, 1]) ** 2 / ones
        return float(-0.5 * quadratic - np.log(np.diag(factor)).sum() - 0.5 * np.log(ones))

    def _solve(self, own: np.ndarray, noise: np.ndarray) -> Belief:
        prior = self._prior(self._variances)
        precision = np.linalg.inv(prior + noise)
        ones = np.ones(len(own))
        total = ones @ precision @ ones
        common = ones @ precision @ own / total
        gain = prior @ precision
        rest = ones - gain @ ones
        covariance = prior - gain @ prior + np.outer(rest, rest) / total
        return Belief(common + gain @ (own - common), covariance, own, noise)


def _variances(rewards: np.ndarray, known: np.ndarray, filled: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Variance of each row's rewards on one example, drawn towards that of its kind.

    For scores the variance at mean m is about κ·m(1−m), κ from all rows (1 for right or wrong). The mean
    is smoothed by one good and one bad run: a combination without a fault yet is not taken for certain.
    """
    counts = known.sum(axis=1)
    squares = np.where(known, (rewards - own[:, None]) ** 2, 0.0).sum(axis=1)
    low, high = min(float(np.nanmin(rewards)), 0.0), max(float(np.nanmax(rewards)), 1.0)
    span = high - low
    place = (filled.sum(axis=1) + low + high) / (counts + 2)
    spread = np.maximum((place - low) * (high - place), 1e-6 * span * span)
    plain = np.maximum((own - low) * (high - own), 0.0)
    kappa = float(np.clip(squares.sum() / max((counts * plain).sum(), 1e-9), 0.02, 1.0))
    return np.maximum((squares + 4 * kappa * spread) / (counts + 4), 0.9 * kappa * spread)
