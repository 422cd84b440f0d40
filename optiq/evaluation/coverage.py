"""What recorded executions can say: on which questions several plans were run, so that a choice was there to make.

In production each question has only the plan that was chosen for it. Such a question teaches, but nothing can be
compared on it: whatever a policy does, the same outcome is all there is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optiq.errors import InputError
from optiq.evaluation.outcomes import IntArray, Outcomes

FEWEST = 10
"""Questions below which a comparison says nothing."""

FEW = 30
"""Questions below which intervals are too narrow: a bootstrap of few values does not know what it has not seen."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of questions × plans was recorded and judged.

    ``compared`` questions have two plans or more, ``alone`` one. ``fewest``, ``usual`` (median) and ``most`` are
    plans per compared question. ``plans``: per plan its expression, operations and number of compared questions.
    """

    questions: int
    compared: int
    alone: int
    executions: int
    fewest: int
    usual: float
    most: int
    plans: tuple[tuple[str, int, int], ...]

    @property
    def complete(self) -> bool:
        """Whether every plan was run on every compared question."""
        return self.compared > 0 and self.fewest == len(self.plans)

    def told(self) -> str:
        """One sentence for a person."""
        if self.complete and not self.alone:
            return f"All {len(self.plans)} plans were run on all {self.questions:,} questions."
        spread = str(self.fewest) if self.fewest == self.most else f"{self.fewest} to {self.most}"
        if self.fewest != self.most:
            spread += f" (median {self.usual:g})"
        told = (
            f"Compared on {self.compared:,} of {self.questions:,} questions, those with judged answers of several "
            f"plans: {spread} of {len(self.plans)}."
        )
        if self.alone:
            told += f" {self.alone:,} with one plan only were learned from, no more."
        return told


def comparable(outcomes: Outcomes) -> IntArray:
    """The questions on which two plans or more were judged, ascending."""
    return np.flatnonzero((~np.isnan(outcomes.qoa)).sum(axis=1) >= 2)


def coverage_of(outcomes: Outcomes) -> Coverage:
    """What the outcomes cover."""
    judged = ~np.isnan(outcomes.qoa)
    rows = comparable(outcomes)
    per_question = judged[rows].sum(axis=1)
    per_plan = judged[rows].sum(axis=0)
    plans = [(plan.expression, plan.k, int(n)) for plan, n in zip(outcomes.plans, per_plan, strict=True) if n]
    return Coverage(
        questions=len(outcomes.questions),
        compared=len(rows),
        alone=len(outcomes.questions) - len(rows),
        executions=int(outcomes.counts.sum()),
        fewest=int(per_question.min()) if len(rows) else 0,
        usual=float(np.median(per_question)) if len(rows) else 0.0,
        most=int(per_question.max()) if len(rows) else 0,
        plans=tuple(sorted(plans, key=lambda plan: (-plan[2], plan[1], plan[0]))),
    )


def check_enough(outcomes: Outcomes, folds: int, where: str) -> None:
    """Raise :class:`~optiq.errors.InputError` if nothing could be compared: it says what is missing.

    ``where`` names the recordings, such as ``PerfDB``.
    """
    n, several = len(outcomes.questions), len(comparable(outcomes))
    calibrate = "`optiq calibrate FILE` runs several plans on the same questions; then `optiq refresh`."
    asked = "1 question" if n == 1 else f"{n:,} questions"
    if len(outcomes.plans) == 1:
        raise InputError(
            f"{where} has judged answers of one plan only ({outcomes.plans[0].expression}): nothing to choose from",
            calibrate,
        )
    if not len(outcomes.singles):
        raise InputError(
            f"no model alone has judged answers in {where}: nothing to compare with",
            "`optiq calibrate FILE --singles-only` runs each model alone; then `optiq refresh`.",
        )
    if not several:
        raise InputError(
            f"{where} has judged answers to {asked}, each of one plan only: what another would have done is unknown",
            calibrate,
        )
    if several < FEWEST:
        raise InputError(
            f"{where} has {several} of {asked} with judged answers of two plans or more; {FEWEST} are needed",
            calibrate,
        )
    if several < folds:
        raise InputError(
            f"{several} questions cannot be split into {folds} folds", f"Give --folds from 2 up to {several}."
        )
