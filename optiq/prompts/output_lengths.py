"""How long an output may get, and how long it is where nobody has counted: by the form of the answer.

Predictions and calls go by the same caps, so that a bill is never one of outputs that cannot happen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from optiq.questions.question import Kind

MAX_OUTPUT_TOKENS: Mapping[Kind, int] = {
    Kind.OPEN: 32,
    Kind.CHOICE: 16,
    Kind.MULTI: 24,
    Kind.NUMBER: 32,
    Kind.LONG: 1024,
    Kind.CODE: 1024,
    Kind.JSON: 512,
}
"""How long an output may get where nothing else is said: room for an answer of its form."""

THINKING_TOKENS = 2048
"""Room for thoughts about a short question: medians of open reasoning models are a few hundred tokens."""

USUAL_LENGTH = "usual length of such an answer"
"""How a guess says that it is the one below."""

TYPICAL_OUTPUT_TOKENS: Mapping[str, int] = {
    "open": 12,
    "choice": 4,
    "number": 8,
    "long": 300,
    "code": 250,
    "json": 120,
}
"""By task, of instructed models under the usual prompts: what is expected before anybody has counted."""


def longest_output(kind: Kind, reasoning_tokens: int, *caps: int | None) -> int:
    """Most output tokens of a call: the least of the ``caps`` that somebody set, else by form, with room to reason."""
    given = [cap for cap in caps if cap is not None]
    return min(given) if given else MAX_OUTPUT_TOKENS[kind] + reasoning_tokens


class Longest(NamedTuple):
    """Most ``tokens`` of an output, and so many more (``room``) where the model thinks first."""

    tokens: int
    room: int
