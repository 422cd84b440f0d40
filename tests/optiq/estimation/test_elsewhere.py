"""A model that was measured anywhere has figures everywhere, and they say from which questions they come."""

import math
from dataclasses import replace

import pytest
from catalogs import SHAPE, assert_equal_to_the_oracle, build, record

from optiq.estimation import estimate
from optiq.estimation.estimator import make_estimator
from optiq.estimation.pool import Pool
from optiq.plans.plan import Plan
from optiq.statistics.snapshot import ANY_TOPIC, Record, Statistics

TOTALS = {
    "cost_usd": 2e-6,
    "latency_s": 1.5,
    "energy_j": 3.0,
    "qoa": 0.8,
    "n_observations": 40,
    "n_questions": 40,
}


def ran(model: str, topic: str, task: str, **values: float) -> Record:
    return replace(record(model, topic, **{**TOTALS, **values}), task=task)


def choices(*models: str) -> Statistics:
    """Runs on questions with options about sums, of which only totals are known."""
    return build(*(ran(name, topic, "choice") for name in models for topic in ("Sums", ANY_TOPIC)))


@pytest.mark.parametrize("estimator", ["shrunk", "paper"])
@pytest.mark.parametrize(
    ("topic", "kind", "said"),
    [
        ("Sums", "open", "on Sums, other forms"),
        (ANY_TOPIC, "long", "other forms"),
        ("Poems", "choice", "other topics"),
        ("Poems", "code", "other forms"),
    ],
)
def test_totals_of_other_questions_stand_where_there_are_none(
    estimator: str, topic: str, kind: str, said: str
) -> None:
    known = make_estimator(estimator, choices("a", "b"))
    found = estimate(Plan.of(["a"]), known, [topic], kind, SHAPE)
    assert found.metrics == pytest.approx((2e-6, 1.5, 3.0, 0.8))
    sources = {row.metric: row.source for row in found.provenance}
    assert sources["cost_usd"] == f"{said}: single n=40"
    assert said in sources["qoa"] or "shrunk" in sources["qoa"]
    chain = estimate(Plan.parse("a → b"), known, [topic], kind, SHAPE)
    assert not any(map(math.isnan, chain.metrics))


def test_the_nearest_questions_come_first() -> None:
    statistics = build(
        ran("a", ANY_TOPIC, "open", cost_usd=1e-6),
        ran("a", "Sums", "choice", cost_usd=2e-6),
        ran("a", ANY_TOPIC, "choice", cost_usd=3e-6),
    )
    known = make_estimator("shrunk", statistics)

    def cost(topic: str, kind: str) -> float:
        return estimate(Plan.of(["a"]), known, [topic], kind, SHAPE).cost_usd

    assert [cost("Sums", "open"), cost("Sums", "choice"), cost("Sums", "long")] == [1e-6, 2e-6, 2e-6]


def test_a_model_that_was_measured_nowhere_stays_unknown() -> None:
    found = estimate(Plan.of(["c"]), make_estimator("shrunk", choices("a")), ["Sums"], "open", SHAPE)
    assert all(map(math.isnan, found.metrics))


@pytest.mark.parametrize("estimator", ["shrunk", "paper"])
def test_arrays_say_the_same(estimator: str) -> None:
    known = make_estimator(estimator, choices("a", "b", "z"))
    assert_equal_to_the_oracle(known, Pool(("a", "b"), "z"), 3, topics=("Sums", "Poems"))
