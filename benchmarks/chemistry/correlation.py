"""Does chemistry go with complementarity and with effectiveness over ensembles? (tables 2 and 3 of the paper)"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import polars as pl

from optiq.chemistry.certainty import trials_of, with_certainty
from optiq.chemistry.complementarity import index, points


def correlations(
    rows: pl.DataFrame, sizes: tuple[int, ...], most: int, seed: int
) -> Iterator[tuple[int, str, float, float, int]]:
    """Size, with what, Pearson's r, p and the number of ensembles, over at most ``most`` ensembles of a size.

    Chemistry is the mean over the pairs of an ensemble, effectiveness the share of records on which the mean
    accuracy of its members there is above one half. Ensembles share members, so p is too small.
    """
    from scipy.stats import pearsonr

    trials = trials_of(list(rows.select("trial", "model", "quality", "accuracy").iter_rows()))
    profiles, matrix = trials.profiles(), with_certainty(trials, draws=1).chemistry
    names = [one.model for one in profiles]
    by_record = (
        rows.group_by("record", "model")
        .agg(pl.col("accuracy").mean())
        .pivot("model", index="record", values="accuracy")
        .select(names)
        .to_numpy()
    )
    draw = np.random.default_rng(seed)
    for size in sizes:
        ensembles = list(combinations(range(len(names)), size))
        if len(ensembles) > most:
            ensembles = [ensembles[i] for i in sorted(draw.choice(len(ensembles), most, replace=False))]
        within = [matrix[np.ix_(one, one)].sum() / (size * (size - 1)) for one in ensembles]
        covered = [index(points([profiles[i] for i in one])) for one in ensembles]
        right = [float((np.nanmean(by_record[:, one], axis=1) > 0.5).mean()) for one in ensembles]
        for what, values in (("complementarity", covered), ("effectiveness", right)):
            found = pearsonr(within, values)
            yield size, what, float(found.statistic), float(found.pvalue), len(ensembles)
