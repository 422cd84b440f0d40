"""Questions of recorded outcomes with what can be seen of them before any call (:mod:`optiq.estimation.likeness`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np

from optiq.estimation.likeness import Topics, surface
from optiq.evaluation.outcomes import Asked, FloatArray, Outcomes


def with_features(outcomes: Outcomes, embedding: bool = True) -> Outcomes:
    """The same outcomes, each question with its vector: its embedding, then its surface features.

    Without ``embedding``, or where the package for it is not installed, the surface features alone.
    """
    from optiq.text.embedding import available, embed

    texts = [asked.text for asked in outcomes.questions]
    rows = np.array([surface(text) for text in texts], dtype=np.float64)
    if embedding and available():
        # similar lengths side by side: half the time, since a batch is padded to its longest text
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        found = embed([texts[i] for i in order]).astype(np.float64)
        vectors = np.empty_like(found)
        vectors[order] = found
        rows = np.hstack([vectors, rows])
    asked = [replace(one, vector=row) for one, row in zip(outcomes.questions, rows, strict=True)]
    return Outcomes(asked, outcomes.plans, outcomes.values, outcomes.counts, outcomes.answers, outcomes.calls)


class HasQuestions(Protocol):
    """Anything with questions: outcomes, or held-out questions without theirs."""

    @property
    def questions(self) -> tuple[Asked, ...]: ...


def seen_of(asked: HasQuestions) -> tuple[FloatArray, list[Topics], list[str]]:
    """Vectors, topics and tasks of questions: what :class:`~optiq.estimation.likeness.Likeness` compares."""
    questions = asked.questions
    vectors = np.array([_vector(one) for one in questions])
    return vectors, [one.topics for one in questions], [one.kind.task for one in questions]


def _vector(asked: object) -> FloatArray:
    vector = getattr(asked, "vector", None)
    if vector is None:
        raise ValueError("the questions have no features yet: make them with with_features")
    found: FloatArray = vector
    return found
