"""Questions that come one by one get the plans that a batch gives them."""

from dataclasses import replace

import pytest
from catalogs import random_catalog
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.planning import BatchItem, Planning
from optiq.planning.one_by_one import MOST_KEPT, OneByOne
from optiq.planning.pipeline import plan_items
from optiq.prompts.shape import PromptShape
from optiq.questions.question import Budget, Kind, Weights
from optiq.statistics.price_steps import PriceStep
from optiq.statistics.question_shifts import Shifts

limits = st.none() | st.floats(1e-6, 0.01)
shifts = st.none() | st.tuples(*[st.floats(-0.3, 0.3)] * 4).map(
    lambda by: Shifts(3, tuple(zip(("a", "b", "c", "z"), by, strict=True)))
)
items = st.builds(
    BatchItem,
    topics=st.sampled_from([(("Art", 1.0),), (("Law", 1.0),), (("Art", 0.25), ("Law", 0.75))]),
    kind=st.sampled_from([Kind.OPEN, Kind.LONG]),
    shape=st.builds(
        PromptShape,
        question_chars=st.integers(0, 3000),
        base_chars=st.sampled_from([0, 100]),
        context_chars=st.just(40),
        blend_chars=st.just(80),
    ),
    budget=st.builds(
        Budget,
        max_cost_usd=limits,
        max_latency_s=st.none() | st.floats(0.01, 60),
        min_qoa=st.none() | st.floats(0.01, 1),
    ),
    weights=st.sampled_from([Weights(), Weights(1, 0, 0, 0), Weights(0, 0, 0, 1), Weights(worth_usd=0.002)]),
    shifts=shifts,
    factors=st.sampled_from([(1.0, 1.0, 1.0), (2.0, 0.5, 1.5)]),
)


@settings(max_examples=60)
@given(st.integers(0, 5), st.lists(items, min_size=1, max_size=8), st.sampled_from([None, 0.9]))
def test_what_a_batch_of_one_chooses(seed, asked, confidence) -> None:
    planning = Planning(
        random_catalog(seed, topics=("Art", "Law")),
        ("a", "b", "c"),
        "z",
        max_operations=3,
        confidence=confidence,
        bound="upper",
    )
    kept = OneByOne(planning)
    for item in [*asked, *reversed(asked)]:
        (_, expected), found = plan_items(planning, [item])[0], kept.choose(item)
        assert (found.status, found.reason) == (expected.status, expected.reason)
        for one, other in ((found.chosen, expected.chosen), (found.cheapest, expected.cheapest)):
            assert (one and one.plan) == (other and other.plan)
            if one is not None and other is not None:
                assert [round(x, 9) for x in one.judged] == [round(x, 9) for x in other.judged] or any(
                    x != x for x in one.judged
                )


def test_other_planners_are_asked_anew_and_little_is_kept() -> None:
    planning = Planning(random_catalog(1), ("a", "b", "c"), "z", planner="hill-climbing", max_operations=2)
    kept, shape = OneByOne(planning), PromptShape(100)
    for number in range(3):
        item = BatchItem((("Art", 1.0),), Kind.OPEN, shape, Budget(max_cost_usd=0.001 + number))
        assert kept.choose(item).chosen == plan_items(planning, [item])[0][1].chosen
    exact = OneByOne(Planning(random_catalog(1, topics=("Art", "Law")), ("a",), None, max_operations=1))
    for number in range(MOST_KEPT + 20):
        weight = (number + 1) / 1000
        exact.choose(BatchItem((("Art", weight), ("Law", 1 - weight)), Kind.OPEN, shape))
    assert len(exact._kept) == MOST_KEPT


@settings(max_examples=30)
@given(
    st.integers(0, 5),
    st.lists(st.integers(0, 3000), min_size=3, max_size=8),
    st.integers(50, 2000),
    st.sampled_from([Weights(), Weights(1, 0, 0, 0), Weights(0, 0, 0, 1)]),
)
def test_prices_that_jump_with_the_length_jump_in_every_way_of_asking(seed, lengths, edge, weights) -> None:
    known = random_catalog(seed, missing=0.0)
    steps = tuple(
        PriceStep(usd_per_prompt_token=rate, usd_per_output_token=rate, above_tokens=above)
        for rate, above in ((1e-8, 0), (5e-5, edge))
    )
    known = known.with_rows(replace(row, price_steps=steps) for row in known.rows("a"))
    planning = Planning(known, ("a", "b"), "z", max_operations=2)
    kept = OneByOne(planning)
    together = [
        BatchItem((("Art", 1.0),), Kind.OPEN, PromptShape(chars, 10), weights=weights)
        for chars in sorted(lengths)
    ]
    for item, (_, among_others) in zip(together, plan_items(planning, together), strict=True):
        (_, alone), one = plan_items(planning, [item])[0], kept.choose(item)
        chosen = [
            choice.chosen and (choice.chosen.plan, choice.chosen.cost_usd)
            for choice in (alone, among_others, one)
        ]
        assert chosen[0] is not None
        for plan, cost in filter(None, chosen[1:]):
            assert plan == chosen[0][0]
            assert cost == pytest.approx(chosen[0][1])
