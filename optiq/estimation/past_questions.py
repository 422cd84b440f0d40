"""Figures per question: what the judged questions of the past that are most like a question say of each model.

A snapshot publishes :class:`PastQuestions`, and what was learned from them (:class:`Votes`): by how much models were
better on them than the statistics promised on their topics (:mod:`optiq.estimation.neighbours`).
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
from optiq.estimation.likeness import (
    SURFACE,
    FloatArray,
    Likeness,
    Scale,
    Views,
    asked_and_options,
    surface,
)
from optiq.estimation.looks import Looks, learn_looks
from optiq.estimation.neighbours import Strengths, learned, nearest, said, spread_over
from optiq.estimation.reliability import AS_EXPECTED, Reliability
from optiq.estimation.shifts import DIGITS
from optiq.prompts.shape import PromptShape
from optiq.questions.metric import RESOURCE_NAMES
from optiq.statistics.question_shifts import Shifts
from optiq.statistics.snapshot import Statistics
from optiq.text.word_vectors import word_vectors

SAMPLE = 800
"""Past questions through which all are seen, spread evenly: more is slower, not better."""

ENOUGH_EXPLAINED = 0.01
"""Share of the squared error that neighbours must explain, beyond the luck of :data:`LUCK` questions, to be heard."""

LUCK = 8.0

SPAN = 1000
"""Characters between the two lengths by which what a call spends is told: it is a line in the length."""

CHUNK = 1024
"""Questions that are compared with the past at once."""

Topics = tuple[tuple[str, float], ...]
ANYTHING: Topics = (("*", 1.0),)


def seen(texts: Sequence[str], rarity: NDArray[np.float16] | None = None) -> NDArray[np.float16]:
    """(texts, features): what can be seen of questions: their word vectors, then how they look.

    Words weigh by their ``rarity``; where options follow what is asked, each of the two counts half, however long they
    are: what is asked says what must be known. In half precision, as they are kept: a question asked again is the same.
    """
    parts = [asked_and_options(text) for text in texts]
    about = word_vectors([asked for asked, _ in parts], rarity)
    listed = [row for row, (_, options) in enumerate(parts) if options]
    about[listed] = (about[listed] + word_vectors([parts[row][1] for row in listed], rarity)) / 2
    looks = np.array([surface(text) for text in texts], dtype=np.float32).reshape(len(texts), SURFACE)
    rows = np.hstack([about, looks])
    return np.clip(rows, -60_000, 60_000).astype(np.float16)


@dataclass(frozen=True)
class Votes:
    """What was learned of models from past questions. A sample of those says it: ``vectors`` (sample, features) scaled
    by ``scale``, their ``topics`` and ``tasks``, and ``weights`` (views, sample, 1 + models) for difficulty and for
    each of ``models`` (:func:`~optiq.estimation.neighbours.said`). ``n_questions`` is of how many it was learned;
    ``reliability`` is what came of what would have been promised on them.
    """

    strengths: Strengths
    models: tuple[str, ...]
    scale: Scale
    vectors: NDArray[np.float16]
    topics: tuple[Topics, ...]
    tasks: tuple[str, ...]
    weights: FloatArray
    explained: float
    n_questions: int
    reliability: Reliability = AS_EXPECTED
    sample: tuple[int, ...] = ()
    """The rows of the sample among the questions that it was learned from; empty where that is not told."""

    @cached_property
    def likeness(self) -> Likeness:
        """To the questions of the sample."""
        return Likeness(self.vectors, self.topics, self.tasks, self.scale)


@dataclass(frozen=True)
class PastQuestions:
    """Judged questions. ``vectors`` (questions, features) are :func:`seen` with ``rarity``; ``qoa`` (questions, models)
    is the mean quality of each model alone, NaN where it was not judged. ``votes`` None: not learned yet. ``spent``
    (questions, models, 3) are mean logarithms of what those calls cost, took and burned, NaN unknown; None: nobody
    looked. ``keys`` are PerfDB's, where they come from it.
    """

    texts: tuple[str, ...]
    vectors: NDArray[np.float16]
    topics: tuple[Topics, ...]
    tasks: tuple[str, ...]
    models: tuple[str, ...]
    qoa: FloatArray
    votes: Votes | None = None
    spent: FloatArray | None = None
    rarity: NDArray[np.float16] | None = None
    keys: tuple[int, ...] = ()

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
    """What past questions say of new ones, on what an estimator says of models on their topics.

    What was learned at a refresh is used; where nothing was, it is learned here.
    """

    def __init__(self, past: PastQuestions, estimator: Estimator) -> None:
        self.past = past
        self.votes = learn(past, estimator) if past.votes is None else past.votes
        self.models = tuple(sorted({*estimator.statistics.models, *self.votes.models}))
        """Also models that were never judged: an easy question is easy for them, too."""
        self._usual = Usual(estimator, self.models)
        self._known: dict[tuple[str, Topics, str], Shifts] = {}

    @property
    def silent(self) -> bool:
        """Whether neighbours say nothing, so that nobody need be asked."""
        return self.votes.strengths.silent

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
        found, votes = [], self.votes
        column = [1 + votes.models.index(name) if name in votes.models else 0 for name in self.models]
        counted = [place for place, at in enumerate(column) if at]
        for start in range(0, len(texts), CHUNK):
            part = slice(start, start + CHUNK)
            views = votes.likeness.views(seen(texts[part], self.past.rarity), topics[part], tasks[part])
            heard = said(views, votes.weights)[:, column]
            usual = self._usual.of(topics[part], tasks[part])
            right = votes.reliability.put_right(np.clip(usual + heard, 0.0, 1.0), counted) - usual
            # where nobody says what is usual, the question alone is heard
            heard = np.where(np.isnan(right), heard, right)
            for row in (np.round(heard, DIGITS) + 0.0).tolist():
                found.append(Shifts(votes.n_questions, tuple(zip(self.models, row, strict=True))))
        return found

    def nearest(self, text: str, topics: Topics, task: str, most: int = 5) -> list[Neighbour]:
        """The past questions that are most like one, the most alike first."""
        past = self.past
        likeness = self._past_likeness.of(seen([text], past.rarity), [topics], [task])
        found = []
        for row in next(nearest(likeness, most)).tolist():
            judged = [
                (name, float(value))
                for name, value in zip(past.models, past.qoa[row], strict=True)
                if not np.isnan(value)
            ]
            found.append(Neighbour(past.texts[row], float(likeness[0, row]), tuple(judged)))
        return found

    @cached_property
    def _past_likeness(self) -> Likeness:
        return Likeness(self.past.vectors, self.past.topics, self.past.tasks, self.votes.scale)


def learn(past: PastQuestions, estimator: Estimator) -> Votes:
    """What past questions say beyond what ``estimator`` promises of models; nothing where it explains too little."""
    import scipy.linalg  # noqa: F401 - only libraries that are loaded are limited
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # more threads wait for each other longer than they compute, and change digits
        return _learned(past, estimator)


def _learned(past: PastQuestions, estimator: Estimator) -> Votes:
    usual = Usual(estimator, past.models).of(past.topics, past.tasks)
    off = past.qoa - usual
    rows = np.flatnonzero(~np.isnan(off).all(axis=1))
    sample = rows[spread_over(len(rows), SAMPLE)] if len(rows) else rows
    scale = Scale.of(past.vectors)
    silent = Votes(
        Strengths(), past.models, scale, past.vectors[:0], (), (),
        np.zeros((len(Views._fields), 0, 1 + len(past.models))), 0.0, len(rows),
    )  # fmt: skip
    if len(rows) < 2:
        return silent
    topics, tasks = [past.topics[row] for row in sample], [past.tasks[row] for row in sample]
    likeness = Likeness(past.vectors[sample], topics, tasks, scale)
    views = Views(*(np.empty((len(rows), len(sample)), dtype=np.float32) for _ in Views._fields))
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        asked = [past.topics[row] for row in part], [past.tasks[row] for row in part]
        for view, found in zip(views, likeness.views(past.vectors[part], *asked), strict=True):
            view[start : start + CHUNK] = found
    told = learned(views, likeness.views_among(np.arange(len(sample))), off[rows])
    if told.explained < ENOUGH_EXPLAINED + LUCK / len(rows):
        return replace(silent, explained=told.explained)
    promised = np.clip(usual[rows] + told.left_out, 0.0, 1.0)
    return Votes(
        told.strengths,
        past.models,
        scale,
        past.vectors[sample],
        tuple(topics),
        tuple(tasks),
        told.weights,
        told.explained,
        len(rows),
        Reliability.of(promised, past.qoa[rows]),
        tuple(sample.tolist()),
    )


class Usual:
    """What an estimator promises of ``models`` alone, without neighbours."""

    def __init__(self, estimator: Estimator, models: tuple[str, ...]) -> None:
        self._estimator, self._models = estimator, models
        self._known: dict[tuple[str, str], FloatArray] = {}

    def of(self, topics: Sequence[Topics], tasks: Sequence[str]) -> FloatArray:
        """(questions, models): their quality on the topics of each question; NaN where nobody knows it."""
        found = np.empty((len(topics), len(self._models)))
        scopes: dict[tuple[Topics, str], FloatArray] = {}
        for row, (given, task) in enumerate(zip(topics, tasks, strict=True)):
            scope = tuple(given), task
            if scope not in scopes:
                parts = [weight * self._on(topic, task) for topic, weight in topic_weights(scope[0])]
                scopes[scope] = np.sum(parts, axis=0)
            found[row] = scopes[scope]
        return found

    def _on(self, topic: str, task: str) -> FloatArray:
        if (topic, task) not in self._known:
            catalog = Catalog(self._estimator.statistics, topic, task, PromptShape(0), None)
            rules = self._estimator.on(catalog)
            self._known[topic, task] = np.array([rules.alone(name).value for name in self._models])
        return self._known[topic, task]


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
