"""Plan many questions at once: shared candidates per topics and template, then a choice each.

The choices are those that planning each question alone makes, at every length in the batch. Where the space
is too large to enumerate, the candidates are what the planner finds at the shortest, the middle and the
longest length, and at the least and greatest that neighbours move each model.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from optiq.errors import OptiqWarning
from optiq.estimation.estimates import Estimate, topic_weights
from optiq.estimation.estimator import Estimator
from optiq.planning.candidates import Candidates, candidates_of, find_parts
from optiq.planning.choose import Choice, choose, explain_infeasible, limit_array, meets, pick, weight_array
from optiq.planning.moves import Moves
from optiq.planning.planners.protocol import PlanningTask
from optiq.planning.planners.registry import decide_planner, make_planner
from optiq.planning.planners.tasks import planning_task
from optiq.plans.plan import Plan
from optiq.prompts.shape import PromptShape
from optiq.questions.question import Budget, Kind, Weights
from optiq.statistics.question_shifts import Shifts
from optiq.statistics.snapshot import Statistics

CHUNK = 256
"""Questions that are planned at once."""


@dataclass(frozen=True, slots=True)
class BatchItem:
    """What planning needs to know of one question."""

    topics: tuple[tuple[str, float], ...]
    kind: Kind | str
    shape: PromptShape
    budget: Budget = field(default_factory=Budget)
    weights: Weights = field(default_factory=Weights)
    shifts: Shifts | None = None
    """How the question's neighbours move the figures of models."""


def plan_batch(
    known: Estimator | Statistics,
    items: Sequence[BatchItem],
    models: Sequence[str] | None = None,
    blender: str | None = None,
    max_operations: int = 3,
    planner: str = "exact",
    seed: int = 0,
    confidence: float | None = None,
) -> list[Choice]:
    """A choice per item, in their order. Of planned ones ``feasible`` is left empty: it would be most of the work.

    Items whose question tokens were counted by a server differ in more than a length and are planned one by
    one. The other parameters, and what is raised and warned of, are those of
    :func:`optiq.planning.planners.plan_frontier`.
    """
    choices: dict[int, Choice] = {}
    warned = False
    for group in _groups(items):
        first = items[group[0]]
        task = planning_task(
            known,
            first.topics,
            first.kind,
            first.shape,
            models,
            blender,
            max_operations,
            seed,
            confidence=confidence,
        )
        decision = decide_planner(
            planner, len(task.pool.models), task.pool.blender is not None, max_operations
        )
        if decision.planner != planner and not warned:
            warnings.warn(decision.reason, OptiqWarning, stacklevel=2)
            warned = True
        if first.shape.question_tokens:
            for i in group:
                asked = replace(task, shape=items[i].shape, estimator=task.estimator.shifted(items[i].shifts))
                frontier = make_planner(decision.planner).frontier(asked)
                choices[i] = choose(frontier, items[i].budget, items[i].weights)
            continue
        lengths = [items[i].shape.question_chars for i in group]
        moves = Moves.of([items[i].shifts for i in group], task)
        for places, candidates in _parts(task, min(lengths), max(lengths), decision.planner, moves):
            there = places if len(places) else np.arange(len(group))
            for start in range(0, len(there), CHUNK):
                some = there[start : start + CHUNK]
                part = [group[place] for place in some.tolist()]
                chosen = _choices(candidates, [items[i] for i in part], moves.among(some))
                choices.update(zip(part, chosen, strict=True))
    return [choices[i] for i in range(len(items))]


def _groups(items: Sequence[BatchItem]) -> Iterator[list[int]]:
    """Positions of items that share topics, kind and templates, by increasing length."""
    groups: dict[object, list[int]] = {}
    weights: dict[tuple[tuple[str, float], ...], object] = {}
    for i, item in enumerate(items):
        if item.topics not in weights:
            weights[item.topics] = topic_weights(item.topics)
        shape = item.shape
        templates = shape.bases, shape.context_chars, shape.blend_chars, bool(shape.question_tokens)
        groups.setdefault((weights[item.topics], str(item.kind), templates), []).append(i)
    for group in groups.values():
        yield sorted(group, key=lambda i: items[i].shape.question_chars)


def _parts(
    task: PlanningTask, low: int, high: int, planner: str, moves: Moves
) -> Iterator[tuple[NDArray[np.intp], Candidates]]:
    """Candidates of some of the questions (their places), or of all (no places)."""
    if planner == "exact":
        yield from find_parts(task, low, high, moves)
        return
    found: list[Plan] = []
    for chars in sorted({low, (low + high) // 2, high}):
        for shifts in moves.corners():
            there = replace(
                task,
                shape=replace(task.shape, question_chars=chars),
                estimator=task.estimator.shifted(shifts),
            )
            found += [estimate.plan for estimate in make_planner(planner).frontier(there)]
    yield np.zeros(0, dtype=np.intp), candidates_of(task, found, low, high, moves)


def _choices(candidates: Candidates, items: Sequence[BatchItem], moves: Moves) -> list[Choice]:
    chars = np.array([item.shape.question_chars for item in items])
    expected_by_plan, by_plan = candidates.values_and_bounds(chars, moves)
    frontier = candidates.on_frontier(by_plan).T
    values = np.ascontiguousarray(by_plan.transpose(2, 1, 0))
    confidence = candidates.task.confidence
    expected = values if confidence is None else np.ascontiguousarray(expected_by_plan.transpose(2, 1, 0))
    limits = np.array([limit_array(item.budget) for item in items])
    weights = np.array([weight_array(item.weights) for item in items])
    feasible = frontier & np.all(meets(values, limits[:, None, :]), axis=-1)
    possible = feasible.any(axis=1).tolist()
    picked = pick(values, feasible, weights).tolist()
    choices = []
    for q in range(len(items)):
        if possible[q]:
            best = picked[q]
            plan, figures, judged = candidates.plans[best], expected[q, best], values[q, best]
            chosen = Estimate.of(plan, figures.tolist(), judged.tolist(), confidence)
            choices.append(Choice("planned", chosen, ()))
        else:
            there = np.flatnonzero(frontier[q])
            row = _Row([candidates.plans[p] for p in there], values[q, there], expected[q, there], confidence)
            choices.append(explain_infeasible(row.values, limits[q], row.estimate, row.expected, confidence))
    return choices


@dataclass(frozen=True)
class _Row:
    """The frontier of one question, of which few estimates are needed."""

    plans: list[Plan]
    values: NDArray[np.float64]
    expected: NDArray[np.float64]
    confidence: float | None

    def estimate(self, index: int) -> Estimate:
        figures, judged = self.expected[index].tolist(), self.values[index].tolist()
        return Estimate.of(self.plans[index], figures, judged, self.confidence)
