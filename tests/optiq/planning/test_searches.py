"""The paper's planners: dp without pruning is exact, every search is reproducible and loses what it may lose."""

import numpy as np
import pytest
from catalogs import SHAPE, build, figures, random_catalog
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.errors import InputError
from optiq.estimation import Estimate, estimate
from optiq.estimation.estimator import make_estimator
from optiq.planning import make_planner, planning_task
from optiq.planning.bounds import bound_operations
from optiq.planning.planners.dynamic_programming import DynamicProgrammingPlanner
from optiq.planning.planners.genomes import Genomes
from optiq.planning.planners.hill_climbing import HillClimbingPlanner
from optiq.planning.planners.nsga2 import NSGA2Planner
from optiq.planning.task import Planner, PlanningTask
from optiq.questions.question import Budget
from optiq.statistics.snapshot import Statistics

SMALL_NSGA2 = NSGA2Planner(population=40, generations=30)
SEARCHES = [SMALL_NSGA2, HillClimbingPlanner(restarts=10), DynamicProgrammingPlanner("delta")]


def task(statistics: Statistics, k: int = 4, blender: str | None = "z", **values: object) -> PlanningTask:
    return planning_task(statistics, ["Art"], "open", SHAPE, list("abc"), blender, k, **values)  # type: ignore[arg-type]


def catalog(seed: int = 3) -> Statistics:
    return random_catalog(seed, "abc", "z", n_records=40, missing=0.0)


def assert_same(found: list[Estimate], expected: list[Estimate]) -> None:
    """The same plans; the figures may differ in the last digit, as sums are added up in different orders."""
    assert [e.plan for e in found] == [e.plan for e in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.metrics == pytest.approx(other.metrics, rel=1e-9, nan_ok=True)
        assert one.judged == pytest.approx(other.judged, rel=1e-9, abs=1e-12, nan_ok=True)
        assert (one.bounds is None) == (other.bounds is None)


@settings(deadline=None, max_examples=15)
@given(
    st.integers(0, 10_000),
    st.integers(1, 4),
    st.sampled_from(["z", "a", None]),
    st.sampled_from([None, 0.95]),
)
def test_dp_without_pruning_is_exact(
    seed: int, k: int, blender: str | None, confidence: float | None
) -> None:
    statistics = random_catalog(seed, "abc", blender or "z", missing=0.0)
    given_task = task(statistics, k, blender, confidence=confidence)
    assert_same(make_planner("dp").frontier(given_task), make_planner("exact").frontier(given_task))


@pytest.mark.parametrize("pruning", ["delta", "epsilon"])
def test_prunings_keep_plans_that_are_really_as_estimated(pruning: str) -> None:
    statistics = catalog()
    found = DynamicProgrammingPlanner(pruning).frontier(task(statistics))
    for e in found:
        assert e.metrics == pytest.approx(estimate(e.plan, statistics, ["Art"], "open", SHAPE, "z").metrics)


def test_epsilon_covers_the_frontier_within_its_factor() -> None:
    epsilon = 0.1
    planner = DynamicProgrammingPlanner("epsilon", epsilon=epsilon)
    exact, cover = make_planner("exact").frontier(task(catalog(), 2)), planner.frontier(task(catalog(), 2))
    for e in exact:
        assert any(
            c.cost_usd <= e.cost_usd * (1 + epsilon)
            and c.latency_s <= e.latency_s * (1 + epsilon)
            and c.energy_j <= e.energy_j * (1 + epsilon)
            and c.qoa * (1 + epsilon) >= e.qoa
            for c in cover
        )


def test_an_unknown_pruning_is_named() -> None:
    with pytest.raises(InputError, match="none, delta, epsilon"):
        DynamicProgrammingPlanner("gamma")


@pytest.mark.parametrize("planner", SEARCHES, ids=lambda p: p.name)
def test_a_search_depends_on_its_seed_only(planner: Planner) -> None:
    assert planner.frontier(task(catalog(), seed=5)) == planner.frontier(task(catalog(), seed=5))


@pytest.mark.parametrize("planner", SEARCHES, ids=lambda p: p.name)
@pytest.mark.parametrize("blender", ["z", "a", None])
def test_a_search_finds_only_real_non_dominated_plans(planner: Planner, blender: str | None) -> None:
    given_task = task(catalog(), 4, blender)
    found = planner.frontier(given_task)
    exact = make_planner("exact").frontier(given_task)
    assert [e.plan.order for e in found] == sorted(e.plan.order for e in found)
    for e in found:
        e.plan.check_blender(blender)
        assert e.plan.k <= 4
        assert any(_as_good(x, e) for x in exact)
    # and something of the frontier is there
    assert {e.plan for e in found} & {e.plan for e in exact}


def _as_good(one: Estimate, other: Estimate) -> bool:
    signs = np.array([1.0, 1.0, 1.0, -1.0])
    return bool((np.array(one.metrics) * signs <= np.array(other.metrics) * signs + 1e-12).all())


@pytest.mark.parametrize("confidence", [None, 0.9])
def test_nsga2_finds_the_whole_frontier_of_a_small_space(confidence: float | None) -> None:
    given_task = task(make_estimator("shrunk", catalog()), 3, confidence=confidence)
    found = NSGA2Planner(population=60, generations=60).frontier(given_task)
    assert_same(found, make_planner("exact").frontier(given_task))


def test_nsga2_of_single_calls_ends() -> None:
    assert_same(SMALL_NSGA2.frontier(task(catalog(), 1)), make_planner("exact").frontier(task(catalog(), 1)))


@pytest.mark.parametrize("planner", [SMALL_NSGA2, HillClimbingPlanner(restarts=10)], ids=lambda p: p.name)
def test_a_budget_guides_the_search_to_feasible_plans(planner: Planner) -> None:
    exact = make_planner("exact").frontier(task(catalog()))
    limit = sorted(e.cost_usd for e in exact)[len(exact) // 2]
    found = planner.frontier(task(catalog(), budget=Budget(max_cost_usd=limit)))
    assert any(e.cost_usd <= limit for e in found)
    nothing = planner.frontier(task(catalog(), budget=Budget(max_cost_usd=0.0, max_latency_s=0.0)))
    assert all(isinstance(e, Estimate) for e in nothing)


def test_the_delta_filter_of_hill_climbing_keeps_less() -> None:
    plain = HillClimbingPlanner(restarts=20).frontier(task(catalog()))
    gated = HillClimbingPlanner(restarts=20, delta=0.05).frontier(task(catalog()))
    assert len(gated) <= len(plain)


def test_hill_climbing_stops_at_its_time_limit() -> None:
    assert len(HillClimbingPlanner(restarts=10**9, time_limit_s=0.0).frontier(task(catalog()))) >= 1


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000), st.integers(1, 7), st.booleans())
def test_any_genome_becomes_a_canonical_plan(seed: int, k: int, blends: bool) -> None:
    genomes = Genomes(task(catalog(), k, "z" if blends else None))
    draw = np.random.default_rng(seed)
    rows = genomes.random(20, draw)
    rows = genomes.mutated(genomes.crossed(rows[:10], rows[10:], 1.0, draw), (1.0, 1.0, 1.0), draw)
    found, shapes = genomes.mended(rows)
    for row, shape in zip(found, shapes, strict=True):
        plan = genomes.plan(row, shape)
        assert type(plan).of(plan.models, plan.edges) == plan
        plan.check_blender("z" if blends else None)
    again, _ = genomes.mended(found)
    assert (again == found).all()


class TestBoundingTheNumberOfOperations:
    # a call of a costs 1.75e-4 USD, one of b ten times that
    STATISTICS = build(figures("a"), figures("b", usd_per_prompt_token=1e-5, usd_per_output_token=2e-5))

    def bound(self, budget: Budget, cap: int = 7, seed: int | None = None) -> tuple[int, int, int]:
        found = bound_operations(self.STATISTICS, ["Art"], "open", SHAPE, ["a", "b"], budget, cap, seed)
        return found.max_operations, found.low, found.high

    def test_the_upper_end_by_default(self) -> None:
        assert self.bound(Budget(max_cost_usd=4 * 1.75e-4)) == (4, 1, 4)
        assert self.bound(Budget(max_cost_usd=20 * 1.75e-4)) == (7, 2, 7)

    def test_the_smallest_quotient_over_the_limits_counts(self) -> None:
        assert self.bound(Budget(max_cost_usd=4 * 1.75e-4, max_latency_s=2.5 * 0.175))[0] == 2

    def test_no_limit_and_a_floor_bound_nothing(self) -> None:
        assert self.bound(Budget(), cap=5) == (5, 5, 5)
        assert self.bound(Budget(min_qoa=0.9), cap=5)[0] == 5

    def test_at_least_one_operation_is_planned(self) -> None:
        assert self.bound(Budget(max_cost_usd=1e-9)) == (1, 1, 1)

    def test_the_papers_sample_lies_in_the_interval(self) -> None:
        budget = Budget(max_cost_usd=45 * 1.75e-4)
        drawn = {self.bound(budget, seed=seed)[0] for seed in range(50)}
        assert drawn == {4, 5, 6, 7}
        assert self.bound(budget, seed=3) == self.bound(budget, seed=3)

    def test_an_unsupported_cap_is_refused(self) -> None:
        with pytest.raises(InputError):
            self.bound(Budget(), cap=8)
