"""Folds by question: whatever is learned for a question comes from questions in other folds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optiq.errors import InputError
from optiq.evaluation.outcomes import IntArray
from optiq.questions.question import Question


def split(questions: Sequence[Question], folds: int, seed: int) -> IntArray:
    """(questions): the fold of each. Topics are spread evenly over the folds; which question goes where is random.

    Raises :class:`~optiq.errors.InputError` if there are fewer questions than folds, or fewer than 2 folds.
    """
    if folds < 2 or len(questions) < folds:
        raise InputError(
            f"{len(questions)} questions cannot be split into {folds} folds",
            "Give --folds from 2 up to the number of questions.",
        )
    generator = np.random.default_rng(seed)
    by_topic: dict[tuple[str, str], list[int]] = {}
    for place, asked in enumerate(questions):
        topic = max(asked.topics, key=lambda item: (item[1], item[0]))[0] if asked.topics else ""
        by_topic.setdefault((asked.kind.value, topic), []).append(place)
    found = np.zeros(len(questions), dtype=np.int64)
    start = 0
    for _, places in sorted(by_topic.items()):
        found[generator.permutation(places)] = (np.arange(len(places)) + start) % folds
        start += len(places)  # topics with few questions do not all begin with the first fold
    return found
