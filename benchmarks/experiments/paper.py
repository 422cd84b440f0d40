"""The paper's figures, as rows beside ours. What stands only in a plot, and not in the text, is left empty."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from benchmarks.experiments.summing import ROW_SCHEMA

FOLDER = Path(__file__).parent / "published"


def published(name: str) -> pl.DataFrame:
    """The published rows of an experiment, with the columns of ``ROW_SCHEMA``; none if there is no such file."""
    path = FOLDER / f"{name}.csv"
    empty = pl.DataFrame(schema=ROW_SCHEMA)
    if not path.is_file():
        return empty
    table = pl.read_csv(path, infer_schema=False)
    given = [column for column in table.columns if column in ROW_SCHEMA]
    rows = table.select(pl.col(column).cast(ROW_SCHEMA[column]) for column in given)
    rows = rows.with_columns(
        policy=pl.lit("published: ") + pl.col("policy"),
        what=pl.lit("published"),
    )
    return pl.concat([empty, rows], how="diagonal")


def beside(ours: pl.DataFrame, name: str) -> pl.DataFrame:
    """Ours, then the published rows, setting by setting.

    Where our questions are not those of the paper, its rows stand with the same kind of questions and say which they
    were; those of a kind that we did not ask are left out.
    """
    theirs = published(name)
    asked = set(ours["questions"].to_list())
    kinds = {"SimpleQA": "open", "MMLU-Pro": "choice"}
    moved = (
        pl.when(pl.col("questions").is_in(sorted(asked)))
        .then(pl.col("questions"))
        .otherwise(pl.col("questions").replace(kinds))
    )
    theirs = theirs.with_columns(
        policy=pl.when(moved == pl.col("questions"))
        .then(pl.col("policy"))
        .otherwise(pl.col("policy") + " on " + pl.col("questions")),
        questions=moved,
    ).filter(pl.col("questions").is_in(sorted(asked)))
    order = {name: place for place, name in enumerate(dict.fromkeys(ours["questions"].to_list()))}
    both = pl.concat([ours, theirs]).with_columns(place=pl.col("questions").replace_strict(order, default=9))
    return both.sort("place", "x", nulls_last=True, maintain_order=True).drop("place")
