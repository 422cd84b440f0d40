"""From labelled questions and plans to what a calibration may try, and what is known of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from optiq.calibration.beliefs import Arms
from optiq.calibration.learner import Learner, Trials
from optiq.calibration.similarity import model_similarity, plan_similarity
from optiq.calibration.utility import Preference
from optiq.estimation import Estimate, estimate
from optiq.execution.trace import Execution, main_topic
from optiq.planning.choose import limit_array, weight_array
from optiq.plans.plan import Plan
from optiq.questions.metric import METRIC_NAMES
from optiq.questions.question import Question
from optiq.statistics.snapshot import ANY_TOPIC
from tasks.session import Session
from warehouse.home import Home
from warehouse.landing import read_waiting

Outcome = tuple[str, str, tuple[float | None, ...]]
"""Question text, plan_key, and figures in the order of METRIC_NAMES."""


def open_learner(
    session: Session,
    questions: Sequence[Question],
    wanted: Sequence[Sequence[Plan]],
    landed: Iterable[Outcome],
) -> Learner:
    """A learner on the plans ``wanted`` for each question that knows the statistics and what has ``landed``.

    Questions count for their main topic; open and choice questions of a topic are told apart. A topic's
    limits are the median of those of its questions.
    """
    scopes = [(main_topic(question) or ANY_TOPIC, question.kind.task) for question in questions]
    groups = sorted(set(scopes))
    plans = sorted({plan for row in wanted for plan in row}, key=lambda plan: plan.order)
    place = {plan.key: i for i, plan in enumerate(plans)}
    pairs = sorted(
        {
            (groups.index(scope), place[plan.key], at)
            for at, (scope, row) in enumerate(zip(scopes, wanted, strict=True))
            for plan in row
        }
    )
    keys = sorted({(group, plan) for group, plan, _ in pairs})
    arm_of = {key: i for i, key in enumerate(keys)}
    members = [[q for q, scope in zip(questions, scopes, strict=True) if scope == group] for group in groups]
    predicted = np.full((len(keys), len(METRIC_NAMES)), math.nan)
    observed = np.zeros(len(keys))
    caution = None if session.settings.confidence is None else np.zeros((len(keys), len(METRIC_NAMES)))
    for i, (group, number) in enumerate(keys):
        found, observed[i] = _start(session, groups[group], members[group], plans[number])
        predicted[i] = found.metrics
        if caution is not None:
            caution[i] = _caution(found)
    models = sorted({model for plan in plans for model in plan.models})
    alike = plan_similarity(plans, models, model_similarity(session.statistics, models))
    tasks = [task for _, task in groups]
    arms = Arms(
        plan=np.array([plan for _, plan in keys], dtype=np.intp),
        topic=np.array([group for group, _ in keys], dtype=np.intp),
        task=np.array([tasks[group] == "choice" for group, _ in keys], dtype=np.intp),
        alike=alike,
    )
    mixed = {topic for topic, _ in groups if sum(name == topic for name, _ in groups) > 1}
    trials = Trials(
        arms,
        tuple(plans),
        tuple(f"{topic} ({task})" if topic in mixed else topic for topic, task in groups),
        tuple(tasks),
        np.array([(arm_of[g, p], at) for g, p, at in pairs], dtype=np.intp).reshape(-1, 2),
        len(questions),
        predicted,
        observed,
    )
    limits = np.array([_median_limits(items) for items in members]).reshape(-1, len(METRIC_NAMES))
    weights = weight_array(session.settings.weights)
    learner = Learner(trials, Preference(weights, limits, caution), session.settings.seed)
    learn(learner, questions, landed)
    return learner


def learn(learner: Learner, questions: Sequence[Question], outcomes: Iterable[Outcome]) -> None:
    """Let ``learner`` know outcomes on ``questions``; those on other plans or questions are passed over."""
    trials = learner.trials
    arms = {
        (int(trials.pairs[i, 1]), trials.plans[int(trials.arms.plan[trials.pairs[i, 0]])].key): int(
            trials.pairs[i, 0]
        )
        for i in range(len(trials.pairs))
    }
    asked: dict[str, list[int]] = {}
    for place, question in enumerate(questions):
        asked.setdefault(question.text, []).append(place)
    for text, key, figures in outcomes:
        for place in asked.get(text, []):
            if (place, key) in arms:
                learner.observe(arms[place, key], place, figures)


def outcomes_of(executions: Iterable[Execution]) -> list[Outcome]:
    """What the executions say of their plans, and of the sub-plans that end at their nodes."""
    found: list[Outcome] = []
    for item in executions:
        if item.status == "answered":
            figures = tuple(getattr(item, name) for name in METRIC_NAMES)
            found.append((item.question.text, item.plan.key, figures))
        for call in item.calls:
            if call.subplan_qoa is not None and call.node != item.plan.sink:
                parts = tuple(getattr(call, f"subplan_{name}") for name in METRIC_NAMES)
                found.append((item.question.text, call.subplan.key, parts))
    return found


def landed_outcomes(home: Home, questions: Sequence[Question]) -> list[Outcome]:
    """Outcomes on ``questions`` that wait for the next refresh: what an earlier run left."""
    texts = pl.LazyFrame({"question": list(dict.fromkeys(question.text for question in questions))})

    def read(file: Path) -> list[Outcome]:
        rows = pl.scan_parquet(file, glob=False).filter(pl.col("status") == "answered")
        rows = rows.select("question", "plan_key", *METRIC_NAMES).join(texts, on="question", how="semi")
        return [(row[0], row[1], row[2:]) for row in rows.collect().iter_rows()]

    return [outcome for found in read_waiting(home, "traces", read) for outcome in found]


def landed_answers(home: Home, questions: Sequence[Question]) -> dict[str, dict[str, str]]:
    """What single models answered to ``questions`` in runs that wait for the next refresh, by question_id and model."""
    names = {question.text: question.question_id for question in questions}
    texts = pl.LazyFrame({"question": list(names)})

    def read(file: Path) -> list[tuple[str, str, str]]:
        rows = pl.scan_parquet(file, glob=False).filter(
            (pl.col("status") == "answered") & pl.col("answer").is_not_null()
        )
        rows = rows.select("question", "plan_key", "answer").join(texts, on="question", how="semi")
        return rows.collect().rows()

    found: dict[str, dict[str, str]] = {}
    for text, key, answer in (row for rows in read_waiting(home, "traces", read) for row in rows):
        plan = Plan.from_key(key)
        if plan.k == 1:
            found.setdefault(names[text], {})[plan.models[0]] = answer
    return found


def _start(
    session: Session, scope: tuple[str, str], questions: Sequence[Question], plan: Plan
) -> tuple[Estimate, float]:
    """What PerfDB expects of a plan on questions of middling length, and on how many executions it stands."""
    middle = sorted(questions, key=lambda question: (len(question.text), question.text))[len(questions) // 2]
    topics = () if scope[0] == ANY_TOPIC else ((scope[0], 1.0),)
    blender = plan.models[plan.blend_nodes[0]] if plan.blend_nodes else session.planning.blender
    shape, confidence = session.planning.shape(middle), session.settings.confidence
    found = estimate(plan, session.planning.estimator, topics, middle.kind, shape, blender, confidence)
    record = session.statistics.records(scope[0], middle.kind).get(plan.key)
    return found, float(record.n_observations) if record is not None else 0.0


def _caution(found: Estimate) -> list[float]:
    """Bounds over expected figures (1 where nothing is known), and how far the bound of QoA lies below."""
    pairs = list(zip(found.judged, found.metrics, strict=True))
    factors = [bound / figure if figure > 0 else 1.0 for bound, figure in pairs[:-1]]
    margin = pairs[-1][1] - pairs[-1][0]
    return [*factors, 0.0 if math.isnan(margin) else margin]


def _median_limits(questions: Sequence[Question]) -> list[float]:
    given = np.array([limit_array(question.budget) for question in questions])
    return [
        float(np.median(column[~np.isnan(column)])) if not np.isnan(column).all() else math.nan
        for column in given.T
    ]
