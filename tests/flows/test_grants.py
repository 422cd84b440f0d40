"""Grants of a total limit to shards, against a plain account of everything that may have been spent."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from tasks.grants import Grants

SHARDS = st.integers(1, 4)
SHARE = st.floats(0, 1)
STEP = st.one_of(
    st.tuples(st.just("grant"), st.dictionaries(SHARDS, st.floats(0.01, 100), min_size=1)),
    st.tuples(st.just("end"), SHARDS, SHARE),
    st.tuples(st.just("die"), SHARDS, SHARE, SHARE),
)


@given(total=st.just(0.0) | st.floats(1e-12, 1e6), steps=st.lists(STEP, max_size=30))
def test_whatever_happens_no_more_than_the_total_is_spent(total: float, steps: list) -> None:
    grants = Grants(total)
    spent: dict[int, float] = {}  # what each shard told, and what it spent untold before its machine died
    untold: dict[int, float] = {}
    for kind, *what in steps:
        if kind == "grant":
            grants.grant(what[0])
            continue
        shard = what[0]
        limit = grants.limit(shard)
        known = spent.get(shard, 0.0)
        told = known + (limit - known) * what[1]  # a shard keeps to its limit
        if kind == "end":
            grants.settle(shard, told)
        else:
            untold[shard] = untold.get(shard, 0.0) + (limit - told) * what[2]
            grants.lose(shard, told)
        spent[shard] = told
        everything = math.fsum(spent.values()) + math.fsum(untold.values())
        assert everything <= total * (1 + 1e-12)
        assert math.fsum([*grants.limits.values(), *grants.lost.values()]) <= total * (1 + 1e-12)


@given(st.dictionaries(SHARDS, st.floats(0.01, 100), min_size=1))
def test_all_is_granted_in_proportion(weights: dict[int, float]) -> None:
    grants = Grants(10.0)
    grants.grant(weights)
    together = math.fsum(weights.values())
    for shard, weight in weights.items():
        assert math.isclose(grants.limits[shard], 10 * weight / together, rel_tol=1e-9)
    assert grants.free() < 1e-9


def test_without_a_limit_nothing_is_counted() -> None:
    grants = Grants(None)
    grants.grant({1: 1.0})
    grants.settle(1, 5.0)
    grants.lose(2, 5.0)
    assert grants.limit(1) is None
    assert math.isinf(grants.free())
