"""The exact planner equals brute force with the scalar oracle; bad catalogs; the rule for spaces that are too large."""

import itertools

import numpy as np
import pytest
from catalogs import NAN, SHAPE, build, figures, random_catalog, record, recorded_catalog
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.errors import InputError, OptiqWarning, UnknownName
from optiq.estimation import Estimate, estimate
from optiq.estimation.many_plans import ArrayEstimator
from optiq.estimation.plan_rows import PlanRows
from optiq.estimation.pool import Pool
from optiq.estimation.space import space
from optiq.extensions.built_in import PLANNERS
from optiq.planning import decide_planner, plan_frontier
from optiq.planning.choose import choose
from optiq.planning.frontier import losses, nondominated
from optiq.plans.enumeration import connectivity_maps
from optiq.plans.plan import Plan
from optiq.plans.topology import topology
from optiq.questions.question import Budget
from optiq.statistics.snapshot import ModelFigures, Statistics


def every_plan(models: str, blender: str | None, max_operations: int) -> list[Plan]:
    """All plans by brute force: every topology with every assignment."""
    found = set()
    for k in range(1, max_operations + 1):
        for number in connectivity_maps(k):
            shape = topology(k, int(number))
            if blender is None and any(shape.blends):
                continue
            choices = [[blender] if blends else list(models) for blends in shape.blends]
            found |= {Plan.of(names, shape.edges) for names in itertools.product(*choices)}
    return sorted(found, key=lambda plan: plan.order)


def brute_force(
    statistics: Statistics,
    models: str,
    blender: str | None,
    max_operations: int,
    confidence: float | None = None,
) -> list[Estimate]:
    estimates = [
        estimate(plan, statistics, ["Art"], "open", SHAPE, blender, confidence)
        for plan in every_plan(models, blender, max_operations)
    ]
    values = np.array([e.judged for e in estimates]).T
    return [estimates[i] for i in nondominated(losses(values))]


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    max_operations=st.integers(1, 4),
    n_records=st.sampled_from([0, 10, 60]),
    blender=st.sampled_from(["z", "a", None]),
    missing=st.sampled_from([0.0, 0.15]),
    confidence=st.sampled_from([None, 0.9]),
)
def test_exact_equals_brute_force(
    seed: int,
    max_operations: int,
    n_records: int,
    blender: str | None,
    missing: float,
    confidence: float | None,
) -> None:
    statistics = random_catalog(seed, "ab", blender or "z", n_records=n_records, missing=missing)
    statistics = build(
        *(statistics.figures(name, "Art", "open") for name in statistics.models),
        *(figures(name, topic="*") for name in "abz"),  # nobody is without figures
        *statistics.records("Art").values(),
    )
    found = plan_frontier(
        statistics, ["Art"], "open", SHAPE, list("ab"), blender, max_operations, confidence=confidence
    )
    expected = brute_force(statistics, "ab", blender, max_operations, confidence)
    assert [e.plan.key for e in found] == [e.plan.key for e in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.metrics == pytest.approx(other.metrics, rel=1e-9, nan_ok=True)
        assert one.judged == pytest.approx(other.judged, rel=1e-9, abs=1e-12, nan_ok=True)


def test_exact_on_the_recorded_catalog_for_all_topics() -> None:
    """At k = 5 against all plans estimated node by node, of which a sample is checked with the oracle.

    ``benchmarks/planners/verify.py`` does it with the oracle alone, which takes minutes.
    """
    statistics = recorded_catalog()
    pool = Pool(tuple(name for name in statistics.models if name not in ("blend", "elsewhere")), "blend")
    space_of_5 = space(5, 5, True)
    plans = [space_of_5.plan(int(row), pool.models, "blend") for row in space_of_5.plan_rows]
    listed = PlanRows.of(plans, pool)
    for number, topic in enumerate(statistics.topics):
        found = plan_frontier(statistics, [topic], "open", SHAPE, pool.models, "blend", 5)
        values = ArrayEstimator(statistics, [topic], "open", pool).values(listed, SHAPE)[:, listed.plan_rows]
        expected = [plans[i] for i in nondominated(losses(values))]
        assert [e.plan for e in found] == expected
        for p in range(number * 97, len(plans), 5003):
            oracle = estimate(plans[p], statistics, [topic], "open", SHAPE, "blend")
            assert values[:, p] == pytest.approx(oracle.metrics, rel=1e-9)


def test_equal_plans_are_kept_once_the_first_in_plan_order() -> None:
    twins = build(*(figures(name) for name in "cabz"))
    frontier = plan_frontier(twins, ["Art"], "open", SHAPE, list("cab"), "z", 3)
    assert [e.plan.key for e in frontier] == ["1:0:a"]


class TestBadCatalogs:
    def test_a_model_without_any_figure_is_left_out_with_a_warning(self) -> None:
        statistics = build(figures("a"), ModelFigures(model="b", output_tokens=9.0))
        with pytest.warns(OptiqWarning, match="'b' has no figure for any metric"):
            frontier = plan_frontier(statistics, ["Art"], "open", SHAPE, ["a", "b"], "a", 2)
        assert {name for e in frontier for name in e.plan.models} == {"a"}

    def test_an_unpriced_model_is_planned_but_fails_a_cost_limit(self) -> None:
        statistics = build(figures("a"), figures("b", usd_per_prompt_token=NAN, qoa=0.9))
        frontier = plan_frontier(statistics, ["Art"], "open", SHAPE, ["a", "b"], None, 1)
        assert [e.plan.models for e in frontier] == [("a",), ("b",)]
        choice = choose(frontier, Budget(max_cost_usd=1.0))
        assert [e.plan.models for e in choice.feasible] == [("a",)]

    def test_a_pool_of_one(self) -> None:
        statistics = build(figures("a"), record("a → a", qoa=0.9))
        frontier = plan_frontier(statistics, ["Art"], "open", SHAPE, ["a"], "a", 3)
        assert [e.plan.key for e in frontier] == ["1:0:a", "2:1:a>a", "3:5:a>a>a"]

    def test_no_blender_means_no_blends(self) -> None:
        statistics = build(figures("a"), figures("b"), record("blend(a, b; b)", qoa=1.0))
        frontier = plan_frontier(statistics, ["Art"], "open", SHAPE, ["a", "b"], None, 4)
        assert not any(e.plan.blend_nodes for e in frontier)

    def test_a_blender_nobody_knows_is_named(self) -> None:
        with pytest.warns(OptiqWarning, match="blender 'z' has no figure"):
            plan_frontier(build(figures("a")), ["Art"], "open", SHAPE, ["a"], "z", 3)

    def test_nothing_known_at_all(self) -> None:
        with (
            pytest.warns(OptiqWarning, match="'b' has no figure"),
            pytest.raises(UnknownName, match="any figures"),
        ):
            plan_frontier(build(figures("a")), ["Art"], "open", SHAPE, ["b"], None, 3)

    @pytest.mark.parametrize("k", [0, 8, 1.5])
    def test_sizes_that_are_not_supported(self, k: object) -> None:
        with pytest.raises(InputError):
            plan_frontier(build(figures("a")), ["Art"], "open", SHAPE, ["a"], None, k)  # type: ignore[arg-type]

    def test_more_assignments_than_can_be_numbered(self) -> None:
        names = [f"m{i}" for i in range(80)]
        statistics = build(*(figures(name) for name in names))
        with pytest.raises(InputError, match="80 models in 7 operations"):
            plan_frontier(statistics, ["Art"], "open", SHAPE, names, "m0", 7)

    def test_unknown_topics_use_the_figures_for_any_topic(self) -> None:
        statistics = build(figures("a", qoa=0.4), record("a", "Art", qoa=0.9))
        (found,) = plan_frontier(statistics, ["Nothing"], "open", SHAPE, ["a"], None, 1)
        assert found.qoa == 0.4


class TestWhichPlanner:
    def test_exact_while_the_space_allows_it(self) -> None:
        decision = decide_planner("exact", 5, True, 6)
        assert (decision.planner, decision.n_plans) == ("exact", 1_117_346)

    def test_nsga2_beyond(self) -> None:
        decision = decide_planner("exact", 10, True, 6)
        assert (decision.planner, decision.n_plans) == ("nsga2", 21_810_667)
        assert decision.reason.startswith("21,810,667 plans are more than 2,500,000")

    def test_seven_operations_with_blends_are_searched(self) -> None:
        assert decide_planner("exact", 1, True, 7).planner == "nsga2"
        assert "blends of 7 operations" in decide_planner("exact", 1, True, 7).reason
        assert decide_planner("exact", 5, False, 7).planner == "exact"

    def test_a_planner_that_was_asked_for_is_used(self) -> None:
        assert decide_planner("dp", 10, True, 6).planner == "dp"

    def test_an_unknown_planner_is_named(self) -> None:
        with pytest.raises(UnknownName, match="Choose one of dp, exact, hill-climbing, nsga2"):
            decide_planner("simplex", 5, True, 3)
        assert PLANNERS.names() == ("dp", "exact", "hill-climbing", "nsga2")
