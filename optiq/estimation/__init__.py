"""Estimates of plans before they run (Opti-Q, section 4.2).

What is known: :mod:`~optiq.estimation.catalog` (one topic's figures and records), :mod:`~optiq.estimation.similarity`
(which plans are alike). What is made of it: :mod:`~optiq.estimation.estimator` and those that there are,
:mod:`~optiq.estimation.paper` and :mod:`~optiq.estimation.shrunk` (on :mod:`~optiq.estimation.composition`).

For people, one plan: :mod:`~optiq.estimation.one_plan` around :mod:`~optiq.estimation.oracle`, node by node, with the
source of each figure. For planners, many plans as arrays: :mod:`~optiq.estimation.many_plans` around
:mod:`~optiq.estimation.engine`, on plans laid out as :mod:`~optiq.estimation.rows` (all of a
:mod:`~optiq.estimation.space`, or :mod:`~optiq.estimation.plan_rows` of a list), figures of models as
:mod:`~optiq.estimation.ingredients` and records looked up in :mod:`~optiq.estimation.matches`. Tests hold both equal.

Around both: bounds (:mod:`~optiq.estimation.risk`, on the :mod:`~optiq.estimation.spread` of runs), and past questions
like one that is asked (:mod:`~optiq.estimation.past_questions`, their :mod:`~optiq.estimation.likeness` and votes in
:mod:`~optiq.estimation.neighbours`), which move models and through them plans (:mod:`~optiq.estimation.shifts`).
"""

from optiq.estimation.estimates import Estimate, Source, topic_weights
from optiq.estimation.one_plan import estimate
from optiq.prompts.shape import CHARS_PER_TOKEN, PromptShape

__all__ = ["CHARS_PER_TOKEN", "Estimate", "PromptShape", "Source", "estimate", "topic_weights"]
