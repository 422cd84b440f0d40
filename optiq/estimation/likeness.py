"""How alike questions are, from what can be seen of them before any call: what they are about, and how they look.

Word vectors say what a question is about; length, digits, punctuation and option lists say what kind of task it is,
which word vectors miss. Topics count where they are given.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Topics = tuple[tuple[str, float], ...]

SURFACE = 11
"""Number of surface features; they are the last columns of a vector."""

WIDTH = 2.0
"""Likeness is exp(−WIDTH · distance²); what questions are about lies up to 2 apart."""

SURFACE_WEIGHT, TOPIC_WEIGHT = 0.2, 0.5
"""Of a standard deviation of a look, and of a whole topic, in that distance."""

OTHER_TASK = 0.5
"""So alike are two questions at most of which one is answered by choosing and the other is not: who can do one thing
may still do the other."""

STRANGE = 4.0
"""Standard deviations at which a look is cut: what is stranger was never seen."""

_OPTION = re.compile(r"(?m)^[^\S\n]*\(?[A-J][).:]")
_FIRST_OPTION, _SECOND_OPTION = (re.compile(rf"(?m)^[^\S\n]*\(?{letter}[).:]") for letter in "AB")
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


def asked_and_options(text: str) -> tuple[str, str]:
    """What is asked, and the list of options that follows in the same text; without one, all and nothing.

    >>> asked_and_options("Which is a river?\\nA. Oder\\nB. Harz")
    ('Which is a river?\\n', 'A. Oder\\nB. Harz')
    """
    first = _FIRST_OPTION.search(text)
    if first is None or not text[: first.start()].strip() or not _SECOND_OPTION.search(text, first.end()):
        return text, ""
    return text[: first.start()], text[first.start() :]


@dataclass(frozen=True)
class Scale:
    """What is usual of a history's questions: the ``centre`` of their word vectors, ``middle`` and ``spread`` of looks.

    Means of word vectors all point nearly the same way, so that the centre is taken off.
    """

    centre: FloatArray
    middle: FloatArray
    spread: FloatArray

    @classmethod
    def of(cls, vectors: NDArray[np.float16] | FloatArray) -> Scale:
        """Of ``vectors`` (questions, features), which end with the :data:`SURFACE` features of :func:`surface`."""
        rows = vectors.astype(np.float64)
        looks = rows[:, -SURFACE:]
        return cls(rows[:, :-SURFACE].mean(axis=0), looks.mean(axis=0), np.maximum(looks.std(axis=0), 1e-9))

    def units(self, vectors: NDArray[np.float16] | FloatArray) -> FloatArray:
        """(questions, features): what questions are about, of length 1, and their looks, scaled and cut."""
        rows = vectors.astype(np.float64)
        looks = np.clip((rows[:, -SURFACE:] - self.middle) / self.spread, -STRANGE, STRANGE) * SURFACE_WEIGHT
        about = rows[:, :-SURFACE] - self.centre
        about /= np.maximum(np.linalg.norm(about, axis=1, keepdims=True), 1e-9)
        return np.hstack([about, looks])


class Views(NamedTuple):
    """How alike questions are, seen in three ways: to close relatives only, to distant ones too (:func:`wide`), and by
    looks alone: two sums are alike whatever is added.
    """

    near: NDArray[Any]
    far: NDArray[Any]
    looks: NDArray[Any]


class Likeness:
    """How alike questions are to those given here, 0 to 1: a Gaussian kernel, so that it can be learned with.

    ``vectors`` (questions, features) are scaled by ``scale``; questions of another task count :data:`OTHER_TASK`.
    """

    def __init__(
        self,
        vectors: NDArray[np.float16] | FloatArray,
        topics: Sequence[Topics],
        tasks: Sequence[str],
        scale: Scale,
    ) -> None:
        self.scale = scale
        self._number = {
            name: i for i, name in enumerate(sorted({name for given in topics for name, _ in given}))
        }
        self._known = self._places(vectors, topics)
        self._tasks = np.array(tasks)

    def __len__(self) -> int:
        return len(self._tasks)

    def of(
        self, vectors: NDArray[np.float16] | FloatArray, topics: Sequence[Topics], tasks: Sequence[str]
    ) -> FloatArray:
        """(questions given, questions here)."""
        return self._between(self._places(vectors, topics), np.array(tasks))

    def views(
        self, vectors: NDArray[np.float16] | FloatArray, topics: Sequence[Topics], tasks: Sequence[str]
    ) -> Views:
        """Of (questions given, questions here)."""
        return self._views(self._places(vectors, topics), np.array(tasks))

    def views_among(self, rows: NDArray[np.int64]) -> Views:
        """Of (some questions here, questions here)."""
        return self._views(self._known[rows], self._tasks[rows])

    def _views(self, places: FloatArray, tasks: NDArray[np.str_]) -> Views:
        about = len(self.scale.centre)
        looks = slice(about, about + SURFACE)
        near = self._between(places, tasks)
        return Views(near, wide(near), self._between(places, tasks, looks))

    def _between(self, places: FloatArray, tasks: NDArray[np.str_], seen: slice = slice(None)) -> FloatArray:
        places, known = places[:, seen], self._known[:, seen]
        apart = places @ known.T
        apart *= -2
        apart += (places**2).sum(axis=1)[:, None]
        apart += (known**2).sum(axis=1)
        np.maximum(apart, 0.0, out=apart)
        apart *= -WIDTH
        found: FloatArray = np.exp(apart, out=apart)
        found[tasks[:, None] != self._tasks[None, :]] *= OTHER_TASK
        return found

    def _places(self, vectors: NDArray[np.float16] | FloatArray, topics: Sequence[Topics]) -> FloatArray:
        block = np.zeros((len(vectors), len(self._number)))
        for row, given in enumerate(topics):
            for name, weight in given:
                if name in self._number:
                    block[row, self._number[name]] = weight * TOPIC_WEIGHT
        return np.hstack([self.scale.units(vectors), block])


def wide(alike: FloatArray) -> FloatArray:
    """Likeness that falls off slowly (a rational quadratic kernel), from a Gaussian: 1 / (1 + WIDTH · distance²)."""
    return np.asarray(1.0 / (1.0 - np.log(np.maximum(alike, 1e-300))))
