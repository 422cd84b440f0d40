"""Labelled questions that PerfDB knows: the calibration set that few-shot examples are drawn from."""

from __future__ import annotations

import sql
from optiq.questions.question import Question
from warehouse.connection import reading
from warehouse.home import Home


def labelled_questions(home: Home) -> list[Question]:
    """Open questions with a reference, those with the smallest digests; empty without a PerfDB.

    PerfDB keeps no options, so a question of choice cannot be shown again from it.
    """
    if not home.perfdb.exists():
        return []
    with reading(home.perfdb, any_version=True) as connection:
        found = connection.execute(sql.read("queries/labelled_questions")).fetchall()
    return [
        Question(f"example-{number}", text, reference=reference)
        for number, (text, reference) in enumerate(found)
    ]
