"""Feedback: how good an answer was, said after it was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optiq.endpoint.refusals import Refusal

_KNOWN = ("execution_id", "score", "thumbs", "reference")
_THUMBS = {"up": 1.0, "down": 0.0}


def read_feedback(body: Mapping[str, Any]) -> dict[str, Any]:
    """``execution_id`` with either ``score`` (0 to 1) or ``reference``; thumbs are a score.

    Raises
    ------
    Refusal
        (400) naming the field that cannot be used.
    """
    if unknown := [name for name in body if name not in _KNOWN]:
        raise Refusal(
            400, f"feedback has no {unknown[0]!r}", f"Known are {', '.join(_KNOWN)}.", param=unknown[0]
        )
    name = body.get("execution_id")
    if not isinstance(name, str) or not name:
        raise Refusal(
            400, "execution_id is missing", "It stands in the reply's optiq field.", param="execution_id"
        )
    given = [key for key in _KNOWN[1:] if body.get(key) is not None]
    if len(given) != 1:
        raise Refusal(400, "feedback needs one of score, thumbs and reference", "Give one of them.")
    value = body[given[0]]
    if given[0] == "reference":
        if not isinstance(value, str) or not value.strip():
            raise Refusal(400, "reference is no text", "Give the right answer.", param="reference")
        return {"execution_id": name, "reference": value}
    if given[0] == "thumbs":
        if value not in _THUMBS:
            raise Refusal(400, f"thumbs is {str(value)[:80]!r}", "Give up or down.", param="thumbs")
        return {"execution_id": name, "score": _THUMBS[value]}
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise Refusal(400, f"score is {str(value)[:80]!r}", "Give a number from 0 to 1.", param="score")
    return {"execution_id": name, "score": float(value)}
