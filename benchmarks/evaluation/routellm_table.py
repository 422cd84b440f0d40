"""A strong and a weak model, right or wrong: what share of the gap between them a share of strong calls recovers.

Gap recovered is (quality − weak) / (strong − weak); APGR is the area under it as the share of strong calls goes from 0
to 1 (chance 0.5), CPT(50 %) the share of strong calls at half the gap (RouteLLM, arXiv 2406.18665, section 4). What is
measured are the product's own estimates, from histories of so many questions, on questions of other folds; beside them
the votes of the nearest in the sentence embedding, with the number of neighbours that did best on these very questions.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.evaluation.recorded_table import Row
from optiq.evaluation.folds import split
from optiq.evaluation.intervals import interval
from optiq.evaluation.outcomes import FloatArray, Outcomes
from optiq.evaluation.snapshot import planning_of
from optiq.text.embedding import embed

HISTORIES = (200, 500, 1500, 5000)
NEIGHBOURS = (50, 100, 200, 320)
BINS = 10


def table(outcomes: Outcomes, seed: int, histories: tuple[int, ...] = HISTORIES) -> list[Row]:
    """Per size of history: ours, plain neighbours, their difference by fold, and how calibrated ours are."""
    sentences = embed([asked.text for asked in outcomes.questions], threads=2)
    rows: list[Row] = []
    for size in histories:
        ours, beside, predicted, observed = [], {n: [] for n in NEIGHBOURS}, [], []
        for history, held in _folds(outcomes, size, seed):
            known = outcomes.only(history)
            planning = planning_of(known)
            every = planning.estimates([outcomes.questions[q] for q in held], [outcomes.plans] * len(held))
            quality = np.array([[estimate.qoa for estimate in row] for row in every])
            truth = outcomes.qoa[held]
            ours.append(_recovered(quality[:, 1] - quality[:, 0], truth))
            predicted.append(quality.ravel())
            observed.append(truth.ravel())
            gain = outcomes.qoa[history, 1] - outcomes.qoa[history, 0]
            order = np.argsort(-(sentences[held] @ sentences[history].T), axis=1, kind="stable")
            for n in NEIGHBOURS:
                beside[n].append(_recovered(gain[order[:, :n]].mean(axis=1), truth))
        best = max(NEIGHBOURS, key=lambda n: float(np.mean([apgr for apgr, *_ in beside[n]])))
        above = interval(
            np.array([one[0] - other[0] for one, other in zip(ours, beside[best], strict=True)]), seed
        )
        error = _calibration(np.concatenate(predicted), np.concatenate(observed))
        rows.append(
            (
                str(size),
                _text(ours),
                f"{_text(beside[best])} (n={best})",
                f"{above.mean:+.3f} [{above.low:+.3f}, {above.high:+.3f}]",
                f"{error:.3f}",
            )
        )
    return rows


def _folds(outcomes: Outcomes, size: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    folds = split(outcomes.questions, 5, seed)
    for fold in range(5):
        held, others = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        draw = np.random.default_rng([seed, fold])
        yield np.sort(draw.choice(others, min(size, len(others)), replace=False)), held


def _recovered(score: FloatArray, truth: FloatArray) -> tuple[float, float, float]:
    """APGR, CPT(50 %) and CPT(80 %) where the strong model is called in the order of ``score``."""
    gain = (truth[:, 1] - truth[:, 0])[np.argsort(-score, kind="stable")]
    gap = np.concatenate([[0.0], np.cumsum(gain)]) / gain.sum()
    shares = np.linspace(0.0, 1.0, len(gap))
    return float(np.trapezoid(gap, shares)), *(float(shares[np.argmax(gap >= goal)]) for goal in (0.5, 0.8))


def _calibration(predicted: FloatArray, observed: FloatArray) -> float:
    """Expected calibration error: by how much means are off in ten bins of the predicted quality."""
    place = np.clip((predicted * BINS).astype(np.int64), 0, BINS - 1)
    off = np.bincount(place, predicted - observed, minlength=BINS)
    return float(np.abs(off).sum() / len(predicted))


def _text(found: list[tuple[float, float, float]]) -> str:
    apgr, half, most = np.mean(found, axis=0)
    return f"{apgr:.3f}; {half:.0%} / {most:.0%}"
