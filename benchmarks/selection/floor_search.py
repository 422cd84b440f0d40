"""The cheapest above a floor on generated workflows: what a method found against the true optimum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.selection.workflows import EXAMPLES, generate
from optiq.selection.evidence import Outcome, Run
from optiq.selection.methods.mixllm import MixLLM
from optiq.selection.objective import Objective
from optiq.selection.protocol import Problem, Selector
from optiq.selection.search import search


@dataclass(frozen=True)
class Found:
    """One seed: cost over the optimum above the same floor, share of combinations examined, floor kept."""

    ratio: float
    examined: float
    kept_floor: bool


def find(make: Callable[[Problem], Selector], seed: int, floor: float | None) -> Found:
    """One method on one workflow; ``floor`` None lets the method settle a − θ itself."""
    workflow = generate(seed)

    def runner(batch: Sequence[Run]) -> list[Outcome | None]:
        outcomes: list[Outcome | None] = []
        for c, i, trial in batch:
            score = workflow.trial(c, trial)[i] if trial else workflow.scores[c, i]
            cost = workflow.stage_cost_usd[c]
            outcomes.append(Outcome(float(score), float(cost.sum()), 1.0, None, tuple(cost.tolist())))
        return outcomes

    problem = Problem(workflow.space, EXAMPLES, Objective("cheapest", floor), seed)
    selector = make(problem)
    evidence, _ = search(selector, problem, runner)
    ranking = selector.ranking(evidence)
    examined = float((evidence.counts > 0).mean())
    if not ranking.order or ranking.floor is None:
        return Found(float("inf"), examined, False)
    chosen = ranking.order[0]
    return Found(
        float(workflow.cost_usd[chosen]) / workflow.optimum(ranking.floor),
        examined,
        bool(workflow.accuracy[chosen] >= ranking.floor - 1e-12),
    )


def floor_of(seed: int) -> float:
    """The floor a − θ that MixLLM measures on a workflow, for methods that need to be told."""
    workflow = generate(seed)
    problem = Problem(workflow.space, EXAMPLES, Objective("cheapest"), seed)
    method = MixLLM(problem)
    evidence = problem.evidence()
    for place in workflow.space.same_model():
        for example in range(EXAMPLES):
            evidence.add(Run(place, example), Outcome(float(workflow.scores[place, example]), 1.0))
    root = method.root(evidence)
    for trial in range(1, method.repeats):
        scores = workflow.trial(root, trial)
        for example in range(EXAMPLES):
            evidence.add(Run(root, example, trial), Outcome(float(scores[example])))
    floor = method.floor(evidence)
    assert floor is not None
    return floor
