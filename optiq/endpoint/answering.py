"""The way of one request: what it may use → plan → execute → plan again without what failed → record.

A request for ``optiq`` or a profile is planned; one for a served model is asked as a plan of this one call. What needs
more than text of a model (:data:`~optiq.servers.protocol.FEATURES`) is planned as a single call among the models that
have it.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from optiq.endpoint.asked import ANYBODY, Asked, length, view
from optiq.endpoint.conversation import ConversationAsking, Heard
from optiq.endpoint.refusals import Refusal, refusal_of, without_addresses
from optiq.errors import OptiqError, RateLimited, RequestRefused, UnknownName
from optiq.execution.executor import STOPPED, Executor, Work
from optiq.execution.ledger import Ledger
from optiq.execution.trace import ANSWERED, OVER_LIMIT, Execution, Predicted
from optiq.planning.choose import Choice
from optiq.planning.items import new_topics
from optiq.planning.one_by_one import OneByOne
from optiq.planning.pipeline import Planning
from optiq.plans.plan import Plan
from optiq.prompts.prompt_set import BARE, PromptSet
from optiq.prompts.variants import Operator, Operators, served_model, with_prompt
from optiq.questions.form import inferred_form
from optiq.questions.metric import METRIC_NAMES
from optiq.questions.question import Budget, Kind, Question
from optiq.servers.protocol import ModelServer

MOST_PLANS = 3
"""How many plans a request may get: the first, and others without the models that failed it."""


@dataclass(eq=False)
class Ready:
    """What requests of one name are planned and executed with, on one snapshot.

    ``topics`` says what a text is about. ``served`` are the models that the server offers; ``profile`` says which
    prompts are used. ``capable`` lists the models that have a feature, where somebody said so.
    """

    name: str
    planning: Planning
    executor: Executor
    server: ModelServer
    topics: Callable[[str], Awaitable[tuple[tuple[str, float], ...]]]
    served: frozenset[str]
    prompt: str = BARE
    budget: Budget = field(default_factory=Budget)
    topic: str | None = None
    longest: int | None = None
    capable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kept: dict[object, OneByOne] = field(default_factory=dict)

    @property
    def snapshot_id(self) -> str:
        """The statistics that plans stand on."""
        return self.planning.statistics.snapshot_id

    def one_by_one(self, planning: Planning) -> OneByOne:
        """What questions of a pool share."""
        key = planning.pool, planning.blender, planning.max_operations
        if key not in self.kept:
            self.kept[key] = OneByOne(planning)
        return self.kept[key]


class Spender(Protocol):
    """Whose money it is."""

    @property
    def ledger(self) -> Ledger | None:
        """The account that calls are written down in before they go out; None: there is no limit."""
        ...

    def note(self, spent_usd: float) -> None:
        """So much was spent that no ledger counted."""
        ...


@dataclass
class Answered:
    """An answer with what it took. ``executions`` are all plans that were run, the last one answered."""

    asked: Asked
    executions: list[Execution]
    heard: Heard

    @property
    def last(self) -> Execution:
        """The execution that answered."""
        return self.executions[-1]

    @property
    def cost_usd(self) -> float | None:
        """What all executions cost; None if a call has no price."""
        costs = [execution.cost_usd for execution in self.executions]
        return math.fsum(cost for cost in costs if cost is not None) if None not in costs else None

    def about(self) -> dict[str, Any]:
        """The field ``optiq`` of a reply."""
        last = self.last
        observed = {name: getattr(last, name) for name in METRIC_NAMES}
        return {
            "plan": {**last.plan.to_dict(), "expression": last.plan.expression},
            "predicted": {name: getattr(last.predicted, name) for name in METRIC_NAMES},
            "observed": {**observed, "cost_usd": self.cost_usd, "wall_s": last.wall_s},
            "snapshot_id": last.snapshot_id,
            "execution_id": last.execution_id,
        }

    def usage(self) -> dict[str, Any] | None:
        """Tokens of all calls; of one call what its server says."""
        calls = [call for execution in self.executions for call in execution.calls if call.error is None]
        told = (self.heard.body or {}).get("usage")
        if len(calls) == 1 and isinstance(told, dict):
            return told
        asked, said = [c.prompt_tokens for c in calls], [c.output_tokens for c in calls]
        if None in asked or None in said or not calls:
            return None
        prompt, output = sum(n or 0 for n in asked), sum(n or 0 for n in said)
        return {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}


Recorder = Callable[[Execution, Asked], None]
OnPlan = Callable[[Plan], None]


async def answer(
    asked: Asked,
    ready: Ready,
    heard: Heard,
    spender: Spender,
    record: Recorder,
    on_plan: OnPlan | None = None,
) -> Answered:
    """Plan and execute one request. Every execution is recorded, whatever came of it, also when it is called off.

    Raises
    ------
    Refusal
        if there is no plan within the limits, or what was asked fails for good.
    """
    operators = _operators(asked, ready)
    question = await _question(asked, ready)
    try:
        statistics = ready.planning.statistics
        if new := new_topics([question], statistics):
            known = f"Known topics: {', '.join(statistics.topics)}. Leave the topic out to have it inferred."
            raise Refusal(400, f"PerfDB knows no topic {new[0]!r}", known, param="optiq")
        planning, pinned = await _planning(asked, ready)
    except UnknownName as fault:
        raise refusal_of(fault) from None
    found = Answered(asked, [], heard)
    without = frozenset(ready.executor.shared.health.out)
    for attempt in range(1, MOST_PLANS + 1):
        if pinned is not None:
            plan, predicted = pinned, Predicted()
        else:
            choice = _choose(question, asked, ready, planning.without(without))
            if choice is None or choice.chosen is None:
                if found.executions:
                    break
                raise _infeasible(choice)
            plan, predicted = choice.chosen.plan, Predicted.of(choice.chosen)
        if on_plan is not None:
            on_plan(plan)
        execution = await _execute(
            Work(question, plan, predicted, attempt), asked, ready, heard, operators, spender, record
        )
        found.executions.append(execution)
        if execution.status == ANSWERED or _said_nothing(execution, heard):
            return found
        failed = {call.model for call in execution.calls if call.error is not None}
        without |= failed or {plan.models[plan.sink]}
        if heard.began or pinned is not None or _hopeless(execution):
            break
    raise _failed(found.last, operators)


async def _execute(
    work: Work,
    asked: Asked,
    ready: Ready,
    heard: Heard,
    operators: Operators,
    spender: Spender,
    record: Recorder,
) -> Execution:
    question = work.question
    ledger = spender.ledger
    capped = ledger is not None or question.budget != Budget(min_qoa=question.budget.min_qoa)
    asking = ConversationAsking(asked, heard, operators, capped=capped, longest=ready.longest)
    executions: list[Execution] = []
    work = replace(work, asking=asking, stopped=executions.append)
    executor = ready.executor if ledger is None else ready.executor.within(ledger)
    try:
        executions.append(execution := await executor.execute(work))
    finally:
        for one in executions:
            if one.status != OVER_LIMIT:
                record(one, asked)
            if ledger is None:
                spender.note(math.fsum(call.cost_usd or 0.0 for call in one.calls))
    if execution.status == OVER_LIMIT:
        raise limit_reached(execution.error)
    return execution


def limit_reached(said: str | None) -> Refusal:
    """What is left of a client's limit is too little for what it asks."""
    return Refusal(
        429,
        f"the limit of the day is reached: {said}",
        "Set max_tokens lower, wait until tomorrow (UTC), or ask for a higher limit.",
        kind="insufficient_quota",
        code="insufficient_quota",
    )


def _operators(asked: Asked, ready: Ready) -> Operators:
    """How names in plans are asked: those of the planning, and that of a served model by itself."""
    if asked.model not in ready.served:
        return ready.planning.operators
    name = with_prompt(asked.model, ready.prompt)
    return {name: Operator(asked.model, PromptSet(ready.prompt)), **ready.planning.operators}


async def _question(asked: Asked, ready: Ready) -> Question:
    """What planning looks at, and what the trace says was asked."""
    text = view(asked.messages)
    kind = Kind.JSON if "json" in asked.needs else inferred_form(text, None)
    budget = ready.budget.override(asked.budget)
    topic = asked.topic or ready.topic
    topics = ((topic, 1.0),) if topic else await ready.topics(text)
    return Question(uuid.uuid4().hex, text, topics, (), kind, None, budget, topics_inferred=not topic)


async def _planning(asked: Asked, ready: Ready) -> tuple[Planning, Plan | None]:
    """What is planned over, or the one call that a served model's own name stands for."""
    if asked.model in ready.served:
        await _check_named(asked, ready)
        return ready.planning, Plan.of([with_prompt(asked.model, ready.prompt)], [])
    planning = ready.planning
    if not asked.needs:
        return planning, None
    pool = []
    for name in planning.pool:
        model = served_model(name, planning.operators)
        if await _has(ready, model, asked.needs):
            pool.append(name)
    if not pool:
        raise Refusal(
            400,
            f"no model of {ready.name} is known to have {' and '.join(asked.needs)}",
            "Name them in optiq.toml under [features], or ask a served model by its name.",
            code="feature_not_available",
            param="model",
        )
    return replace(planning, pool=tuple(pool), blender=None, max_operations=1), None


async def _has(ready: Ready, model: str, needs: tuple[str, ...]) -> bool:
    """Whether a model has features: as configured, else as its server says, else :data:`ANYBODY` has."""
    told = await _told_of(ready, model)
    return all(
        model in ready.capable[need] if need in ready.capable else need in (ANYBODY if told is None else told)
        for need in needs
    )


async def _told_of(ready: Ready, model: str) -> frozenset[str] | None:
    """The features that a model has as its server says; None where it says nothing."""
    tell = getattr(ready.server, "features", None)
    found: frozenset[str] | None = None if tell is None else await tell(model)
    return found


async def _check_named(asked: Asked, ready: Ready) -> None:
    """A :class:`Refusal` if the model asked for lacks a feature, as its server says and nobody else says otherwise.

    Of a server that says nothing the request is not kept: it refuses by itself what it lacks.
    """
    if not asked.needs or (told := await _told_of(ready, asked.model)) is None:
        return
    lacks = [n for n in asked.needs if n not in told and asked.model not in ready.capable.get(n, ())]
    if lacks:
        raise Refusal(
            400,
            f"{asked.model} does not have {' and '.join(lacks)}, as its server says",
            "Leave it out, or ask a model that has it.",
            code="feature_not_available",
            param="model",
        )


def _choose(question: Question, asked: Asked, ready: Ready, planning: Planning) -> Choice | None:
    if not planning.pool:
        return None
    item = planning.read([question])[0]
    more = length(asked.messages) - len(question.text)
    shape = replace(item.shape, question_chars=max(item.shape.question_chars + more, 0))
    return ready.one_by_one(planning).choose(replace(item, shape=shape))


def _infeasible(choice: Choice | None) -> Refusal:
    if choice is None:
        return Refusal(503, "no model is left to ask", "Try again.", kind="server_error", retry_after_s=5)
    nearest = choice.cheapest or choice.nearest
    more: dict[str, Any] = {}
    remedy = "Raise the limits."
    if nearest is not None:
        figures = {name: getattr(nearest, name) for name in METRIC_NAMES}
        more["cheapest"] = {
            "plan": {**nearest.plan.to_dict(), "expression": nearest.plan.expression},
            "predicted": {name: None if math.isnan(value) else value for name, value in figures.items()},
            "without": choice.relaxed or None,
        }
        remedy = f"The cheapest plan that would do is {nearest.plan.expression}" + (
            f", without the limit {choice.relaxed}." if choice.relaxed else "."
        )
    return Refusal(
        422, f"no plan is within the limits: {choice.reason}", remedy, code="no_plan_within_limits", more=more
    )


def _said_nothing(execution: Execution, heard: Heard) -> bool:
    """Whether the models did as they were asked and the last said nothing, of which the client hears as of any answer.

    Told as a fault of the server, client libraries would ask twice more, and each time is paid for.
    """
    return heard.began and all(call.error is None for call in execution.calls)


def _hopeless(execution: Execution) -> bool:
    """Whether another model would be asked in vain: the request itself was refused."""
    return any(isinstance(call.fault, RequestRefused) for call in execution.calls)


def _failed(execution: Execution, operators: Operators) -> Refusal:
    """Why an execution gave no answer, by the first fault."""
    fault = next((call.fault for call in execution.calls if call.fault is not None), None)
    about = {"execution_id": execution.execution_id, "plan": execution.plan.to_dict()}
    if isinstance(fault, OptiqError):
        told = refusal_of(fault)
    else:
        said = without_addresses(execution.error or STOPPED)
        told = Refusal(502, said, kind="server_error", code="model_server_failed")
    told.more = {**told.more, **about}
    if isinstance(fault, RateLimited):
        told.retry_after_s = fault.retry_after_s or 1
    return told
