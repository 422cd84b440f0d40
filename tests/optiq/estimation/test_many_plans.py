"""The array engine and its parts against the oracle, on random plans and catalogs, in both layouts."""

import math
import random

import numpy as np
import pytest
from catalogs import (
    NAN,
    SHAPE,
    assert_close,
    assert_equal_to_the_oracle,
    build,
    figures,
    random_catalog,
    recorded_catalog,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_strategies import plans

from optiq.estimation import PromptShape, estimate
from optiq.estimation.catalog import Catalog
from optiq.estimation.estimator import make_estimator
from optiq.estimation.many_plans import ArrayEstimator
from optiq.estimation.matches import Records, _spread_dense, _spread_sparse
from optiq.estimation.plan_rows import PlanRows
from optiq.estimation.pool import Pool
from optiq.estimation.similarity import edit_distance
from optiq.estimation.space import space
from optiq.plans.plan import Plan
from optiq.questions.metric import METRIC_NAMES
from optiq.statistics.snapshot import Statistics


@settings(deadline=None, max_examples=10)  # all plans each
@given(
    seed=st.integers(0, 10_000),
    n_records=st.sampled_from([0, 5, 40, 150]),
    missing=st.sampled_from([0.0, 0.1, 0.4]),
    blender=st.sampled_from(["z", "b", None]),
    question_chars=st.integers(0, 2000),
    estimator=st.sampled_from(["paper", "shrunk"]),
    confidence=st.sampled_from([None, 0.3, 0.95]),
)
def test_every_plan_of_up_to_four_calls(
    seed: int,
    n_records: int,
    missing: float,
    blender: str | None,
    question_chars: int,
    estimator: str,
    confidence: float | None,
) -> None:
    statistics = random_catalog(seed, "abc", blender or "z", n_records=n_records, missing=missing)
    known = make_estimator(estimator, statistics)
    shape = PromptShape(question_chars, 120, 60, 90)
    pool = Pool(("a", "b", "c"), blender)
    assert_equal_to_the_oracle(known, pool, 4, shape, confidence=confidence)


@settings(deadline=None, max_examples=3)
@given(seed=st.integers(0, 10_000), missing=st.sampled_from([0.0, 0.2]))
def test_plans_of_five_and_six_calls_of_two_models(seed: int, missing: float) -> None:
    statistics = random_catalog(seed, "ab", "z", n_records=60, max_k=6, missing=missing)
    assert_equal_to_the_oracle(statistics, Pool(("a", "b"), "z"), 5, every=11)
    assert_equal_to_the_oracle(statistics, Pool(("a", "b"), "z"), 6, every=401)


def test_the_recorded_catalog() -> None:
    statistics = recorded_catalog()
    pool = Pool(tuple(name for name in statistics.models if name not in ("blend", "elsewhere")), "blend")
    for confidence in (None, 0.9):
        topics = (statistics.topics[0],)
        assert_equal_to_the_oracle(statistics, pool, 5, topics=topics, every=301, confidence=confidence)


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10_000), confidence=st.sampled_from([None, 0.8]))
def test_several_topics_and_exact_token_counts(seed: int, confidence: float | None) -> None:
    statistics = random_catalog(seed, "abc", "z", topics=("Art", "Law"), missing=0.05)
    shape = SHAPE.with_tokens({"a": 61, "z": 40})
    topics = (("Law", 0.3), ("Art", 0.7))
    assert_equal_to_the_oracle(
        statistics, Pool(("a", "b", "c"), "z"), 3, shape, topics, confidence=confidence
    )


def test_a_pool_of_one() -> None:
    statistics = build(figures("a"))
    assert_equal_to_the_oracle(statistics, Pool(("a",), "a"), 4)
    assert_equal_to_the_oracle(statistics, Pool(("a",), None), 4)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(plans(max_k=5), min_size=1, max_size=25), plans(max_k=5), st.integers(0, 10_000), st.booleans()
)
def test_matches_of_all_plans_are_those_of_one_plan_at_a_time(
    recorded: list[Plan], plan: Plan, seed: int, fuzzy: bool
) -> None:
    from optiq.statistics.snapshot import Record

    draw = random.Random(seed)
    rows = [
        Record(
            plan=p,
            topic="Art",
            n_observations=draw.randint(1, 3),
            **dict.fromkeys(("cost_usd", "qoa"), known),
        )
        for p, known in ((p, draw.choice([1.0, 1.0, NAN])) for p in {p.key: p for p in recorded}.values())
    ]
    pool = Pool(("a", "b", "c"), "z")
    catalog = Catalog(Statistics.build("s", [], rows), "Art", "open", SHAPE, "z")
    ordered = sorted(catalog.records.values(), key=lambda r: (-r.n_observations, r.plan.order))
    index = Records([r.plan for r in ordered], [not math.isnan(r.cost_usd) for r in ordered], pool, fuzzy)
    where, codes, found = index.match([plan.topology])
    free = plan.topology.free_nodes
    code = sum("abc".index(plan.models[v]) * 3 ** (len(free) - 1 - i) for i, v in enumerate(free))
    hit = found[codes == code]
    expected = catalog.match(plan, "qoa" if fuzzy else "cost_usd", similar=fuzzy)
    if plan.k == 1:  # singles are looked up by name
        assert len(where) == 0
    elif expected is None:
        assert len(hit) == 0
    else:
        assert [ordered[i] for i in hit] == [expected.record]


@settings(deadline=None, max_examples=60)
@given(
    st.integers(2, 5).flatmap(
        lambda k: st.lists(st.lists(st.integers(0, 3), min_size=k, max_size=k), min_size=1, max_size=4)
    ),
    st.integers(0, 2),
)
def test_spreading_reaches_what_the_edit_distance_says(sequences: list[list[int]], distance: int) -> None:
    given_ones = np.array(sequences)
    k = given_ones.shape[1]
    expected = {}
    for target in np.ndindex(*(3,) * k):  # model 3 is foreign
        near = [
            i
            for i, sequence in enumerate(sequences)
            if sequence[-1] == target[-1]
            and edit_distance(tuple(map(str, sequence)), tuple(map(str, target))) <= distance
        ]
        if near:
            expected[target] = near[0]
    for spread in (_spread_dense, _spread_sparse):
        reached, origin = spread(given_ones, 3, distance)
        assert dict(zip(map(tuple, reached.tolist()), origin.tolist(), strict=True)) == expected


@pytest.mark.parametrize(
    ("n_models", "k", "n_plans"), [(5, 4, 1945), (5, 5, 34850), (10, 4, 19590), (1, 6, 3526)]
)
def test_a_space_has_as_many_canonical_rows_as_there_are_plans(n_models: int, k: int, n_plans: int) -> None:
    assert len(space(n_models, k, True).plan_rows) == n_plans
    assert len(space(n_models, k, False).plan_rows) == sum(n_models**i for i in range(1, k + 1))


def test_rows_in_plan_order_are_distinct_canonical_plans() -> None:
    found = [space(2, 5, True).plan(int(row), ("a", "b"), "z") for row in space(2, 5, True).plan_rows]
    assert [plan.order for plan in found] == sorted({plan.order for plan in found})
    assert all(Plan.of(plan.models, plan.edges) == plan for plan in found[::7])


def test_metrics_are_in_the_documented_order() -> None:
    assert METRIC_NAMES == ("cost_usd", "latency_s", "energy_j", "qoa")


@settings(deadline=None, max_examples=25)
@given(
    st.lists(plans(max_k=6), min_size=1, max_size=12),
    st.integers(0, 10_000),
    st.sampled_from([0, 40, 120]),
    st.sampled_from([0.0, 0.2]),
    st.sampled_from(["paper", "shrunk"]),
)
def test_any_plans_and_their_latencies_at_several_lengths(
    found: list[Plan], seed: int, n_records: int, missing: float, estimator: str
) -> None:
    drawn = random_catalog(
        seed, "abc", "z", topics=("Art", "Law"), n_records=n_records, max_k=6, missing=missing
    )
    known = make_estimator(estimator, drawn)
    short, long = (PromptShape(chars, 120, 60, 90) for chars in (30, 930))
    topics = (("Art", 0.4), ("Law", 0.6))
    pool = Pool(("a", "b", "c"), "z")
    listed = PlanRows.of(found, pool)
    arrays = ArrayEstimator(known, topics, "open", pool, 0.9)
    shares = np.array([0.0, 0.5, 1.0])
    latencies = [part[listed.plan_rows] for part in arrays.latencies_between(listed, short, long, shares)]
    for length, share in enumerate(shares.tolist()):
        shape = PromptShape(30 + round(share * 900), 120, 60, 90)
        oracle = [estimate(plan, known, topics, "open", shape, "z", 0.9) for plan in found]
        values, bounds = (part[:, listed.plan_rows].T for part in arrays.values_and_bounds(listed, shape))
        judged = np.array([one.judged for one in oracle])
        assert_close(values, [one.metrics for one in oracle], found)
        assert_close(bounds, judged, found)
        assert_close(latencies[0][:, length], [one.latency_s for one in oracle], found)
        assert_close(latencies[1][:, length], judged[:, 1], found)


def test_a_list_has_each_sub_plan_once() -> None:
    listed = PlanRows.of(
        [Plan.parse(text) for text in ("a → b", "a → b → a", "a → b", "b")], Pool(("a", "b"), None)
    )
    assert listed.n_rows == 1 + 4  # nothing, a, b, a → b, a → b → a
    assert listed.plan_rows[0] == listed.plan_rows[2]
