"""How likely a model found its own output: the mean and the least of its tokens' log probabilities.

Servers of OpenAI's dialect and llama.cpp give ``logprobs.content[].logprob``, older ones ``logprobs.token_logprobs``,
Ollama (from 0.12.11) a list ``logprobs[].logprob``. Tokens of thinking are in none of them, or told apart by nobody.
The end of an output is no part of it: llama.cpp lists it as a last token without text, and where a grammar leaves
nothing but the end, its probability is that of a model that would have gone on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

_LEAST = -100.0
"""A token that a grammar forced has minus infinity, or a stand-in for it."""


class Likelihood(NamedTuple):
    """Mean and least log probability of the tokens of an output; None if the server gives none."""

    mean: float | None = None
    least: float | None = None


def likelihood_of(logprobs: Any) -> Likelihood:
    """What a server's ``logprobs`` say, in any of their forms."""
    return summed_up(_values(logprobs))


def summed_up(values: Iterable[float]) -> Likelihood:
    """The likelihood of tokens with these log probabilities."""
    known = [max(value, _LEAST) for value in values]
    return Likelihood(math.fsum(known) / len(known), min(known)) if known else Likelihood()


def _values(logprobs: Any) -> list[float]:
    if isinstance(logprobs, dict):
        listed = logprobs.get("content")
        logprobs = listed if listed is not None else logprobs.get("token_logprobs")
    if not isinstance(logprobs, list):
        return []
    if logprobs and isinstance(logprobs[-1], dict) and logprobs[-1].get("token") == "":
        logprobs = logprobs[:-1]
    told = [item.get("logprob") if isinstance(item, dict) else item for item in logprobs]
    return [
        float(value)
        for value in told
        if isinstance(value, int | float) and not isinstance(value, bool) and not value > 0 and value == value
    ]
