"""A budget bounds how long outputs may get, so that a verbose model cannot break it."""

import math

import pytest
from fake_server import FakeServer
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.execution import Executor, Work
from optiq.plans.plan import Plan
from optiq.questions.question import Budget, Question
from optiq.statistics.snapshot import ModelFigures, Statistics

PLANS = {
    "single": Plan.of(["a"]),
    "chain": Plan.of(["a", "b"], [(0, 1)]),
    "blend": Plan.of(["a", "b", "c"], [(0, 2), (1, 2)]),
    "diamond": Plan.of(["a", "b", "a", "c"], [(0, 1), (0, 2), (1, 3), (2, 3)]),
}


class Verbose(FakeServer):
    """Writes as long as it may, four characters a token."""

    async def generate(self, request):
        self.output_tokens = request.max_output_tokens
        self.prompt_tokens = len(request.prompt) // 4
        self.latency_s = 0.001 * self.prompt_tokens + 0.1 * self.output_tokens
        return await super().generate(request)


def verbose():
    return Verbose(lambda request: "word" * request.max_output_tokens)


def statistics(output_tokens=5.0, **more):
    rates = {
        "usd_per_prompt_token": 1.0,
        "usd_per_output_token": 2.0,
        "joules_per_prompt_token": 1.0,
        "joules_per_output_token": 3.0,
        "seconds_per_prompt_token": 0.001,
        "seconds_per_output_token": 0.1,
        "chars_per_token": 4.0,
    }
    rows = [ModelFigures(model=m, output_tokens=output_tokens, **(rates | more)) for m in "abc"]
    return Statistics.build("s", rows, [])


def execute(plan, budget, figures=None):
    server = verbose()
    question = Question("q", "What is the capital of Norway?", budget=budget)
    [execution] = Executor(server, "r", figures or statistics(), max_output_tokens=100).run(
        [Work(question, plan)]
    )
    return execution


def test_without_a_budget_the_cap_is_the_usual_one():
    assert {call.max_output_tokens for call in execute(PLANS["blend"], Budget()).calls} == {100}


def test_a_single_call_may_use_what_the_budget_leaves():
    execution = execute(PLANS["single"], Budget(max_cost_usd=60.0))
    assert execution.status == "answered"
    assert 50 < execution.cost_usd <= 60.0


@pytest.mark.parametrize("shape", PLANS)
@pytest.mark.parametrize("limit", ["max_cost_usd", "max_energy_j"])
@settings(max_examples=25, deadline=None)
@given(factor=st.floats(0.2, 6.0))
def test_no_budget_is_broken(shape, limit, factor):
    """Whatever the budget: all calls together stay within, or a call is refused and says so."""
    figure = {"max_cost_usd": "cost_usd", "max_energy_j": "energy_j"}[limit]
    budget = Budget(**{limit: 100.0 * factor})
    execution = execute(PLANS[shape], budget)
    assert getattr(execution, figure) is None or getattr(execution, figure) <= 100.0 * factor
    if execution.status != "answered":
        assert "budget" in execution.error
    if factor > 5:
        assert execution.status == "answered"


def test_latency_caps_outputs_but_never_forbids_the_answer():
    slow = execute(PLANS["chain"], Budget(max_latency_s=3.0))
    assert 2.0 < slow.latency_s <= 3.0
    late = execute(PLANS["chain"], Budget(max_latency_s=0.1))
    assert late.status == "answered"
    assert {call.max_output_tokens for call in late.calls} == {1}


def test_unknown_rates_set_no_cap():
    figures = statistics(usd_per_output_token=math.nan)
    execution = execute(PLANS["single"], Budget(max_cost_usd=60.0), figures)
    assert execution.calls[0].max_output_tokens == 100
