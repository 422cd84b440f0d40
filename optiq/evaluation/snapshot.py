"""What a refresh would publish of a history, and planning on it: statistics and past questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np

from optiq.estimation.estimator import Estimator, make_estimator
from optiq.estimation.past_questions import ANYTHING, PastQuestions, QuestionFigures, seen
from optiq.evaluation.outcomes import QOA, FloatArray, Outcomes, Token
from optiq.planning.pipeline import Planning
from optiq.questions.metric import METRIC_NAMES, RESOURCES
from optiq.questions.question import TASKS, Kind
from optiq.statistics.snapshot import ANY_TASK, ANY_TOPIC, ModelFigures, Record, Statistics
from optiq.text.word_vectors import available, rarity_of

PRIOR_STRENGTH = 4.0
"""So many questions a published quality weighs as much as. A refresh learns it from what it knows
(``prior_strengths``): 3.9 on the recordings of the paper."""

_RATES = {metric.name: metric.token_rates for metric in RESOURCES}


def planning_of(
    history: Outcomes,
    priors: Mapping[tuple[str, str], float] | None = None,
    estimator: str = "shrunk",
    neighbours: bool = True,
    looks: bool = True,
    **settings: Any,
) -> Planning:
    """Planning over what a refresh would publish of ``history``; further ``settings`` are those of Planning.

    ``priors`` are published qualities by (task, model). Past questions say nothing to an estimator that does not hear
    them, nothing of quality without ``neighbours`` or the package for word vectors, and nothing of costs without
    ``looks``.
    """
    published = tuple(sorted((priors or {}).items()))

    def once(what: str, make: Callable[[], Any]) -> Any:
        key = what, estimator, published
        if key not in history.derived:
            history.derived[key] = make()
        return history.derived[key]

    rules: Estimator = once("rules", lambda: make_estimator(estimator, statistics_of(history, priors)))
    figures = of_costs = None
    if neighbours and rules.hears_neighbours and available():
        figures = once("neighbours", lambda: QuestionFigures(past_questions(history), rules))
    if looks and rules.hears_neighbours:
        of_costs = once("looks", lambda: past_questions(history).looks(rules.statistics))
    return Planning(rules, rules.statistics.models, None, neighbours=figures, looks=of_costs, **settings)


def statistics_of(history: Outcomes, priors: Mapping[tuple[str, str], float] | None = None) -> Statistics:
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
            figures: dict[str, Any] = {}
            for m, metric in enumerate(METRIC_NAMES):
                figures[metric] = _mean(history.values[ran, p, m], weights)
                figures[f"var_{metric}"] = _variance(history.values[ran, p, m], weights)
            # a question counts once in the quality, however often it was asked
            figures["qoa"] = float(np.mean(history.values[ran, p, QOA]))
            figures["var_qoa"] = float(np.var(history.values[ran, p, QOA]))
            records.append(
                Record(
                    plan=plan,
                    topic=topic,
                    task=task,
                    n_questions=len(ran),
                    n_observations=int(weights.sum()),
                    **figures,
                    mean_question_chars=_mean(chars[ran], weights),
                    var_question_chars=_variance(chars[ran], weights),
                    provenance=f"observed n={int(weights.sum())}",
                )
            )
    rows_of_models = [*_figures(history.calls), *_qualities(history, priors or {})]
    return Statistics.build("history", rows_of_models, records)


def past_questions(history: Outcomes) -> PastQuestions:
    """The judged questions of a history, as a refresh would publish them: single models only."""
    singles = history.singles
    texts = tuple(asked.text for asked in history.questions)
    with np.errstate(divide="ignore", invalid="ignore"):
        spent = np.log(history.values[:, singles, :QOA])
    spent[~np.isfinite(spent)] = np.nan
    rarity = rarity_of(texts) if available() else None
    return PastQuestions(
        texts=texts,
        vectors=np.zeros((len(texts), 0), dtype=np.float16) if rarity is None else seen(texts, rarity),
        rarity=rarity,
        topics=tuple(asked.topics or ANYTHING for asked in history.questions),
        tasks=tuple(asked.kind.task for asked in history.questions),
        models=tuple(history.plans[i].models[0] for i in singles),
        qoa=history.qoa[:, singles],
        spent=spent,
    )


def _qualities(history: Outcomes, priors: Mapping[tuple[str, str], float]) -> list[ModelFigures]:
    """Per model with a published quality for a task: that, drawn to what was observed."""
    tasks = np.array([question.kind.task for question in history.questions])
    found = []
    for column in history.singles:
        model = history.plans[column].models[0]
        for task in sorted(set(tasks.tolist())):
            if (task, model) not in priors:
                continue
            qoa = history.qoa[tasks == task, column]
            n = int((~np.isnan(qoa)).sum())
            value = (np.nansum(qoa) + PRIOR_STRENGTH * priors[task, model]) / (n + PRIOR_STRENGTH)
            found.append(
                ModelFigures(
                    model=model,
                    task=task,
                    qoa=float(value),
                    n_observations=n,
                    provenance=f"observed n={n}, prior",
                )
            )
    return found


def _figures(calls: tuple[Token, ...]) -> list[ModelFigures]:
    """Per model, for any topic and per task: rates by least squares, mean output length."""
    found = []
    for model in sorted({call.model for call in calls}):
        own = [call for call in calls if call.model == model]
        for task in (ANY_TASK, *TASKS):
            kept = [c for c in own if task == ANY_TASK or Kind(c.kind).task == task]
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
