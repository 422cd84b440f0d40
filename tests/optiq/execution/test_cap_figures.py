"""Caps on outputs, calculated by hand.

All models read for 1 USD and write for 2 USD a token, are expected to write 5 tokens, and a token is four characters.
A prompt is taken for longer than it is: 5 % for what tokens differ, 4 tokens for the template of the server.
"""

import math
from datetime import UTC, datetime

import pytest

from optiq.execution.output_caps import OutputCaps, limits_outputs
from optiq.execution.trace import Call
from optiq.plans.plan import Plan
from optiq.questions.question import Budget
from optiq.statistics.snapshot import ModelFigures

SINGLE = Plan.of(["a"])
CHAIN = Plan.of(["a", "b"], [(0, 1)])
LONG = Plan.of(["a", "b", "c"], [(0, 1), (1, 2)])
BLEND = Plan.of(["a", "b", "c"], [(0, 2), (1, 2)])
CHARS = 400  # of each prompt, without what other nodes said
PROMPT = CHARS / 4 * 1.05 + 4  # 109 tokens
SAID = 5 * 1.05 + 4  # and what one predecessor is expected to add: 9.25


def caps(plan, budget, longest=1000, chars=CHARS, **figures):
    rates = {
        "usd_per_prompt_token": 1.0,
        "usd_per_output_token": 2.0,
        "joules_per_prompt_token": 1.0,
        "joules_per_output_token": 2.0,
        "seconds_per_prompt_token": 0.001,
        "seconds_per_output_token": 0.1,
        "output_tokens": 5.0,
        "chars_per_token": 4.0,
    }
    return OutputCaps(
        plan,
        budget,
        lambda model: ModelFigures(model=model, **(rates | figures)),
        [chars] * plan.k,
        [longest] * plan.k,
        datetime.now(UTC),
    )


def done(plan, node, **figures):
    return Call(node, plan.models[node], datetime.now(UTC), plan.subplan(node), 0, **figures)


def test_a_prompt_is_taken_for_longer_than_it_is():
    assert caps(SINGLE, Budget()).prompt_tokens(0, 400) == pytest.approx(109.0)
    unknown = caps(SINGLE, Budget(), chars_per_token=math.nan)
    assert unknown.prompt_tokens(0, 300) == pytest.approx(109.0), (
        "three characters a token where nobody counted"
    )
    assert caps(SINGLE, Budget(), chars_per_token=0.0).prompt_tokens(0, 300) == pytest.approx(109.0)
    assert caps(SINGLE, Budget(), chars_per_token=0.5).prompt_tokens(0, 100) == pytest.approx(214.0)


@pytest.mark.parametrize("limit", ["max_cost_usd", "max_energy_j", "max_latency_s"])
def test_any_limit_but_that_on_quality_bounds_outputs(limit):
    assert limits_outputs(Budget(**{limit: 1.0}))
    assert not limits_outputs(Budget(min_qoa=0.5))


@pytest.mark.parametrize("limit", ["max_cost_usd", "max_energy_j"])
@pytest.mark.parametrize(
    ("budget", "cap"),
    [(109 + 2 * 40, 40), (109 + 2 * 40 - 0.1, 39), (109 + 2, 1), (109 + 1.9, 0), (50, 0), (1e6, 1000)],
)
def test_a_single_call_may_write_what_the_prompt_leaves(limit, budget, cap):
    assert caps(SINGLE, Budget(**{limit: budget})).cap(0, PROMPT, {}) == cap


def test_the_price_of_a_call_is_paid_before_its_tokens():
    assert caps(SINGLE, Budget(max_cost_usd=209), usd_per_call=20.0).cap(0, PROMPT, {}) == 40
    assert caps(SINGLE, Budget(max_energy_j=189), usd_per_call=20.0).cap(0, PROMPT, {}) == 40


def test_the_tighter_of_two_limits_holds():
    for usd, joules in [(189, 1e6), (1e6, 189)]:
        assert caps(SINGLE, Budget(max_cost_usd=usd, max_energy_j=joules)).cap(0, PROMPT, {}) == 40


def test_the_first_of_a_chain_gets_half_of_what_is_left_and_its_tokens_are_paid_twice():
    """A token of a costs 2 USD to write and 1 USD to read for b."""
    expected_bill = (PROMPT + 2 * 5) + (PROMPT + SAID + 2 * 5)
    both = caps(CHAIN, Budget(max_cost_usd=expected_bill + 60))
    assert both.cap(0, PROMPT, {}) == 5 + 60 / 2 / 3
    assert caps(CHAIN, Budget(max_cost_usd=expected_bill + 59.9)).cap(0, PROMPT, {}) == 14
    # a wrote 15 tokens and cost 139; b reads 15 of them and may spend all the rest.
    paid = done(CHAIN, 0, cost_usd=139.0)
    left = expected_bill + 60 - 139 - 130
    assert both.cap(1, 130, {0: paid}) == math.floor(left / 2)


def test_what_does_not_fit_shortens_the_first_by_all_that_is_missing():
    """Nothing is left to share: the whole shortage is met where the call begins."""
    expected_bill = (PROMPT + 2 * 5) + (PROMPT + SAID + 2 * 5)
    assert caps(CHAIN, Budget(max_cost_usd=expected_bill)).cap(0, PROMPT, {}) == 5
    assert caps(CHAIN, Budget(max_cost_usd=expected_bill - 9)).cap(0, PROMPT, {}) == 5 - 3
    assert caps(CHAIN, Budget(max_cost_usd=expected_bill - 15)).cap(0, PROMPT, {}) == 0


def test_of_a_call_in_flight_or_uncounted_all_that_it_may_write_is_committed():
    expected_bill = 2 * (PROMPT + 2 * 5) + (PROMPT + 2 * SAID + 2 * 5)
    blend = caps(BLEND, Budget(max_cost_usd=expected_bill + 90))
    assert blend.cap(0, PROMPT, {}) == 5 + 90 / 3 / 3 == 15
    # For b: of the 90 the ten more tokens of a take 20, what c reads of them is not known yet; two share the rest.
    assert blend.cap(1, PROMPT, {}) == math.floor(5 + 70 / 2 / 3)
    both = {0: done(BLEND, 0, cost_usd=None), 1: done(BLEND, 1, cost_usd=100.0)}
    left = expected_bill + 90 - (PROMPT + 2 * 15) - 100 - 140
    assert blend.cap(2, 140, both) == math.floor(left / 2)


def test_a_model_that_writes_more_than_it_may_is_expected_to_write_what_it_may():
    assert caps(SINGLE, Budget(max_cost_usd=189), longest=30, output_tokens=50.0).cap(0, PROMPT, {}) == 30
    assert caps(SINGLE, Budget(max_cost_usd=189), output_tokens=math.nan).cap(0, PROMPT, {}) == 40
    two = 2 * PROMPT + 1.05 * 30 + 4 + 2 * 2 * 30  # both are expected to write 30
    for unknown in (math.nan, 0.0):
        chain = caps(CHAIN, Budget(max_cost_usd=two - 3), longest=30, output_tokens=unknown)
        assert chain.cap(0, PROMPT, {}) == 29


def test_a_model_that_writes_half_a_token_is_expected_to():
    both = 2 * (PROMPT + 2 * 0.5) + 1.05 * 0.5 + 4  # the second reads what the first wrote
    chain = caps(CHAIN, Budget(max_cost_usd=both + 60), output_tokens=0.5)
    assert chain.cap(0, PROMPT, {}) == math.floor(0.5 + 60 / 2 / 3)


def test_prices_are_small_in_life():
    """Dollars for a million tokens, not for one: what is left is shared all the same."""
    small = {"usd_per_prompt_token": 1e-6, "usd_per_output_token": 2e-6, "seconds_per_output_token": 1e-6}
    expected_bill = (PROMPT + 2 * 5) + (PROMPT + SAID + 2 * 5)
    for spare, cap in ((60, 15), (-9, 2)):
        chain = caps(CHAIN, Budget(max_cost_usd=(expected_bill + spare) / 1e6), **small)
        assert chain.cap(0, PROMPT, {}) == cap
    small["seconds_per_prompt_token"] = 0.0
    for spare, cap in ((60.5, 5 + 30), (-2.5, 2)):
        seconds = caps(CHAIN, Budget(max_latency_s=(10 + spare) / 1e6), **small)
        assert seconds.cap(0, PROMPT, {}) == cap, "half of what is to spare, all of what is missing"


@pytest.mark.parametrize("unknown", ["usd_per_prompt_token", "usd_per_output_token"])
def test_an_unknown_price_sets_no_cap(unknown):
    assert caps(SINGLE, Budget(max_cost_usd=1.0), **{unknown: math.nan}).cap(0, PROMPT, {}) == 1000


@pytest.mark.parametrize(("budget", "cap"), [(109.0, 1000), (108.9, 0), (110.0, 1000)])
def test_tokens_that_cost_nothing_are_not_counted(budget, cap):
    free = caps(SINGLE, Budget(max_cost_usd=budget), usd_per_output_token=0.0)
    assert free.cap(0, PROMPT, {}) == cap


READ_S, WRITE_S = 0.001, 0.1


def test_a_single_call_may_write_until_time_is_up():
    assert caps(SINGLE, Budget(max_latency_s=4.109 + 0.05)).cap(0, PROMPT, {}) == 40
    unknown = caps(SINGLE, Budget(max_latency_s=4.05), seconds_per_prompt_token=math.nan)
    assert unknown.cap(0, PROMPT, {}) == 40, "reading takes no time where nobody measured it"
    assert (
        caps(SINGLE, Budget(max_latency_s=1.0), seconds_per_output_token=math.nan).cap(0, PROMPT, {}) == 1000
    )


def test_a_late_call_may_write_one_token():
    assert caps(SINGLE, Budget(max_latency_s=0.05)).cap(0, PROMPT, {}) == 1
    assert caps(SINGLE, Budget(max_latency_s=0.05, max_cost_usd=50.0)).cap(0, PROMPT, {}) == 0, (
        "cost forbids it"
    )


def test_seconds_to_spare_are_shared_along_the_path():
    """Three in a row, each expected to take 5 × 0.1 s and what it reads; 3 s more are 1 s for each."""
    reading = PROMPT + 2 * (PROMPT + SAID)
    chain = caps(LONG, Budget(max_latency_s=3 * 0.5 + READ_S * reading + 3 + 0.05))
    assert chain.cap(0, PROMPT, {}) == 5 + 10
    # a took 2 s: of the time that is left, b and c share what they do not need.
    slow = {0: done(LONG, 0, latency_s=2.0)}
    left = 3 * 0.5 + READ_S * reading + 3 + 0.05 - 2.0 - READ_S * (120 + PROMPT + SAID) - 2 * 0.5
    assert chain.cap(1, 120, slow) == math.floor(5 + left / 2 / WRITE_S)
    both = slow | {1: done(LONG, 1, latency_s=1.0)}
    left = 3 * 0.5 + READ_S * reading + 3 + 0.05 - 3.0 - READ_S * 130
    assert chain.cap(2, 130, both) == math.floor(left / WRITE_S)


def test_the_slower_branch_before_and_the_longer_path_behind_count():
    """a and b at once, then c; beside it a → d → c would be longer."""
    blend = caps(BLEND, Budget(max_latency_s=10.0))
    both = {0: done(BLEND, 0, latency_s=2.0), 1: done(BLEND, 1, latency_s=6.0)}
    assert blend.cap(2, 100, both) == math.floor((10.0 - 6.0 - 0.1) / WRITE_S)
    untold = {0: done(BLEND, 0, latency_s=2.0), 1: done(BLEND, 1, latency_s=None)}
    assert blend.cap(2, 100, untold) == math.floor((10.0 - 2.0 - 0.1) / WRITE_S), (
        "an unknown time is not counted"
    )
    detour = Plan.of(["a", "d", "c"], [(0, 1), (0, 2), (1, 2)])
    behind = READ_S * (PROMPT + SAID + PROMPT + 2 * SAID) + 2 * 0.5
    share = (10.0 - READ_S * PROMPT - 0.5 - behind) / 3
    assert caps(detour, Budget(max_latency_s=10.0)).cap(0, PROMPT, {}) == math.floor(5 + share / WRITE_S)


def test_time_that_is_missing_is_cut_where_the_call_begins():
    expected = READ_S * (2 * PROMPT + SAID) + 2 * 0.5
    assert caps(CHAIN, Budget(max_latency_s=expected - 0.2 + 0.001)).cap(0, PROMPT, {}) == 3
