"""What was executed before: in PerfDB, or landed and waiting for the next refresh."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

import sql
from warehouse.connection import reading
from warehouse.home import Home
from warehouse.landing import read_waiting


def executed_plans(home: Home, questions: Sequence[str]) -> set[tuple[str, str]]:
    """(question text, plan_key) of every answered execution on one of ``questions``."""
    texts = pl.DataFrame({"question": list(dict.fromkeys(questions))}, schema={"question": pl.String()})
    home.fetch("landing")

    def read(file: Path) -> list[tuple[str, str]]:
        waiting = (
            pl.scan_parquet(file, glob=False)
            .filter(pl.col("status") == "answered")
            .select("question", "plan_key")
        )
        return waiting.join(texts.lazy(), on="question", how="semi").collect().rows()

    # What waits is read before what is published: a refresh in between moves rows from there to here.
    found: set[tuple[str, str]] = set().union(*read_waiting(home, "traces", read))
    if home.perfdb.exists():
        with reading(home.perfdb, any_version=True) as connection:
            connection.register("asked", texts)
            found |= {
                (row[0], row[1]) for row in connection.execute(sql.read("queries/executed_plans")).fetchall()
            }
    return found
