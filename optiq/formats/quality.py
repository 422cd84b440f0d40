"""Scores of other tools as quality of answers: one stated rule for all formats."""

from __future__ import annotations

import math
from typing import Any

_WORDS = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
"""inspect_ai's letters (correct, partial, incorrect, no answer) and its words, with the values that it gives them."""


def quality(value: Any) -> float | None:
    """A score as QoA, 0 to 1; None where it is none.

    true is 1, false 0; inspect_ai's C, P, I and N are 1, 0.5, 0 and 0; a number from 0 to 1 stays. Any other number is
    on a scale that nobody states (points of ten, a perplexity): it is no quality.
    """
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        text = value.strip()
        if text in _WORDS or text.lower() in _WORDS:
            return _WORDS[text] if text in _WORDS else _WORDS[text.lower()]
        try:
            value = float(text)
        except ValueError:
            return None
    if not isinstance(value, int | float) or math.isnan(value) or not 0 <= value <= 1:
        return None
    return float(value)
