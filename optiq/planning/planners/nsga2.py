"""NSGA-II over plans (Opti-Q, sections 4.3 and 5, appendix A.1), on pymoo.

The encoding, operators, constraint handling and defaults are the paper's: topology bits and models as two
segments, one-point crossover on each, the three mutations with probabilities 0.3, 0.1 and 0.3, infeasible
plans ranked by their violation, a population of 200 for 200 generations. Plans are estimated a generation at
a time and each once; duplicates (isomorphic plans) are removed. The frontier is taken from all plans that
were estimated, not only from the last population, which holds 200 at most.

Sorting into fronts and crowding distances are pymoo's. The loop around them works on whole arrays, because
pymoo's own keeps an object per individual and spends most of the time on those.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymoo.operators.survival.rank_and_crowding.metrics import get_crowding_function
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

from optiq.estimation.estimates import Estimate
from optiq.estimation.plan_rows import PlanRows
from optiq.planning.choose import limit_array, violations
from optiq.planning.frontier import losses
from optiq.planning.planners.evaluator import frontier_of
from optiq.planning.planners.genomes import Genomes, IntArray, Random
from optiq.planning.planners.registry import space_size
from optiq.planning.task import PlanningTask
from optiq.plans.topology import MAX_OPERATIONS, Topology
from optiq.questions.metric import METRICS

FloatArray = NDArray[np.float64]

ROUNDS = 3
"""Matings per generation at most: where most children are known plans, the generation stays smaller."""


@dataclass(frozen=True)
class NSGA2Planner:
    """``mutations``: the probabilities of an edge flip, a node insertion and another model."""

    population: int = 200
    generations: int = 200
    crossover: float = 0.9
    mutations: tuple[float, float, float] = (0.3, 0.1, 0.3)
    name: str = "nsga2"

    def frontier(self, task: PlanningTask) -> list[Estimate]:
        """See :class:`~optiq.planning.task.Planner`."""
        return evolve(task, self.population, self.generations, self.crossover, self.mutations)


def evolve(
    task: PlanningTask,
    population_size: int,
    generations: int,
    crossover: float,
    mutations: tuple[float, float, float],
) -> list[Estimate]:
    """Run the search and return the frontier of every plan it estimated.

    ``mutations`` are the probabilities of an edge flip, a node insertion and another model.
    """
    draw = np.random.default_rng(task.seed)
    genomes = Genomes(task)
    estimated = _Estimated(genomes, population_size * (generations + 1))
    estimated.meet(*genomes.mended(genomes.random(population_size, draw)), population_size)
    population = estimated.estimate()
    everything = space_size(len(task.pool.models), task.pool.blender is not None, task.max_operations)
    for _ in range(generations):
        if estimated.n_plans == everything:
            break
        survivors, strength = _survivors(estimated, population, population_size)
        population = population[survivors]
        children = _children(
            genomes, estimated, population, strength, population_size, crossover, mutations, draw
        )
        population = np.concatenate([population, children])
    return estimated.frontier()


class _Estimated:
    """Every plan that was met, numbered in the order in which it turned up; ``capacity`` at most."""

    def __init__(self, genomes: Genomes, capacity: int) -> None:
        self.genomes = genomes
        task = genomes.task
        self._arrays = task.arrays()
        self._limits = limit_array(task.budget)
        self._number: dict[bytes, int] = {}
        self._shapes: list[Topology] = []
        self._n_estimated = 0
        self.rows: IntArray = np.zeros((capacity, genomes.length), dtype=np.int64)
        self.expected: FloatArray = np.zeros((len(METRICS), capacity))
        self.judged: FloatArray = np.zeros((len(METRICS), capacity))
        """The figures that plans are judged by: with a confidence bounds, else the expected ones."""
        self.losses: FloatArray = np.zeros((len(METRICS), capacity))
        self.violation: FloatArray = np.zeros(capacity)

    def meet(self, rows: IntArray, shapes: list[Topology], most: int) -> int:
        """Number up to ``most`` canonical genomes that are new; how many there were."""
        before = len(self._shapes)
        for row, shape in zip(rows, shapes, strict=True):
            n = len(self._shapes)
            if n - before == most:
                break
            if self._number.setdefault(row.tobytes(), n) == n:
                self.rows[n] = row
                self._shapes.append(shape)
        return len(self._shapes) - before

    def estimate(self) -> IntArray:
        """Estimate what was met since the last time; its numbers."""
        new = slice(self._n_estimated, len(self._shapes))
        self._n_estimated = new.stop
        if new.start < new.stop:
            index: dict[Topology, int] = {}
            which = np.array([index.setdefault(shape, len(index)) for shape in self._shapes[new]])
            digits = np.zeros((len(which), MAX_OPERATIONS), dtype=np.int64)
            digits[:, : self.genomes.width] = self.rows[new, self.genomes.first_model :]
            rows = PlanRows(tuple(index), which, digits, self.genomes.n_models)
            found = self._arrays.values_and_bounds(rows, self.genomes.task.shape)
            expected, judged = (figures.take(rows.plan_rows, axis=1) for figures in found)
            self.expected[:, new], self.judged[:, new] = expected, judged
            self.losses[:, new] = losses(judged)
            self.violation[new] = violations(judged.T, self._limits).sum(axis=1)
        return np.arange(new.start, new.stop)

    @property
    def n_plans(self) -> int:
        """How many plans have been met."""
        return len(self._shapes)

    def frontier(self) -> list[Estimate]:
        """The non-dominated among all plans."""
        plans = [self.genomes.plan(row, shape) for row, shape in zip(self.rows, self._shapes, strict=False)]
        met = slice(len(plans))
        return frontier_of(plans, self.judged[:, met], self.expected[:, met], self.genomes.task.confidence)


def _children(
    genomes: Genomes,
    estimated: _Estimated,
    population: IntArray,
    strength: FloatArray,
    missing: int,
    crossover: float,
    mutations: tuple[float, float, float],
    draw: Random,
) -> IntArray:
    """The numbers of up to ``missing`` new plans: tournaments, crossover, mutation, mending."""
    for _ in range(ROUNDS):
        chosen = _tournaments(strength, missing + missing % 2, draw)
        parents = genomes.refilled(estimated.rows[population[chosen]], draw)
        one, other = np.split(parents, 2)
        rows = genomes.crossed(one, other, crossover, draw)
        rows = genomes.mutated(rows, mutations, draw)
        missing -= estimated.meet(*genomes.mended(rows), missing)
        if not missing:
            break
    return estimated.estimate()


def _tournaments(strength: FloatArray, n: int, draw: Random) -> IntArray:
    """The winners of ``n`` binary tournaments: less violation, then the better rank, then less crowding."""
    one, other = draw.integers(len(strength), size=(2, n))
    winner = one.copy()
    undecided = np.ones(n, dtype=bool)
    for column in strength.T:
        loses = undecided & (column[other] < column[one])
        winner[loses] = other[loses]
        undecided &= column[other] == column[one]
    return winner


def _survivors(estimated: _Estimated, population: IntArray, n: int) -> tuple[IntArray, FloatArray]:
    """The ``n`` strongest of ``population``, with (violation, rank, −crowding) of each: smaller is stronger.

    Feasible plans come first, front by front, the last front by crowding; then the others by their violation.
    """
    violation = estimated.violation[population]
    points = _finite(estimated.losses[:, population].T)
    feasible = np.flatnonzero(violation <= 0)
    kept: list[IntArray] = []
    strength: list[FloatArray] = []
    if len(feasible):
        fronts = NonDominatedSorting().do(points[feasible], n_stop_if_ranked=n)
        crowding_of = get_crowding_function("cd")
        for rank, front in enumerate(fronts):
            members = feasible[front]
            left = n - sum(len(part) for part in kept)
            if left <= 0:
                break
            crowding = crowding_of.do(points[members], n_remove=0)
            order = (
                np.argsort(-crowding, kind="stable")[:left]
                if len(members) > left
                else np.arange(len(members))
            )
            kept.append(members[order])
            strength.append(
                np.column_stack([np.zeros(len(order)), np.full(len(order), rank), -crowding[order]])
            )
    left = n - sum(len(part) for part in kept)
    rest = np.flatnonzero(violation > 0)
    rest = rest[np.argsort(violation[rest], kind="stable")][:left]
    kept.append(rest)
    strength.append(np.column_stack([violation[rest], np.zeros(len(rest)), np.zeros(len(rest))]))
    return np.concatenate(kept), np.concatenate(strength)


def _finite(points: FloatArray) -> FloatArray:
    """``points`` with infinity, which crowding distances cannot take, put beyond the largest finite value."""
    largest = np.where(np.isfinite(points), points, 0.0).max(axis=0)
    return np.where(np.isfinite(points), points, 2 * largest + 1)
