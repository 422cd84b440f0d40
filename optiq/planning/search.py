"""Search the frontiers of questions that share topics and templates (Opti-Q, section 4.3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from optiq.planning.candidates import find_candidates
from optiq.planning.frontier import Frontiers
from optiq.planning.items import BatchItem
from optiq.planning.lines import Lines, lines_of_plans, lines_of_space
from optiq.planning.moved import MovedFrontiers
from optiq.planning.planners.registry import make_planner
from optiq.planning.task import PlanningTask
from optiq.plans.plan import Plan
from optiq.statistics.question_shifts import Shifts

FloatArray = NDArray[np.float64]

CHUNK, MOVED_CHUNK = 256, 64
"""Questions whose frontiers are laid out at once; fewer where each has plans of its own."""


def search(task: PlanningTask, planner: str, items: Sequence[BatchItem]) -> Iterator[tuple[range, Frontiers]]:
    """The frontiers of ``items``, planned alike and sorted by length, in pieces: their places and their frontiers.

    Each is the one that planning the item alone finds: of ``exact`` at every length. Of another planner the plans
    are those that it finds at the shortest, the middle and the longest length, and at the least and greatest that
    neighbours move each model.
    """
    for start, end in _tiers(task, items):
        for places, frontiers in _search(task, planner, items[start:end]):
            yield range(start + places.start, start + places.stop), frontiers


def _tiers(task: PlanningTask, items: Sequence[BatchItem]) -> Iterator[tuple[int, int]]:
    """Runs of items whose calls are priced alike: nearly always all of them."""
    reached = [task.price_tiers(item.shape.question_chars) for item in items] if task.price_tiers(0) else []
    edges = [at for at in range(1, len(reached)) if reached[at] != reached[at - 1]]
    yield from pairwise([0, *edges, len(items)])


def _search(
    task: PlanningTask, planner: str, items: Sequence[BatchItem]
) -> Iterator[tuple[range, Frontiers]]:
    chars = np.array([item.shape.question_chars for item in items])
    low, high = int(chars[0]), int(chars[-1])
    moves = _moves(task, items)
    if planner == "exact":
        lines = lines_of_space(task, low, high, moved=moves is not None)
    else:
        lines = _searched(task, planner, low, high, moves)
    found = find_candidates(lines) if moves is None else MovedFrontiers(lines, moves)
    step = CHUNK if moves is None else MOVED_CHUNK
    for start in range(0, len(items), step):
        places = range(start, min(start + step, len(items)))
        yield places, found.frontiers(chars, places)


def _moves(task: PlanningTask, items: Sequence[BatchItem]) -> FloatArray | None:
    """(items, names of the pool): by how much neighbours move models; None if they move nothing."""
    if all(item.shifts is None for item in items):
        return None
    names = task.pool.names
    still = Shifts(0, ())
    return np.array([(item.shifts or still).among(names) for item in items])


def _searched(task: PlanningTask, planner: str, low: int, high: int, moves: FloatArray | None) -> Lines:
    """The plans that a planner finds at a few lengths and moves."""
    found: list[Plan] = []
    for chars in sorted({low, (low + high) // 2, high}):
        for shifts in _corners(task, moves):
            shape = replace(task.shape, question_chars=chars)
            there = replace(task, shape=shape, estimator=task.estimator.shifted(shifts))
            found += [estimate.plan for estimate in make_planner(planner).frontier(there)]
    return lines_of_plans(task, found, low, high, moved=moves is not None)


def _corners(task: PlanningTask, moves: FloatArray | None) -> Iterator[Shifts | None]:
    """Shifts to search at: of one question its own; else none, and each model at its greatest, others at their least.

    What moves all models of a question alike moves all plans alike, since the shares of models in a plan sum to 1;
    only what differs between models can change which plan beats which.
    """
    if moves is None:
        yield None
        return
    if len(moves) == 1:
        yield _shifts(task, moves[0])
        return
    left = moves - moves.mean(axis=1, keepdims=True)
    least, greatest = left.min(axis=0), left.max(axis=0)
    yield None
    for at in np.flatnonzero(greatest > least):
        yield _shifts(task, np.where(np.arange(len(least)) == at, greatest, least))


def _shifts(task: PlanningTask, by_name: FloatArray) -> Shifts:
    return Shifts(0, tuple(zip(task.pool.names, by_name.tolist(), strict=True)))
