"""Statistics of a history, as a refresh would publish them, for estimators that read a snapshot."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from optiq.estimation.past_questions import ANYTHING, PastQuestions, seen
from optiq.evaluation.outcomes import QOA, FloatArray, Outcomes, Token
from optiq.statistics.snapshot import ANY_TASK, ANY_TOPIC, METRICS, ModelFigures, Record, Statistics

_RATES = {
    "cost_usd": ("usd_per_prompt_token", "usd_per_output_token"),
    "latency_s": ("seconds_per_prompt_token", "seconds_per_output_token"),
    "energy_j": ("joules_per_prompt_token", "joules_per_output_token"),
}


def statistics_of(history: Outcomes) -> Statistics:
    """One record per topic, task and plan, and one for any topic; rates and output lengths from the calls."""
    records = []
    topics = sorted({name for asked in history.questions for name, _ in asked.topics})
    main = np.array([asked.topics[0][0] if asked.topics else "" for asked in history.questions])
    chars = np.array([float(len(asked.text)) for asked in history.questions])
    tasks = np.array([asked.kind.task for asked in history.questions])
    for topic, task in product((*topics, ANY_TOPIC), sorted(set(tasks.tolist()))):
        rows = np.flatnonzero((tasks == task) & ((main == topic) | (topic == ANY_TOPIC)))
        for p, plan in enumerate(history.plans):
            ran = rows[history.counts[rows, p] > 0]
            if not len(ran):
                continue
            weights = history.counts[ran, p].astype(np.float64)
            cost, latency, energy, quality = (
                _mean(history.values[ran, p, m], weights) for m in range(len(METRICS))
            )
            qoa = history.values[ran, p, QOA]
            records.append(
                Record(
                    plan=plan,
                    topic=topic,
                    task=task,
                    n_questions=len(ran),
                    n_observations=int(weights.sum()),
                    cost_usd=cost,
                    latency_s=latency,
                    energy_j=energy,
                    qoa=quality,
                    mean_question_chars=_mean(chars[ran], weights),
                    var_question_chars=_variance(chars[ran], weights),
                    var_cost_usd=_variance(history.values[ran, p, 0], weights),
                    var_latency_s=_variance(history.values[ran, p, 1], weights),
                    var_energy_j=_variance(history.values[ran, p, 2], weights),
                    var_qoa=float(np.var(qoa)),
                    provenance=f"observed n={int(weights.sum())}",
                )
            )
    return Statistics.build("history", _figures(history.calls), records)


def past_questions(history: Outcomes) -> PastQuestions:
    """The judged questions of a history, as a refresh would publish them: single models only."""
    singles = history.singles
    texts = tuple(asked.text for asked in history.questions)
    return PastQuestions(
        texts=texts,
        vectors=seen(texts),
        topics=tuple(asked.topics or ANYTHING for asked in history.questions),
        tasks=tuple(asked.kind.task for asked in history.questions),
        models=tuple(history.plans[i].models[0] for i in singles),
        qoa=history.qoa[:, singles],
    )


def _figures(calls: tuple[Token, ...]) -> list[ModelFigures]:
    """Per model, for any topic and per task: rates by least squares, mean output length."""
    found = []
    for model in sorted({call.model for call in calls}):
        own = [call for call in calls if call.model == model]
        for task in (ANY_TASK, "open", "choice"):
            kept = [c for c in own if task == ANY_TASK or ("open" if c.kind == "open" else "choice") == task]
            if kept:
                found.append(_row(model, task, kept))
    return found


def _row(model: str, task: str, calls: list[Token]) -> ModelFigures:
    tokens = np.array([[call.prompt_tokens, call.output_tokens] for call in calls])
    values: dict[str, Any] = {"output_tokens": float(np.nanmean(tokens[:, 1]))}
    for metric, names in _RATES.items():
        paid = np.array([getattr(call, metric) for call in calls])
        known = ~np.isnan(tokens).any(axis=1) & ~np.isnan(paid)
        if known.any():
            values |= dict(zip(names, _rates(tokens[known], paid[known]), strict=True))
    return ModelFigures(
        model=model,
        topic=ANY_TOPIC,
        task=task,
        n_observations=len(calls),
        provenance=f"observed n={len(calls)}",
        **values,
    )


def _rates(tokens: FloatArray, paid: FloatArray) -> list[float]:
    """Least squares with neither rate below 0; one rate for both where they cannot be told apart."""
    rates, *_ = np.linalg.lstsq(tokens, paid, rcond=None)
    if len(paid) < 3 or (rates < 0).any():
        one = float(paid.sum() / max(tokens.sum(), 1.0))
        return [one, one]
    return [float(rate) for rate in rates]


def _mean(values: FloatArray, weights: FloatArray) -> float:
    known = ~np.isnan(values)
    return float(np.average(values[known], weights=weights[known])) if known.any() else float("nan")


def _variance(values: FloatArray, weights: FloatArray) -> float:
    """The sample variance over executions, of which each question's are taken as alike; NaN below two questions."""
    known = ~np.isnan(values)
    n = float(weights[known].sum())
    if known.sum() < 2:
        return float("nan")
    off = values[known] - _mean(values, weights)
    return float((weights[known] * off**2).sum() / (n - 1))
