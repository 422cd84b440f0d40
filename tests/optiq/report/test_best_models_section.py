"""The table of best single models says where a quality is not the topic's own."""

from __future__ import annotations

import polars as pl
import pytest

from optiq.report.snapshot_page import best_models_section


@pytest.mark.parametrize(
    ("basis", "n", "shown"),
    [
        ("observed", 40, "40"),
        ("all tasks", 42, "42, all tasks"),
        ("all topics", 42, "42, all topics"),
        ("only a prior", 0, "0"),
    ],
)
def test_what_the_judged_answers_are_of(basis: str, n: int, shown: str) -> None:
    row = {"topic": "law", "task": "open", "model": "a", "qoa": 0.7, "qoa_low": 0.6, "qoa_high": 0.8}
    section = best_models_section(
        pl.DataFrame([row | {"n_observations": n, "basis": basis, "runner_up": None}])
    )
    assert section is not None
    table = section.tables[0]
    assert table.rows[0][table.columns.index("judged")] == shown
