"""A pool of graded models: which are kept, what is chosen, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from optiq.chemistry.pool import MOST_MODELS, PoolChemistry, TopicTrials, ensembles_of, topic_trials
from optiq.errors import InputError, UnknownName


def graded(accuracies: dict[str, float], n_trials: int = 30, seed: int = 0) -> TopicTrials:
    draw = np.random.default_rng(seed)
    rows = []
    for trial in range(n_trials):
        for model, accuracy in accuracies.items():
            right = float(draw.random() < accuracy)
            rows.append((f"t{trial}", model, 10 * right, right, "traces"))
    return topic_trials(rows)


def test_of_too_many_models_those_with_most_trials_are_kept() -> None:
    rows = [(f"t{i}", f"m{j:02d}", 5.0, 0.6, "traces") for j in range(18) for i in range(20 + j)]
    found = topic_trials(rows)
    assert len(found.trials.models) == MOST_MODELS
    assert found.left_out == ("m00", "m01")
    assert found.n_trials == 37
    assert found.configurations[0] == tuple(f"m{j:02d}" for j in range(2, 18))


def test_a_pool_comes_back_from_its_rows() -> None:
    pool = graded({"a": 0.9, "b": 0.7, "c": 0.6}).chemistry()
    profiles = [(p.model, p.quality, p.accuracy, p.n_trials, "traces") for p in pool.profiles]
    back = PoolChemistry.of_rows(profiles, [(*row, pool.n_trials) for row in pool.pairs()])
    assert back.profiles == pool.profiles
    assert (back.found.chemistry == pool.found.chemistry).all()
    assert (back.found.certain == pool.found.certain).all()
    assert (back.n_trials, back.source) == (30, "traces")


def test_ensembles_of_every_size() -> None:
    pool = graded({"a": 0.9, "b": 0.7, "c": 0.6, "weak": 0.1}).chemistry()
    rows = list(ensembles_of(pool))
    assert [(row["strategy"], row["size"]) for row in rows] == [
        (strategy, size) for strategy in ("chemistry", "best") for size in (1, 2, 3, 4)
    ]
    best = [row["models"] for row in rows if row["strategy"] == "best"]
    assert best[0] == ["a"]
    assert "weak" not in best[2]
    assert all(row["complementarity"] > 0 for row in rows)


def test_what_is_refused_says_what_works() -> None:
    given = graded({"a": 0.9, "b": 0.7})
    with pytest.raises(UnknownName, match="'x' has no grades"):
        given.among(["a", "x"])
    with pytest.raises(InputError, match="only a was graded") as fault:
        given.among(["a"]).chemistry()
    assert "optiq calibrate" in fault.value.remedy
    pool = given.chemistry()
    with pytest.raises(InputError, match="an ensemble of 3 from 2 graded models"):
        pool.choose("chemistry", 3)
    with pytest.raises(InputError, match="no strategy"):
        pool.choose("luck", 1)
    many = topic_trials([("t", f"m{j}", 5.0, 0.6, "traces") for j in range(25)], most_models=25)
    with pytest.raises(InputError, match="25 models have 33,554,432 sets"):
        many.chemistry()


def test_constant_grades_have_no_chemistry() -> None:
    rows = [(f"t{i}", model, 7.0, 0.7, "reviews") for i in range(20) for model in "abc"]
    pool = topic_trials(rows).chemistry()
    assert pool.found.chemistry == pytest.approx(np.zeros((3, 3)), abs=1e-12)
    assert not pool.found.certain.any()
    assert pool.choose("chemistry", 2).reason.startswith("no chemistry between any two")
