"""What an answer votes for: the option it names, or its words without case, articles and punctuation."""

from __future__ import annotations

import re

from optiq.questions.question import Kind

_LETTER = re.compile(
    r"(?:answer|option|choice)\s*(?:is|:)?\s*\(?([A-Z])\b|^\s*\(?([A-Z])(?:[).:]|\s|$)", re.IGNORECASE
)
_NOISE = re.compile(r"\b(?:the|a|an|answer|is|output)\b|[^\w\s]")


def vote(answer: str | None, kind: Kind) -> str | None:
    """The vote of an answer; None if it says nothing."""
    if not answer or not answer.strip():
        return None
    if kind.has_options:
        found = _LETTER.search(answer)
        if found:
            return (found[1] or found[2]).upper()
    return " ".join(_NOISE.sub(" ", answer.casefold()).split()) or None
