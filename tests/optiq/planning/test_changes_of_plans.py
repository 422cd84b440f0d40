"""Which plans are one change away from a plan, how changed graphs are mended, and what a gate lets through."""

from __future__ import annotations

import random

import numpy as np
import pytest
from catalogs import SHAPE, build, figures, record

from optiq.planning.planners.dynamic_programming import DynamicProgrammingPlanner, _extensions
from optiq.planning.planners.evaluator import Evaluator, repaired
from optiq.planning.planners.hill_climbing import HillClimbingPlanner, _neighbours, random_plan
from optiq.planning.task import PlanningTask, planning_task
from optiq.plans.plan import Plan
from optiq.questions.question import Budget
from optiq.statistics.snapshot import Statistics

STATISTICS = build(figures("a", qoa=0.2), figures("b", qoa=0.4), figures("z", qoa=0.3))


def task(
    blender: str | None = "z", k: int = 3, statistics: Statistics = STATISTICS, **values: object
) -> PlanningTask:
    return planning_task(statistics, ["Art"], "open", SHAPE, ["a", "b"], blender, k, **values)  # type: ignore[arg-type]


def parsed(*plans: str) -> set[Plan]:
    return {Plan.parse(plan) for plan in plans}


@pytest.mark.parametrize(
    ("plan", "blender", "k", "away"),
    [
        ("a", "z", 1, ["b"]),
        ("a", None, 2, ["b", "a → a", "a → b", "b → a"]),
        ("a", "z", 2, ["b", "a → a", "a → b", "b → a"]),
        # an edge less between two nodes is put back, as what feeds nothing feeds the last
        ("a → b", "z", 2, ["a → b", "b → b", "a → a"]),
        (
            "a → b",
            "z",
            3,
            [
                *("a → b", "b → b", "a → a", "a → b → a", "a → b → b", "a → a → b", "b → a → b"),
                *("blend(a, a; z)", "blend(b, a; z)"),
            ],
        ),
        ("a → b", None, 3, ["a → b", "b → b", "a → a", "a → b → a", "a → b → b", "a → a → b", "b → a → b"]),
        # one edge more between the branches, and the blend's own edges, which come back
        ("blend(a, b; z)", "z", 3, ["blend(a, b; z)", "blend(b, b; z)", "blend(a, a; z)"]),
    ],
)
def test_one_change_away(plan: str, blender: str | None, k: int, away: list[str]) -> None:
    found = set(_neighbours(Plan.parse(plan), task(blender, k)))
    wired = {p for p in found if p.k == 3 and len(p.edges) == 3}  # both branches blended, one reads the other
    assert found - wired == parsed(*away)
    assert wired == ({Plan.of(["a", "b", "z"], [(0, 1), (0, 2), (1, 2)])} if "blend" in plan else set())


@pytest.mark.parametrize(
    ("models", "edges", "blender", "plan"),
    [
        ("ab", [(0, 1)], "z", Plan.of(["a", "b"], [(0, 1)])),
        ("ab", [], None, Plan.of(["a", "b"], [(0, 1)])),
        ("abb", [], "z", Plan.of(["a", "b", "z"], [(0, 2), (1, 2)])),
        ("abb", [], None, None),
        ("abz", [(0, 1), (1, 2)], "z", Plan.of(["a", "b", "a"], [(0, 1), (1, 2)])),
        ("abb", [(0, 1), (0, 2)], "b", Plan.of(["a", "b", "b"], [(0, 1), (0, 2), (1, 2)])),
        ("aba", [(0, 1), (1, 2)], "b", Plan.of(["a", "b", "a"], [(0, 1), (1, 2)])),
    ],
)
def test_a_graph_is_mended_to_be_a_plan(
    models: str, edges: list[tuple[int, int]], blender: str | None, plan: Plan | None
) -> None:
    assert repaired([*models], edges, task(blender), "a") == plan


def test_random_plans_are_of_all_sizes_wirings_and_models() -> None:
    draw = random.Random(1)
    plans = [random_plan(task(k=3), draw) for _ in range(400)]
    assert {plan.k for plan in plans} == {1, 2, 3}
    assert len({plan.topology for plan in plans}) == 5, "all that there are of up to three calls"
    assert {plan.models for plan in plans if plan.k == 1} == {("a",), ("b",)}
    assert {plan.models for plan in plans if plan.k == 2} == {("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")}
    chains = {random_plan(task(None, 3), draw) for _ in range(200)}
    assert chains == {Plan.of(m, [(v, v + 1) for v in range(len(m) - 1)]) for m in every("ab", 3)}


def every(models: str, most: int) -> list[list[str]]:
    found = [[m] for m in models]
    for _ in range(1, most):
        found += [[*names, m] for names in found for m in models if [*names, m] not in found]
    return found


def test_an_extension_comes_last_and_reads_the_answer_or_is_a_source_that_feeds_any() -> None:
    found = set(_extensions(Plan.parse("a → b"), task()))
    a_to_b = [(0, 1)]
    last = {Plan.of(["a", "b", m], [*a_to_b, (1, 2)]) for m in "ab"}
    last |= {Plan.of(["a", "b", "z"], [*a_to_b, (0, 2), (1, 2)])}
    first = {Plan.of([m, "a", "b"], [(0, 1), (1, 2)]) for m in "ab"}
    first |= {Plan.of([m, "a", "z"], [(0, 2), (1, 2)]) for m in "ab"}
    first |= {Plan.of([m, "a", "z"], [(0, 1), (0, 2), (1, 2)]) for m in "ab"}
    assert found == last | first
    assert set(_extensions(Plan.parse("a → b"), task(None))) == {
        Plan.of(["a", "b", m], [(0, 1), (1, 2)]) for m in "ab"
    }


# runs say what the plans are worth; all calls cost the same
GATED = build(
    figures("a", qoa=0.25),
    figures("b", qoa=0.375),
    record("a → a", qoa=0.25),
    record("a → b", qoa=0.375),
    record("b → a", qoa=0.3125),
    record("b → b", qoa=0.625),
)


@pytest.mark.parametrize(
    ("delta", "through"),
    [(0.0, ["a → a", "a → b", "b → b"]), (0.125, ["a → b", "b → b"]), (0.25, ["b → b"]), (0.26, [])],
)
def test_a_child_stays_if_it_is_so_much_better_than_its_parent(delta: float, through: list[str]) -> None:
    """Chains are made longer at their end: ``b → a`` is worse than its parent b, though better than a."""
    given, planner = task(None, 2, GATED), DynamicProgrammingPlanner("delta", delta=delta)
    evaluator = Evaluator(given)
    layer = [Plan.of(["a"]), Plan.of(["b"])]
    evaluator.figures(layer)
    assert set(planner._children(layer, given, evaluator)) == parsed(*through)


def test_in_a_bucket_plans_go_that_another_is_near_on_all_metrics() -> None:
    statistics = build(
        figures("a", qoa=0.50, usd_per_call=1.00),
        figures("b", qoa=0.52, usd_per_call=1.04),
        figures("c", qoa=0.60, usd_per_call=1.20),
        figures("d", qoa=0.50, usd_per_call=9.00),
    )
    given = planning_task(statistics, ["Art"], "open", SHAPE, list("abcd"), None, 1)
    plans = [Plan.of([name]) for name in "abcd"]

    def kept(epsilon: float) -> list[str]:
        found = DynamicProgrammingPlanner("epsilon", epsilon=epsilon)._cover(plans, Evaluator(given))
        return [plan.models[0] for plan in found]

    assert kept(0.0) == ["a", "b", "c"], "d is no better than a and dearer"
    assert kept(0.05) in (["a", "c"], ["b", "c"])
    assert len(kept(0.5)) == 1
    unpriced = build(figures("a", usd_per_prompt_token=np.nan, qoa=0.9), figures("b", qoa=0.3))
    given = planning_task(unpriced, ["Art"], "open", SHAPE, ["a", "b"], None, 1)
    plans = plans[:2]
    assert kept(0.5) == ["a", "b"], "what has no price is within no factor of a price"


def test_each_bucket_is_pruned_by_itself() -> None:
    planner = DynamicProgrammingPlanner("epsilon", epsilon=100.0)
    given = task(None, 2)
    plans = [Plan.parse(text) for text in ("a → b", "a", "b → b", "b")]
    assert [plan.k for plan in planner._pruned(plans, Evaluator(given))] == [1, 2]
    assert DynamicProgrammingPlanner()._pruned(plans, Evaluator(given)) == plans


def climbed(**budget: float) -> set[str]:
    found = HillClimbingPlanner(restarts=30).frontier(task(None, 2, GATED, budget=Budget(**budget)))
    return {str(e.plan) for e in found}


def test_what_was_seen_on_the_way_forms_the_frontier() -> None:
    assert climbed() == {"b", "b → b"}
    assert climbed(max_cost_usd=2e-4) == {"b"}, "two calls cost more"
    assert climbed(min_qoa=0.55) == {"b → b"}
    assert climbed(min_qoa=0.9) == set(), "nothing feasible is found to start at"


@pytest.mark.parametrize("delta", [-1.0, -0.125, 0.0, 0.125])
def test_what_is_worse_than_where_it_comes_from_does_not_enter(delta: float) -> None:
    """Single calls: a is 0.125 worse than b."""
    given = task(None, 1, GATED)
    found: set[Plan] = set()
    planner = HillClimbingPlanner(delta=delta)
    planner._climb(Plan.of(["b"]), given, random.Random(0), Evaluator(given), found)
    assert found == ({Plan.of(["a"])} if delta <= -0.125 else set())
    found.clear()
    planner._climb(Plan.of(["a"]), given, random.Random(0), Evaluator(given), found)
    assert Plan.of(["b"]) in found, "the climb goes there"
    assert (Plan.of(["a"]) in found) == (delta <= -0.125)


def test_figures_are_looked_up_in_pieces_and_each_plan_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optiq.planning.planners.evaluator.BATCH", 2)
    plans = [Plan.parse(text) for text in ("b → b", "a", "b", "a", "a → b")]
    expected = Evaluator(task(None, 2, GATED)).figures(plans)
    for confidence in (None, 0.9):
        given = task(None, 2, GATED, confidence=confidence)
        evaluator = Evaluator(given)
        alone = [Evaluator(given).figures([plan])[:, 0] for plan in plans]
        assert evaluator.figures(plans).T.tolist() == [column.tolist() for column in alone]
        assert evaluator.figures([]).shape == (4, 0)
        for found in evaluator.frontier(plans):
            assert found.metrics == pytest.approx(expected[:, plans.index(found.plan)])
            assert found.judged == pytest.approx(evaluator.known[found.plan])
            assert (found.bounds is None) == (confidence is None)
