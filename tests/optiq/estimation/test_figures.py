"""Figures of models and of plans: where they come from, how they are put together, and how they are written."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from catalogs import NAN, SHAPE, build, figures, record

from optiq.errors import InputError
from optiq.estimation import Estimate, PromptShape, estimate
from optiq.estimation.catalog import Catalog
from optiq.estimation.composition import Rule, learn_rule, node_values, pooled, rule_of
from optiq.estimation.estimates import (
    Bounds,
    Cautious,
    Source,
    Step,
    cautious,
    clip,
    combine,
    probability_of,
    topic_weights,
)
from optiq.estimation.estimator import make_estimator
from optiq.estimation.many_plans import ArrayEstimator
from optiq.estimation.plan_rows import PlanRows
from optiq.estimation.pool import Pool
from optiq.plans.plan import Plan
from optiq.statistics.question_shifts import Shifts
from optiq.statistics.snapshot import ModelFigures, Record

A, CHAIN = Plan.parse("a"), Plan.parse("a → b")


# --- models ---------------------------------------------------------------------------------------------------


def catalog(*rows: ModelFigures | Record) -> Catalog:
    return Catalog(build(*rows), "Art", "open", SHAPE, "z")


LENGTH = {"output_tokens": NAN}
"""Of an output: not published."""


@pytest.mark.parametrize(
    ("rates", "recorded", "tokens"),
    [
        ({"output_tokens": 30.0}, {"output_tokens": 70.0}, 30.0),
        (LENGTH, {"output_tokens": 70.0}, 70.0),
        # 200 characters and a template of 100 are 75 tokens; of the cost is left what 80 tokens cost
        (LENGTH, {"cost_usd": 75e-6 + 80 * 2e-6}, 80.0),
        ({**LENGTH, "usd_per_call": 0.01}, {"cost_usd": 0.01 + 75e-6 + 80 * 2e-6}, 80.0),
        ({**LENGTH, "usd_per_prompt_token": 0.0}, {"cost_usd": 80 * 2e-6}, 80.0),
        (LENGTH, {"cost_usd": 10e-6}, 0.0),  # reading alone costs more
        # where outputs are free, or a price is not known, the time tells
        ({**LENGTH, "usd_per_output_token": 0.0}, {"cost_usd": 75e-6, "latency_s": 0.075 + 40 * 0.002}, 40.0),
        ({**LENGTH, "usd_per_prompt_token": NAN}, {"cost_usd": 1.0, "latency_s": 0.075 + 40 * 0.002}, 40.0),
        ({**LENGTH, "usd_per_output_token": NAN}, {"cost_usd": 1.0, "energy_j": 7.5 + 20 * 0.2}, 20.0),
        (LENGTH, {}, NAN),
    ],
)
def test_how_long_an_output_is_expected_to_be(
    rates: dict[str, float], recorded: dict[str, float], tokens: float
) -> None:
    known = catalog(figures("a", **rates), record("a", mean_question_chars=200.0, **recorded))
    assert known.output_tokens("a") == pytest.approx(tokens, nan_ok=True)


def test_without_a_record_a_length_that_was_not_published_is_not_known() -> None:
    assert math.isnan(catalog(figures("a", **LENGTH)).output_tokens("a"))


def test_reading_more_adds_nothing_where_the_rate_is_not_known_but_the_call_was_recorded() -> None:
    unpriced = figures("a", usd_per_prompt_token=NAN)
    assert math.isnan(catalog(unpriced).added("a", "cost_usd", 10))
    assert catalog(unpriced, record("a", cost_usd=1.0)).added("a", "cost_usd", 10) == 0.0
    assert math.isnan(catalog(unpriced, record("a", energy_j=1.0)).added("a", "cost_usd", 10))
    assert catalog(figures("a"), record("a", cost_usd=1.0)).added("a", "cost_usd", 10) == pytest.approx(1e-5)


def test_the_critical_path_is_that_which_rates_make_longest_and_of_equals_that_which_reads_most_slowly() -> (
    None
):
    """100 tokens: a reads for 1 s and writes for 1 s; b reads for 2 s; c reads for 0.5 s and writes for 1.6 s."""

    def paced(name: str, reads: float, writes: float) -> ModelFigures:
        return figures(name, seconds_per_prompt_token=reads / 100, seconds_per_output_token=writes / 50)

    rows = [paced("a", 1.0, 1.0), paced("b", 2.0, 0.0), paced("c", 0.5, 1.6), paced("z", 0.0, 0.0)]

    def path(plan: str, metric: str = "latency_s") -> str:
        one = record(plan, mean_question_chars=400.0)
        return "".join(catalog(*rows).length_models(one, metric))

    assert path("blend(a, b; z)") == "bz", "equally long, but b reads for two seconds"
    assert path("blend(b, c; z)") == "cz"
    assert path("blend(a, c; z)") == "cz"
    assert path("blend(a → c, b; z)") == "acz"
    assert path("blend(a, b; z)", "cost_usd") == "abz"


def test_only_blends_of_single_calls_by_the_blender_are_references() -> None:
    plans = ["blend(a, b; z)", "blend(b, a, a; z)", "blend(a, b; c)", "a → z", "blend(a → b, a; z)"]
    rows = [record(plan, qoa=0.1 * (i + 1)) for i, plan in enumerate(plans)]
    known = catalog(figures("a"), *rows, record("blend(b, b; z)", cost_usd=1.0))
    found = {leaves: one.qoa for leaves, one in known.blends.items()}
    assert found == {("a", "a", "b"): pytest.approx(0.2), ("a", "b"): pytest.approx(0.1)}
    assert list(known.blends) == sorted(known.blends)


# --- what is learned of compositions --------------------------------------------------------------------------


def test_a_rule_is_fitted_three_times_as_deeper_plans_hear_what_it_says() -> None:
    """Weighted least squares, drawn to an even share by a quarter and to no gain by 25 observations."""
    alone = {"a": 0.2, "b": 0.6, "c": 0.9}
    plans = [Plan.parse(text) for text in ("a → b", "b → c", "a → b → c", "c → a → b → c", "b → a → c")]
    means, weights = [0.35, 0.85, 0.7, 0.6, 0.65], [30.0, 20.0, 200.0, 100.0, 1.0]
    share, gain = 0.5, 0.0
    for _ in range(3):
        left, right = np.diag([0.25, 25.0]), np.array([0.125, 0.0])
        for plan, mean, n in zip(plans, means, weights, strict=True):
            heard = node_values(plan, alone, Rule((share, gain)))[-2]
            own = alone[plan.models[-1]]
            row = np.array([heard - own, 1.0])
            left, right = left + n * np.outer(row, row), right + n * row * (mean - own)
        share, gain = np.linalg.solve(left, right)
        share = min(max(share, 0.0), 1.0)
    assert 0.05 < share < 0.95
    found = learn_rule(plans, np.array(means), np.array(weights), alone)
    assert found.chain == pytest.approx((share, gain))


def test_one_observation_teaches_a_little() -> None:
    assert learn_rule([CHAIN], np.array([0.5]), np.array([1.0]), {"a": 0.2, "b": 0.6}) != Rule()


@pytest.mark.parametrize(
    ("plan", "teaches"),
    [
        ("a → b", True),
        ("a → b → a", False),
        ("blend(a, b; a)", True),
        ("blend(a, a, b, b; a)", True),
        ("blend(a, a, b, b, b; a)", False),
        ("blend(a → b, b; a)", False),
        ("b", False),
    ],
)
def test_a_task_teaches_by_its_pairs_and_by_its_blends_of_up_to_four(plan: str, teaches: bool) -> None:
    rows = [figures("a", qoa=0.2), figures("b", qoa=0.6), record(plan, qoa=0.9, n_observations=25)]
    assert (rule_of(build(*rows), "open") != Rule()) == teaches


def test_what_was_observed_without_topics_counts_where_there_are_none() -> None:
    anywhere = record("a", "*", qoa=0.8, n_observations=3)
    assert pooled(build(figures("a"), anywhere), "open") == {"1:0:a": (3.0, pytest.approx(0.8))}
    assert pooled(build(figures("a"), anywhere, record("b", "Art", qoa=0.5)), "open") == {"1:0:b": (1.0, 0.5)}


# --- estimators -----------------------------------------------------------------------------------------------


def test_moved_by_the_same_an_estimator_is_itself_and_shares_what_was_derived() -> None:
    known = make_estimator("shrunk", build(figures("a")))
    assert known.shifted(None) is known
    one = known.shifted(Shifts(3, (("a", 0.1),)))
    assert one is not known
    assert one.shifted(Shifts(3, (("a", 0.1),))) is one
    assert known.shifts is None
    assert one.derived is known.derived
    known.derived["kept"] = 1
    assert known.__getstate__()["derived"] == {}, "it is not pickled"


def test_few_lengths_are_kept_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optiq.estimation.many_plans.KEPT_SHAPES", 2)
    pool = Pool(("a", "b"), None)
    arrays = ArrayEstimator(build(figures("a"), figures("b")), ["Art"], "open", pool)
    rows = PlanRows.of([CHAIN], pool)
    costs = [
        arrays.values(rows, PromptShape(chars, 100, 40, 80))[0, rows.plan_rows[0]]
        for chars in (0, 400, 800, 0, 400)
    ]
    assert np.array(costs) - costs[0] == pytest.approx([0.0, 200e-6, 400e-6, 0.0, 200e-6])
    assert len(arrays._at_shape) <= 2


def test_neighbours_are_told_at_the_answer_alone() -> None:
    known = make_estimator("shrunk", build(figures("a"), figures("b")))
    shifts = Shifts(7, (("a", 0.2), ("b", 0.1)))
    found = estimate(CHAIN, known.shifted(shifts), ["Art"], "open", SHAPE, confidence=0.9)
    told = {(row.node, row.metric) for row in found.provenance if "neighbours" in row.source}
    assert told == {(1, "qoa")}
    (source,) = [row.source for row in found.provenance if (row.node, row.metric) == (1, "qoa")]
    assert source.endswith("; neighbours n=7: +0.150")
    plain = estimate(CHAIN, known, ["Art"], "open", SHAPE, confidence=0.9)
    assert found.qoa == pytest.approx(plain.qoa + 0.15)
    assert found.judged[:3] == plain.judged[:3]


# --- figures of plans -----------------------------------------------------------------------------------------


def test_quality_is_within_0_and_1_and_unknown_stays_unknown() -> None:
    assert [clip(q) for q in (-0.1, 0.0, 0.4, 1.0, 1.1)] == [0.0, 0.0, 0.4, 1.0, 1.0]
    assert math.isnan(clip(NAN))
    assert Step(0.5, 0.25, "").after(0.5) == 0.5


def test_a_caution_of_nothing_is_none() -> None:
    assert cautious(None, 0.0) is None
    assert cautious(0.9, 0.0) == 0.9
    assert cautious(0.9, 0.5) == Cautious(0.9, 0.5)
    assert [probability_of(one) for one in (None, 0.9, Cautious(None, 1.0), Cautious(0.8, 1.0))] == [
        None, 0.9, None, 0.8,
    ]  # fmt: skip
    for caution in (-0.1, math.inf, NAN):
        with pytest.raises(InputError, match="caution is"):
            cautious(None, caution)


def test_weights_of_topics_add_up_to_one() -> None:
    assert topic_weights([]) == (("*", 1.0),)
    assert topic_weights(["b", "a"]) == (("a", 0.5), ("b", 0.5))
    assert topic_weights([("b", 1), ("a", 2), ("b", 1)]) == (("a", 0.5), ("b", 0.5))
    assert topic_weights([("b", 0), "a"]) == (("a", 1.0),)
    with pytest.raises(InputError, match="the weight -1"):
        topic_weights([("a", -1), ("b", 2)])
    with pytest.raises(InputError, match="all topic weights are 0"):
        topic_weights([("a", 0)])


def bounded(*values: float, node: int = 0) -> Estimate:
    found = Estimate.of(CHAIN, values, [2 * v for v in values], 0.9)
    assert found.bounds is not None
    told = tuple(Source(v, m, f"{m} at {v}") for v in (0, 1) for m in ("cost_usd", "latency_s", "qoa"))
    return replace(found, provenance=told)


def test_bounds_are_there_where_both_they_and_a_confidence_are() -> None:
    assert Estimate.of(A, [1.0] * 4).bounds is None
    assert Estimate.of(A, [1.0] * 4, [2.0] * 4).bounds is None
    assert Estimate.of(A, [1.0] * 4, None, 0.9).bounds is None
    found = Estimate.of(A, [1.0] * 4, [2.0] * 4, 0.9)
    assert found.bounds == Bounds(0.9, 2.0, 2.0, 2.0, 2.0)
    assert (found.metrics, found.judged) == ((1.0,) * 4, (2.0,) * 4)


def test_a_dear_question_takes_so_many_times_more_and_says_so_at_the_answer() -> None:
    found = bounded(1.0, 2.0, 3.0, 0.4)
    assert found.times((1.0, 1.0, 1.0)) is found
    dear = found.times((2.0, 1.0, 0.5))
    assert dear.metrics == (2.0, 2.0, 1.5, 0.4)
    assert dear.judged == (4.0, 4.0, 3.0, 0.8)
    assert [row.source for row in dear.provenance] == [
        "cost_usd at 0", "latency_s at 0", "qoa at 0", "cost_usd at 1; looks ×2", "latency_s at 1", "qoa at 1",
    ]  # fmt: skip
    assert Estimate.of(A, [1.0] * 4).times((2.0, 1.0, 1.0)).bounds is None


def test_topics_are_averaged_with_their_bounds_and_sources() -> None:
    topics = (("Art", 0.25), ("Law", 0.75))
    one, other = bounded(1.0, 2.0, 3.0, 0.4), bounded(5.0, NAN, 3.0, 0.8)
    other = replace(other, provenance=(*other.provenance[:5], Source(1, "qoa", "else")))
    found = combine(topics, [one, other])
    assert found.metrics == pytest.approx((4.0, NAN, 3.0, 0.7), nan_ok=True)
    assert found.judged == pytest.approx((8.0, NAN, 6.0, 1.4), nan_ok=True)
    assert found.bounds is not None
    assert found.bounds.confidence == 0.9
    assert found.provenance[:5] == one.provenance[:5]
    assert found.provenance[5] == Source(1, "qoa", "Art: qoa at 1 | Law: else")
    assert combine(topics, [one, replace(other, bounds=None)]).bounds is None


def test_bounds_are_written_where_there_are_some() -> None:
    found = bounded(1.0, NAN, 3.0, 0.4)
    plain = replace(found, bounds=None).to_dict()
    assert "confidence" not in plain
    assert not any(key.startswith("bound_") for key in plain)
    assert found.bounds is not None
    told = Source(1, "bound_qoa", "wide")
    written = replace(found, bounds=replace(found.bounds, provenance=(told,))).to_dict()
    assert (written["predicted_cost_usd"], written["predicted_latency_s"]) == (1.0, None)
    assert (written["bound_cost_usd"], written["bound_latency_s"], written["bound_qoa"]) == (2.0, None, 0.8)
    assert written["confidence"] == 0.9
    assert written["provenance"][-1] == told._asdict()
    assert len(written["provenance"]) == 7
    careful = Estimate.of(A, [1.0] * 4, [2.0] * 4, Cautious(None, 1.0)).to_dict()
    assert careful["confidence"] is None
