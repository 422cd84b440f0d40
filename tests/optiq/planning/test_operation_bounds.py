"""How many calls a budget pays for, which models are asked, and which one blends: by hand."""

import warnings
from dataclasses import replace

import pytest
from catalogs import NAN, SHAPE, build, figures, record

from optiq.errors import OptiqWarning, UnknownName
from optiq.planning import Planning
from optiq.planning.bounds import bound_operations
from optiq.planning.pool import choose_blender, choose_pool
from optiq.questions.question import Budget, Question

# A prompt of 300 characters is 75 tokens, an answer 50: at 1 and 2 µUSD, 1 and 2 ms, 0.1 and 0.2 J a token
COST, LATENCY, ENERGY = 175e-6, 0.175, 17.5
DEAR = {"usd_per_prompt_token": 2e-6, "usd_per_output_token": 4e-6}  # twice as much
TOPICS = (("Art", 1.0),)


def bound(budget, *rows, shape=SHAPE, cap=6, seed=None, topics=TOPICS):
    rows = rows or (figures("a"),)
    names = [row.model for row in rows]
    return bound_operations(build(*rows), topics, "open", shape, names, budget, cap, seed)


@pytest.mark.parametrize(
    ("limit", "one"), [("max_cost_usd", COST), ("max_latency_s", LATENCY), ("max_energy_j", ENERGY)]
)
@pytest.mark.parametrize(("share", "calls"), [(3.0, 3), (3.999, 3), (4.0, 4), (1.0, 1), (0.4, 0), (50.0, 6)])
def test_a_limit_pays_for_so_many_calls(limit, one, share, calls):
    found = bound(Budget(**{limit: share * one}))
    assert found.calls == (("a", calls),)
    assert found.max_operations == found.low == found.high == max(calls, 1)


def test_the_tightest_limit_counts_and_quality_bounds_nothing():
    assert bound(Budget(max_cost_usd=4 * COST, max_energy_j=2 * ENERGY)).max_operations == 2
    assert bound(Budget(min_qoa=0.9)).max_operations == 6
    assert bound(Budget(), cap=3).max_operations == 3


def test_the_cheapest_model_makes_the_most_calls():
    found = bound(Budget(max_cost_usd=4 * COST), figures("b", **DEAR), figures("a"))
    assert found.calls == (("a", 4), ("b", 2))
    assert (found.max_operations, found.low, found.high) == (4, 2, 4)
    drawn = {
        bound(Budget(max_cost_usd=4 * COST), figures("b", **DEAR), figures("a"), seed=seed).max_operations
        for seed in range(40)
    }
    assert drawn == {2, 3, 4}


def test_without_models_or_a_bound_the_cap_or_one_is_left():
    nobody = bound_operations(build(), TOPICS, "open", SHAPE, [], Budget(max_cost_usd=COST), 6)
    assert (nobody.max_operations, nobody.low, nobody.high, nobody.calls) == (1, 1, 1, ())
    asked = Question("1", "What?", TOPICS, budget=Budget(max_cost_usd=COST))
    known = build(figures("a", output_tokens=30.0))
    asked = replace(asked, budget=Budget(max_cost_usd=3e-4))
    assert Planning(known, ("a",), None, max_operations=5, bound="none").operations(asked).max_operations == 5
    assert Planning(known, ("a",), None, max_operations=5).operations(asked).max_operations < 5


@pytest.mark.parametrize("price", [0.0, NAN])
def test_what_is_free_or_unknown_bounds_nothing(price):
    free = figures("a", usd_per_prompt_token=price, usd_per_output_token=price)
    assert bound(Budget(max_cost_usd=1e-9), free).calls == (("a", 6),)


def test_longer_questions_leave_fewer_calls():
    """A question of 2,200 characters is 575 tokens with the rest of its prompt: 675 µUSD."""
    long = replace(SHAPE, question_chars=2200)
    assert bound(Budget(max_cost_usd=2 * 675e-6), shape=long).max_operations == 2
    assert bound(Budget(max_cost_usd=1.99 * 675e-6), shape=long).max_operations == 1


def test_a_question_of_two_topics_costs_what_both_do_by_their_weights():
    rows = (figures("a"), figures("a", topic="Art"), figures("a", topic="Law", **DEAR))
    names = ["a"]
    found = bound_operations(
        build(*rows), (("Art", 0.5), ("Law", 0.5)), "open", SHAPE, names, Budget(max_cost_usd=3 * COST), 6
    )
    assert found.calls == (("a", 2),), "one costs one and a half times as much"


KNOWN = build(figures("a", qoa=0.4), figures("b", qoa=0.6), figures("c", qoa=NAN))


def test_a_name_is_rather_meant_that_can_be_asked():
    known = build(
        figures("gemma3:27b"),
        figures("phi4:14b"),
        figures("gemma3:270m"),
        record("gemma3:270m", qoa=0.5, n_observations=3),
    )
    for served in (None, ["gemma3:270m"]):
        with pytest.raises(UnknownName, match="Did you mean 'gemma3:270m'"):
            choose_pool(known, served, ["gemma3"])
    with pytest.raises(UnknownName, match="Did you mean 'phi4:14b'"):
        choose_pool(known, ["gemma3:270m"], ["phi4"])


def test_models_are_those_asked_for_else_those_served_and_known_else_all_known():
    assert choose_pool(KNOWN, None, None) == ("a", "b", "c")
    assert choose_pool(KNOWN, ["c", "a"], None) == ("a", "c")
    assert choose_pool(KNOWN, ["a", "b"], ["b"]) == ("b",)
    assert choose_pool(KNOWN, None, ["c", "a"]) == ("c", "a")
    with pytest.warns(OptiqWarning, match="'x' is served but PerfDB has no figures"):
        assert choose_pool(KNOWN, ["a", "x"], None) == ("a",)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        choose_pool(KNOWN, ["a"], None)


@pytest.mark.parametrize(
    ("served", "wanted", "says"),
    [
        (["a"], ["x"], "PerfDB has no figures for model 'x'"),
        (None, ["x"], "Known models: a, b, c"),
        (["a"], ["b"], "model 'b' is not served here. Served models: a"),
        ([], ["b"], "Served models: none"),
        ([], None, r"none of the served models \(none\) has figures"),
    ],
)
def test_a_model_that_cannot_be_asked_says_why(served, wanted, says):
    with pytest.raises(UnknownName, match=says):
        choose_pool(KNOWN, served, wanted)


def test_the_best_on_average_over_both_tasks_blends():
    assert choose_blender(KNOWN, ["a", "b", "c"], None) == "b"
    assert choose_blender(KNOWN, ["a", "c"], None) == "a"
    assert choose_blender(KNOWN, ["c"], None) is None, "nobody knows how good it is"
    assert choose_blender(KNOWN, ["a"], "c") == "c"
    with pytest.raises(UnknownName, match=r"blender 'x'.*Known models: a, b, c"):
        choose_blender(KNOWN, ["a"], "x")
    tied = build(figures("b", qoa=0.5), figures("a", qoa=0.5))
    assert choose_blender(tied, ["b", "a"], None) == "a"
    both = build(
        figures("a", task="open", qoa=0.9),
        figures("a", task="choice", qoa=0.1),
        figures("b", task="open", qoa=0.6),
        figures("b", task="choice", qoa=0.6),
    )
    assert choose_blender(both, ["a", "b"], None) == "b"
