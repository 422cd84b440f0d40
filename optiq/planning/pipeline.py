"""From questions to chosen plans (Opti-Q, section 3.2): every step of planning, in order, on one screen.

:func:`plan_items` is the list of steps; one question is planned as a batch of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from optiq.estimation.estimates import Cautious, Confidence, Estimate, Topics, cautious, uncompared
from optiq.estimation.estimator import Estimator, as_estimator
from optiq.estimation.looks import SAME, Factors, Looks
from optiq.planning.bounds import OperationBound, bound_operations
from optiq.planning.choose import Choice, choose_each
from optiq.planning.explain import estimate_items
from optiq.planning.items import BatchItem, planned_alike, topics_of
from optiq.planning.planners.registry import make_planner, usable_planner
from optiq.planning.pool import choose_blender
from optiq.planning.protection import Protection
from optiq.planning.search import search
from optiq.planning.task import PlanningTask, planning_task
from optiq.plans.plan import Plan
from optiq.prompts.prompt_builder import prompt_shape
from optiq.prompts.prompt_set import ZERO_SHOT, PromptSet
from optiq.prompts.shape import PromptShape
from optiq.prompts.variants import Operators, served_model
from optiq.questions.metric import ADDITIVE
from optiq.questions.question import Budget, Kind, Question, Weights
from optiq.statistics.question_shifts import Shifts
from optiq.statistics.snapshot import Statistics

if TYPE_CHECKING:
    from optiq.estimation.past_questions import Neighbour, QuestionFigures

BOUNDS = ("upper", "sample", "none")


@dataclass(frozen=True)
class Planning:
    """Everything a plan depends on besides the question. ``known`` is an estimator on a snapshot; from statistics alone
    plans are estimated as in the paper. ``blender`` None: no plan with a blend node.

    ``bound`` says how a budget bounds the operations below ``max_operations`` (section 3.2): ``upper`` takes
    the most calls that the limits on cost and energy allow any model, which loses no feasible plan whose calls
    cost what lone calls do; ``sample`` draws uniformly from the paper's interval, with ``seed``; ``none`` does
    not bound. ``prompts`` decides how long prompts are, for ``operators`` (variants by name) their own do;
    statistics of a name are of whatever prompts it was asked with. ``max_output_tokens`` caps outputs of any form,
    if given.
    ``confidence`` is the probability with which limits are to hold (:mod:`optiq.estimation.risk`); None: they hold
    for what is expected. Quality is judged ``caution`` standard deviations below what is expected. Without either,
    ``safe_limits`` and ``gain_probability`` protect from luck (:mod:`optiq.planning.protection`): limits that are
    likely kept, and no plan that is not better than the best single model with that probability. ``neighbours`` are
    past questions whose answers say how good models are on one like them, ``looks`` say how dear a question is
    (:mod:`optiq.estimation.looks`).
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
    caution: float = 0.0
    safe_limits: bool = False
    gain_probability: float = 0.5
    operators: Operators = field(default_factory=dict)
    max_output_tokens: int | None = None
    neighbours: QuestionFigures | None = None
    looks: Looks | None = None

    @property
    def estimator(self) -> Estimator:
        """What plans are estimated with."""
        return as_estimator(self.known)

    @property
    def statistics(self) -> Statistics:
        """The snapshot that plans are estimated from."""
        return self.estimator.statistics

    def plan(self, question: Question) -> PlannedQuestion:
        """The frontier of the question and the plan that its budget and the weights choose.

        A question without a topic is planned on figures for any topic.
        """
        return self.plan_all([question], frontiers=True)[0]

    def plan_all(self, questions: Sequence[Question], frontiers: bool = False) -> list[PlannedQuestion]:
        """The choices that :meth:`plan` makes, for many questions at once; with their frontiers if asked for."""
        planned = plan_items(self, self.read(questions), frontiers)
        return [PlannedQuestion(q, *found) for q, found in zip(questions, planned, strict=True)]

    def without(self, models: frozenset[str]) -> Planning:
        """The same planning on the pool without ``models`` and their variants; its pool may be empty then."""
        if not models:
            return self

        def gone(name: str | None) -> bool:
            return name is not None and not models.isdisjoint({name, served_model(name, self.operators)})

        pool = tuple(name for name in self.pool if not gone(name))
        blender = self.blender
        if gone(blender):
            blender = choose_blender(self.statistics, pool, None)
        return replace(self, pool=pool, blender=blender)

    def read(self, questions: Sequence[Question]) -> list[BatchItem]:
        """What planning needs to know of each question, what its neighbours and its looks say included."""
        every = zip(questions, self.shifts(questions), strict=True)
        return [
            BatchItem(
                topics_of(q, self.statistics),
                q.kind,
                self.shape(q),
                q.budget,
                self.weights,
                shifts,
                self.factors(q),
            )
            for q, shifts in every
        ]

    def shape(self, question: Question) -> PromptShape:
        """How long the prompts for ``question`` are."""
        return prompt_shape(question, self.prompts, self.operators, self.max_output_tokens)

    def shifts(self, questions: Sequence[Question]) -> list[Shifts | None]:
        """How what past questions say moves the figures of models, per question; None where it does not."""
        if self.neighbours is None or self.neighbours.silent:
            return [None] * len(questions)
        texts, tasks = [q.text for q in questions], [q.kind.task for q in questions]
        return list(self.neighbours.shifts(texts, [topics_of(q, self.statistics) for q in questions], tasks))

    def factors(self, question: Question) -> Factors:
        """How many times what its topics say a question costs, takes and burns."""
        return SAME if self.looks is None else self.looks.factors(question.text, question.kind.task)

    def nearest(self, question: Question, most: int = 5) -> list[Neighbour]:
        """The past questions that are most like one; none where they say nothing."""
        if self.neighbours is None or self.neighbours.silent:
            return []
        return self.neighbours.nearest(
            question.text, topics_of(question, self.statistics), question.kind.task, most
        )

    def operations(self, question: Question) -> OperationBound:
        """How many operations plans for ``question`` may have."""
        return self.bounded(self.read([question])[0])

    def bounded(self, item: BatchItem) -> OperationBound:
        """How many operations plans for an item may have."""
        cap = self.max_operations
        if self.bound == "none":
            return OperationBound(cap, 1, cap, ())
        budget = item.budget.over(item.factors)
        if self.bound == "upper":  # calls run side by side: a limit on latency bounds depth, not their number
            budget = Budget(**{metric.limit: getattr(budget, metric.limit) for metric in ADDITIVE})
        if budget == Budget(min_qoa=budget.min_qoa):
            return OperationBound(cap, 1, cap, ())
        seed = self.seed if self.bound == "sample" else None
        return bound_operations(
            self.statistics, item.topics, item.kind, item.shape, self.pool, budget, cap, seed
        )

    def judged_with(self, items: Sequence[BatchItem]) -> list[Confidence | None]:
        """What the plans of each item are judged with; None: by what is expected of them."""
        if self.confidence is not None or self.caution:
            return [cautious(self.confidence, self.caution)] * len(items)
        protection = Protection(self.estimator, self.pool, self.safe_limits, self.gain_probability)
        return protection.judged_with(items)

    def task(self, item: BatchItem, operations: int, judged: Confidence | None = None) -> PlanningTask:
        """The planning problem of an item, over the models of the pool that anything is known of on its topics.

        Plans are ``judged`` with what is said (:meth:`judged_with`).
        """
        return planning_task(
            self.estimator,
            item.topics,
            item.kind,
            item.shape,
            self.pool,
            self.blender,
            operations,
            self.seed,
            confidence=judged,
        )

    def explain(self, question: Question, estimate: Estimate) -> Estimate:
        """The same estimate with the source of each of its figures, which a search does not carry along."""
        return self.estimates([question], [[estimate.plan]])[0][0]

    def estimates(
        self, questions: Sequence[Question], plans: Sequence[Sequence[Plan]]
    ) -> list[list[Estimate]]:
        """What the plans given with each question would cost and yield for it, with the source of each figure."""
        items = self.read(questions)
        return estimate_items(self.estimator, items, plans, self.blender, self.judged_with(items))


@dataclass(frozen=True)
class PlannedQuestion:
    """A question with the choice made from its frontier; the frontier is empty where it was not asked for."""

    question: Question
    frontier: tuple[Estimate, ...]
    choice: Choice


def plan_items(
    planning: Planning, items: Sequence[BatchItem], frontiers: bool = False
) -> list[tuple[tuple[Estimate, ...], Choice]]:
    """The steps: bound the operations, settle how plans are judged, search the frontiers, choose. Per item, in order.

    How a question looks makes all its plans dearer alike: what beats what stays, what fits and what is billed does not.
    ``frontiers`` are shown as they are without a comparison with the best single model, and with what was chosen.
    """
    judged = planning.judged_with(items)
    planned = _planned(planning, items, judged, frontiers)
    if not frontiers:
        return planned
    compared = [place for place, how in enumerate(judged) if isinstance(how, Cautious) and how.against]
    shown = [items[place] for place in compared]
    for place, (frontier, _) in zip(
        compared,
        _planned(planning, shown, [uncompared(judged[place]) for place in compared], True),
        strict=True,
    ):
        choice = planned[place][1]
        planned[place] = _with_chosen(frontier, choice), choice
    return planned


def _with_chosen(frontier: tuple[Estimate, ...], choice: Choice) -> tuple[Estimate, ...]:
    """The frontier with the chosen plan, which another may be expected to beat in every respect, but not surely."""
    if choice.chosen is None or any(one.plan == choice.chosen.plan for one in frontier):
        return frontier
    return tuple(sorted((*frontier, choice.chosen), key=lambda one: one.plan.order))


def _planned(
    planning: Planning, items: Sequence[BatchItem], judged: Sequence[Confidence | None], frontiers: bool
) -> list[tuple[tuple[Estimate, ...], Choice]]:
    """The same, plans ``judged`` with what is said per item."""
    planned: dict[int, tuple[tuple[Estimate, ...], Choice]] = {}
    by_bound: dict[int, list[int]] = {}
    for place, item in enumerate(items):
        by_bound.setdefault(planning.bounded(item).max_operations, []).append(place)
    for operations, bounded in sorted(by_bound.items()):
        for group in planned_alike(items, bounded, judged):
            alike = [items[place] for place in group]
            task = planning.task(alike[0], operations, judged[group[0]])
            for places, found in search(task, usable_planner(planning.planner, task), alike):
                some = [alike[place] for place in places]
                found = found.times([x.factors for x in some])
                choices = choose_each(found, [x.budget for x in some], [x.weights for x in some], frontiers)
                for row, (place, choice) in enumerate(zip(places, choices, strict=True)):
                    planned[group[place]] = found.estimates(row) if frontiers else (), choice
    return [planned[place] for place in range(len(items))]


def plan_batch(
    known: Estimator | Statistics,
    items: Sequence[BatchItem],
    models: Sequence[str] | None = None,
    blender: str | None = None,
    max_operations: int = 3,
    planner: str = "exact",
    seed: int = 0,
    confidence: float | None = None,
) -> list[Choice]:
    """A choice per item, in their order, as :meth:`Planning.plan_all` makes them of questions.

    The other parameters, and what is raised and warned of, are those of :func:`plan_frontier`.
    """
    pool = as_estimator(known).statistics.models if models is None else tuple(models)
    planning = Planning(
        known, pool, blender, planner, max_operations, seed=seed, bound="none", confidence=confidence
    )
    return [choice for _, choice in plan_items(planning, items)]


def plan_frontier(
    known: Estimator | Statistics,
    topics: Topics,
    kind: Kind | str,
    shape: PromptShape,
    models: Sequence[str] | None = None,
    blender: str | None = None,
    max_operations: int = 3,
    planner: str = "exact",
    seed: int = 0,
    budget: Budget | None = None,
    confidence: float | None = None,
) -> list[Estimate]:
    """The non-dominated plans for a question, in plan order, without provenance: what a planner finds for it alone.

    ``known`` is an estimator on a snapshot; from statistics alone plans are estimated as in the paper.
    ``models`` None means all that it knows; ``blender`` None means no plan with a blend.
    ``budget`` may guide a search but does not change what is looked for. With ``confidence`` the plans are those
    whose bounds no other plan beats. ``exact`` gives way to ``nsga2``
    where the space is too large, with a warning (:func:`~optiq.planning.planners.registry.decide_planner`
    states the rule).

    Raises :class:`~optiq.errors.InputError` for more operations than supported and
    :class:`~optiq.errors.UnknownName` for an unknown planner or a pool without figures.
    """
    task = planning_task(
        known, topics, kind, shape, models, blender, max_operations, seed, budget, confidence
    )
    return make_planner(usable_planner(planner, task)).frontier(task)


def estimate_rows(
    planning: Planning, questions: Sequence[Question], plans: Sequence[Plan]
) -> list[tuple[Question, Estimate]]:
    """The estimates of each plan for each question as rows, questions outer."""
    every = zip(questions, planning.estimates(questions, [plans] * len(questions)), strict=True)
    return [(question, estimate) for question, row in every for estimate in row]
