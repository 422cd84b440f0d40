"""Which chemistry is more than noise."""

from __future__ import annotations

import numpy as np
import pytest

from optiq.chemistry import certainty
from optiq.chemistry.certainty import Trials, trials_of, with_certainty


def simulated(seed: int, qualities: list[float], accuracies: list[float], trials: int) -> Trials:
    draw = np.random.default_rng(seed)
    shape = (trials, len(qualities))
    return Trials(
        tuple(f"m{i}" for i in range(len(qualities))),
        np.clip(np.array(qualities) + draw.normal(0, 0.8, shape), 0, 10),
        np.clip(np.array(accuracies) + draw.normal(0, 0.08, shape), 0, 1),
    )


def test_models_that_do_not_differ_have_no_certain_chemistry() -> None:
    wrong = sum(
        with_certainty(simulated(seed, [7.0] * 4, [0.75] * 4, 30), seed=seed, draws=60).certain.any()
        for seed in range(10)
    )
    assert wrong <= 1


def test_models_that_differ_much_do() -> None:
    found = with_certainty(simulated(1, [9.5, 5, 4, 4.2], [0.97, 0.6, 0.55, 0.9], 60), draws=80)
    assert found.certain[0].any()
    assert (found.low <= found.high).all()


def test_the_same_seed_gives_the_same_intervals() -> None:
    trials = simulated(2, [8, 6, 5], [0.9, 0.7, 0.6], 20)
    one, other = (with_certainty(trials, seed=4, draws=20) for _ in range(2))
    assert (one.low == other.low).all()
    assert (one.noise == other.noise).all()


def test_models_are_their_means_over_trials_never_their_best() -> None:
    rows = [("t1", "a", 9.0, 1.0), ("t2", "a", 5.0, 0.5), ("t2", "a", 7.0, 0.7), ("t1", "b", 4.0, 0.4)]
    trials = trials_of(rows)
    a, b = trials.profiles()
    assert (a.quality, a.accuracy, a.n_trials) == pytest.approx((7.5, 0.8, 2))
    assert b.n_trials == 1


def test_equal_means_with_disjoint_right_answers_have_certain_chemistry() -> None:
    rows = [(f"q{i}", model, 10.0 * right, right) for i in range(40) for model, right in
            (("a", float(i % 2)), ("b", float(i % 2 == 0)), ("twin of a", float(i % 2)))]  # fmt: skip
    found = with_certainty(trials_of(rows), draws=50, used_from=0.5)
    assert found.chemistry[0, 1] > 0.9
    assert found.certain[0, 1]
    assert not found.certain[0, 2]


def test_a_model_that_was_not_in_a_trial_is_there_by_its_means() -> None:
    rows = [
        (f"q{i}", model, 6.0, 0.7) for i in range(30) for model in ("a", "b", "c") if (i, model) != (3, "b")
    ]
    found = with_certainty(trials_of(rows), draws=10)
    assert found.chemistry == pytest.approx(np.zeros((3, 3)), abs=1e-9)
    assert found.noise == pytest.approx(np.zeros((3, 3)), abs=1e-9)


@pytest.mark.parametrize("absent", [0.0, 0.3])
@pytest.mark.parametrize("models", [2, 3, 5])
def test_noise_is_what_answers_dealt_by_chance_would_have(
    models: int, absent: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked up in a table of what sets of answers cost, or worked out for every draw: it is the same."""
    trials = simulated(models, [7.0, 6.0, 5.0, 8.0, 6.5][:models], [0.9, 0.8, 0.7, 0.6, 0.3][:models], 40)
    gaps = np.random.default_rng(9).random(trials.quality.shape) < absent
    trials = Trials(trials.models, np.where(gaps, np.nan, trials.quality), trials.accuracy)
    by_table = with_certainty(trials, seed=3, draws=30)
    monkeypatch.setattr(certainty, "_WORTH_A_TABLE", 0)
    worked_out = with_certainty(trials, seed=3, draws=30)
    assert by_table.noise == pytest.approx(worked_out.noise)
    assert by_table.noise[0, 1] > 0


def test_models_that_were_never_in_one_trial_are_never_certain() -> None:
    """A model is right and another wrong in turn, which is certain on the same questions, and unknown on others."""
    together = [
        (f"t{i}", m, 10.0 * right, float(right))
        for i in range(40)
        for m, right in (("a", i % 2), ("b", 1 - i % 2))
    ]
    found = with_certainty(trials_of(together), seed=1, draws=50)
    assert found.certain[0, 1]
    assert found.apart == ()
    apart = [(f"{trial}{model}", model, *grades) for trial, model, *grades in together]
    found = with_certainty(trials_of(apart), seed=1, draws=50)
    assert not found.certain.any()
    assert found.apart == (("a", "b"),)
    assert np.isfinite(found.noise).all()


def test_models_that_meet_in_some_trials_only_are_judged_by_pairs() -> None:
    draw = np.random.default_rng(2)
    rows = [
        (f"t{i}", m, draw.random() * 10, 0.6 + 0.4 * draw.random())
        for i in range(30)
        for m in ("ab" if i % 2 else "bc")
    ]
    found = with_certainty(trials_of(rows), seed=1, draws=20)
    assert found.apart == (("a", "c"),)
    assert not found.certain[0, 2]
