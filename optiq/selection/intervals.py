"""How sure one is of a combination's accuracy on the whole data set after some of its examples."""

from __future__ import annotations

import numpy as np

from optiq.selection.evidence import Evidence, mean_of_known

Z95 = 1.959964


def standard_errors(values: np.ndarray) -> np.ndarray:
    """Standard error of each row's mean as an estimate of the mean over all columns; NaN are not run.

    Examples are drawn without replacement, so the error vanishes when all are run. The variance is smoothed
    by one good and one bad run: a row without a single fault is not taken for certain.
    """
    known = ~np.isnan(values)
    counts = known.sum(axis=1)
    filled = np.where(known, values, 0.0)
    mean = np.divide(filled.sum(axis=1), counts, out=np.zeros(len(values)), where=counts > 0)
    squares = np.where(known, (values - mean[:, None]) ** 2, 0.0).sum(axis=1)
    low, high = (np.nanmin(values), np.nanmax(values)) if known.any() else (0.0, 1.0)
    low, high = min(low, 0.0), max(high, 1.0)
    smoothed = (filled.sum(axis=1) + low + high) / (counts + 2)
    squares += (low - smoothed) ** 2 + (high - smoothed) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = squares / (counts + 2) * np.maximum(1 / counts - 1 / values.shape[1], 0.0)
    return np.where(counts > 0, np.sqrt(variance), np.inf)


def lowest_means(differences: np.ndarray, z: float = Z95) -> np.ndarray:
    """Lower ends of the 95 % intervals of paired differences (-1 to 1) on examples like these, by row.

    The spread is smoothed by one win of either side: five examples that agree are no certainty. NaN where a row
    has no example.
    """
    counts = (~np.isnan(differences)).sum(axis=1)
    mean = mean_of_known(differences)
    squares = np.nansum((differences - mean[:, None]) ** 2, axis=1)
    smoothed = np.nan_to_num(mean) * counts / (counts + 2)
    squares += (1 - smoothed) ** 2 + (1 + smoothed) ** 2
    return mean - z * np.sqrt(squares / (counts + 2) / np.maximum(counts, 1))


def accuracy_bounds(evidence: Evidence, z: float = Z95) -> tuple[np.ndarray, np.ndarray]:
    """Wilson bounds of each combination's accuracy on examples like these (95 %); (0, 1) where nothing was run.

    They speak of new examples, so they do not vanish when the whole data set was run.
    """
    counts = evidence.counts.astype(float)
    mean = np.nan_to_num(evidence.accuracy, nan=0.5)
    share = np.maximum(counts, 1e-9)
    centre = (mean + z * z / (2 * share)) / (1 + z * z / share)
    half = z / (1 + z * z / share) * np.sqrt(mean * (1 - mean) / share + (z / (2 * share)) ** 2)
    return (
        np.where(counts > 0, np.clip(centre - half, 0, 1), 0.0),
        np.where(counts > 0, np.clip(centre + half, 0, 1), 1.0),
    )
