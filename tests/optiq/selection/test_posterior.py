"""The belief about combinations: certain where all was run, calibrated where little was."""

from __future__ import annotations

import numpy as np

from optiq.selection.evidence import Evidence
from optiq.selection.posterior import CombinationModel
from optiq.selection.space import Space

SPACE = Space.of({"planner": list("abcdef"), "solver": list("abcdef")})


def evidence_of(scores: np.ndarray, counts: int, full: int = 0) -> Evidence:
    """The first ``counts`` examples of all rows, and all examples of the first ``full`` rows."""
    evidence = Evidence(*scores.shape, 2)
    evidence.score[:, :counts] = scores[:, :counts]
    evidence.score[:full] = scores[:full]
    return evidence


def outcomes(seed: int) -> np.ndarray:
    """Right or wrong, with planners and solvers that matter and examples that are hard for all."""
    rng = np.random.default_rng(seed)
    ability = rng.normal(0.6, 0.6, 6)[SPACE.codes[:, 0]] + rng.normal(0, 0.4, 6)[SPACE.codes[:, 1]]
    ease = ability[:, None] + rng.normal(0, 0.8, 100) + rng.normal(0, 0.8, (36, 100))
    return (ease > 0).astype(float)


def test_rows_run_in_full_are_known() -> None:
    scores = outcomes(0)
    evidence = evidence_of(scores, 10, full=4)
    belief = CombinationModel(SPACE).believe(evidence, evidence.score)
    np.testing.assert_allclose(belief.mean[:4], scores[:4].mean(axis=1), atol=1e-4)
    assert (np.sqrt(np.diag(belief.covariance)[:4]) < 1e-3).all()


def test_the_spread_is_about_that_of_the_errors() -> None:
    """After 15 examples that are hard for all it is up to half too narrow: hence eliminations at 4 deviations."""
    standard = []
    for seed in range(40):
        scores = outcomes(seed)
        evidence = evidence_of(scores, 15, full=2)
        belief = CombinationModel(SPACE).believe(evidence, evidence.score)
        gap, deviation = belief.gap(0)
        truth = scores[0].mean() - scores.mean(axis=1)
        standard.extend(((gap - truth) / deviation)[2:])
    assert 0.7 < np.std(standard) < 1.6
    assert -0.6 < np.mean(standard) < 0.3  # where it leans, it calls gaps smaller than they are


def test_it_beats_plain_means() -> None:
    better = []
    for seed in range(20):
        scores = outcomes(seed)
        evidence = evidence_of(scores, 8, full=2)
        belief = CombinationModel(SPACE).believe(evidence, evidence.score)
        truth = scores.mean(axis=1)
        plain = np.abs(evidence.accuracy[2:] - truth[2:]).mean()
        better.append(np.abs(belief.mean[2:] - truth[2:]).mean() / plain)
    assert np.mean(better) < 0.9
