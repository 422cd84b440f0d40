"""Estimates of plans before they run (Opti-Q, section 4.2).

:func:`estimate` follows the paper line by line for one plan and says where each figure comes from.
:mod:`optiq.estimation.many_plans` gives the same values for many plans at once; tests hold the two equal.
"""

from optiq.estimation.estimates import Estimate, Source, topic_weights
from optiq.estimation.scalar import estimate
from optiq.prompts.shape import CHARS_PER_TOKEN, PromptShape

__all__ = ["CHARS_PER_TOKEN", "Estimate", "PromptShape", "Source", "estimate", "topic_weights"]
