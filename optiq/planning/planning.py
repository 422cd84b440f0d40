"""From a question to a chosen plan: pool, frontier, budget, weights (Opti-Q, section 3.2)."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from optiq.errors import OptiqWarning, UnknownName
from optiq.estimation import Estimate, PromptShape
from optiq.estimation import estimate as estimate_plan
from optiq.estimation.estimator import Estimator, as_estimator
from optiq.planning import BatchItem, OperationBound, bound_operations, plan_batch, plan_frontier
from optiq.planning.choose import Choice, choose
from optiq.plans.plan import Plan
from optiq.prompts.prompt_builder import prompt_shape
from optiq.prompts.prompt_set import ZERO_SHOT, PromptSet
from optiq.prompts.variants import Operators
from optiq.questions.question import Budget, Question, Weights
from optiq.statistics.snapshot import ANY_TOPIC, METRICS, Statistics

if TYPE_CHECKING:
    import polars as pl

    from optiq.estimation.past_questions import Neighbour, QuestionFigures
    from optiq.statistics.question_shifts import Shifts


BOUNDS = ("upper", "sample", "none")


@dataclass(frozen=True)
class Planning:
    """Everything a plan depends on besides the question. ``known`` is an estimator on a snapshot; from statistics alone
    plans are estimated as in the paper. ``blender`` None: no plan with a blend node.

    ``bound`` says how a budget bounds the operations below ``max_operations`` (section 3.2): ``upper`` takes
    the most calls that the limits on cost and energy allow any model, which loses no feasible plan whose calls
    cost what lone calls do; ``sample`` draws uniformly from the paper's interval, with ``seed``; ``none`` does
    not bound. ``prompts`` decides how long prompts are, for ``operators`` (variants by name) their own do;
    statistics of a name are of whatever prompts it was asked with.
    ``confidence`` is the probability with which limits are to hold (:mod:`optiq.estimation.risk`); None: they hold
    for what is expected. ``neighbours`` are past questions whose answers say how good models are on one like them.
    """

    known: Estimator | Statistics
    pool: tuple[str, ...]
    blender: str | None
    planner: str = "exact"
    max_operations: int = 3
    weights: Weights = field(default_factory=Weights)
    seed: int = 0
    bound: str = "upper"
    prompts: PromptSet = ZERO_SHOT
    confidence: float | None = None
    operators: Operators = field(default_factory=dict)
    neighbours: QuestionFigures | None = None

    @property
    def estimator(self) -> Estimator:
        """What plans are estimated with."""
        return as_estimator(self.known)

    @property
    def statistics(self) -> Statistics:
        """The snapshot that plans are estimated from."""
        return self.estimator.statistics

    def shape(self, question: Question) -> PromptShape:
        """How long the prompts for ``question`` are."""
        return prompt_shape(question, self.prompts, self.operators)

    def shifts(self, questions: Sequence[Question]) -> list[Shifts | None]:
        """How what past questions say moves the figures of models, per question; None where it does not."""
        if self.neighbours is None or self.neighbours.silent:
            return [None] * len(questions)
        texts, tasks = [q.text for q in questions], [q.kind.task for q in questions]
        return list(self.neighbours.shifts(texts, [_topics(q) for q in questions], tasks))

    def nearest(self, question: Question, most: int = 5) -> list[Neighbour]:
        """The past questions that are most like one; none where they say nothing."""
        if self.neighbours is None or self.neighbours.silent:
            return []
        return self.neighbours.nearest(question.text, _topics(question), question.kind.task, most)

    def _estimator(self, question: Question) -> Estimator:
        return self.estimator.shifted(self.shifts([question])[0])

    def operations(self, question: Question) -> OperationBound:
        """How many operations plans for ``question`` may have."""
        cap = self.max_operations
        budget = question.budget
        if self.bound == "upper":  # calls run side by side: a limit on latency bounds depth, not their number
            budget = Budget(max_cost_usd=budget.max_cost_usd, max_energy_j=budget.max_energy_j)
        if self.bound == "none" or budget == Budget(min_qoa=budget.min_qoa):
            return OperationBound(cap, 1, cap, ())
        seed = self.seed if self.bound == "sample" else None
        topics, shape = _topics(question), self.shape(question)
        return bound_operations(self.statistics, topics, question.kind, shape, self.pool, budget, cap, seed)

    def plan(self, question: Question) -> PlannedQuestion:
        """The frontier of the question and the plan that its budget and the weights choose.

        A question without a topic is planned on figures for any topic.
        """
        frontier = plan_frontier(
            self._estimator(question),
            _topics(question),
            question.kind,
            self.shape(question),
            self.pool,
            self.blender,
            self.operations(question).max_operations,
            planner=self.planner,
            seed=self.seed,
            confidence=self.confidence,
        )
        return PlannedQuestion(question, tuple(frontier), choose(frontier, question.budget, self.weights))

    def plan_all(self, questions: Sequence[Question]) -> list[PlannedQuestion]:
        """The choices that :meth:`plan` makes, for many questions at once and without their frontiers."""
        shifts = self.shifts(questions)
        by_bound: dict[int, list[int]] = {}
        for place, question in enumerate(questions):
            by_bound.setdefault(self.operations(question).max_operations, []).append(place)
        planned: dict[int, PlannedQuestion] = {}
        for operations, places in sorted(by_bound.items()):
            items = [
                BatchItem(_topics(q), q.kind, self.shape(q), q.budget, self.weights, shifts[place])
                for place, q in ((place, questions[place]) for place in places)
            ]
            choices = plan_batch(
                self.estimator,
                items,
                self.pool,
                self.blender,
                operations,
                self.planner,
                self.seed,
                self.confidence,
            )
            for place, choice in zip(places, choices, strict=True):
                planned[place] = PlannedQuestion(questions[place], (), choice)
        return [planned[place] for place in range(len(questions))]

    def explain(self, question: Question, estimate: Estimate) -> Estimate:
        """The same estimate with the source of each of its figures, which a search does not carry along."""
        return estimate_plan(
            estimate.plan,
            self._estimator(question),
            _topics(question),
            question.kind,
            self.shape(question),
            self.blender,
            self.confidence,
        )


@dataclass(frozen=True)
class PlannedQuestion:
    """A question with the choice made from its frontier; the frontier is empty if many were planned at once."""

    question: Question
    frontier: tuple[Estimate, ...]
    choice: Choice


def estimate_rows(
    planning: Planning, questions: Sequence[Question], plans: Sequence[Plan]
) -> list[tuple[Question, Estimate]]:
    """What each plan would cost and yield for each question, questions outer, with provenance.

    Questions that look alike to the estimator (topics, kind, lengths, neighbours) share their estimates.
    """
    known: dict[tuple[object, ...], list[Estimate]] = {}
    rows = []
    for question, shifts in zip(questions, planning.shifts(questions), strict=True):
        topics, shape = _topics(question), planning.shape(question)
        key = (topics, question.kind, shape, shifts)
        if key not in known:
            estimator = planning.estimator.shifted(shifts)
            known[key] = [
                estimate_plan(
                    plan,
                    estimator,
                    topics,
                    question.kind,
                    shape,
                    planning.blender,
                    planning.confidence,
                )
                for plan in plans
            ]
        rows += [(question, item) for item in known[key]]
    return rows


def estimates_frame(rows: Sequence[tuple[Question, Estimate]]) -> pl.DataFrame:
    """One row per question and plan: question_id, plan, plan_key, figures, bounds if there are any, provenance."""
    import polars as pl

    schema = {
        "question_id": pl.String(),
        "plan": pl.String(),
        "plan_key": pl.String(),
        **{f"predicted_{metric}": pl.Float64() for metric in METRICS},
        "provenance": pl.String(),
    }
    if any(item.bounds is not None for _, item in rows):
        schema |= {"confidence": pl.Float64(), **{f"bound_{metric}": pl.Float64() for metric in METRICS}}
    table = []
    for question, item in rows:
        found = item.to_dict()
        found["plan"] = item.plan.to_json()
        found["provenance"] = json.dumps(found["provenance"], ensure_ascii=False)
        table.append({"question_id": question.question_id, **found})
    return pl.DataFrame(table, schema=schema)


def topic_fault(question: Question, statistics: Statistics) -> UnknownName | None:
    """What is wrong with the topics given with a question; None if nothing is.

    A PerfDB that knows no topic yet (only published figures) takes any; ``*`` always stands for any topic.
    """
    if question.topics_inferred or not statistics.topics:
        return None
    for name in question.topic_names:
        if name != ANY_TOPIC and name not in statistics.topics:
            return UnknownName(
                f"PerfDB knows no topic {name!r}",
                f"Known topics: {_listed(statistics.topics)}. Leave the topic out to have it inferred, "
                "or give * for figures of any topic.",
            )
    return None


def choose_pool(
    statistics: Statistics, served: Iterable[str] | None, wanted: Sequence[str] | None
) -> tuple[str, ...]:
    """The models to plan over: ``wanted`` if given, else every served model that PerfDB knows.

    ``served`` is what the model server offers (``None``: not asked). A served model without figures is left
    out with a warning, because nothing can be estimated for it.

    Raises
    ------
    UnknownName
        if a wanted model is neither known to PerfDB nor served, or if nothing is left.
    """
    known = set(statistics.models)
    offered = None if served is None else set(served)
    if wanted:
        for name in wanted:
            if name not in known:
                raise UnknownName(
                    f"PerfDB has no figures for model {name!r}",
                    f"Known models: {_listed(known)}. Add priors with `optiq ingest priors FILE`.",
                )
            if offered is not None and name not in offered:
                raise UnknownName(
                    f"model {name!r} is not served here",
                    f"Served models: {_listed(offered)}. `optiq models` shows both.",
                )
        return tuple(wanted)
    if offered is None:
        return tuple(sorted(known))
    for name in sorted(offered - known):
        message = f"model {name!r} is served but PerfDB has no figures for it: left out"
        warnings.warn(message, OptiqWarning, stacklevel=2)
    pool = tuple(sorted(offered & known))
    if not pool:
        raise UnknownName(
            f"none of the served models ({_listed(offered)}) has figures in PerfDB",
            "Add priors for them with `optiq ingest priors FILE` and publish with `optiq refresh`.",
        )
    return pool


def choose_blender(statistics: Statistics, pool: Sequence[str], wanted: str | None) -> str | None:
    """``wanted`` if given, else the model of the pool with the highest mean QoA over both tasks.

    Raises
    ------
    UnknownName
        if the wanted blender has no figures.
    """
    if wanted is not None:
        if wanted not in statistics.models:
            raise UnknownName(
                f"PerfDB has no figures for blender {wanted!r}",
                f"Known models: {_listed(statistics.models)}.",
            )
        return wanted
    ranked = []
    for model in pool:
        figures = [statistics.figures(model, ANY_TOPIC, task).qoa for task in ("open", "choice")]
        given = [qoa for qoa in figures if not math.isnan(qoa)]
        if given:
            ranked.append((-sum(given) / len(given), model))
    return min(ranked)[1] if ranked else None


def _topics(question: Question) -> tuple[tuple[str, float], ...]:
    return question.topics or ((ANY_TOPIC, 1.0),)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
