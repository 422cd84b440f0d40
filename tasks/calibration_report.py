"""What a calibration will do, and what it learned, as plain values."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from optiq.calibration.learner import Learner, Standing
from optiq.questions.metric import METRIC_NAMES
from tasks.artifacts import shown
from tasks.calibration import Calibration, most_usd
from tasks.guessing import guessed_lengths, guessed_prices


def forecast_of(calibration: Calibration) -> dict[str, Any]:
    """Plans × topics × questions that would be run if all outcomes were as expected, and the bill.

    A total limit on cost or energy ends it where the expected spend reaches the limit.
    """
    learner, wanted = calibration.learner, calibration.wanted
    places: list[int] = []
    while batch := calibration.next_round():
        places += batch
        if _spent(learner, places, "cost_usd") > _limit(wanted.max_total_cost_usd):
            break
        if _spent(learner, places, "energy_j") > _limit(wanted.max_total_energy_j):
            break
    while places and (
        _spent(learner, places, "cost_usd") > _limit(wanted.max_total_cost_usd)
        or _spent(learner, places, "energy_j") > _limit(wanted.max_total_energy_j)
    ):
        places.pop()
    cost, low, high = learner.bill(places)
    energy, _, _ = learner.bill(places, "energy_j")
    latency, _, _ = learner.bill(places, "latency_s")
    most = most_usd(calibration, places)
    high = _least(high, most, wanted.max_total_cost_usd)
    return {
        "server": calibration.session.server.name if calibration.session.server is not None else None,
        "labelled": len(calibration.questions),
        "without_reference": calibration.without_reference,
        "skipped": calibration.skipped,
        "executions": len(places),
        "questions": len({int(q) for q in learner.trials.pairs[places, 1]}),
        "work": _work(learner, places),
        "cost_usd": _figure(_least(cost, most)),
        "low_usd": _figure(_least(low, most)),
        "high_usd": _figure(high),
        "most_usd": _figure(most),
        "guessed_prices": guessed_prices(
            calibration.session.statistics, ((work.question, work.plan) for work in calibration.work(places))
        ),
        "guessed_lengths": guessed_lengths(
            calibration.session.planning, ((work.question, work.plan) for work in calibration.work(places))
        ),
        "energy_j": _figure(energy),
        "latency_s": _figure(latency),
    }


def learned(calibration: Calibration) -> dict[str, Any]:
    """Per topic what was chosen and known before and after; ``work`` counts what was run."""
    after = calibration.learner.standings()
    return {
        "topics": [_topic(old, new) for old, new in zip(calibration.before, after, strict=True)],
        "work": _work(calibration.learner, calibration.tried),
    }


def calibration_markdown(summary: dict[str, Any]) -> str:
    """The summary of a calibration in Markdown."""
    lines = [
        f"## Calibration `{summary['run_id']}`",
        "",
        f"{summary['executions']} plans run on {summary['questions']} questions in {summary['rounds']} rounds, "
        f"{summary['failed']} failed, {summary['skipped']} known already.",
        "",
        "| topic | plan before | plan now | QoA (95 %) | frontier |",
        "|---|---|---|---|---|",
    ]
    for row in summary["topics"]:
        after = row["after"]
        lines.append(
            f"| {_cell(row['topic'])} | {_cell(row['before']['plan'])} | {_cell(after['plan'])} "
            f"| {after['qoa']:.2f} ({after['qoa_low']:.2f} to {after['qoa_high']:.2f}) "
            f"| {len(row['before']['frontier'])} → {len(after['frontier'])} plans |"
        )
    return "\n".join(lines)


def _topic(before: Standing, after: Standing) -> dict[str, Any]:
    entered = [plan.expression for plan in after.frontier if plan not in before.frontier]
    left = [plan.expression for plan in before.frontier if plan not in after.frontier]
    return {
        "topic": after.topic,
        "before": _standing(before),
        "after": _standing(after),
        "entered": entered,
        "left": left,
        "changed": before.plan != after.plan,
    }


def _standing(standing: Standing) -> dict[str, Any]:
    figures = {name: _figure(value) for name, value in zip(METRIC_NAMES, standing.figures, strict=True)}
    return {
        "plan": None if standing.plan is None else standing.plan.expression,
        "plan_key": None if standing.plan is None else standing.plan.key,
        **figures,
        "qoa_low": standing.low,
        "qoa_high": standing.high,
        "frontier": [plan.expression for plan in standing.frontier],
        "interval": standing.width,
    }


def _work(learner: Learner, places: Sequence[int]) -> list[dict[str, Any]]:
    """Numbers of questions per plan and topic, plans in plan order."""
    trials = learner.trials
    counts = Counter(trials.pairs[list(places), 0].tolist())
    rows = [(learner.plan(arm), trials.topics[int(trials.arms.topic[arm])], n) for arm, n in counts.items()]
    rows.sort(key=lambda row: (row[0].order, row[1]))
    return [
        {"plan": plan.expression, "plan_key": plan.key, "topic": topic, "questions": n}
        for plan, topic, n in rows
    ]


def _spent(learner: Learner, places: Sequence[int], metric: str) -> float:
    total = learner.bill(places, metric)[0]
    return 0.0 if math.isnan(total) else total


def _limit(limit: float | None) -> float:
    return math.inf if limit is None else limit


def _least(*values: float | None) -> float:
    known = [value for value in values if value is not None and not math.isnan(value)]
    return min(known) if known and not math.isnan(values[0] or 0.0) else math.nan


def _figure(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _cell(text: str | None) -> str:
    return "–" if text is None else shown(text)
