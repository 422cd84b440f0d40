"""What to try next on labelled questions, so that plans get better (``optiq calibrate``).

:mod:`.plans` lists plans worth trying, :mod:`.beliefs` holds what is believed of them, :mod:`.value` says what
trying one is worth, and :class:`.learner.Learner` chooses, learns and tells.

Uses the rooms planning, plans, questions and statistics.
"""

from optiq.calibration.plans import calibration_plans

__all__ = ["calibration_plans"]
