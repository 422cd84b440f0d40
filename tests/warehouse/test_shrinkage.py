"""Priors and observations: how much each weighs is estimated from the data, and old observations fade."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from optiq.errors import InputError
from optiq.plans.plan import Plan
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.query import query
from warehouse.refresh import refresh

A = Plan.of(["smollm2:135m"])
CHAIN = Plan.of(["smollm2:135m", "gemma3:270m"], [(0, 1)])


def learn(home: Home, traces: Any, rows: list[dict[str, Any]], half_life_days: float | None = None) -> None:
    land_traces(home, traces(*rows))
    refresh(home, full_gate=False, half_life_days=half_life_days)


def strength(home: Home, scope: str, metric: str = "qoa") -> dict[str, Any]:
    where = f"where scope = '{scope}' and metric = '{metric}'"
    return query(home.perfdb, f"from prior_strengths {where}").row(0, named=True)


def quality(home: Home, topic: str) -> float:
    where = f"where model = 'smollm2:135m' and metric = 'qoa' and topic = '{topic}' and task = 'open'"
    return query(home.perfdb, f"select value from model_figures {where}")["value"][0]


def answers(traces: Any, topic: str, qualities: list[float], start: int) -> list[dict[str, Any]]:
    return [traces.execution(A, start + i, qoa=q, topic=topic) for i, q in enumerate(qualities)]


def test_with_few_groups_the_strength_is_fixed(home: Home, traces: Any) -> None:
    learn(home, traces, answers(traces, "art", [0.0, 1.0], 0))
    assert strength(home, "topic")["strength"] == 5
    assert strength(home, "topic")["basis"] == "fixed: fewer than 3 groups"


def test_the_strength_is_the_method_of_moments_estimate(home: Home, traces: Any) -> None:
    rng = np.random.default_rng(3)
    groups = {f"topic {g}": list((rng.random(12) < 0.2 + 0.12 * g).astype(float)) for g in range(6)}
    rows = [
        row for g, (topic, qs) in enumerate(groups.items()) for row in answers(traces, topic, qs, 100 * g)
    ]
    learn(home, traces, rows)
    values = {topic: np.array(qs) for topic, qs in groups.items()}
    everything = np.concatenate(list(values.values()))
    within = sum(((v - v.mean()) ** 2).sum() for v in values.values()) / (len(everything) - len(values))
    off = {
        t: v.mean() - np.concatenate([w for u, w in values.items() if u != t]).mean()
        for t, v in values.items()
    }
    between = (sum(len(v) * off[t] ** 2 for t, v in values.items()) - len(values) * within) / len(everything)
    found = strength(home, "topic")
    assert found["basis"] == "empirical Bayes"
    assert found["n_groups"] == 6
    assert found["strength"] == pytest.approx(np.clip(within / between, 2, 100))


def test_topics_that_differ_are_believed_sooner_than_topics_that_do_not(home: Home, traces: Any) -> None:
    rows = []
    for g in range(8):  # half of the topics are always right, half never
        rows += answers(traces, f"far {g}", [float(g % 2)] * 9 + [0.5], 100 * g)
    learn(home, traces, rows)
    assert strength(home, "topic")["strength"] == 2
    assert quality(home, "far 1") > 0.85
    assert quality(home, "far 0") < 0.15


def test_topics_that_are_alike_are_pooled(home: Home, traces: Any) -> None:
    rows = []
    for g in range(8):
        rows += answers(traces, f"near {g}", [0.0, 1.0] * 5, 100 * g)
    rows += answers(traces, "lucky", [1.0], 5_000)
    learn(home, traces, rows)
    assert strength(home, "topic")["strength"] == 100
    assert 0.45 < quality(home, "lucky") < 0.55


def test_one_observation_does_not_overturn_a_benchmark_and_a_thousand_do(home: Home, traces: Any) -> None:
    before = quality(home, "*")
    learn(home, traces, [traces.execution(A, 0, qoa=0.0)])
    assert quality(home, "*") > before / 2
    learn(home, traces, [traces.execution(A, 1 + i, qoa=0.0) for i in range(1_000)])
    assert quality(home, "*") < 0.1 * before


def test_the_strength_of_a_composed_plans_start_is_estimated_too(home: Home, traces: Any) -> None:
    rows = []
    for g in range(6):
        rows += [traces.execution(CHAIN, 100 * g + i, qoa=float(g % 2), topic=f"t{g}") for i in range(10)]
    learn(home, traces, rows)
    found = strength(home, "plan")
    assert (found["basis"], found["n_groups"], found["strength"]) == ("empirical Bayes", 6, 2)


def test_a_half_life_lets_old_observations_fade(home: Home, traces: Any) -> None:
    newest = datetime(2026, 6, 30, 12, tzinfo=UTC)
    old = [traces.execution(A, i, qoa=0.0, started_at=newest - timedelta(days=60)) for i in range(40)]
    new = [traces.execution(A, 100 + i, qoa=1.0, started_at=newest) for i in range(10)]
    learn(home, traces, [*old, *new], half_life_days=30)

    def row() -> dict[str, Any]:
        where = f"where topic = 'geography' and plan_key = '{A.key}'"
        return query(home.perfdb, f"from plan_statistics {where}").row(0, named=True)

    # 40 observations of two half-lives ago weigh 10.
    assert row()["observed_qoa"] == pytest.approx(0.5)
    assert row()["weight_qoa"] == pytest.approx(20)
    assert row()["n_qoa"] == row()["n_observations"] == 50
    settings = query(home.perfdb, "select settings->>'half_life_days' as days from snapshots order by number")
    assert settings["days"].cast(float).to_list() == [180, 30]
    # Another half-life is reason enough to publish; none turns recency off.
    assert refresh(home, full_gate=False, half_life_days=None).published
    assert row()["observed_qoa"] == pytest.approx(0.2)
    assert not refresh(home, full_gate=False, half_life_days=None).published


@pytest.mark.parametrize("days", [0, -1, float("nan"), float("inf")])
def test_a_half_life_is_a_number_above_zero(home: Home, days: float) -> None:
    with pytest.raises(InputError, match="the half-life is"):
        refresh(home, half_life_days=days)


def test_one_answer_elsewhere_counts_as_less_than_one_here(home: Home, traces: Any) -> None:
    """A model that nobody described, right once and wrong once: each topic was told by the answer to the other."""
    unknown = Plan.of(["nobody:1b"])
    rows = [
        traces.execution(unknown, 0, qoa=1.0, topic="geography"),
        traces.execution(unknown, 1, qoa=0.0, topic="literature"),
    ]
    learn(home, traces, rows)

    def told(topic: str) -> dict[str, Any]:
        where = f"where topic = '{topic}' and plan_key = '{unknown.key}'"
        return query(home.perfdb, f"select qoa, prior_strength, provenance from plan_statistics {where}").row(
            0, named=True
        )

    # 5 answers' worth, learned from one: 5 × 1 / (5 + 1).
    for topic, start, own in (("geography", 0.0, 1.0), ("literature", 1.0, 0.0)):
        found = told(topic)
        assert found["prior_strength"] == pytest.approx(5 / 6)
        assert found["qoa"] == pytest.approx((5 / 6 * start + own) / (5 / 6 + 1))
        assert "prior worth 0.8" in found["provenance"]
