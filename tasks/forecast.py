"""What a run would cost: planned, not executed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from optiq.estimation.estimates import Estimate
from optiq.execution import Executor, Predicted, Work
from optiq.execution.ledger import Amount
from optiq.execution.shared import Shared
from optiq.planning import PlannedQuestion
from optiq.prompts.variants import served_model
from optiq.questions.metric import COST, ENERGY, LATENCY, METRIC_NAMES, QOA
from optiq.questions.question import Question
from optiq.questions.question_file import Row
from tasks.allotting import allotment_of, plans_for_a_total, slots_of, total_of
from tasks.answers import executor_of, planned_as_wished, with_served_model
from tasks.guessing import guessed_lengths, guessed_prices
from tasks.run_state import RunOptions
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
class Bought:
    """What a ``total``, in the unit of ``metric``, buys: so many questions ``answered``, at a mean QoA of these.

    ``answered`` is None for a total of time, as nobody can say which questions it leaves out; ``qoa`` is None where no
    question is answered.
    """

    metric: str
    total: float
    answered: int | None
    qoa: float | None


@dataclass(frozen=True)
class Forecast:
    """Plans and the predicted bill of ``questions`` (rows of a file); figures are None where nothing is known.

    ``low_usd`` and ``high_usd`` bound 95 of 100 bills, going by how far earlier predictions were off;
    ``most_usd`` is what output caps allow at the very most, one attempt per call, at the prices known now: those of the
    models ``guessed_prices`` are guesses, and the bill may be more; so are the lengths of answers of the forms
    ``guessed_lengths``, and the caps bound those. ``plans`` are (expression,
    questions), scaled up if only ``planned`` of them were planned. ``latency_s`` is that of loaded models, as
    all latencies of plans are; ``load_s`` is what loading each model of the mix once took before (None: no call
    says; calls are ordered so that a server need not load a model again and again). ``forms`` are (form of the answer,
    questions). Where a total is planned for, ``bought`` says what it, half of it and twice as much buy.
    ``why_invalid`` is what is wrong with the first invalid row, ``why_infeasible`` what excludes every plan of the
    first question that has none.
    """

    questions: int
    planned: int
    invalid: int
    infeasible: int
    over_total: int
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
    guessed_prices: tuple[str, ...] = ()
    guessed_lengths: tuple[str, ...] = ()
    bought: tuple[Bought, ...] = ()
    why_invalid: str | None = None
    why_infeasible: str | None = None


def forecast(session: Session, rows: Sequence[Row], options: RunOptions | None = None) -> Forecast:
    """Plan ``rows`` and add up what the plans are predicted to cost, as a run with ``options`` would go.

    What a run refuses is counted: rows that are no question, questions that no plan is feasible for, and those that
    the total limits leave nothing for (``over_total``; they are no part of the bill).
    """
    session.tell_new_topics([row.question for row in rows if row.question is not None])
    rows = [with_served_model(row, session) for row in rows]
    asked = [row.question for row in rows if row.question is not None]
    step = max(len(asked) / SAMPLE, 1.0)
    sample = [asked[int(i * step)] for i in range(min(len(asked), SAMPLE))]
    scale = len(asked) / len(sample) if sample else 0.0
    options = options or RunOptions()
    ready = session.with_topics(sample)
    executor = executor_of(session, "forecast", Shared())
    bought: tuple[Bought, ...] = ()
    if ready and plans_for_a_total(session, options):
        found, bought = _allotted(session, options, ready, executor, scale)
    else:
        found = _expected(planned_as_wished(session.planning, ready), executor, _limits(options), scale)
    chosen, over, most, of = found.chosen, found.over, found.most_usd, found.of
    cost, energy, latency, qoa = (of[metric.name] for metric in (COST, ENERGY, LATENCY, QOA))
    low, high = _interval(cost, scale, _ratios(session)) if len(cost) else (math.nan, math.nan)
    mixed = Counter(estimate.plan.expression for _, estimate in chosen)
    return Forecast(
        questions=len(rows),
        planned=len(sample),
        invalid=len(rows) - len(asked),
        infeasible=round((len(sample) - len(chosen) - over) * scale),
        over_total=round(over * scale),
        plans=tuple((name, round(count * scale)) for name, count in mixed.most_common()),
        cost_usd=_figure(cost.sum() * scale),
        low_usd=_figure(low),
        high_usd=_figure(max(min(high, float(most.sum()) * scale), float(cost.sum()) * scale)),
        most_usd=_figure(float(most.sum()) * scale),
        energy_j=_figure(energy.sum() * scale),
        latency_s=_figure(latency.sum() * scale),
        qoa=_figure(qoa.mean()) if len(qoa) else None,
        forms=tuple(Counter(question.kind.shown for question in asked).most_common()),
        guessed_prices=guessed_prices(session.statistics, ((q, estimate.plan) for q, estimate in chosen)),
        guessed_lengths=guessed_lengths(session.planning, ((q, estimate.plan) for q, estimate in chosen)),
        load_s=_load_s(session, {name for _, estimate in chosen for name in estimate.plan.models}),
        bought=bought,
        why_invalid=next((row.error for row in rows if row.question is None), None),
        why_infeasible=found.why_infeasible,
    )


@dataclass(frozen=True)
class _Expected:
    """What is expected of a sample: of the ``chosen`` plans that start, the metrics (one figure for each) and the most.

    ``over`` questions have a plan that total limits leave too little for; ``why_infeasible`` is why the first question
    without a plan has none.
    """

    chosen: list[tuple[Question, Estimate]]
    over: int
    most_usd: np.ndarray
    of: dict[str, np.ndarray]
    why_infeasible: str | None


def _expected(
    planned: Sequence[PlannedQuestion], executor: Executor, limits: Amount, scale: float
) -> _Expected:
    """What is expected of the questions of a sample in their order, as total limits (of the whole file) let them."""
    chosen = [(item.question, item.choice.chosen) for item in planned if item.choice.chosen is not None]
    figures = np.array([estimate.metrics for _, estimate in chosen]).reshape(-1, len(METRIC_NAMES))
    of = dict(zip(METRIC_NAMES, figures.T, strict=True))
    bounds = [executor.most(Work(q, estimate.plan, Predicted.of(estimate))) for q, estimate in chosen]
    most = np.array([bound.cost_usd for bound in bounds])
    of[COST.name] = np.minimum(of[COST.name], most)
    of[ENERGY.name] = np.minimum(of[ENERGY.name], [bound.energy_j for bound in bounds])
    kept = _within(limits, scale, of[COST.name], of[ENERGY.name], bounds)
    return _Expected(
        [pair for pair, one in zip(chosen, kept, strict=True) if one],
        len(kept) - int(kept.sum()),
        most[kept],
        {name: column[kept] for name, column in of.items()},
        next((item.choice.reason for item in planned if item.choice.chosen is None), None),
    )


def _allotted(
    session: Session, options: RunOptions, questions: Sequence[Question], executor: Executor, scale: float
) -> tuple[_Expected, tuple[Bought, ...]]:
    """What is expected within a total, and what that, half and twice as much buy."""
    slots, limits = 1, _limits(options)
    allotment = allotment_of(session, options, questions, lambda: math.inf)
    metric = allotment.metric
    if options.total_cost_for_qoa is not None:
        total = allotment.total_for(options.total_cost_for_qoa, len(questions)) * scale
    else:
        given = total_of(options)
        assert given is not None, "who plans for a total has one"
        total = given[1]
        if metric is LATENCY and session.server is not None:
            slots = slots_of(session.server)
    planned = planned_as_wished(session.planning, questions, frontiers=True)
    found, bought = [], []
    for share in (1.0, 0.5, 2.0):
        plans = allotment.with_total(planned, total * share * slots / scale)
        within = limits
        if metric is not LATENCY:  # each of these is a limit, too
            within = replace(limits, **{metric.name: getattr(limits, metric.name) * share})
            if share != 1 and options.total_cost_for_qoa is not None:
                within = replace(within, cost_usd=total * share)
        one = _expected(plans, executor, within, scale)
        found.append(one)
        qoa = one.of[QOA.name]
        answered = None if metric is LATENCY else round(len(one.chosen) * scale)
        bought.append(Bought(metric.name, total * share, answered, _figure(qoa.mean()) if len(qoa) else None))
    return found[0], tuple(bought)


def _limits(options: RunOptions) -> Amount:
    """The total limits that the ledger of a run holds; infinite where there is none."""
    totals = options.max_total_cost_usd, options.max_total_energy_j
    return Amount(*(math.inf if total is None else total for total in totals))


def _within(
    limits: Amount, scale: float, cost: np.ndarray, energy: np.ndarray, bounds: Sequence[Amount]
) -> np.ndarray:
    """Which questions total limits leave enough for, in their order: the ledger's rule, at what is expected of each."""
    kept = np.ones(len(bounds), dtype=bool)
    left = [limits.cost_usd / max(scale, 1.0), limits.energy_j / max(scale, 1.0)]
    for place, bound in enumerate(bounds):
        wanted = bound.cost_usd, bound.energy_j
        kept[place] = all(
            math.isinf(one) or most <= one * (1 + 1e-9) for one, most in zip(left, wanted, strict=True)
        )
        if kept[place]:
            left = [left[0] - np.nan_to_num(cost[place]), left[1] - np.nan_to_num(energy[place])]
    return kept


def _interval(cost: np.ndarray, scale: float, ratios: np.ndarray) -> tuple[float, float]:
    """Bounds of the bill: the spread of observed over predicted, of the sample, and of what is not known.

    The errors of questions are partly one: a model that writes longer than expected does so in all. So the
    uncertainty of the mean ratio counts in full, that of single questions adds as squares. Predictions may have learned
    since earlier ones were off: the bounds are around both, what is predicted and what it would be if they had not.
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
    return max(min(mean, 1.0) * total - wide, 0.0), max(mean, 1.0) * total + wide


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
