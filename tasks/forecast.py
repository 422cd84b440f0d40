"""What a run would cost: planned, not executed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optiq.execution import Predicted, Work
from optiq.execution.shared import Shared
from optiq.prompts.variants import served_model
from optiq.questions.metric import COST, ENERGY, LATENCY, METRIC_NAMES, QOA
from optiq.questions.question_file import Row
from tasks.answers import executor_of
from tasks.session import Session
from warehouse.query import query

SAMPLE = 500
"""How many questions are planned at most; the bill of more is scaled up from an even sample."""

_WITHIN = 1.96  # 95 of 100
_RELATIVE_ERROR = 0.5  # of one question's prediction, while nothing was observed
_TRUSTED = 10
_RATIOS = """
select cost_usd / predicted_cost_usd from executions
where status = 'answered' and predicted_cost_usd > 0 and cost_usd is not null
order by started_at desc limit 2000
"""
_LOADS = "select model, median(load_s) from calls where load_s > 0 group by model"


@dataclass(frozen=True)
class Forecast:
    """Plans and the predicted bill of ``questions``; figures are None where nothing is known.

    ``low_usd`` and ``high_usd`` bound 95 of 100 bills, going by how far earlier predictions were off;
    ``most_usd`` is what output caps allow at the very most, one attempt per call. ``plans`` are (expression,
    questions), scaled up if only ``planned`` of them were planned. ``latency_s`` is that of loaded models, as
    all latencies of plans are; ``load_s`` is what loading each model of the mix once took before (None: no call
    says; calls are ordered so that a server need not load a model again and again). ``forms`` are (form of the answer,
    questions).
    """

    questions: int
    planned: int
    infeasible: int
    plans: tuple[tuple[str, int], ...]
    cost_usd: float | None
    low_usd: float | None
    high_usd: float | None
    most_usd: float | None
    energy_j: float | None
    latency_s: float | None
    qoa: float | None
    load_s: float | None = None
    forms: tuple[tuple[str, int], ...] = ()


def forecast(session: Session, rows: Sequence[Row]) -> Forecast:
    """Plan ``rows`` and add up what the plans are predicted to cost."""
    asked = [row.question for row in rows if row.question is not None]
    step = max(len(asked) / SAMPLE, 1.0)
    sample = [asked[int(i * step)] for i in range(min(len(asked), SAMPLE))]
    scale = len(asked) / len(sample) if sample else 0.0
    planned = [session.planning.plan(question) for question in session.with_topics(sample)]
    chosen = [(item.question, item.choice.chosen) for item in planned if item.choice.chosen is not None]
    figures = np.array([estimate.metrics for _, estimate in chosen]).reshape(-1, len(METRIC_NAMES))
    of = dict(zip(METRIC_NAMES, figures.T, strict=True))
    latency, qoa = of[LATENCY.name], of[QOA.name]
    executor = executor_of(session, "forecast", Shared())
    bounds = [executor.most(Work(q, estimate.plan, Predicted.of(estimate))) for q, estimate in chosen]
    most = np.array([bound.cost_usd for bound in bounds])
    # Published figures know of long answers; the caps on outputs do not let them happen.
    cost = np.minimum(of[COST.name], most)
    energy = np.minimum(of[ENERGY.name], [bound.energy_j for bound in bounds])
    low, high = _interval(cost, scale, _ratios(session)) if len(cost) else (math.nan, math.nan)
    mixed = Counter(estimate.plan.expression for _, estimate in chosen)
    return Forecast(
        questions=len(asked),
        planned=len(sample),
        infeasible=round((len(planned) - len(chosen)) * scale),
        plans=tuple((name, round(count * scale)) for name, count in mixed.most_common()),
        cost_usd=_figure(cost.sum() * scale),
        low_usd=_figure(low),
        high_usd=_figure(min(high, float(most.sum()) * scale)),
        most_usd=_figure(float(most.sum()) * scale),
        energy_j=_figure(energy.sum() * scale),
        latency_s=_figure(latency.sum() * scale),
        qoa=_figure(qoa.mean()) if len(qoa) else None,
        forms=tuple(Counter(question.kind.shown for question in asked).most_common()),
        load_s=_load_s(session, {name for _, estimate in chosen for name in estimate.plan.models}),
    )


def _interval(cost: np.ndarray, scale: float, ratios: np.ndarray) -> tuple[float, float]:
    """Bounds of the bill: the spread of observed over predicted, of the sample, and of what is not known.

    The errors of questions are partly one: a model that writes longer than expected does so in all. So the
    uncertainty of the mean ratio counts in full, that of single questions adds as squares.
    """
    if len(ratios) >= _TRUSTED:
        mean, spread = float(ratios.mean()), float(ratios.std(ddof=1))
        common = spread / math.sqrt(len(ratios))
    else:
        mean, spread, common = 1.0, _RELATIVE_ERROR, _RELATIVE_ERROR / _WITHIN
    total = cost.sum() * scale
    single = spread * math.sqrt(float((cost**2).sum()) * scale)
    sampled = 0.0
    if scale > 1 and len(cost) > 1:
        sampled = float(cost.std(ddof=1)) * len(cost) * scale / math.sqrt(len(cost))
    wide = _WITHIN * math.sqrt((common * total) ** 2 + single**2 + sampled**2)
    return max(mean * total - wide, 0.0), mean * total + wide


def _ratios(session: Session) -> np.ndarray:
    """Observed over predicted cost of earlier executions."""
    return query(session.home.perfdb, _RATIOS).to_series().drop_nulls().to_numpy()


def _load_s(session: Session, names: set[str]) -> float | None:
    """Seconds to load each model behind ``names`` once, by the median of earlier loads; None if none was seen."""
    models = {served_model(name, session.planning.operators) for name in names}
    loads = dict(query(session.home.perfdb, _LOADS).iter_rows())
    known = [loads[model] for model in sorted(models) if model in loads]
    return math.fsum(known) if known else None


def _figure(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
