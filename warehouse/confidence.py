"""How sure one can be of answers: calibrated at the refresh on those that were judged, read by runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb

import sql
from optiq.estimation.confidence import (
    AGREEMENT,
    ANY_MODEL,
    LEAST,
    MEAN,
    Confidences,
    Row,
    calibrated,
    told_apart,
)
from warehouse.connection import reading
from warehouse.rows import temp_table

_TYPES = {
    "model": "varchar",
    "task": "varchar",
    "signal": "varchar",
    "least": "double",
    "n": "bigint",
    "probability": "double",
    "low": "double",
    "high": "double",
    "n_judged": "bigint",
    "told_apart": "double",
}


class Judged(NamedTuple):
    """A judged answer and what is seen of it, as ``sql/confidence/judged.sql`` tells it."""

    model: str | None
    task: str
    logprob_mean: float | None
    logprob_least: float | None
    agreement: float | None
    is_right: bool


def recompute_confidence(connection: duckdb.DuckDBPyConnection) -> int:
    """Calibrate anew; returns how many model × task × signal can be told apart. The caller holds the transaction."""
    connection.execute(sql.read("confidence/window"))
    judged = [Judged(*row) for row in connection.execute(sql.read("confidence/judged")).fetchall()]
    found: list[tuple[object, ...]] = []
    n_signals = 0
    for (model, task), rows in _groups(judged):
        # Of a model's two signals the one that told more apart.
        names = (AGREEMENT,) if model == ANY_MODEL else (MEAN, LEAST)
        tried = [(told_apart(*pair), name, pair) for name in names if (pair := _pair(rows, name))[0]]
        for area, name, pair in sorted(tried, key=lambda item: (-item[0], item[1]))[:1]:
            blocks = calibrated(*pair)
            n_signals += bool(blocks)
            found += [
                (model, task, name, block.least, block.n, *block.confidence, len(pair[0]), area)
                for block in blocks
            ]
    temp_table(connection, "new_confidence", _TYPES, found)
    connection.execute("delete from confidence_blocks")
    connection.execute("insert into confidence_blocks by name from new_confidence")
    return n_signals


def load_confidence(perfdb: Path) -> Confidences:
    """What is calibrated in a published file; nothing of one from before this was kept."""
    with reading(perfdb, any_version=True) as connection:
        tables = connection.execute("select 1 from duckdb_tables() where table_name = 'confidence_blocks'")
        if not tables.fetchall():
            return Confidences([])
        rows = connection.execute(
            "select model, task, signal, least, probability, low, high from confidence_blocks"
        )
        return Confidences(Row(*row) for row in rows.fetchall())


def _groups(judged: Iterable[Judged]) -> Iterator[tuple[tuple[str, str], list[Judged]]]:
    groups: dict[tuple[str, str], list[Judged]] = {}
    for row in judged:
        groups.setdefault((ANY_MODEL, row.task), []).append(row)
        if row.model is not None:
            groups.setdefault((row.model, row.task), []).append(row)
    yield from sorted(groups.items())


def _pair(rows: Iterable[Judged], name: str) -> tuple[list[float], list[bool]]:
    known = sorted((value, row.is_right) for row in rows if (value := getattr(row, name)) is not None)
    return [value for value, _ in known], [right for _, right in known]
