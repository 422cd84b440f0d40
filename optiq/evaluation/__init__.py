"""Replay: what a way of choosing plans would have cost and yielded on executions that were recorded.

Outcomes are recorded executions as arrays (:mod:`~optiq.evaluation.outcomes`); a policy learns from the
questions of other folds and decides on each held-out question before anything is called
(:mod:`~optiq.evaluation.replay`); :mod:`~optiq.evaluation.summary` sums up, with paired intervals.
What it replays as ``opti-q`` is the room planning itself.

Uses the rooms estimation, planning, plans, questions, statistics and text.
"""

from optiq.evaluation.outcomes import Outcomes
from optiq.evaluation.replay import replay
from optiq.evaluation.summary import summarise

__all__ = ["Outcomes", "replay", "summarise"]
