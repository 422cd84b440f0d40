"""A method and what runs its requests, until the method has finished or the runs are stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from optiq.selection.evidence import Evidence, Outcome, Run
from optiq.selection.protocol import Problem, Selector

Runner = Callable[[Sequence[Run]], Sequence[Outcome | None]]
"""Runs a batch and gives the outcomes in its order; None for what was not run because the run is stopping."""


def search(
    selector: Selector, problem: Problem, runner: Runner, evidence: Evidence | None = None
) -> tuple[Evidence, bool]:
    """Ask, run, tell, until the method asks for nothing more; the evidence, and whether it got that far.

    Parameters
    ----------
    evidence
        Filled as outcomes come in; default: a new one.

    Returns
    -------
    evidence, finished
        ``finished`` is False if the runner left something out.
    """
    evidence = problem.evidence() if evidence is None else evidence
    while batch := selector.ask(evidence):
        outcomes = runner(batch)
        for run, outcome in zip(batch, outcomes, strict=True):
            if outcome is not None:
                evidence.add(run, outcome)
        if any(outcome is None for outcome in outcomes):
            return evidence, False
    return evidence, True
