"""How alike questions are, from what can be seen of them before any call: their embedding, and how they look.

The embedding says what a question is about; length, digits, punctuation and option lists say what kind of task
it is, which an embedding of the first 256 word pieces misses. Topics count where they are given.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Topics = tuple[tuple[str, float], ...]

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
        sum(map(str.isdigit, text)) / length,
        (len(text) - sum(map(str.isalnum, text)) - sum(map(str.isspace, text))) / length,
        sum(map(str.isupper, text)) / length,
        float(bool(_OPTION.search(text))),
        float(bool(_CODE.search(text))),
        text.count("\n") / (length / 100 + 1),
        float(text.count("?")),
        float(text.strip().endswith("?")),
        math.log1p(len(words)),
        sum(map(len, words)) / max(len(words), 1),
    ]


class Likeness:
    """Similarity of questions to those of a history, -1 to 1; questions of another task are never alike.

    ``vectors`` (questions, features) end with the :data:`SURFACE` features of :func:`surface`. Those are scaled by the
    history's spread, and their block by ``surface_weight``; topics, where they are given, count with ``topic_weight``.
    ``centred`` takes the history's mean off the embeddings and gives them length 1: means of word vectors all point
    nearly the same way.
    """

    def __init__(
        self,
        vectors: FloatArray,
        topics: Sequence[Topics],
        tasks: Sequence[str],
        surface_weight: float = 0.3,
        topic_weight: float = 1.0,
        centred: bool = False,
    ) -> None:
        self._surface_weight = surface_weight
        self._topics = sorted({name for given in topics for name, _ in given})
        self._topic_weight = topic_weight
        looks = vectors[:, -SURFACE:]
        self._middle, self._spread = looks.mean(axis=0), np.maximum(looks.std(axis=0), 1e-9)
        self._centre = vectors[:, :-SURFACE].mean(axis=0) if centred else None
        self._known = self._unit(vectors, topics)
        self._tasks = np.array(tasks)

    def __len__(self) -> int:
        return len(self._tasks)

    def to_history(self, vectors: FloatArray, topics: Sequence[Topics], tasks: Sequence[str]) -> FloatArray:
        """(questions given, questions of the history); minus infinity for those of another task."""
        return self._between(self._unit(vectors, topics), np.array(tasks))

    def to_others(self, rows: slice | NDArray[np.int64] = slice(None)) -> FloatArray:
        """(some questions of the history, all of them): the same, with none of a question to itself."""
        found = self._between(self._known[rows], self._tasks[rows])
        own = np.arange(len(self._tasks))[rows]
        found[np.arange(len(own)), own] = -np.inf
        return found

    def _between(self, units: FloatArray, tasks: NDArray[np.str_]) -> FloatArray:
        found: FloatArray = units @ self._known.T
        found[tasks[:, None] != self._tasks[None, :]] = -np.inf
        return found

    def _unit(self, raw: FloatArray, topics: Sequence[Topics]) -> FloatArray:
        looks = np.clip((raw[:, -SURFACE:] - self._middle) / self._spread, -4, 4) * self._surface_weight
        number = {name: i for i, name in enumerate(self._topics)}
        block = np.zeros((len(raw), len(number)))
        for row, given in enumerate(topics):
            for name, weight in given:
                if name in number:
                    block[row, number[name]] = weight * self._topic_weight
        about = raw[:, :-SURFACE]
        if self._centre is not None:
            about = _scaled(about - self._centre)
        return _scaled(np.hstack([about, looks, block]))


def _scaled(rows: FloatArray) -> FloatArray:
    """Rows of length 1."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))
