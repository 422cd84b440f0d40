"""Plans, estimates and choices as people and programs read them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from flows.command_line.screen import figure, table, usd
from optiq.configuration import Settings
from optiq.estimation import Estimate
from optiq.estimation.estimates import Cautious, is_told
from optiq.planning import PlannedQuestion, Planning
from optiq.planning.choose import Choice
from optiq.planning.left_out import why_left_out
from optiq.plans.plan import Plan
from optiq.questions.answer_file import answer_text
from optiq.questions.metric import BY_LIMIT, COST, METRICS, Metric
from optiq.questions.question import FOUND, LIKELY, Question

ESTIMATE_COLUMNS = ["cost" if metric is COST else metric.header for metric in METRICS]


def metric_cell(metric: Metric, value: float | None) -> str:
    """A figure under :data:`ESTIMATE_COLUMNS`: money has its unit with it, as the unit goes by its size."""
    return usd(value) if metric is COST else figure(value)


def estimate_cells(estimate: Estimate) -> list[str]:
    """The predicted figures of a plan, for a table; with their bounds if there are any."""
    cells = [metric_cell(metric, value) for metric, value in zip(METRICS, estimate.metrics, strict=True)]
    if estimate.bounds is None or not is_told(estimate.bounds.confidence):
        return cells
    sure = estimate.bounds.confidence
    quality_is_bound = not (isinstance(sure, Cautious) and sure.learned)
    return [
        cell
        if math.isnan(bound) or bound == value or (not metric.is_resource and not quality_is_bound)
        else f"{cell} ({'≤' if metric.is_resource else '≥'} {metric_cell(metric, bound)})"
        for metric, cell, value, bound in zip(
            METRICS, cells, estimate.metrics, estimate.bounds.metrics, strict=True
        )
    ]


def bounds_line(settings: Settings, shown: Iterable[Estimate | None]) -> str:
    """What the bounds in a table of plans mean; empty if there are none."""
    confidence, caution = settings.confidence, settings.caution
    if confidence is not None:
        return (
            f"in brackets: what holds with confidence {confidence:g} (of QoA the mean); limits hold for this"
        )
    if caution:
        return f"in brackets: QoA less {caution:g} standard deviations, by which plans are judged"
    if not any(
        one is not None and one.bounds is not None and is_told(one.bounds.confidence) for one in shown
    ):
        return ""
    return (
        f"in brackets: what holds with {LIKELY:.0%}, all limits together; "
        "limits hold for this (--no-safe-limits: as expected)"
    )


def would_do(choice: Choice) -> str:
    """The cheapest plan that would do if one limit were moved, and which limit that is."""
    if choice.cheapest is None:
        return "nothing: several limits would have to move"
    plan = choice.cheapest
    value = getattr(plan if plan.bounds is None else plan.bounds, BY_LIMIT[choice.relaxed].name)
    return f"{plan.plan.expression}, with {choice.relaxed} = {figure(value)}"


def planned_object(planned: PlannedQuestion, planning: Planning, with_frontier: bool) -> dict[str, Any]:
    """One element of `optiq plan --json`; every plan with the provenance of its figures."""

    def plan_object(estimate: Estimate | None) -> dict[str, Any] | None:
        return None if estimate is None else planning.explain(planned.question, estimate).to_dict()

    choice = planned.choice
    found: dict[str, Any] = {
        "question_id": planned.question.question_id,
        "status": choice.status,
        "topics": [{"topic": name, "weight": weight} for name, weight in planned.question.topics],
        **_topic_source(planned.question),
        "chosen": plan_object(choice.chosen),
    }
    if choice.chosen is None:
        found["reason"] = choice.reason
        found["nearest"] = plan_object(choice.nearest)
    if with_frontier:
        found["frontier"] = [plan_object(estimate) for estimate in planned.frontier]
    return found


def _topic_source(question: Question) -> dict[str, Any]:
    """Where the topic comes from: a person, learned, found, shipped or none; what plans do not hear is told apart."""
    if question.topics:
        return {"topics_from": "learned" if question.topics_inferred else "person"}
    if question.about is None:
        return {"topics_from": "none"}
    return {"topics_from": question.about.source, "about": question.about.topic}


def frontier_table(planned: PlannedQuestion, title: str) -> None:
    """The frontier, cheapest first, with the chosen plan marked and what left others out named."""
    chosen = planned.choice.chosen
    left_out = why_left_out(planned.frontier, planned.choice, planned.question.budget)
    rows = []
    for estimate, why in sorted(
        zip(planned.frontier, left_out, strict=True),
        key=lambda pair: (_last(pair[0].cost_usd), _last(pair[0].latency_s), pair[0].plan.key),
    ):
        mark = "chosen" if chosen is not None and estimate.plan == chosen.plan else why
        rows.append([estimate.plan.expression, *estimate_cells(estimate), mark])
    table(["plan", *ESTIMATE_COLUMNS, ""], rows, title=title, right=range(1, 1 + len(METRICS)))


def topics_line(question: Question) -> str:
    """Topics with their weights and where they come from, or what is used where there are none."""
    parts = [name if weight >= 0.995 else f"{name} ({weight:.0%})" for name, weight in question.topics]
    if parts:
        told = (
            "learned from questions that came with topics"
            if question.topics_inferred
            else "given by a person"
        )
        return f"{', '.join(parts)}; {told}"
    if question.about is None:
        return "none known: figures for any topic are used"
    told = "found in past questions" if question.about.source == FOUND else "of the shipped topics"
    return f"about {question.about.topic}, {told}; figures for any topic are used"


def provenance_rows(estimate: Estimate) -> list[list[str]]:
    """Node, model, figures and where they came from; figures of a node with the same source share a row."""
    figures: dict[tuple[int, str], list[str]] = {}
    bounds = () if estimate.bounds is None else estimate.bounds.provenance
    for row in (*estimate.provenance, *bounds):
        figures.setdefault((row.node, row.source), []).append(row.metric)
    models = estimate.plan.models
    return [
        [str(node), models[node], ", ".join(metrics), source] for (node, source), metrics in figures.items()
    ]


def answer_object(row: Mapping[str, Any], question: Question) -> dict[str, Any]:
    """What `optiq ask --json` prints: a row of an answers file, its nested parts as JSON values."""
    plan = row["plan"]
    return {
        **row,
        "answer_text": answer_text(row["answer"], question),
        "plan": None if plan is None else Plan.parse(plan).to_dict(),
    }


def _last(value: float) -> float:
    return math.inf if math.isnan(value) else value
