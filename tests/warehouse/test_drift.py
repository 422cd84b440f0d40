"""Drift: a model that changes is named at once, one that does not never is."""

from __future__ import annotations

import json
import math
import statistics
from copy import copy, deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from benchmarks.drift import Stream, named
from optiq.plans.plan import Plan
from warehouse.drift import (
    Comparison,
    changed,
    comparison_of,
    drift_line,
    read_baselines,
    with_verdicts,
)
from warehouse.home import Home
from warehouse.ingest import ingest_traces
from warehouse.landing import land_traces, trace_columns
from warehouse.least_squares import nonnegative_least_squares
from warehouse.query import query
from warehouse.refresh import RefreshReport, refresh
from warehouse.statistics import load_statistics

MODELS = ("smollm2:135m", "gemma3:270m", "phi4:14b")
PLANS = [Plan.of([name]) for name in MODELS] + [Plan.of(MODELS[:2], [(0, 1)])]
FIRST_DAY = datetime(2026, 1, 5, tzinfo=UTC)


class Nights:
    """Nights of traces: right answers with a model's skill, latency with noise per call and per day."""

    def __init__(self, home: Home, execution: Any, seed: int) -> None:
        self.home, self.execution = home, execution
        self.draw = np.random.default_rng(seed)
        self.day = self.judged = 0

    def land(self, n: int, slower: float = 1.0, worse: float = 0.0, price: float = 1.0) -> RefreshReport:
        """``n`` executions of one day, and the refresh; what changes, changes for smollm2."""
        busy = self.draw.lognormal(0, 0.05)
        rows = []
        for i in range(n):
            plan = PLANS[i % len(PLANS)]
            number = 10_000 * self.day + i
            row = self.execution(plan, number, topic=f"t{self.draw.integers(3)}")
            row["question"] = (
                ""  # drift does not ask for it; topics and neighbours would learn from it every night
            )
            row["started_at"] = FIRST_DAY + timedelta(days=self.day, minutes=i)
            for call in row["calls"]:
                first = call["model"] == MODELS[0]
                tokens = int(self.draw.integers(5, 60))
                seconds = (
                    (0.2 + 0.02 * tokens) * busy * self.draw.lognormal(0, 0.2) * (slower if first else 1)
                )
                right = self.draw.random() < 0.75 - (worse if first else 0)
                call |= {
                    "output_tokens": tokens,
                    "latency_s": seconds,
                    "prompt_s": 0.2 * seconds,
                    "output_s": 0.8 * seconds,
                    "cost_usd": (1e-7 * 100 + 4e-7 * tokens) * (price if first else 1),
                    "subplan_qoa": float(right),
                    "started_at": row["started_at"],
                }
            row["qoa"] = row["calls"][-1]["subplan_qoa"]
            rows.append(row)
        self.day += 1
        land_traces(self.home, pl.DataFrame(rows, schema=trace_columns()))
        return refresh(self.home, full_gate=False)


@pytest.fixture
def nights(home: Home, traces: Any) -> Nights:
    return Nights(home, traces.execution, seed=5)


@pytest.fixture(scope="module")
def four(fresh_home: Home, copy_of: Any, traces: Any) -> Nights:
    """Four nights on which nothing changed, and nothing was said to."""
    nights = Nights(copy_of(fresh_home), traces.execution, seed=5)
    for _ in range(4):
        report = nights.land(160)
        assert drifted(report) == set()
        nights.judged += len(report.drift)
    return nights


@pytest.fixture
def after_four(four: Nights, copy_of: Any) -> Nights:
    """A copy of them to go on with."""
    nights = copy(four)
    nights.home, nights.draw = copy_of(four.home), deepcopy(four.draw)
    return nights


def drifted(report: RefreshReport) -> set[tuple[str, str]]:
    return {(c.model, c.metric) for c in report.drift if c.verdict == "drifted"}


def test_a_planted_drift_is_named_in_the_first_refresh_with_50_new_observations(after_four: Nights) -> None:
    nights = after_four
    # 25 calls of each model are too few to judge: they wait.
    assert nights.land(48, slower=1.3, worse=0.2).drift == ()
    report = nights.land(120, slower=1.3, worse=0.2)
    assert drifted(report) == {("smollm2:135m", "latency_s"), ("smollm2:135m", "qoa")}
    kept = query(nights.home.perfdb, "from drift where verdict = 'drifted' and topic = '*' order by metric")
    assert kept["metric"].to_list() == ["latency_s", "qoa"]
    assert kept["change"][0] == pytest.approx(0.3, abs=0.1)
    assert kept["change_low"][0] < 0.3 < kept["change_high"][0]
    assert kept["change"][1] == pytest.approx(-0.2, abs=0.12)
    # What is as it was since is no drift again.
    assert drifted(nights.land(200, slower=1.3, worse=0.2)) == set()


def test_stable_models_are_not_named(after_four: Nights) -> None:
    nights, judged = after_four, after_four.judged
    for _ in range(16):
        report = nights.land(160)
        judged += len(report.drift)
        assert drifted(report) == set()
    assert judged > 150


def test_a_price_that_changes_is_named(nights: Nights) -> None:
    nights.land(240)
    assert drifted(nights.land(240, price=1.2)) == {("smollm2:135m", "cost_usd")}


def test_other_questions_and_other_weights_are_no_drift(home: Home, traces: Any) -> None:
    def learn(start: int, n: int, topic: str, qoa: float, digest: str) -> RefreshReport:
        rows = [
            traces.execution(PLANS[0], start + i, topic=topic, qoa=qoa, call={"digest": digest})
            for i in range(n)
        ]
        land_traces(home, traces(*rows))
        return refresh(home, full_gate=False)

    learn(0, 80, "easy", 1.0, "one")
    learn(100, 80, "easy", 1.0, "one")
    hard = learn(200, 80, "hard", 0.0, "one")
    assert drifted(hard) == set()
    other = learn(300, 80, "easy", 0.0, "two")
    assert other.drift == ()


def test_a_drifted_model_can_be_distrusted(after_four: Nights) -> None:
    nights = after_four
    nights.land(160, slower=1.3, worse=0.2)

    def known() -> float:
        return load_statistics(nights.home.perfdb).figures("smollm2:135m", "*", "open").n_observations

    everything = known()
    report = refresh(nights.home, full_gate=False, distrust_drifted=True)
    assert report.published
    assert known() == pytest.approx(everything / 5, rel=0.1)
    others = query(nights.home.perfdb, "select n_calls from models where model = 'gemma3:270m'")
    assert others["n_calls"][0] == 400
    assert refresh(nights.home, full_gate=False).published
    assert known() == everything


def test_verdicts_hold_the_rate_of_false_alarms() -> None:
    def one(p_value: float, change: float, topic: str = "*") -> Comparison:
        return Comparison("m", topic, "qoa", 0.5, 0.5 + change, change, 0, 0, 0, p_value, 50, 50, None, None)

    def verdicts(*rows: Comparison) -> list[str]:
        return [row.verdict for row in with_verdicts(rows)]

    others = [one(0.5, 0.3)] * 3
    # Of four the smallest is named below a quarter of the family's half of 1 in 2000, suspected below one of 1 %.
    assert verdicts(one(6e-5, 0.3), *others) == ["drifted", "stable", "stable", "stable"]
    assert verdicts(one(7e-5, 0.3), *others) == ["suspected", "stable", "stable", "stable"]
    assert verdicts(one(0.004, 0.3), *others) == ["stable"] * 4
    # With a smaller one before it the bar of the next is twice as high.
    assert verdicts(one(1e-4, 0.3), one(1e-9, 0.3), *others[1:])[:2] == ["drifted", "drifted"]
    # Sure, but too small to matter; and topics do not raise the bar for the model as a whole.
    assert verdicts(one(1e-9, 0.01)) == ["stable"]
    assert verdicts(one(2e-4, 0.3), *[one(0.9, 0.3, f"t{i}") for i in range(100)])[0] == "drifted"
    assert verdicts() == []


def test_a_suspicion_waits_for_more_calls_against_the_same_earlier_ones() -> None:
    stream = Stream(6)
    for _ in range(4):
        assert not named(stream.add(480))
    watched = "select ingestion, from_ingestion from drift_watch where model = $model"

    def watch() -> tuple[int, int]:
        return stream.connection.execute(watched, {"model": MODELS[0]}).fetchall()[0]

    first = [c for c in stream.add(480, worse=0.13) if c.model == MODELS[0] and c.topic == "*"]
    assert {c.verdict for c in first if c.metric == "qoa"} == {"suspected"}
    assert watch() == (4, 0)
    more = [c for c in stream.add(480, worse=0.13) if c.model == MODELS[0] and c.topic == "*"]
    assert {(c.verdict, c.n_after) for c in more if c.metric == "qoa"} == {("drifted", 320)}
    # what comes next is compared with what the model did since it drifted
    assert watch() == (6, 4)
    then = [c for c in stream.add(480, worse=0.13) if c.model == MODELS[0] and c.metric == "qoa"]
    assert {c.verdict for c in then} == {"stable"}
    assert {c.n_before for c in then if c.topic == "*"} == {320}


@settings(max_examples=5, deadline=None, phases=[Phase.generate])
@given(st.lists(st.sampled_from([30, 170, 480, 1500]), min_size=3, max_size=6), st.integers(0, 100))
def test_a_kept_baseline_says_what_all_earlier_calls_say(nights: list[int], seed: int) -> None:
    stream = Stream(seed)
    for executions in nights:
        watched = (
            "select model, ingestion, baseline_ingestion, from_ingestion, "
            "seconds_fixed, seconds_per_prompt_token, seconds_per_output_token, "
            "usd_fixed, usd_per_prompt_token, usd_per_output_token from drift_watch"
        )
        before = {row[0]: row[1:] for row in stream.connection.execute(watched).fetchall()}
        found = stream.add(executions)
        calls = {model: _calls(stream, model) for model in MODELS}
        # against the calls one by one, whatever was kept of them
        for one in found:
            compared, baseline, drifted_at, *rates = before[one.model]
            told_by = {"latency_s": rates[:3], "cost_usd": rates[3:]}.get(one.metric)
            old = [c for c in calls[one.model] if drifted_at < c["ingestion"] <= baseline]
            new = [c for c in calls[one.model] if c["ingestion"] > compared]
            usual, change, n_before, n_after = _plainly(old, new, one.topic, one.metric, told_by)
            assert (n_before, n_after) == (one.n_before, one.n_after)
            told = (
                one.after - one.before if one.metric == "qoa" else math.log(one.after) - math.log(one.before)
            )
            if one.metric != "qoa" or 0 < one.after < 1:
                assert told == pytest.approx(change, abs=1e-9)
            assert (one.before if one.metric == "qoa" else math.log(one.before)) == pytest.approx(usual)
        kept = _baselines(stream)
        stream.connection.begin()
        stream.connection.execute(
            "update drift_watch set ingestion = baseline_ingestion, baseline_ingestion = null"
        )
        read_baselines(stream.connection)
        assert _baselines(stream) == kept
        stream.connection.rollback()


def test_a_baseline_is_read_again_when_a_tenth_has_come_to_it() -> None:
    stream = Stream(1)
    watched = (
        "select any_value(baseline_ingestion), any_value(n_since), any_value(n_waiting) from drift_watch"
    )
    told = []
    for executions in (2400, 159, 99, 60, 90):
        stream.add(executions)
        told += stream.connection.execute(watched).fetchall()
    # 800 of each model; 53 compared; 33 wait; 53 compared: 106 are a tenth of 800; 30 wait
    assert told == [(1, 0, 0), (1, 53, 0), (1, 53, 33), (4, 0, 0), (4, 0, 30)]


def test_a_model_of_whose_calls_few_are_recent_is_compared_again_when_there_are_more() -> None:
    stream = Stream(2)
    stream.add(480)
    # Others were asked so often since that few of its calls are among the last: nothing to compare with.
    stream.connection.execute("update drift_watch set n_baseline = 20, n_since = 0")
    assert stream.add(120) == []
    assert stream.add(480) == []  # 40 wait, then 200
    assert {c.model for c in stream.add(480)} == set(MODELS)


def _calls(stream: Stream, model: str) -> list[dict[str, Any]]:
    rows = stream.connection.execute(
        "select calls.*, topic from calls inner join executions using (execution_id) where model = $model "
        "order by execution_id",
        {"model": model},
    )
    names = [column[0] for column in rows.description or ()]
    return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def _figure(call: dict[str, Any], metric: str, rates: list[float] | None) -> float:
    """Quality as it is, the others as logarithms; of latency and cost over what the tokens explain."""
    if metric == "qoa":
        return float(call["subplan_qoa"])
    if rates is None:
        return math.log(call[metric])
    explained = rates[0] + rates[1] * call["prompt_tokens"] + rates[2] * call["output_tokens"]
    return math.log(call[metric]) - math.log(explained)


def _plainly(
    old: list[dict[str, Any]],
    new: list[dict[str, Any]],
    topic: str,
    metric: str,
    rates: list[float] | None,
) -> tuple[float, float, int, int]:
    """What is usual of the kinds of the new calls, the change, and how many calls tell it."""
    middle = statistics.fmean if metric == "qoa" else statistics.median
    usual = {
        t: middle([_figure(c, metric, rates) for c in old if c["topic"] == t])
        for t in {c["topic"] for c in old}
        if sum(c["topic"] == t for c in old) >= 3
    }
    parts = [[c for c in calls if c["topic"] in usual and topic in ("*", c["topic"])] for calls in (old, new)]
    before, after = (
        middle([_figure(c, metric, rates) - usual[c["topic"]] for c in part]) if part else math.nan
        for part in parts
    )
    return middle([usual[c["topic"]] for c in parts[1]]), after - before, len(parts[0]), len(parts[1])


def _baselines(stream: Stream) -> list[tuple[Any, ...]]:
    usual = stream.connection.execute("from drift_usual order by all").fetchall()
    before = stream.connection.execute("from drift_before order by all").fetchall()
    return [tuple(round(x, 9) if isinstance(x, float) else x for x in row) for row in usual + before]


def test_a_drift_in_words(tmp_path: Path) -> None:
    row = {"model": "m", "topic": "*", "n_after": 52, "before": 0.8, "after": 0.6, "change": -0.2}
    assert drift_line({**row, "metric": "qoa"}) == "m: quality 0.80 → 0.60 (52 new answers)"
    assert drift_line({**row, "metric": "latency_s", "change": 0.3, "topic": "art"}) == (
        "m on art: latency +30% (52 new answers)"
    )


@pytest.mark.parametrize(
    ("metric", "change", "said"),
    [
        ("qoa", 0.1, "+0.10"),
        ("qoa", -0.001, "±0.00"),
        ("latency_s", 1.06, "+106%"),
        ("latency_s", -0.5, "-50%"),
        ("latency_s", -0.001, "±0%"),
        ("latency_s", 0.0, "±0%"),
    ],
)
def test_a_change_in_words(metric: str, change: float, said: str) -> None:
    assert changed(metric, change) == said


@given(
    st.sampled_from(["qoa", "latency_s"]),
    st.floats(-1, 1),
    st.floats(0.01, 1),
    st.none() | st.floats(1, 100),
)
def test_the_interval_of_a_change_says_what_its_test_does(
    metric: str, change: float, error: float, degrees: float | None
) -> None:
    """Of few answers Student's distribution is wide: 1.96 standard errors would leave out what the test does not."""
    made = comparison_of("a", "*", metric, 0.5, change, error, degrees, 9, 9, None, None)
    assert made.change_low <= made.change <= made.change_high
    if abs(made.p_value - 0.05) > 1e-3:
        assert (made.change_low <= 0 <= made.change_high) == (made.p_value > 0.05)


def test_longer_answers_of_a_model_that_nobody_described_are_no_slower_and_no_dearer(home: Home) -> None:
    """Nothing was known of its speed and its price before its first night: the calls of that night tell."""

    def night(day: int, tokens: tuple[int, int], seconds: float) -> list[Comparison]:
        draw = np.random.default_rng(day)
        rows = []
        for number in range(300):
            output, prompt = int(draw.integers(*tokens)), int(draw.integers(20, 40))
            call = {
                "prompt_tokens": prompt,
                "output_tokens": output,
                "latency_s": (0.2 + seconds * output) * draw.lognormal(0, 0.1),
                "cost_usd": 1e-7 * prompt + 4e-7 * output,
            }
            started = FIRST_DAY + timedelta(days=day, minutes=number)
            rows.append(
                {
                    "execution_id": f"{day}-{number}",
                    "model": "mine:7b",
                    "calls": [call],
                    "started_at": f"{started}",
                }
            )
        path = home.path / f"night-{day}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        assert ingest_traces(home, [path]).n_landed == 300
        return [c for c in refresh(home, accept=["mean_output_tokens"]).drift if c.verdict != "stable"]

    assert not night(0, (5, 16), 0.02)
    assert {c.metric for c in night(1, (25, 36), 0.02)} == {"output_tokens"}
    assert "latency_s" in {c.metric for c in night(2, (25, 36), 0.04)}


_columns = st.lists(st.floats(0.1, 10), min_size=12, max_size=12)


@given(_columns, _columns, st.tuples(*[st.sampled_from([0.0, 0.5, 2.0])] * 3))
def test_what_a_call_takes_is_found_from_calls_that_follow_it(
    prompts: list[float], outputs: list[float], takes: tuple[float, float, float]
) -> None:
    x = np.column_stack([np.ones(12), prompts, outputs])
    y = x @ np.array(takes)
    if not y.min() > 0.05:
        return
    shares = x / y[:, None]
    found = np.array(nonnegative_least_squares(shares.T @ shares, shares.sum(axis=0)))
    assert found.min() >= 0
    assert shares @ found == pytest.approx(1, abs=1e-3)
    if np.linalg.cond(x) < 1e3:
        assert found == pytest.approx(takes, abs=1e-4)


@pytest.mark.parametrize(
    ("noise", "fee", "rates"), [(0.0, 0.0, (1e-7, 4e-7)), (0.3, 0.0, None), (0.0, 1e-5, None)]
)
def test_prices_that_nobody_published_are_those_that_bills_follow(
    home: Home, noise: float, fee: float, rates: tuple[float, float] | None
) -> None:
    """Prompts and outputs apart where the bills tell, else one rate for both."""
    draw = np.random.default_rng(1)
    rows, usd, tokens = [], 0.0, 0
    for number in range(200):
        prompt, output = int(draw.integers(20, 400)), int(draw.integers(5, 60))
        cost = (fee + 1e-7 * prompt + 4e-7 * output) * draw.lognormal(0, noise)
        rows.append(
            {"execution_id": f"e{number}", "model": "mine:7b", "prompt_tokens": prompt, "output_tokens": output,
             "cost_usd": cost, "started_at": f"{FIRST_DAY}"}
        )  # fmt: skip
        usd, tokens = usd + cost, tokens + prompt + output
    path = home.path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert ingest_traces(home, [path]).n_landed == 200
    refresh(home)
    found = load_statistics(home.perfdb).figures("mine:7b", "*", "open")
    expected = rates or (usd / tokens, usd / tokens)
    assert (found.usd_per_prompt_token, found.usd_per_output_token) == pytest.approx(expected, rel=1e-6)
