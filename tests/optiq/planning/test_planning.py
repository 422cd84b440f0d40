"""Pool, blender, bound on operations, and the same choices alone and in a batch."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import pytest

from optiq.errors import OptiqWarning, UnknownName
from optiq.planning import Planning, choose_blender, choose_pool, new_topics, planning_task
from optiq.planning.items import topics_of
from optiq.plans.plan import Plan
from optiq.prompts.shape import PromptShape
from optiq.questions.question import Budget, Kind, Question, Weights
from optiq.statistics.snapshot import ModelFigures, Record, Statistics


def figures(model: str, price: float, qoa: float) -> ModelFigures:
    return ModelFigures(
        model=model,
        usd_per_prompt_token=price,
        usd_per_output_token=2 * price,
        seconds_per_prompt_token=price * 1e3,
        seconds_per_output_token=price * 1e4,
        joules_per_prompt_token=price * 1e5,
        joules_per_output_token=price * 1e5,
        output_tokens=20,
        qoa=qoa,
        provenance="prior: test",
    )


@pytest.fixture
def statistics() -> Statistics:
    chain = Plan.of(("small", "large"), ((0, 1),))
    return Statistics.build(
        "test",
        [figures("small", 1e-8, 0.5), figures("large", 1e-7, 0.8)],
        [
            Record(
                plan=chain, topic="art", n_observations=4, qoa=0.9, cost_usd=2e-5, latency_s=0.1, energy_j=1.0
            )
        ],
    )


def question(name: str, chars: int = 40, **limits: float) -> Question:
    return Question(name, "x" * chars, (("art", 1.0),), kind=Kind.OPEN, budget=Budget(**limits))


def test_a_batch_makes_the_choices_that_single_planning_makes(statistics: Statistics) -> None:
    planning = Planning(statistics, ("small", "large"), "large", weights=Weights(0.1, 0.1, 0.1, 0.7))
    asked = [
        question(f"{chars}-{limit}", chars, max_cost_usd=limit)
        for chars in (10, 400, 4000)
        for limit in (1e-9, 1e-6, 1e-5, 1e-3)
    ]
    batch = planning.plan_all(asked)
    for item, together in zip(asked, batch, strict=True):
        alone = planning.plan(item)
        assert together.question is item
        assert together.choice.status == alone.choice.status
        assert together.choice.relaxed == alone.choice.relaxed
        if alone.choice.chosen is not None:
            assert together.choice.chosen is not None
            assert together.choice.chosen.plan == alone.choice.chosen.plan
            assert together.choice.chosen.metrics == pytest.approx(alone.choice.chosen.metrics, rel=1e-9)


@pytest.mark.parametrize("limit", [5e-7, 2e-6, 1e-5, 1e-4])
def test_bounding_the_operations_loses_no_choice(statistics: Statistics, limit: float) -> None:
    plain = Planning(statistics, ("small", "large"), "large", max_operations=4, bound="none")
    bounded = Planning(statistics, ("small", "large"), "large", max_operations=4)
    asked = question("1", max_cost_usd=limit)
    assert bounded.operations(asked).max_operations <= 4
    assert bounded.plan(asked).choice.chosen == plain.plan(asked).choice.chosen


def test_a_limit_on_latency_does_not_bound_the_number_of_calls(statistics: Statistics) -> None:
    planning = Planning(statistics, ("small", "large"), "large")
    assert planning.operations(question("1", max_latency_s=1e-6)).max_operations == 3


def test_the_sampled_bound_depends_on_the_seed_alone(statistics: Statistics) -> None:
    def bounds(seed: int) -> list[int]:
        planning = Planning(
            statistics, ("small", "large"), "large", max_operations=7, seed=seed, bound="sample"
        )
        return [planning.operations(question("1", max_cost_usd=1e-5)).max_operations for _ in range(3)]

    assert bounds(1) == bounds(1)
    assert len({bounds(seed)[0] for seed in range(30)}) > 1


def test_a_served_model_without_figures_is_left_out_with_a_warning(statistics: Statistics) -> None:
    with pytest.warns(OptiqWarning, match="'unknown'"):
        assert choose_pool(statistics, ["small", "unknown"], None) == ("small",)


def test_a_wanted_model_must_be_known_and_served(statistics: Statistics) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert choose_pool(statistics, None, ["large"]) == ("large",)
    with pytest.raises(UnknownName, match="no figures"):
        choose_pool(statistics, None, ["nobody"])
    with pytest.raises(UnknownName, match="not served"):
        choose_pool(statistics, ["small"], ["large"])
    with pytest.raises(UnknownName, match="optiq ingest priors"), pytest.warns(OptiqWarning):
        choose_pool(statistics, ["nobody"], None)


def test_the_blender_is_the_best_of_the_pool_unless_named(statistics: Statistics) -> None:
    assert choose_blender(statistics, ("small", "large"), None) == "large"
    assert choose_blender(statistics, ("small", "large"), "small") == "small"
    open_only = [replace(one, task="open") for one in (figures("a", 1e-8, 0.7), figures("b", 1e-8, 0.6))]
    both = [*open_only, replace(figures("b", 1e-8, 0.6), task="choice")]
    known = Statistics.build("s", both, [])
    assert choose_blender(known, ("a", "b"), None) == "a", "its mean, not the sum over tasks"
    nobody_knows = Statistics.build("s", [figures("small", 1e-8, math.nan)], [])
    assert choose_blender(nobody_knows, ("small",), None) is None


def test_topics_that_nobody_knows_are_planned_as_any_and_told(statistics: Statistics) -> None:
    new = Question("1", "?", (("sport", 0.75), ("art", 0.25)))
    assert topics_of(new, statistics) == (("*", 0.75), ("art", 0.25))
    assert topics_of(Question("1", "?", (("sport", 0.5), ("dance", 0.5))), statistics) == (("*", 1.0),)
    assert new_topics([new, Question("2", "?", (("*", 1.0),))], statistics) == ["sport"]
    assert new_topics([replace(new, topics_inferred=True)], statistics) == []
    assert new_topics([new], Statistics.build("s", [], [])) == []


def test_plans_of_up_to_three_calls_are_looked_for_unless_more_are_asked_for(statistics: Statistics) -> None:
    assert planning_task(statistics, ["art"], Kind.OPEN, PromptShape(10)).max_operations == 3
    assert Planning(statistics, ("small",), None).max_operations == 3
