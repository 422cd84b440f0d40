"""Stochastic hill climbing with restarts (Opti-Q, section 4.3).

Each restart draws a feasible plan and takes the first neighbour that dominates it until none does. Neighbours
are all single changes: another model at a node, one edge more or less, one node more. What was seen on the
way forms the frontier.

The search is bounded by restarts, which makes it reproducible; a time limit can be set, and then the result
depends on the machine.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optiq.estimation.estimates import Estimate
from optiq.planning.choose import limit_array, meets
from optiq.planning.planners.evaluator import Evaluator, repaired
from optiq.planning.task import PlanningTask
from optiq.plans.plan import Plan


@dataclass(frozen=True)
class HillClimbingPlanner:
    """Hill climbing with ``restarts`` random starts.

    ``delta``: a plan enters the frontier only if its QoA is at least so much above the plan it came from (the
    paper's Δ filter; None: no filter). ``time_limit_s``: no restart but the first begins later (None: no
    limit).
    """

    restarts: int = 150
    delta: float | None = None
    time_limit_s: float | None = None
    name: str = "hill-climbing"

    def frontier(self, task: PlanningTask) -> list[Estimate]:
        """See :class:`~optiq.planning.task.Planner`."""
        draw = random.Random(task.seed)
        evaluator = Evaluator(task)
        found: set[Plan] = set()
        started = time.monotonic()
        for restart in range(self.restarts):
            late = self.time_limit_s is not None and time.monotonic() - started > self.time_limit_s
            if restart and late:
                break
            start = _random_feasible(task, draw, evaluator)
            if start is not None:
                found.add(start)
                self._climb(start, task, draw, evaluator, found)
        return evaluator.frontier(found)

    def _climb(
        self, plan: Plan, task: PlanningTask, draw: random.Random, evaluator: Evaluator, found: set[Plan]
    ) -> None:
        limits = limit_array(task.budget)
        while True:
            neighbours = list(dict.fromkeys(_neighbours(plan, task)))
            draw.shuffle(neighbours)
            if not neighbours:
                return
            figures = evaluator.figures(neighbours)
            feasible = np.all(meets(figures.T, limits), axis=1)
            own = evaluator.losses([plan])
            theirs = evaluator.losses(neighbours)
            gained = figures[-1] - evaluator.figures([plan])[-1]
            kept = feasible if self.delta is None else feasible & (gained >= self.delta)
            found.update(n for n, ok in zip(neighbours, kept.tolist(), strict=True) if ok)
            better = feasible & (theirs <= own).all(axis=0) & (theirs < own).any(axis=0)
            if not better.any():
                return
            plan = neighbours[int(better.argmax())]
            found.add(plan)


def _random_feasible(task: PlanningTask, draw: random.Random, evaluator: Evaluator) -> Plan | None:
    """A random plan within the budget; None if a hundred draws give none."""
    limits = limit_array(task.budget)
    for _ in range(100):
        plan = random_plan(task, draw)
        if meets(evaluator.figures([plan]).T, limits).all():
            return plan
    return None


def random_plan(task: PlanningTask, draw: random.Random) -> Plan:
    """A plan of random size, wiring and models."""
    k = draw.randint(1, task.max_operations)
    models = [draw.choice(task.pool.models) for _ in range(k)]
    if task.pool.blender is None:
        return Plan.of(models, [(v, v + 1) for v in range(k - 1)])
    edges = [(i, j) for i in range(k) for j in range(i + 1, k) if draw.random() < 0.5]
    plan = repaired(models, edges, task, draw.choice(task.pool.models))
    return plan or Plan.of(models[:1])


def _neighbours(plan: Plan, task: PlanningTask) -> Iterator[Plan]:
    """All plans one change away: models, then edges, then an added node."""
    spare = task.pool.models[0]
    for v in plan.topology.free_nodes:
        for model in task.pool.models:
            if model != plan.models[v]:
                yield Plan.of([*plan.models[:v], model, *plan.models[v + 1 :]], plan.edges)
    edges = set(plan.edges)
    for i in range(plan.k):
        for j in range(i + 1, plan.k):
            changed = repaired(plan.models, edges ^ {(i, j)}, task, spare)
            if changed is not None:
                yield changed
    if plan.k < task.max_operations:
        yield from _extended(plan, task, spare)


def _extended(plan: Plan, task: PlanningTask, spare: str) -> Iterator[Plan]:
    """One node more: a step after the answer, or a new source that feeds one node."""
    k = plan.k
    for model in task.pool.models:
        yield Plan.of([*plan.models, model], [*plan.edges, (plan.sink, k)])
        shifted = [(i + 1, j + 1) for i, j in plan.edges]
        for v in range(k):
            grown = repaired([model, *plan.models], [(0, v + 1), *shifted], task, spare)
            if grown is not None:
                yield grown
