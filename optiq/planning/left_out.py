"""Why a plan of a frontier could not be chosen: a limit that it breaks or may break, or a gain that is not sure."""

from __future__ import annotations

from collections.abc import Sequence

from optiq.estimation.estimates import Cautious, Estimate
from optiq.planning.choose import Choice
from optiq.questions.metric import RESOURCES
from optiq.questions.question import Budget


def why_left_out(frontier: Sequence[Estimate], choice: Choice, budget: Budget) -> list[str]:
    """Why each plan of the frontier that is shown with ``choice`` was not there to choose from; empty if it was.

    Limits are named before the gain over the best single model: what breaks one would not be taken for any gain.
    """
    feasible = {one.plan.key for one in choice.feasible}
    judged = choice.chosen or choice.nearest
    model = None if judged is None else compared_with(judged)
    gain = f"gain over {model} not sure" if model else ""
    return ["" if one.plan.key in feasible else over_limits(one, budget) or gain for one in frontier]


def over_limits(plan: Estimate, budget: Budget) -> str:
    """Which limits of ``budget`` a plan breaks, or keeps as expected but not surely, in words; empty if none."""
    over: list[str] = []
    unsure: list[str] = []
    limits = zip(RESOURCES, plan.judged[:-1], plan.metrics[:-1], budget.limits[:-1], strict=True)
    for metric, judged, expected, limit in limits:
        if limit is not None and not judged <= limit:
            (unsure if expected <= limit else over).append(metric.word)
    parts = [f"over {' and '.join(over)}"] if over else []
    parts += [f"may go over {' and '.join(unsure)}"] if unsure else []
    if budget.min_qoa is not None and not plan.judged[-1] >= budget.min_qoa:
        parts.append("below QoA floor")
    return ", ".join(parts)


def compared_with(estimate: Estimate) -> str | None:
    """The model that plans were compared with, the best one alone over all topics, if they were."""
    sure = None if estimate.bounds is None else estimate.bounds.confidence
    return sure.against if isinstance(sure, Cautious) else None
