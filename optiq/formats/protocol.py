"""What a reader of another tool's files gives, and what it is asked for.

Every part of a file ends as one of three items: an :class:`Answer`, something :class:`Refused` with its reason, or
something that is :class:`NoAnswer` (a run's settings, another filter of the same answers, a span of a tool).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from optiq.formats.source import Source


class Role(StrEnum):
    """What a file is to the format that knows it."""

    ANSWERS = "answers"
    BESIDE = "beside"
    """It completes other files, such as the questions of a batch; alone it holds no answer."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asked a reader for: ``score`` is the name of the score that is to be the quality."""

    score: str | None = None


@dataclass(slots=True)
class Answer:
    """One answer of one model.

    ``identity`` tells it from every other answer in whatever file, so that a log that grows is merged once.
    ``cells`` are columns and ``call`` keys of a call as in a traces file (docs/formats.md); what is not known is left
    out. ``scores`` are all scores by name as the tool gives them, the default one named by ``score``; ``labels``
    are what a topic may be taken from: task, tags, fields of the question's record.
    """

    number: int
    identity: tuple[object, ...]
    model: str | None
    cells: dict[str, Any]
    call: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, Any] = field(default_factory=dict)
    score: str | None = None
    labels: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """A part that should be an answer and cannot be read. ``number`` is its line or place, from 1."""

    number: int
    reason: str
    content: str | None = None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Parts of the file that are no answers, in words: ``what`` of them there are ``rows``."""

    what: str
    rows: int = 1


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about answers that their sender may not expect; ``rows`` of them, or the file (None)."""

    what: str
    rows: int | None = 1


Item = Answer | Refused | NoAnswer | Remark


class Format(Protocol):
    """One kind of file of another tool.

    ``name`` is what people say (``--format``), ``title`` the tool in words, ``tried_on`` the versions whose real
    files it was tried on.
    """

    name: str
    title: str
    tried_on: str

    def recognises(self, source: Source) -> Role | None:
        """What the file is to this format, by its content; None if it is another's. Reads the beginning only."""

    def read(self, source: Source, wanted: Wanted) -> Iterator[Item]:
        """The items in the file, in its order, a few at a time.

        Raises
        ------
        InputError
            if the file as a whole cannot be used.
        """
