"""The published qualities of single models that ship with Optiq, by task."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import polars as pl


@lru_cache(maxsize=1)
def published_qualities() -> dict[tuple[str, str], float]:
    """(task, model) → the mean of the published qualities for that task, 0 to 1."""
    table = pl.read_csv(files("warehouse.priors").joinpath("published.csv").read_bytes())
    table = table.filter((pl.col("metric") == "qoa") & pl.col("topic").is_in(["open", "choice"]))
    means = table.group_by("topic", "model").agg(pl.col("value").mean()).sort("topic", "model")
    return {(task, model): value for task, model, value in means.iter_rows()}
