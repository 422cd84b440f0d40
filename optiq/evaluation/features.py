"""What can be seen of a question's text before any call: its embedding, and how it looks.

The embedding says what a question is about; length, digits, punctuation and option lists say what kind of
task it is, which an embedding of the first 256 word pieces misses.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Protocol

import numpy as np

from optiq.evaluation.outcomes import Asked, FloatArray, Outcomes

SURFACE = 11
"""Number of surface features; they are the last columns of a vector."""

_OPTION = re.compile(r"(?m)^\s*\(?[A-J][).:]")
_CODE = re.compile(r"\bdef |\bimport |[{};]")


def surface(text: str) -> list[float]:
    """Length, shares of digits, punctuation and capitals, options, code, lines, question marks, words."""
    length = max(len(text), 1)
    words = text.split()
    return [
        math.log(length),
        sum(c.isdigit() for c in text) / length,
        sum(not (c.isalnum() or c.isspace()) for c in text) / length,
        sum(c.isupper() for c in text) / length,
        float(bool(_OPTION.search(text))),
        float(bool(_CODE.search(text))),
        text.count("\n") / (length / 100 + 1),
        float(text.count("?")),
        float(text.strip().endswith("?")),
        math.log1p(len(words)),
        sum(map(len, words)) / max(len(words), 1),
    ]


def with_features(outcomes: Outcomes, embedding: bool = True) -> Outcomes:
    """The same outcomes, each question with its vector: its embedding, then its surface features.

    Without ``embedding``, or where the package for it is not installed, the surface features alone.
    """
    from optiq.embedding import available, embed

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


class Likeness:
    """Similarity of questions to those of a history, -1 to 1; questions of another task are never alike.

    Surface features are scaled by the history's spread, and their block by ``surface_weight``; topics, where
    they are given, count with ``topic_weight``.
    """

    def __init__(self, history: Outcomes, surface_weight: float = 0.3, topic_weight: float = 1.0) -> None:
        self._surface_weight = surface_weight
        self._topics = sorted({name for asked in history.questions for name, _ in asked.topics})
        self._topic_weight = topic_weight
        raw = np.array([_vector(asked) for asked in history.questions])
        looks = raw[:, -SURFACE:]
        self._middle, self._spread = looks.mean(axis=0), np.maximum(looks.std(axis=0), 1e-9)
        topics = [asked.topics for asked in history.questions]
        self._known = self._unit(raw, topics)
        self._tasks = np.array([asked.kind.task for asked in history.questions])

    def to_history(self, asked: HasQuestions) -> FloatArray:
        """(questions of ``asked``, questions of the history)."""
        raw = np.array([_vector(one) for one in asked.questions])
        found = self._unit(raw, [one.topics for one in asked.questions]) @ self._known.T
        tasks = np.array([one.kind.task for one in asked.questions])
        found[tasks[:, None] != self._tasks[None, :]] = -np.inf
        return found

    def _unit(self, raw: FloatArray, topics: list[tuple[tuple[str, float], ...]]) -> FloatArray:
        looks = np.clip((raw[:, -SURFACE:] - self._middle) / self._spread, -4, 4) * self._surface_weight
        number = {name: i for i, name in enumerate(self._topics)}
        block = np.zeros((len(raw), len(number)))
        for row, given in enumerate(topics):
            for name, weight in given:
                if name in number:
                    block[row, number[name]] = weight * self._topic_weight
        rows = np.hstack([raw[:, :-SURFACE], looks, block])
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def _vector(asked: object) -> FloatArray:
    vector = getattr(asked, "vector", None)
    if vector is None:
        raise ValueError("the questions have no features yet: make them with with_features")
    found: FloatArray = vector
    return found
