"""Performance histories (table 5 of the LLM Chemistry paper) for measuring, with their faults set aside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

STRATEGIES = ("RANDOM", "PERFORMANCE", "CHEMISTRY", "LOCAL", "REMOTE")


def read_history(path: Path) -> tuple[pl.DataFrame, int]:
    """The rows of a history, and how many were set aside because their columns are shifted.

    ``trial`` is split into the number of the trial and its ``record``: a trial runs over several records.
    """
    rows = pl.read_csv(path, infer_schema_length=None)
    good = rows.filter(pl.col("strategy").is_in(STRATEGIES))
    parts = pl.col("trial").str.split_exact(" ", 1)
    good = good.with_columns(
        run=parts.struct.field("field_0"), record=parts.struct.field("field_1").fill_null("0")
    )
    return good.sort("run", "record", "model", "created"), len(rows) - len(good)


def review_accuracy_forms(rows: pl.DataFrame) -> dict[str, float]:
    """Share of trials whose review accuracy follows from the variance, by form (others: neither).

    ``vancouver``: 1 - √variance / c with one c in the trial. ``inverse``: 1 / (1 + variance). A trial counts if at
    least two of its rows tell c apart from rounding.
    """
    told = rows.filter((pl.col("variance") > 1e-12) & (pl.col("review_accuracy") < 1))
    trials = (
        told.with_columns(
            c=pl.col("variance").sqrt() / (1 - pl.col("review_accuracy")),
            off=(1 / (1 + pl.col("variance")) - pl.col("review_accuracy")).abs(),
        )
        .group_by("trial")
        .agg(pl.len().alias("n"), pl.col("c").mean(), pl.col("c").std().alias("spread"), pl.col("off").max())
        .filter(pl.col("n") >= 2)
    )
    # The file rounds, and c is a quotient of small numbers where a reviewer is nearly perfect.
    constant = trials["spread"] <= 1e-3 * trials["c"]
    inverse = trials["off"] <= 1e-6
    return {
        "trials": len(trials),
        "vancouver": float(constant.mean()),  # type: ignore[arg-type]
        "inverse": float((inverse & ~constant).mean()),  # type: ignore[arg-type]
    }


def recomputed_from_variance(rows: pl.DataFrame) -> float:
    """Largest error of 1 - √variance / c over trials of the Vancouver form, c from the trial's worst reviewer."""
    told = rows.filter((pl.col("variance") > 1e-12) & (pl.col("review_accuracy") < 1))
    found = told.with_columns(c=pl.col("variance").sqrt() / (1 - pl.col("review_accuracy")))
    spread = found.group_by("trial").agg((pl.col("c").std() / pl.col("c").mean()).alias("spread"), pl.len())
    fine = spread.filter((pl.col("len") >= 2) & (pl.col("spread") <= 1e-3))["trial"]
    found = found.filter(pl.col("trial").is_in(fine.implode()))
    scale = found.sort("variance").group_by("trial").agg(pl.col("c").last().alias("scale"))
    joined = found.join(scale, on="trial")
    error = (1 - joined["variance"].sqrt() / joined["scale"]).clip(0, 1) - joined["review_accuracy"]
    return float(np.abs(error.to_numpy()).max(initial=0.0))
