"""The most that a call, or a plan, can cost: what has to be free before it starts.

A tokenizer that falls back to bytes makes at most one token of each byte, so the bytes of a prompt bound its
tokens; ``TEMPLATE_TOKENS`` are added for the chat template that the server puts around it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from optiq.execution.ledger import Amount
from optiq.plans.plan import Plan
from optiq.statistics.snapshot import ModelFigures

TEMPLATE_TOKENS = 128
# A token of an output is rarely longer; a longer one is caught when the next call draws on the reservation.
_BYTES_PER_OUTPUT_TOKEN = 8


def call_bound(figures: ModelFigures, prompt_bytes: int, max_output_tokens: int) -> Amount:
    """The most that one call can cost; NaN where a rate is unknown."""
    prompt_tokens = prompt_bytes + TEMPLATE_TOKENS
    fixed = 0.0 if math.isnan(figures.usd_per_call) else figures.usd_per_call
    return Amount(
        fixed
        + figures.usd_per_prompt_token * prompt_tokens
        + figures.usd_per_output_token * max_output_tokens,
        figures.joules_per_prompt_token * prompt_tokens + figures.joules_per_output_token * max_output_tokens,
    )


def plan_bound(
    plan: Plan,
    figures: Callable[[str], ModelFigures],
    longest_prompt_bytes: Callable[[str], int],
    max_output_tokens: Callable[[str], int],
) -> Amount:
    """The most that all calls of ``plan`` can cost, one attempt each.

    ``longest_prompt_bytes`` of a model is the question in its longest template, without the outputs before a
    node; ``max_output_tokens`` of a model is the most that it may write.
    """
    total = Amount()
    for node, model in enumerate(plan.models):
        said = sum(
            max_output_tokens(plan.models[v]) * _BYTES_PER_OUTPUT_TOKEN + len(plan.models[v].encode()) + 4
            for v in plan.predecessors(node)
        )
        total += call_bound(figures(model), longest_prompt_bytes(model) + said, max_output_tokens(model))
    return total
