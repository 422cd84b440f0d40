"""How far runs are from what is expected, calculated by hand; the widths that follow, and what is told of them."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from catalogs import NAN, SHAPE, build, figures, record

from optiq.estimation import PromptShape, estimate
from optiq.estimation.catalog import Catalog
from optiq.estimation.estimates import Cautious, Confidence
from optiq.estimation.estimator import make_estimator
from optiq.estimation.risk import Risk, heavy_quantile
from optiq.estimation.spread import (
    Off,
    Spread,
    Variance,
    between_questions,
    class_of,
    drawn_variance,
    independent,
    learn_spread,
    log_variance,
    own_variance,
)
from optiq.plans.plan import Plan
from optiq.statistics.snapshot import ANY_TOPIC, ModelFigures, Record

COST, LATENCY, ENERGY = range(3)
HALF = math.expm1(0.5)
"""Over the squared mean, the variance whose logarithm varies by a half."""


def ran(plan: str, topic: str = "Art", n: int = 11, **values: Any) -> Record:
    """So many runs, each on a question of its own; 2 seconds on average."""
    return record(plan, topic, **{"n_observations": n, "n_questions": n, "latency_s": 2.0, **values})


def learned(*rows: ModelFigures | Record, topic: str = "Art") -> Spread:
    return learn_spread(build(*rows), topic, "open", SHAPE)


def test_plans_are_single_in_a_row_or_blended() -> None:
    assert [class_of(Plan.parse(text)) for text in ("a", "a → b", "a → b → c")] == [0, 1, 1]
    assert [class_of(Plan.parse(text)) for text in ("blend(a, b; z)", "blend(a, b; z) → a")] == [2, 2]


def test_what_was_observed_is_drawn_to_a_start_that_weighs_ten() -> None:
    assert drawn_variance(0.2, 0.4, 10) == pytest.approx(0.3)
    assert drawn_variance(0.2, 0.4, 30) == pytest.approx(0.35)


@pytest.mark.parametrize(
    ("mean", "variance", "slope", "chars", "over"),
    [
        (2.0, 4.0, 0.0, 100.0, 1.0),
        (2.0, 4.0, 0.1, 100.0, 0.75),  # the length explains 1 of the 4
        (2.0, 4.0, 0.1, NAN, 1.0),
        (2.0, 4.0, 1.0, 100.0, 0.1),  # a tenth is left
        (0.0, 4.0, 0.0, 0.0, NAN),
        (NAN, 4.0, 0.0, 0.0, NAN),
    ],
)
def test_the_variance_of_a_logarithm(
    mean: float, variance: float, slope: float, chars: float, over: float
) -> None:
    assert float(log_variance(mean, variance, slope, chars)) == pytest.approx(math.log1p(over), nan_ok=True)


def test_answers_to_one_question_are_one_run() -> None:
    several = record("a", n_observations=10, n_questions=4, var_energy_j=0.9)
    assert independent(several) == 4
    assert independent(record("a", n_observations=10)) == 10
    assert independent(record("a", n_observations=10, n_questions=20)) == 10
    assert between_questions(several, ENERGY) == pytest.approx(0.9 * 9 / 10 * 4 / 3)
    assert math.isnan(between_questions(record("a", n_observations=9, n_questions=1, var_cost_usd=1.0), COST))


def test_what_the_length_explains_is_taken_off_as_far_as_the_mean_follows_it() -> None:
    """A character is a quarter of a token, of 1 µUSD; 400 of them are 100 µUSD."""

    def own(cost: float, n: int = 11, **values: Any) -> float:
        row = ran("a", cost_usd=cost, var_cost_usd=cost**2, n=n, **values)
        return own_variance(Catalog(build(figures("a"), row), "Art", "open", SHAPE, None), row, COST)

    lengths = {"mean_question_chars": 400.0, "var_question_chars": 1e6}
    assert own(1e-3) == pytest.approx(math.log(2))
    assert own(1e-3, **lengths) == pytest.approx(math.log1p(1 - 0.25**2))
    assert own(5e-5, mean_question_chars=400.0, var_question_chars=1e4) == pytest.approx(
        math.log1p(1 - 0.25**2)
    ), "half of what the rates say, as the mean is half of it"
    assert own(1e-3, mean_question_chars=400.0) == pytest.approx(math.log(2))
    assert own(1e-3, n=2) == pytest.approx(math.log(2))
    assert math.isnan(own(1e-3, n=1))


def test_nothing_known_is_the_default() -> None:
    assert learned(figures("a")) == Spread(
        (Variance(0.25, 0.0),) * 3, {}, ((Off(0.0, 0.25, 0),) * 3,) * 3, Variance(0.2, 0.0), {}
    )


def test_runs_are_pooled_with_two_by_default_and_each_plan_is_drawn_to_all() -> None:
    """Eleven runs tell ten times of the mean that they vary by a half."""
    found = learned(
        figures("a"), figures("b"), ran("a", var_latency_s=4 * HALF), ran("b", n=1, latency_s=1.0)
    )
    pooled = (2 * 0.25 + 10 * 0.5) / 12
    assert found.within[LATENCY] == Variance(pytest.approx(pooled), 10)
    assert found.within[COST] == Variance(0.25, 0)
    assert found.within_plan == {("1:0:a", LATENCY): Variance(pytest.approx((pooled + 0.5) / 2), 10)}
    a, b = ran("a"), ran("b")
    assert found.start(a, LATENCY).value == pytest.approx((pooled + 0.5) / 2)
    assert found.start(b, LATENCY).value == pytest.approx(pooled)
    assert found.within_of(b, LATENCY, NAN) == pytest.approx(pooled)
    assert found.within_of(b, LATENCY, 0.5) == pytest.approx((pooled + 0.5) / 2)


def test_a_plan_that_ran_on_two_topics_varies_by_the_mean_of_both() -> None:
    rows = [ran("a", "Art", var_latency_s=4 * HALF), ran("a", "Law", n=31, var_latency_s=4 * math.expm1(0.1))]
    found = learned(figures("a"), *rows)
    pooled = (2 * 0.25 + 10 * 0.5 + 30 * 0.1) / 42
    assert found.within[LATENCY] == Variance(pytest.approx(pooled), 40)
    own = (10 * 0.5 + 30 * 0.1) / 40
    assert found.within_plan["1:0:a", LATENCY].value == pytest.approx((10 * pooled + 40 * own) / 50)


def test_single_answers_vary_as_they_did_on_all_plans() -> None:
    found = learned(
        figures("a"),
        ran("a", qoa=0.6, var_qoa=0.24),
        ran("a", "Law", n=5, qoa=0.5),
        ran("b", n=1, qoa=0.5, var_qoa=0.9),
        ran("b", "Law", n=2, qoa=0.5, var_qoa=0.3),
        ran("a → b", n=7, var_qoa=0.9),
    )
    assert found.within_qoa == Variance(pytest.approx((2 * 0.2 + 10 * 0.24 + 0.3) / 13), 11)
    assert found.runs == {"1:0:a": 16, "1:0:b": 3}


@pytest.mark.parametrize(("logs", "bias"), [([1.0], 1 / 3), ([-1.0], 0.0), ([1.0, 2.0], 3 / 4)])
def test_how_far_off_estimates_of_plans_that_had_not_run_would_have_been(
    logs: list[float], bias: float
) -> None:
    """Of questions of 300 characters, as no record tells their length: 100 tokens read, 50 written are 200 µUSD."""
    rows = [figures(name) for name in "ab"]
    runs = [
        ran(name, n=1, latency_s=NAN, cost_usd=2e-4 * math.exp(x))
        for name, x in zip("ab", logs, strict=False)
    ]
    found = learned(*rows, *runs).off
    middle = sum(logs) / (len(logs) + 2)
    scatter = max(sum((x - middle) ** 2 - 0.25 for x in logs), 0.0)
    variance = (2 * 0.25 + scatter) / (2 + len(logs))
    assert found[0][COST] == Off(pytest.approx(bias), pytest.approx(variance), len(logs))
    assert found[0][LATENCY] == found[1][COST] == found[2][COST] == Off(0.0, 0.25, 0)


def test_a_chain_is_estimated_from_its_parts_at_the_mean_length_of_its_topic() -> None:
    """200 characters, said by one record: 75 tokens read; the second reads 10 of a template and 50 of the first."""
    cost = 2 * 175e-6 + 60e-6
    rows = [
        ran("a → b", n=1, latency_s=NAN, cost_usd=cost * math.e),
        ran("c", n=1, mean_question_chars=200.0),
    ]
    found = learned(figures("a"), figures("b"), *rows).off
    assert found[1][COST] == Off(pytest.approx(1 / 3), pytest.approx((0.5 + 4 / 9 - 0.25) / 3), 1)


def test_only_those_that_ran_most_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optiq.estimation.spread.MOST", 1)
    rows = [ran(name, n=n, var_latency_s=4 * HALF, cost_usd=1e-4) for name, n in (("a", 11), ("b", 21))]
    found = learned(figures("a"), figures("b"), *rows)
    assert list(found.within_plan) == [("1:0:b", LATENCY)]
    assert found.off[0][COST].n == 1


def test_runs_on_any_topic_count_where_there_are_no_topics() -> None:
    anywhere = ran("a", ANY_TOPIC, var_latency_s=4 * HALF)
    assert learned(figures("a"), anywhere).within[LATENCY].n == 10
    art = ran("a", "Art", n=5)
    assert learned(figures("a"), anywhere, art).within[LATENCY].n == 0
    assert learned(figures("a"), anywhere, art, topic=ANY_TOPIC).within[LATENCY].n == 10


def test_what_is_learned_is_kept_for_all_lengths_of_a_task() -> None:
    statistics = build(figures("a"), ran("a"))
    found = learn_spread(statistics, "Art", "open", SHAPE)
    assert (
        learn_spread(statistics, "Art", "open", PromptShape(9999, 100, 40, 80).with_tokens({"a": 1})) is found
    )
    assert learn_spread(statistics, "Art", "choice", SHAPE) is not found
    assert learn_spread(statistics, "Art", "open", PromptShape(200, 101, 40, 80)) is not found


# --- what follows for bounds -------------------------------------------------------------------------------

Z = NormalDist().inv_cdf(0.9)
HEAVY = heavy_quantile(0.9)


def risk(
    *rows: ModelFigures | Record, confidence: Confidence = 0.9, strength: float = 10.0, blender: str = "z"
) -> Risk:
    return Risk(Catalog(build(*rows), "Art", "open", SHAPE, blender), confidence, strength)


def test_one_run_more_of_a_plan_that_ran_is_wider_by_how_well_its_mean_is_known() -> None:
    found = risk(figures("a"), ran("a", var_latency_s=4 * HALF))
    within = (10 * found.spread.start(ran("a"), LATENCY).value + 10 * 0.5) / 20
    factor = math.exp(-within / 2 + HEAVY * math.sqrt(within * (1 + 1 / 11)))
    assert found.factor(Plan.parse("a"), LATENCY) == pytest.approx(factor)


def test_a_plan_that_never_ran_is_taken_as_after_one_run_or_as_such_plans_were_off() -> None:
    factor = math.exp(-0.25 / 2 + HEAVY * math.sqrt(0.5))
    assert risk(figures("a")).factor(Plan.parse("a"), COST) == pytest.approx(factor)
    off = risk(figures("a"), figures("b"), ran("b", n=9, latency_s=NAN, cost_usd=2e-4 * math.exp(3)))
    of = off.spread.off[0][COST]
    assert of.variance > 0.25
    factor = math.exp(of.bias - 0.25 / 2 + HEAVY * math.sqrt(0.25 + of.variance))
    assert off.factor(Plan.parse("a"), COST) == pytest.approx(factor)


def test_no_bound_promises_more_than_what_is_expected() -> None:
    low = risk(figures("a"), confidence=0.01)
    assert low.factor(Plan.parse("a"), COST) == 1.0
    assert low.margin(0.04) == 0.0
    assert risk(figures("a")).margin(0.04) == pytest.approx(Z * 0.2)


@pytest.mark.parametrize(
    ("rows", "strength", "plan", "variance"),
    [
        # an answer varies by 0.2; what was published stands for ten, and weighs as much on the topic
        ([figures("a")], 10.0, "a", 0.2 / 10 + 0.2 / 10),
        ([figures("a", qoa=NAN)], 10.0, "a", 0.2 / 10 + 0.2),
        ([figures("a", n_observations=5, provenance="observed n=5")], 10.0, "a", 0.2 / 10 + 0.2),
        ([figures("a", n_observations=5, provenance="observed n=5, prior: x")], 10.0, "a", 0.04),
        ([figures("a")], 0.0, "a", 0.2 + 0.2),
        ([figures("a"), figures("b", qoa=NAN)], 10.0, "a → b", 0.02 + (0.04 + 0.22) / 2),
        # twenty answers elsewhere, then thirty here
        ([figures("a"), ran("a", "Law", n=20, qoa=0.5)], 10.0, "a", 0.2 / 10 + 0.2 / 30),
        ([figures("a"), ran("a", n=30, qoa=0.5)], 10.0, "a", 0.2 / 40 + (10 / 40) ** 2 * 0.2 / 40),
        ([figures("a"), figures("b"), ran("a → b", n=30, qoa=0.5)], 10.0, "a → b", 0.2 / 40 + 0.04 / 16),
        ([figures("a"), figures("b"), ran("a → b", n=30)], 10.0, "a → b", 0.02 + 0.04),
    ],
)
def test_how_sure_a_mean_quality_is(
    rows: list[ModelFigures | Record], strength: float, plan: str, variance: float
) -> None:
    assert risk(*rows, strength=strength).variance(Plan.parse(plan)) == pytest.approx(variance)


def test_caution_alone_moves_quality_alone() -> None:
    known, plan = make_estimator("shrunk", build(figures("a", qoa=0.5))), Plan.parse("a")
    plain = estimate(plan, known, ["Art"], "open", SHAPE)
    careful = estimate(plan, known, ["Art"], "open", SHAPE, confidence=Cautious(None, 0.5))
    assert careful.judged[:3] == plain.metrics[:3]
    assert careful.judged[3] == pytest.approx(0.5 - 0.5 * 0.2)
    assert careful.bounds is not None
    assert [row.metric for row in careful.bounds.provenance] == ["bound_qoa"]
    for caution in (0.5, 3.0):
        both = estimate(plan, known, ["Art"], "open", SHAPE, confidence=Cautious(0.9, caution))
        assert both.judged[3] == pytest.approx(max(0.5 - max(Z, caution) * 0.2, 0.0))
        assert both.judged[0] == pytest.approx(plain.cost_usd * math.exp(-0.125 + HEAVY * math.sqrt(0.5)))


def told(plan: str, *rows: ModelFigures | Record) -> dict[str, str]:
    found = estimate(
        Plan.parse(plan), make_estimator("shrunk", build(*rows)), ["Art"], "open", SHAPE, "z", 0.9
    )
    assert found.bounds is not None
    return {row.metric: row.source for row in found.bounds.provenance if row.node == found.plan.sink}


def test_where_the_widths_come_from_is_told() -> None:
    assert told("a", figures("a")) == {
        "bound_cost_usd": "never run: spread 0.50 of no run (default), estimate off by 0.50 (default)",
        "bound_latency_s": "never run: spread 0.50 of no run (default), estimate off by 0.50 (default)",
        "bound_energy_j": "never run: spread 0.50 of no run (default), estimate off by 0.50 (default)",
        "bound_qoa": "mean ± 0.200 from n=0, spread of answers by default: none known",
    }
    runs = ran("a", var_latency_s=4 * HALF, cost_usd=1e-4, qoa=0.5, var_qoa=0.2)
    found = told("a", figures("a"), runs)
    assert found["bound_latency_s"] == "spread 0.70 of n=11, drawn to 10 runs of all plans"
    assert found["bound_cost_usd"] == "spread 0.50 of n=11, by default: none known"
    assert found["bound_qoa"] == f"mean ± {math.sqrt(0.2 / 21 + (10 / 21) ** 2 * 0.2 / 21):.3f} from n=11"
    other = told("b", figures("a"), figures("b"), runs)
    wide = math.sqrt(max((0.5 + 0) / 3, (2 * 0.25 + 10 * 0.5) / 12))
    assert other["bound_latency_s"].startswith(
        f"never run: spread {math.sqrt(5.5 / 12):.2f} of 10 runs of all plans"
    )
    assert other["bound_latency_s"].endswith("(n=1)")
    assert float(other["bound_latency_s"].split("off by ")[1].split()[0]) >= round(wide, 2)
    assert np.isfinite(wide)
