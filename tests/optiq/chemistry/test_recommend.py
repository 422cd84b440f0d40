"""Recommended ensembles: the loss of equations 3 to 5, hill climbing, fallbacks and baselines."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.chemistry.baselines import at_random, best_among, best_by_accuracy
from optiq.chemistry.chem_e import chemistry
from optiq.chemistry.profiles import Profile
from optiq.chemistry.recommend import Weights, loss, recommend
from optiq.errors import InputError


def pool(seed: int, n: int) -> list[Profile]:
    draw = np.random.default_rng(seed)
    return [
        Profile(f"m{i}", float(q), float(a))
        for i, (q, a) in enumerate(zip(draw.uniform(2, 10, n), draw.uniform(0.5, 1, n), strict=True))
    ]


def test_the_loss_written_out() -> None:
    chem = np.array([[0, 1, 2], [1, 0, 4], [2, 4, 0]], dtype=float)
    # Within {0, 1}: 1 of at most 7; to the other model: 2 + 4 of at most 14 (ordered pairs).
    assert loss([0, 1], chem) == pytest.approx(0.5 * (14 - 6) + 0.5 * (7 - 1) + 0.5 * 2)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.integers(2, 6), st.integers(1, 6))
def test_the_recommended_ensemble_is_the_best_or_a_local_one(seed: int, n: int, size: int) -> None:
    members = pool(seed, n)
    chem = chemistry(members)
    every = [c for k in range(1, n + 1) for c in combinations(range(n), k)]
    found = recommend(members, chem, [[members[i].model for i in c] for c in every])
    assert found.loss == pytest.approx(min(loss(c, chem) for c in every))
    if size <= n and chem.any():
        fixed = recommend(members, chem, size=size)
        assert len(fixed.models) == size
        chosen = {i for i, one in enumerate(members) if one.model in fixed.models}
        swaps = [chosen - {a} | {b} for a in chosen for b in set(range(n)) - chosen]
        assert all(loss(sorted(s), chem) >= fixed.loss - 1e-9 for s in swaps)


def test_the_order_of_the_pool_changes_nothing() -> None:
    members = pool(3, 7)
    turned = members[::-1]
    assert recommend(members, chemistry(members)) == recommend(turned, chemistry(turned))


def test_equal_strong_models_need_no_ensemble_and_equal_weak_ones_make_none() -> None:
    strong = [Profile(name, 9, 0.9) for name in "cab"]
    assert recommend(strong, chemistry(strong)).models == ("a",)
    assert recommend(strong, chemistry(strong), size=2).models == ("a", "b")
    weak = [Profile(name, 2, 0.1) for name in "abc"]
    assert recommend(weak, chemistry(weak)).models == ()


def test_models_of_the_past_that_are_gone_are_left_out() -> None:
    members = pool(5, 5)
    found = recommend(members, chemistry(members), [["gone", "m1"], ["gone"]], size=2)
    assert set(found.models) <= {one.model for one in members}


@pytest.mark.parametrize("size", [0, 6])
def test_a_size_that_the_pool_does_not_have_is_refused(size: int) -> None:
    members = pool(1, 5)
    with pytest.raises(InputError):
        best_by_accuracy(members, size)
    if size:
        with pytest.raises(InputError):
            recommend(members, chemistry(members), size=size)


def test_baselines() -> None:
    members = [Profile("a", 5, 0.5), Profile("b", 5, 0.9), Profile("c", 5, 0.7), Profile("d", 5, 0.6)]
    assert best_by_accuracy(members, 2) == ("b", "c")
    assert best_among(members, {"a", "d"}, 3) == ("a", "d")
    assert len(at_random(members, 3, seed=1)) == 3
    assert at_random(members, 3, seed=1) == at_random(members[::-1], 3, seed=1)
    with pytest.raises(InputError):
        best_among(members, {"x"}, 1)


def test_what_is_up_to_tau_counts_as_none_and_beta_keeps_ensembles_small() -> None:
    members = [Profile(name, 5.0, accuracy) for name, accuracy in (("a", 0.9), ("b", 0.8), ("c", 0.7))]
    table = np.array([[0, 0.3, 0.2], [0.3, 0, 0.6], [0.2, 0.6, 0]])
    assert recommend(members, table, size=2, weights=Weights(0.0)).models == ("b", "c")
    assert recommend(members, table, size=2, weights=Weights(0.0, tau=0.6)).models == ("a", "b"), (
        "the best, as nothing is left"
    )
    assert len(recommend(members, table, most=3, weights=Weights(0.0, 0.0)).models) == 3
    assert len(recommend(members, table, most=3, weights=Weights(0.0, 5.0)).models) == 1
    for wrong in ({"alpha": 1.5}, {"beta": -1}, {"tau": float("nan")}):
        with pytest.raises(InputError, match="cannot be used"):
            Weights(**wrong)
