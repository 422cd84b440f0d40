"""Figures per question: what the judged questions of the past that are most like a question say of each model.

A snapshot publishes :class:`PastQuestions`. :class:`QuestionFigures` compares them with what the snapshot's statistics
promise of each model on their topics; what is left is what neighbours tell (:mod:`optiq.estimation.neighbours`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.catalog import Catalog
from optiq.estimation.estimates import topic_weights
from optiq.estimation.estimator import Estimator
from optiq.estimation.likeness import SURFACE, FloatArray, Likeness, surface
from optiq.estimation.looks import Looks, learn_looks
from optiq.estimation.neighbours import Neighbours, Strengths, nearest
from optiq.estimation.shifts import DIGITS
from optiq.prompts.shape import PromptShape
from optiq.questions.metric import RESOURCE_NAMES
from optiq.statistics.question_shifts import Shifts
from optiq.statistics.snapshot import Statistics
from optiq.text.word_vectors import word_vectors

TUNED_ON = 1500
"""Questions, spread evenly, that are left out in turn to tune how much neighbours say: more is slower, not better."""

ENOUGH_EXPLAINED = 0.01
"""Share of the squared error that neighbours must explain, beyond the luck of :data:`LUCK` questions, to be heard."""

LUCK = 8.0

SPAN = 1000
"""Characters between the two lengths by which what a call spends is told: it is a line in the length."""

CHUNK = 1024
"""Questions that are compared with the past at once."""

Topics = tuple[tuple[str, float], ...]
ANYTHING: Topics = (("*", 1.0),)


def seen(texts: Sequence[str]) -> NDArray[np.float16]:
    """(texts, features): what can be seen of questions: their word vectors, then how they look.

    In half precision, as they are kept: a question asked again is the same.
    """
    looks = np.array([surface(text) for text in texts], dtype=np.float32).reshape(len(texts), SURFACE)
    rows = np.hstack([word_vectors(texts), looks])
    return np.clip(rows, -60_000, 60_000).astype(np.float16)


@dataclass(frozen=True)
class PastQuestions:
    """Judged questions. ``vectors`` (questions, features) are :func:`seen`; ``qoa`` (questions, models) is the mean
    quality of each model alone, NaN where it was not judged. ``strengths`` None: not tuned yet. ``spent`` (questions,
    models, 3) are mean logarithms of what those calls cost, took and burned, NaN unknown; None: nobody looked.
    """

    texts: tuple[str, ...]
    vectors: NDArray[np.float16]
    topics: tuple[Topics, ...]
    tasks: tuple[str, ...]
    models: tuple[str, ...]
    qoa: FloatArray
    strengths: Strengths | None = None
    spent: FloatArray | None = None

    def looks(self, statistics: Statistics) -> Looks | None:
        """What the looks of questions say of their costs, learned from how far the calls were off the statistics."""
        if self.spent is None:
            return None
        off = np.full(self.spent.shape, np.nan)
        for row, chars, expected in _lines(self, statistics):
            with np.errstate(divide="ignore", invalid="ignore"):
                off[row] = self.spent[row] - np.log(expected[0] + chars * expected[1])
        off[~np.isfinite(off)] = np.nan
        return learn_looks(self.texts, self.tasks, off)


@dataclass(frozen=True)
class Neighbour:
    """A past question like one that is asked: ``likeness`` up to 1, ``qoa`` of the models judged on it."""

    text: str
    likeness: float
    qoa: tuple[tuple[str, float], ...]


class QuestionFigures:
    """What past questions say of new ones, on what an estimator says of models on their topics."""

    def __init__(self, past: PastQuestions, estimator: Estimator) -> None:
        self.past = past
        self.models = tuple(sorted({*estimator.statistics.models, *past.models}))
        """Also models that were never judged: an easy question is easy for them, too."""
        column = [self.models.index(name) for name in past.models]
        qoa = np.full((len(past.texts), len(self.models)), np.nan)
        qoa[:, column] = past.qoa
        chars = int(np.mean([len(text) for text in past.texts])) if past.texts else 0
        usual, cost = self._usual(estimator, chars)
        likeness = Likeness(past.vectors.astype(np.float64), past.topics, past.tasks, centred=True)
        sample = np.unique(np.linspace(0, len(qoa) - 1, min(len(qoa), TUNED_ON)).astype(np.int64))
        votes = Neighbours(likeness, qoa, usual, cost, past.strengths, tuned_on=sample)
        if past.strengths is None and votes.explained < ENOUGH_EXPLAINED + LUCK / len(sample):
            votes.strengths = Strengths()
        self.votes = votes
        self.explained = votes.explained
        self._known: dict[tuple[str, Topics, str], Shifts] = {}

    def _usual(self, estimator: Estimator, chars: int) -> tuple[FloatArray, FloatArray]:
        """(questions, models): quality and cost that are promised without neighbours."""
        known: dict[tuple[str, str], FloatArray] = {}
        scopes: dict[tuple[Topics, str], FloatArray] = {}
        found = np.empty((2, len(self.past.texts), len(self.models)))
        for row, scope in enumerate(zip(self.past.topics, self.past.tasks, strict=True)):
            if scope not in scopes:
                topics, task = scope
                weighed = topic_weights(topics)
                for topic, _ in weighed:
                    if (topic, task) not in known:
                        catalog = Catalog(estimator.statistics, topic, task, PromptShape(chars), None)
                        rules = estimator.on(catalog)
                        figures = [
                            [rules.alone(name).value, catalog.lone(name, "cost_usd").value]
                            for name in self.models
                        ]
                        known[topic, task] = np.array(figures).T
                parts = [weight * known[topic, task] for topic, weight in weighed]
                scopes[scope] = np.sum(parts, axis=0)
            found[:, row] = scopes[scope]
        return found[0], found[1]

    @property
    def strengths(self) -> Strengths:
        """How much neighbours are heard."""
        return self.votes.strengths

    @cached_property
    def silent(self) -> bool:
        """Whether neighbours say nothing, so that nobody need be asked."""
        return bool(np.isinf(self.strengths.difficulty) and np.isinf(self.strengths.preference))

    def shifts(self, texts: Sequence[str], topics: Sequence[Topics], tasks: Sequence[str]) -> list[Shifts]:
        """By how much each model is better on each question than its topics say."""
        if len(texts) != 1:
            return self._shifts(texts, topics, tasks)
        # plans of one question are explained one by one
        asked = texts[0], tuple(topics[0]), tasks[0]
        if asked not in self._known:
            if len(self._known) >= CHUNK:
                self._known.clear()
            self._known[asked] = self._shifts(texts, topics, tasks)[0]
        return [self._known[asked]]

    def _shifts(self, texts: Sequence[str], topics: Sequence[Topics], tasks: Sequence[str]) -> list[Shifts]:
        found = []
        for start in range(0, len(texts), CHUNK):
            part = slice(start, start + CHUNK)
            votes = self.votes.votes(self._likeness(texts[part], topics[part], tasks[part]))
            for row in (np.round(votes, DIGITS) + 0.0).tolist():
                found.append(Shifts(self.strengths.n, tuple(zip(self.models, row, strict=True))))
        return found

    def left_out(self) -> FloatArray:
        """(past questions, models): by how much each model is better on each, by what the others say."""
        return self.votes.votes(self.votes.likeness.to_others())

    def nearest(self, text: str, topics: Topics, task: str, most: int = 5) -> list[Neighbour]:
        """The past questions that are most like one, the most alike first."""
        likeness = self._likeness([text], [topics], [task])
        order, alike = nearest(likeness, min(most, likeness.shape[1]))
        found = []
        for row in order[0][alike[0]].tolist():
            judged = [
                (name, float(value))
                for name, value in zip(self.past.models, self.past.qoa[row], strict=True)
                if not np.isnan(value)
            ]
            found.append(Neighbour(self.past.texts[row], float(likeness[0, row]), tuple(judged)))
        return found

    def _likeness(self, texts: Sequence[str], topics: Sequence[Topics], tasks: Sequence[str]) -> FloatArray:
        # rounded, so that questions asked alone and in a batch have the same neighbours
        found = self.votes.likeness.to_history(seen(texts).astype(np.float64), topics, tasks)
        return np.round(found, 9)


def _lines(past: PastQuestions, statistics: Statistics) -> Iterator[tuple[int, int, FloatArray]]:
    """Per question its row, its length, and (2, models, 3): what a call is expected to spend at no length and per
    character.
    """
    known: dict[tuple[str, str], FloatArray] = {}

    def on(topic: str, task: str) -> FloatArray:
        if (topic, task) not in known:
            ends = []
            for chars in (0, SPAN):
                catalog = Catalog(statistics, topic, task, PromptShape(chars), None)
                ends.append(
                    [[catalog.lone(name, metric).value for metric in RESOURCE_NAMES] for name in past.models]
                )
            start, end = np.array(ends)
            known[topic, task] = np.array([start, (end - start) / SPAN])
        return known[topic, task]

    for row, (text, topics, task) in enumerate(zip(past.texts, past.topics, past.tasks, strict=True)):
        parts = [weight * on(topic, task) for topic, weight in topic_weights(topics)]
        yield row, len(text), np.sum(parts, axis=0)


def tuned(past: PastQuestions, estimator: Estimator) -> tuple[Strengths, float]:
    """How much the questions are heard, and the share of squared error that they explain."""
    found = QuestionFigures(replace(past, strengths=None), estimator)
    return found.strengths, found.explained
