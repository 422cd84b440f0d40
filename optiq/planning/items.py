"""What planning reads from a question (topics, kind, prompt lengths, limits), and which ones are planned alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from optiq.errors import UnknownName
from optiq.estimation.estimates import topic_weights
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


def topics_of(question: Question) -> tuple[tuple[str, float], ...]:
    """The topics of a question with their weights; any topic where it has none."""
    return question.topics or ((ANY_TOPIC, 1.0),)


def topic_fault(question: Question, statistics: Statistics) -> UnknownName | None:
    """What is wrong with the topics given with a question; None if nothing is.

    A PerfDB that knows no topic yet (only published figures) takes any; ``*`` always stands for any topic.
    """
    if question.topics_inferred or not statistics.topics:
        return None
    for name in question.topic_names:
        if name != ANY_TOPIC and name not in statistics.topics:
            return UnknownName(
                f"PerfDB knows no topic {name!r}",
                f"Known topics: {', '.join(sorted(statistics.topics))}. Leave the topic out to have it inferred, "
                "or give * for figures of any topic.",
            )
    return None


def planned_alike(items: Sequence[BatchItem], places: Sequence[int]) -> Iterator[list[int]]:
    """Those of ``places`` whose items share topics, kind and templates, by increasing length.

    Items whose question tokens were counted by a server differ in more than a length: each is alone.
    """
    groups: dict[object, list[int]] = {}
    weights: dict[tuple[tuple[str, float], ...], object] = {}
    for i in places:
        topics, shape = items[i].topics, items[i].shape
        if topics not in weights:
            weights[topics] = topic_weights(topics)
        templates = shape.bases, shape.context_chars, shape.blend_chars, i if shape.question_tokens else -1
        groups.setdefault((weights[topics], str(items[i].kind), templates), []).append(i)
    for group in groups.values():
        yield sorted(group, key=lambda i: items[i].shape.question_chars)
