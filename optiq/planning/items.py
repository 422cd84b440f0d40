"""What planning reads from a question (topics, kind, prompt lengths, limits), and which ones are planned alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from optiq.estimation.estimates import Confidence, topic_weights
from optiq.estimation.looks import SAME, Factors
from optiq.prompts.shape import PromptShape
from optiq.questions.question import Budget, Kind, Question, Weights
from optiq.statistics.question_shifts import Shifts
from optiq.statistics.snapshot import ANY_TOPIC, Statistics


@dataclass(frozen=True, slots=True)
class BatchItem:
    """What planning needs to know of one question."""

    topics: tuple[tuple[str, float], ...]
    kind: Kind | str
    shape: PromptShape
    budget: Budget = field(default_factory=Budget)
    weights: Weights = field(default_factory=Weights)
    shifts: Shifts | None = None
    """How the question's neighbours move the figures of models."""
    factors: Factors = SAME
    """How many times what its topics say the question costs, takes and burns."""


def topics_of(question: Question, statistics: Statistics) -> tuple[tuple[str, float], ...]:
    """The topics that a question is planned on, with their weights: any topic for those that PerfDB does not know."""
    if not question.topics:
        return ((ANY_TOPIC, 1.0),)
    known = statistics.known_topics
    if all(name in known for name, _ in question.topics):
        return question.topics
    return topic_weights((name if name in known else ANY_TOPIC, weight) for name, weight in question.topics)


def new_topics(questions: Iterable[Question], statistics: Statistics) -> list[str]:
    """The topics given with questions that PerfDB does not know; none where it knows no topic at all yet."""
    if not statistics.topics:
        return []
    given = {name for question in questions if not question.topics_inferred for name in question.topic_names}
    return sorted(given - statistics.known_topics)


def planned_alike(
    items: Sequence[BatchItem], places: Sequence[int], judged: Sequence[Confidence | None]
) -> Iterator[list[int]]:
    """Those of ``places`` whose items share topics, kind, templates and what they are ``judged`` with, by length.

    Items whose question tokens were counted by a server differ in more than a length: each is alone.
    """
    groups: dict[object, list[int]] = {}
    weights: dict[tuple[tuple[str, float], ...], object] = {}
    for i in places:
        topics, shape = items[i].topics, items[i].shape
        if topics not in weights:
            weights[topics] = topic_weights(topics)
        templates = shape.bases, shape.context_chars, shape.blend_chars, i if shape.question_tokens else -1
        groups.setdefault((weights[topics], str(items[i].kind), templates, judged[i]), []).append(i)
    for group in groups.values():
        yield sorted(group, key=lambda i: items[i].shape.question_chars)
