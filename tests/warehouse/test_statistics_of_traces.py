"""What statistics say after known traces: counted once, failures apart, priors give way."""

from __future__ import annotations

import math
from typing import Any

import pytest

from optiq.plans.plan import Plan
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.query import query
from warehouse.refresh import refresh
from warehouse.statistics import load_statistics

A = Plan.of(["smollm2:135m"])
B = Plan.of(["gemma3:270m"])
CHAIN = Plan.of(["smollm2:135m", "gemma3:270m"], [(0, 1)])
TWINS = Plan.of(["smollm2:135m", "smollm2:135m", "gemma3:270m"], [(0, 2), (1, 2)])


def learn(home: Home, traces: Any, *rows: dict[str, Any], half_life_days: float | None = None) -> None:
    land_traces(home, traces(*rows))
    refresh(home, full_gate=False, half_life_days=half_life_days)


def statistic(home: Home, plan: Plan, topic: str = "geography") -> dict[str, Any]:
    found = query(home.perfdb, f"from plan_statistics where topic = '{topic}' and plan_key = '{plan.key}'")
    assert found.height == 1
    return found.row(0, named=True)


def figure(home: Home, model: str, topic: str, metric: str, task: str = "*") -> dict[str, Any]:
    found = query(
        home.perfdb,
        f"from model_figures where model = '{model}' and topic = '{topic}' and task = '{task}' "
        f"and metric = '{metric}'",
    )
    assert found.height == 1
    return found.row(0, named=True)


def test_means_and_variances(home: Home, traces: Any) -> None:
    learn(
        home,
        traces,
        *[
            traces.execution(A, i, qoa=q, cost_usd=c)
            for i, (q, c) in enumerate([(1, 0.1), (0, 0.2), (1, 0.6)])
        ],
    )
    row = statistic(home, A)
    assert row["n_observations"] == row["n_executions"] == row["n_qoa"] == 3
    assert row["observed_qoa"] == pytest.approx(2 / 3)
    assert row["var_qoa"] == pytest.approx(1 / 3)
    assert row["cost_usd"] == pytest.approx(0.3)
    assert row["var_cost_usd"] == pytest.approx(0.07)
    assert row["predicted_qoa"] == 0.5
    assert row["mean_question_chars"] == 30
    # Prior 0.6 (12 of 20 easy open questions), worth 5 observations.
    assert row["qoa"] == pytest.approx((5 * 0.6 + 3 * 2 / 3) / 8)


def test_a_sub_plan_counts_once_per_execution(home: Home, traces: Any) -> None:
    learn(home, traces, traces.execution(TWINS, 1), traces.execution(CHAIN, 2), traces.execution(A, 3))
    row = statistic(home, A)
    assert (row["n_executions"], row["n_subplans"], row["n_observations"]) == (1, 2, 3)
    assert statistic(home, TWINS)["n_observations"] == 1
    # Every call is kept and paid for all the same.
    assert query(home.perfdb, "select sum(n_calls)::int as n from spend_by_day")["n"][0] == 6


def test_cached_outputs_are_no_new_observation(home: Home, traces: Any) -> None:
    learn(home, traces, traces.execution(A, 1), traces.execution(A, 2, call={"cached": True}))
    assert statistic(home, A)["n_observations"] == 1
    assert query(home.perfdb, "select n_calls, n_cached from spend_by_day").rows() == [(1, 1)]
    assert query(home.perfdb, "select count(*) as n from calls")["n"][0] == 2


def test_failures_are_counted_apart(home: Home, traces: Any) -> None:
    failed = traces.execution(
        A, 2, qoa=0.0, status="failed", answer=None, cost_usd=9.0, call={"error": "time-out"}
    )
    learn(home, traces, traces.execution(A, 1), failed)
    row = statistic(home, A)
    assert (row["n_observations"], row["n_failed"], row["n_qoa"], row["cost_usd"]) == (1, 1, 1, 0.001)
    assert query(home.perfdb, "select qoa from executions where status = 'failed'")["qoa"][0] is None
    assert figure(home, "smollm2:135m", "*", "output_tokens")["n_observations"] == 1


def test_unknown_figures_stay_unknown(home: Home, traces: Any) -> None:
    learn(home, traces, traces.execution(A, 1, qoa=None, cost_usd=None, energy_j=float("nan")))
    row = statistic(home, A)
    assert row["n_observations"] == 1
    assert row["cost_usd"] is row["energy_j"] is row["qoa"] is None
    record = load_statistics(home.perfdb).records("geography")[A.key]
    assert math.isnan(record.cost_usd)
    assert math.isnan(record.qoa)
    assert record.latency_s == 1.0


def test_a_topic_starts_from_the_other_questions_of_its_task(home: Home, traces: Any) -> None:
    learn(
        home,
        traces,
        *[traces.execution(A, i, qoa=0.0, topic="art") for i in range(5)],
        *[traces.execution(A, 10 + i, qoa=1.0, topic="sports") for i in range(5)],
    )
    # art: the task's figure without art is (5 × 0.6 + 5 × 1) / 10 = 0.8; then five wrong answers.
    art = figure(home, "smollm2:135m", "art", "qoa", "open")
    assert art["prior_value"] == pytest.approx(0.8)
    assert art["value"] == pytest.approx(0.4)
    assert figure(home, "smollm2:135m", "*", "qoa", "open")["value"] == pytest.approx(
        (5 * 0.6 + 10 * 0.5) / 15
    )


def test_a_composed_plan_starts_from_its_last_model(home: Home, traces: Any) -> None:
    learn(home, traces, traces.execution(CHAIN, 1, qoa=0.0))
    row = statistic(home, CHAIN)
    assert row["prior_qoa"] == 0.7
    assert row["qoa"] == pytest.approx(5 * 0.7 / 6)
    assert row["provenance"] == "observed n=1, prior worth 5.0: gemma3:270m alone"


def test_rates_give_way_to_what_is_observed(home: Home, traces: Any) -> None:
    learn(home, traces, *[traces.execution(A, i) for i in range(45)])
    seen = figure(home, "smollm2:135m", "*", "seconds_per_prompt_token")
    assert seen["observed_value"] == pytest.approx(0.6 / 100)
    assert seen["value"] == pytest.approx((5 * 0.00425532 + 45 * 0.006) / 50)
    assert figure(home, "smollm2:135m", "*", "chars_per_token")["value"] == pytest.approx(4.5)
    # Energy was predicted from the rates themselves: nothing is learned from it.
    assert figure(home, "smollm2:135m", "*", "joules_per_output_token")["n_observations"] == 0
    # Prices are facts.
    assert figure(home, "smollm2:135m", "*", "usd_per_output_token")["n_observations"] == 0


def test_a_latency_without_parts_is_divided_by_the_known_speeds(home: Home, traces: Any) -> None:
    learn(home, traces, traces.execution(A, 1, call={"prompt_s": None, "output_s": None}))
    prompt = figure(home, "smollm2:135m", "*", "seconds_per_prompt_token")["observed_value"]
    output = figure(home, "smollm2:135m", "*", "seconds_per_output_token")["observed_value"]
    assert prompt * 100 + output * 10 == pytest.approx(1.0)
    assert prompt / output == pytest.approx(0.00425532 / 0.00854701)


def test_measured_energy_is_learned(home: Home, traces: Any) -> None:
    learn(home, traces, traces.execution(A, 1, energy_source="measured"))
    prompt = figure(home, "smollm2:135m", "*", "joules_per_prompt_token")["observed_value"]
    output = figure(home, "smollm2:135m", "*", "joules_per_output_token")["observed_value"]
    assert prompt * 100 + output * 10 == pytest.approx(2.0)
    assert statistic(home, A)["n_energy_measured"] == 1


def test_a_new_digest_starts_new_statistics(home: Home, traces: Any) -> None:
    old = [traces.execution(CHAIN, i, qoa=0.0, call={"digest": "old"}) for i in range(5)]
    new = [traces.execution(A, 10 + i, qoa=1.0, call={"digest": "new"}) for i in range(2)]
    learn(home, traces, *old, *new)
    assert statistic(home, A)["n_observations"] == 2
    found = query(home.perfdb, f"from plan_statistics where plan_key = '{CHAIN.key}'")
    assert found.height == 0
    assert query(home.perfdb, "select served from models where model = 'smollm2:135m'")["served"][0] == "new"
    assert query(home.perfdb, "select count(*) as n from executions")["n"][0] == 7


def test_what_planners_read(home: Home, traces: Any) -> None:
    before = load_statistics(home.perfdb)
    assert before.topics == ()
    assert len(before.models) == 7
    assert before.figures("phi4:14b", "art", "choice").qoa == 0.74
    learn(
        home,
        traces,
        traces.execution(B, 1, topic="art"),
        traces.execution(CHAIN, 2, topic="art", kind="choice"),
    )
    after = load_statistics(home.perfdb)
    assert after.topics == ("art",)
    assert after.snapshot_id > before.snapshot_id
    assert set(after.records("art")) == {A.key, B.key, CHAIN.key}
    assert set(after.records("*")) == {A.key, B.key, CHAIN.key}
    assert after.figures("gemma3:270m", "art", "open").qoa == pytest.approx((5 * 0.7 + 1) / 6)
    assert "prior" in after.figures("phi4:14b", "art", "open").provenance


def test_views_answer_the_usual_questions(home: Home, traces: Any) -> None:
    learn(
        home,
        traces,
        *[traces.execution(A, i, qoa=1.0, max_cost_usd=0.01, min_qoa=0.5) for i in range(8)],
        traces.execution(B, 9, qoa=0.0, max_cost_usd=0.0001),
    )
    best = query(home.perfdb, "from best_model_per_topic where topic = 'geography'").row(0, named=True)
    assert best["model"] == "smollm2:135m"
    assert best["qoa_low"] < best["qoa"] < best["qoa_high"]
    compared = query(home.perfdb, f"from predicted_vs_observed where plan_key = '{A.key}'").row(0, named=True)
    assert (compared["n_executions"], compared["predicted_qoa"], compared["observed_qoa"]) == (8, 0.5, 1.0)
    kept = query(home.perfdb, "from budget_adherence").row(0, named=True)
    assert (kept["n_with_cost_limit"], kept["cost_kept"], kept["n_with_qoa_floor"], kept["qoa_kept"]) == (
        9,
        8 / 9,
        8,
        1.0,
    )
    spent = query(home.perfdb, "select sum(cost_usd) as usd, sum(n_calls)::int as n from spend_by_day").row(0)
    assert spent == (pytest.approx(0.009), 9)
    levels = {level: query(home.perfdb, f"from level_{level}").height for level in range(5)}
    assert levels == {0: 16, 1: 0, 2: 0, 3: 0, 4: 0}
    assert query(home.perfdb, "from too_few_observations").height == 2


def rates(home: Home, model: str) -> tuple[float, float]:
    """Seconds per prompt token and per output token, without priors."""
    found = [
        figure(home, model, "*", name)["observed_value"]
        for name in ("seconds_per_prompt_token", "seconds_per_output_token")
    ]
    return found[0], found[1]


def test_the_time_of_a_prompt_is_that_of_the_tokens_that_were_not_cached(home: Home, traces: Any) -> None:
    cold = {"prompt_tokens": 100, "prompt_s": 0.5, "output_tokens": 10, "output_s": 0.5, "cached_tokens": 0}
    warm = cold | {"prompt_s": 0.01, "cached_tokens": 98, "latency_s": 0.51}
    learn(home, traces, *[traces.execution(A, i, call=cold if i % 2 else warm) for i in range(8)])
    assert rates(home, "smollm2:135m") == pytest.approx((0.005, 0.05))


def test_output_teaches_its_speed_where_nobody_says_what_of_the_prompt_was_cached(
    home: Home, traces: Any
) -> None:
    whole = {"prompt_tokens": 100, "prompt_s": 0.5, "output_tokens": 10, "output_s": 0.5}
    partly = whole | {"prompt_s": None, "latency_s": 0.52}
    learn(home, traces, *[traces.execution(A, i, call=whole if i % 2 else partly) for i in range(8)])
    assert rates(home, "smollm2:135m") == pytest.approx((0.005, 0.05))


def test_a_prompt_that_was_cut_short_and_a_count_of_0_teach_nothing(home: Home, traces: Any) -> None:
    sound = {"prompt_tokens": 100, "prompt_chars": 400, "prompt_s": 0.5, "output_s": 0.5}
    cut = sound | {"prompt_chars": 3990}
    uncounted = sound | {"prompt_tokens": 0, "output_tokens": 0}
    learn(home, traces, *[traces.execution(A, i, call=(sound, cut, uncounted)[i % 3]) for i in range(9)])
    assert figure(home, "smollm2:135m", "*", "chars_per_token")["observed_value"] == pytest.approx(4.0)
    assert rates(home, "smollm2:135m")[0] == pytest.approx(0.005)
    found = query(home.perfdb, "select count(*) filter (prompt_tokens is null) as n from calls")
    assert found["n"][0] == 3
