"""Caution: quality is judged so many standard deviations lower, by the oracle and by arrays alike."""

from __future__ import annotations

from dataclasses import replace

import pytest
from catalogs import SHAPE, build, figures, random_catalog, record

from optiq.configuration import Settings
from optiq.errors import ConfigurationError, InputError
from optiq.estimation.catalog import Catalog
from optiq.estimation.estimator import make_estimator
from optiq.estimation.risk import Risk
from optiq.planning import Planning
from optiq.plans.plan import Plan
from optiq.questions.question import Budget, Question, Weights

QUESTION = Question("1", "Who painted this?", (("Art", 1.0),))
BEST = Weights(0, 0, 0, 1)


def planning(statistics: object, **settings: object) -> Planning:
    estimator = make_estimator("shrunk", statistics)  # type: ignore[arg-type]
    return Planning(estimator, ("a", "b"), None, max_operations=2, weights=BEST, **settings)  # type: ignore[arg-type]


def test_two_lucky_runs_do_not_beat_two_hundred() -> None:
    statistics = build(
        figures("a", qoa=0.6),
        figures("b", qoa=0.6),
        record("a", qoa=0.70, n_observations=200, n_questions=200, var_qoa=0.2),
        record("b", qoa=0.95, n_observations=4, n_questions=4, var_qoa=0.2),
    )
    alone = {"max_operations": 1}
    bold = replace(planning(statistics), **alone).plan(QUESTION).choice.chosen
    careful = replace(planning(statistics, caution=1.0), **alone).plan(QUESTION).choice.chosen
    assert bold is not None
    assert careful is not None
    assert (bold.plan.models, careful.plan.models) == (("b",), ("a",))
    assert careful.bounds is not None
    assert careful.judged[:3] == careful.metrics[:3]
    assert careful.judged[3] < careful.qoa


@pytest.mark.parametrize("confidence", [None, 0.9])
def test_the_margin_is_that_of_the_variance_and_never_less_than_a_confidence_asks(
    confidence: float | None,
) -> None:
    statistics = random_catalog(3, ("a", "b", "c"))
    one = planning(statistics, caution=0.5, confidence=confidence)
    risk = Risk(Catalog(statistics, "Art", "open", SHAPE, None), 0.5, one.estimator.start_answers)
    plan = Plan.of(["a"])
    ((estimate,),) = one.estimates([QUESTION], [[plan]])
    assert estimate.bounds is not None
    sure = planning(statistics, confidence=0.9)
    ((bound,),) = sure.estimates([QUESTION], [[plan]])
    if confidence is not None:
        assert estimate.judged == bound.judged
    else:
        expected = max(estimate.qoa - 0.5 * risk.variance(plan) ** 0.5, 0.0)
        assert estimate.judged[3] == pytest.approx(expected)
    assert (estimate.judged[0] > estimate.cost_usd) is (confidence is not None)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("confidence", [None, 0.9])
def test_arrays_judge_as_the_oracle_does(seed: int, confidence: float | None) -> None:
    one = planning(random_catalog(seed, ("a", "b", "c")), caution=0.7, confidence=confidence)
    for item in one.plan(QUESTION).frontier:
        explained = one.explain(QUESTION, item)
        assert explained.judged == pytest.approx(item.judged, rel=1e-9, nan_ok=True)
    asked = [replace(QUESTION, question_id=str(n), budget=Budget(min_qoa=n / 20)) for n in range(20)]
    for single, many in zip(map(one.plan, asked), one.plan_all(asked), strict=True):
        assert single.choice.status == many.choice.status
        if single.choice.chosen is not None and many.choice.chosen is not None:
            assert single.choice.chosen.plan == many.choice.chosen.plan
            assert single.choice.chosen.judged == pytest.approx(many.choice.chosen.judged, nan_ok=True)


def test_a_caution_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="caution is -1"):
        planning(random_catalog(0), caution=-1.0).plan(QUESTION)
    with pytest.raises(ConfigurationError, match="caution"):
        Settings.load({"caution": "much"}, {})
    assert Settings.load({}, {"OPTIQ_CAUTION": "0.5"}).caution == 0.5
