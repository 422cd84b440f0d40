"""Bills by hand: what a call costs, and what sums, longest paths and parts of a plan come to."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_strategies import plans

from optiq.errors import InputError
from optiq.execution.accounting import (
    TEMPLATE_TOKENS,
    PriceList,
    Tariff,
    call_bound,
    known_sum,
    longest_paths,
    price_call,
    settle,
    total,
)
from optiq.execution.trace import Call, Execution
from optiq.plans.plan import Plan
from optiq.questions.metric import COST, LATENCY
from optiq.questions.question import Question
from optiq.statistics.snapshot import ModelFigures

NOW = datetime(2026, 1, 1, tzinfo=UTC)
# 0.5 and 15 USD per million tokens; 2 J and 30 J per token: a Wh is 3,600 J.
RATES = {
    "usd_per_prompt_token": 0.5e-6,
    "usd_per_output_token": 15e-6,
    "joules_per_prompt_token": 2.0,
    "joules_per_output_token": 30.0,
}


def call(node=0, plan=None, **known):
    plan = plan or Plan.of(["a"])
    return Call(node, plan.models[node], NOW, plan.subplan(node), 0, **known)


def priced(figures=None, **known):
    made = call(**{"prompt_tokens": 2_000_000, "output_tokens": 100_000} | known)
    price_call(made, ModelFigures(model="a", **RATES | (figures or {})))
    return made


@pytest.mark.parametrize(
    ("figures", "known", "cost_usd", "energy_wh"),
    [
        ({}, {}, 1.0 + 1.5, 4e6 / 3600 + 3e6 / 3600),
        ({"usd_per_call": 0.25}, {}, 2.75, 7e6 / 3600),
        ({"usd_per_call": math.nan}, {}, 2.5, 7e6 / 3600),
        ({}, {"prompt_tokens": None}, None, None),
        ({}, {"output_tokens": None}, None, None),
        ({"usd_per_output_token": 0.0}, {"output_tokens": None}, 1.0, None),
        ({"joules_per_prompt_token": 0.0}, {"prompt_tokens": None}, None, 3e6 / 3600),
        ({"usd_per_prompt_token": math.nan}, {}, None, 7e6 / 3600),
        ({"joules_per_output_token": math.nan}, {}, 2.5, None),
        ({"joules_per_output_token": math.nan}, {"energy_source": "measured", "energy_j": 3600.0}, 2.5, 1.0),
    ],
)
def test_two_million_tokens_read_and_a_hundred_thousand_written(figures, known, cost_usd, energy_wh):
    made = priced(figures, **known)
    assert made.cost_usd == (None if cost_usd is None else pytest.approx(cost_usd))
    assert made.energy_j == (None if energy_wh is None else pytest.approx(3600 * energy_wh, rel=1e-9))
    source = "measured" if "energy_j" in known else "predicted"
    assert made.energy_source == (None if energy_wh is None else source)


# a → b → d and a → c → d: two parts in between, one of them slow.
DIAMOND = Plan.of(["a", "b", "c", "d"], [(0, 1), (0, 2), (1, 3), (2, 3)])


def executed(*, reached=4, source="predicted", **changes):
    """A diamond that was carried out: costs 1, 2, 4, 8 USD; 1, 2, 4, 8 J; 10, 20, 40, 80 s."""
    calls = [
        call(
            node,
            DIAMOND,
            cost_usd=1.0 * 2**node,
            energy_j=1.0 * 2**node,
            latency_s=10.0 * 2**node,
            energy_source=source,
        )
        for node in range(reached)
    ]
    for name, value in changes.items():
        setattr(calls[1], name, value)
    execution = Execution(Question("q", "?"), DIAMOND, "r", NOW, calls=calls)
    settle(execution)
    return execution


def test_costs_add_up_and_the_slower_branch_counts():
    execution = executed()
    assert (execution.cost_usd, execution.energy_j, execution.latency_s) == (15.0, 15.0, 10.0 + 40.0 + 80.0)
    assert [c.subplan_cost_usd for c in execution.calls] == [1.0, 3.0, 5.0, 15.0]
    assert [c.subplan_energy_j for c in execution.calls] == [1.0, 3.0, 5.0, 15.0]
    assert [c.subplan_latency_s for c in execution.calls] == [10.0, 30.0, 50.0, 130.0]


def test_a_call_that_failed_is_not_billed_and_the_plan_has_no_end():
    execution = executed(reached=3, error="broken")
    assert (execution.cost_usd, execution.energy_j, execution.latency_s) == (5.0, 5.0, None)
    assert [c.subplan_cost_usd for c in execution.calls] == [1.0, None, 5.0]
    assert executed(reached=0).cost_usd is None


@pytest.mark.parametrize(
    ("unknown", "left"), [("cost_usd", (None, 15.0, 130.0)), ("energy_j", (15.0, None, 130.0))]
)
def test_a_sum_with_an_unknown_part_is_unknown(unknown, left):
    execution = executed(**{unknown: None})
    assert (execution.cost_usd, execution.energy_j, execution.latency_s) == left


def test_a_path_with_an_unknown_part_is_unknown_even_if_another_is_slower():
    execution = executed(latency_s=None)
    assert [c.subplan_latency_s for c in execution.calls] == [10.0, None, 50.0, None]


@pytest.mark.parametrize(
    ("others", "one", "of_all"),
    [
        ("measured", "measured", "measured"),
        ("measured", "predicted", "predicted"),
        ("predicted", "measured", "predicted"),
    ],
)
def test_a_sum_of_energies_is_measured_if_all_parts_are(others, one, of_all):
    assert executed(source=others, energy_source=one).energy_source == of_all


def test_nothing_adds_up_to_nothing_known():
    assert total([]) is None
    assert total([0.0]) == 0.0
    assert total([1.0, None]) is None
    assert total([0.1] * 10) == 1.0, "without the crumbs of rounding"


@settings(max_examples=40)
@given(plans(max_k=6), st.lists(st.floats(0, 100), min_size=6, max_size=6))
def test_the_longest_path_is_the_longest_of_all_paths(plan, seconds):
    def paths(node):
        before = plan.predecessors(node)
        return [[*path, node] for v in before for path in paths(v)] if before else [[node]]

    found = longest_paths(plan, dict(enumerate(seconds[: plan.k])))
    for node in range(plan.k):
        assert found[node] == pytest.approx(max(sum(seconds[v] for v in path) for path in paths(node)))


def test_the_most_that_a_call_can_cost():
    """Each byte of the prompt may be a token, and the server's template is read as well."""
    figures = ModelFigures(model="a", usd_per_call=100.0, **RATES)
    most = call_bound(figures, 1_000_000 - TEMPLATE_TOKENS, 1000, NOW)
    assert most.cost_usd == pytest.approx(100.0 + 0.5 + 0.015)
    assert most.energy_j == pytest.approx(2e6 + 30e3)
    assert call_bound(ModelFigures(model="a", **RATES), 0, 0, NOW).cost_usd == pytest.approx(
        0.5e-6 * TEMPLATE_TOKENS
    )
    assert math.isnan(call_bound(ModelFigures(model="a"), 0, 0, NOW).cost_usd)


@pytest.mark.parametrize(("rate", "known"), [(1.0, True), (0.0, True), (math.nan, False)])
def test_a_price_is_known_if_both_sides_are(rate, known):
    assert Tariff(0.0, rate, 1.0).known is known
    assert Tariff(0.0, 1.0, rate).known is known
    assert Tariff(math.nan, 1.0, 1.0).known


def test_a_tariff_has_a_fixed_part_and_one_for_each_side():
    assert Tariff(7.0, 2.0, 3.0).of(10, 100) == Tariff(7.0, 2.0, 3.0).charge(10, 100) == 7.0 + 20.0 + 300.0
    assert Tariff(7.0, 0.0, 0.0).charge(None, None) == 7.0


def test_seconds_go_by_while_a_model_writes_and_where_known_while_it_reads():
    figures = {"seconds_per_prompt_token": 0.001, "seconds_per_output_token": 0.1}
    assert Tariff.at(LATENCY, ModelFigures(model="a", **figures)).of(100, 5) == pytest.approx(0.6)
    figures["seconds_per_prompt_token"] = math.nan
    assert Tariff.at(LATENCY, ModelFigures(model="a", **figures)).of(100, 5) == pytest.approx(0.5)


def test_prices_are_published_per_million_tokens():
    """3 USD per million read, 15 written: two thousand and one thousand tokens are 0.6 and 1.5 cents."""
    prices = PriceList({"sonnet": (3.0, 15.0), "free": (0.0, 0.0)})
    assert Tariff.at(COST, prices.figures("sonnet", "any", "open")).charge(2000, 1000) == pytest.approx(
        0.006 + 0.015
    )
    assert Tariff.at(COST, prices.figures("free", "any", "open")).charge(2000, 1000) == 0.0
    assert Tariff.at(COST, prices.figures("other", "any", "open")).charge(2000, 1000) is None


@pytest.mark.parametrize("pair", [(1.0,), (1.0, 2.0, 3.0), (-0.1, 1.0), (1.0, -0.1)])
def test_a_price_that_is_none_is_refused(pair):
    with pytest.raises(InputError, match="price of m"):
        PriceList({"m": pair})


def test_of_nothing_called_nothing_is_paid():
    assert known_sum([]) == 0.0
    assert known_sum([1.0, 2.0]) == 3.0
    assert known_sum([1.0, None]) is None
