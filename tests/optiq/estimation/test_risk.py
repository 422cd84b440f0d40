"""Bounds: they hold what is expected, widen with the confidence, and narrow with every run."""

import math
from dataclasses import replace

import numpy as np
import pytest
from catalogs import NAN, SHAPE, assert_equal_to_the_oracle, build, figures, random_catalog, record
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_strategies import plans

from optiq.errors import InputError
from optiq.estimation import Estimate, estimate
from optiq.estimation.estimator import Estimator, make_estimator
from optiq.estimation.pool import Pool
from optiq.estimation.risk import heavy_quantile, parse_confidence
from optiq.planning import plan_frontier
from optiq.planning.choose import choose
from optiq.plans.plan import Plan
from optiq.questions.question import Budget, Weights
from optiq.statistics.question_shifts import Shifts
from optiq.statistics.snapshot import ModelFigures, Record, Statistics

SIGNS = (1, 1, 1, -1)


def bounded(plan: str | Plan, statistics: Statistics, confidence: float = 0.95) -> Estimate:
    found = Plan.parse(plan) if isinstance(plan, str) else plan
    return estimate(found, statistics, ["Art"], "open", SHAPE, "z", confidence)


def ran(plan: str, n: int, qoa: float = 0.6, latency_s: float = 2.0, deviation_s: float = 0.5) -> Record:
    return record(
        plan,
        n_observations=n,
        n_questions=n,
        cost_usd=1e-5,
        latency_s=latency_s,
        energy_j=5.0,
        qoa=qoa,
        var_cost_usd=1e-12,
        var_latency_s=deviation_s**2,
        var_energy_j=1.0,
        var_qoa=qoa * (1 - qoa),
    )


def snapshot(*rows: ModelFigures | Record) -> Estimator:
    return make_estimator("shrunk", build(*rows))


@settings(deadline=None, max_examples=40)
@given(plans(max_k=4), st.integers(0, 1000), st.sampled_from(["paper", "shrunk"]), st.floats(0.01, 0.99))
def test_bounds_hold_what_is_expected(plan: Plan, seed: int, estimator: str, confidence: float) -> None:
    statistics = make_estimator(estimator, random_catalog(seed))
    found = bounded(plan, statistics, confidence)
    for sign, expected, bound in zip(SIGNS, found.metrics, found.judged, strict=True):
        assert math.isnan(expected) == math.isnan(bound)
        assert math.isnan(bound) or sign * bound >= sign * expected
    assert math.isnan(found.judged[3]) or 0 <= found.judged[3] <= 1


@settings(deadline=None, max_examples=40)
@given(plans(max_k=4), st.integers(0, 1000), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_more_confidence_is_never_less_wide(plan: Plan, seed: int, one: float, other: float) -> None:
    statistics = make_estimator("shrunk", random_catalog(seed, missing=0.0))
    low, high = (bounded(plan, statistics, confidence) for confidence in sorted((one, other)))
    for sign, less, more in zip(SIGNS, low.judged, high.judged, strict=True):
        assert sign * more >= sign * less - 1e-12


@given(st.integers(1, 200), st.integers(1, 200))
def test_more_runs_are_never_wider(n: int, more: int) -> None:
    def widths(runs: int) -> list[float]:
        found = bounded("a → b", snapshot(figures("a"), figures("b"), ran("a → b", runs, deviation_s=1.0)))
        return [found.judged[1] / found.latency_s, found.qoa - found.judged[3]]

    # the spread that is learned moves with the runs, too, so that it is held: a run tells less than a default
    few, many = sorted((n, n + more))
    assert np.all(np.array(widths(many)) <= np.array(widths(few)) + 1e-12)


def test_a_plan_that_never_ran_is_wider_than_one_that_ran_once() -> None:
    rows = [figures(name) for name in "abz"] + [ran(plan, 8) for plan in ("a", "b", "z")]
    rows += [ran("a → b", 9, latency_s=4.0, deviation_s=0.4), ran("b → a", 1, latency_s=4.0)]
    statistics = snapshot(*rows)
    known, once, never = (bounded(plan, statistics) for plan in ("a → b", "b → a", "a → a"))

    def widths(item: Estimate) -> list[float]:
        return [b / e for b, e in zip(item.judged[:3], item.metrics[:3], strict=True)]

    assert np.all(np.array(widths(known)) < np.array(widths(once)))
    assert np.all(np.array(widths(once)) <= np.array(widths(never)) + 1e-12)
    assert known.qoa - known.judged[3] < never.qoa - never.judged[3]


@pytest.mark.parametrize("estimator", ["paper", "shrunk"])
def test_two_lucky_runs_do_not_beat_two_hundred(estimator: str) -> None:
    rows = [figures("a", qoa=NAN), figures("b", qoa=NAN), ran("a", 2, qoa=1.0), ran("b", 200, qoa=0.8)]
    statistics = make_estimator(estimator, build(*rows))
    best = Weights(0, 0, 0, 1)

    def chosen(confidence: float | None) -> str:
        frontier = plan_frontier(
            statistics, ["Art"], "open", SHAPE, ["a", "b"], None, 1, confidence=confidence
        )
        found = choose(frontier, Budget(), best).chosen
        assert found is not None
        return found.plan.models[0]

    assert (chosen(None), chosen(0.9)) == ("a", "b")


def test_where_nothing_is_known_of_spread_the_default_says_so() -> None:
    found = bounded("a", snapshot(figures("a")))
    assert found.bounds is not None
    assert found.latency_s < found.bounds.latency_s < 10 * found.latency_s
    told = {row.metric: row.source for row in found.bounds.provenance}
    assert "never run" in told["bound_latency_s"]
    assert "default" in told["bound_latency_s"]
    assert "default" in told["bound_qoa"]
    observed = bounded("a", snapshot(figures("a"), ran("a", 50)))
    assert observed.bounds is not None
    assert "n=50" in {row.metric: row.source for row in observed.bounds.provenance}["bound_latency_s"]


def test_what_the_length_of_questions_explains_is_no_risk() -> None:
    steady = ran("a", 50, deviation_s=0.5)
    explained = replace(steady, mean_question_chars=400.0, var_question_chars=2e6)  # 0.25 ms per character
    wide, narrow = (bounded("a", snapshot(figures("a"), row)) for row in (steady, explained))
    assert narrow.judged[1] / narrow.latency_s < wide.judged[1] / wide.latency_s


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.floats(-0.4, 0.4), st.sampled_from([0.6, 0.95]))
def test_neighbours_move_bounds_as_they_move_figures(seed: int, shift: float, confidence: float) -> None:
    statistics = make_estimator("shrunk", random_catalog(seed, topics=("Art", "Law")))
    shifted = statistics.shifted(Shifts(5, (("a", round(shift, 3)), ("z", -0.1))))
    topics, pool = (("Art", 0.4), ("Law", 0.6)), Pool(("a", "b", "c"), "z")
    assert_equal_to_the_oracle(shifted, pool, 3, topics=topics, confidence=confidence)


def test_limits_that_only_expected_figures_meet_name_the_confidence() -> None:
    statistics = snapshot(figures("a"), ran("a", 50, latency_s=2.0))
    budget = Budget(max_latency_s=2.5)
    found = {
        confidence: choose(
            plan_frontier(statistics, ["Art"], "open", SHAPE, ["a"], None, 1, confidence=confidence), budget
        )
        for confidence in (None, 0.95)
    }
    assert found[None].status == "planned"
    assert found[0.95].status == "infeasible"
    assert "confidence 0.95, as expected 1 of the plans meets them: lower --confidence" in found[0.95].reason
    assert found[0.95].nearest is not None
    assert found[0.95].nearest.latency_s < 2.5 < found[0.95].nearest.judged[1]


def test_the_quantile_is_that_of_student_with_variance_one() -> None:
    from scipy.stats import t

    for probability in (0.01, 0.3, 0.5, 0.9, 0.999):
        assert heavy_quantile(probability) == pytest.approx(t.ppf(probability, 4) / math.sqrt(2), abs=1e-9)


@pytest.mark.parametrize("value", [0, 1, 1.5, -0.2, "nan", "much", True, math.inf])
def test_no_probability(value: object) -> None:
    with pytest.raises(InputError, match="--confidence"):
        parse_confidence(value, "--confidence")
